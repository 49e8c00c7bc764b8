//! The loop: connect, send, match PUBACKs, begin anew after any error, stop in order.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::watch,
    time::{Instant as Moment, sleep, sleep_until},
};

use super::{
    backoff::Backoff,
    hush::Hush,
    link::{Link, Session},
    state::{Counters, State, count},
    window::Window,
};
use crate::{
    outbox::{Entry, Outbox, OutboxError},
    report::corrected,
};

/// How fast and how patient delivery is.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Reports in flight at most; 1 or more.
    pub window: usize,
    /// A report without a PUBACK for so long means that the connection is dead.
    pub patience: Duration,
    /// The pause after a first failure.
    pub shortest_pause: Duration,
    /// The pause that doubling ends at.
    pub longest_pause: Duration,
    /// How long an orderly stop waits for what is in flight.
    pub farewell: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            window: 16,
            patience: Duration::from_secs(30),
            shortest_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(300),
            farewell: Duration::from_secs(2),
        }
    }
}

/// Carries reports from the outbox to the hub.
pub struct Delivery<L> {
    outbox: Outbox,
    link: L,
    pace: Pace,
    backoff: Backoff,
    hush: Hush,
    state: watch::Sender<State>,
    counters: Arc<Counters>,
    delivered: Delivered,
    /// Acknowledged reports that the disk would not let go yet.
    landed: Vec<u64>,
}

/// Hears sequence number and id of each report in the moment of its PUBACK.
type Delivered = Box<dyn Fn(u64, &str) + Send + Sync>;

/// How a session ended.
enum End {
    Stopped,
    Renewal,
    Broken(String),
}

/// Why no further report is sent in this session.
#[derive(Clone, Copy, PartialEq)]
enum Closing {
    ForStop,
    ForRenewal,
}

impl<L: Link> Delivery<L> {
    /// Delivers from this outbox over this link. `delivered` hears sequence number and id of each report in the moment
    /// of its PUBACK; it runs on the delivery runtime and must not wait.
    pub fn new(
        outbox: Outbox,
        link: L,
        pace: Pace,
        delivered: impl Fn(u64, &str) + Send + Sync + 'static,
    ) -> Self {
        Self {
            outbox,
            link,
            backoff: Backoff::new(pace.shortest_pause, pace.longest_pause),
            hush: Hush::default(),
            pace,
            state: watch::Sender::new(State::Starting),
            counters: Arc::default(),
            delivered: Box::new(delivered),
            landed: Vec::new(),
        }
    }

    /// Follows whether the hub can be reached.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// What delivery does, counted.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Delivers until `stop` is ready, then waits at most [`Pace::farewell`] for what is in flight.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        loop {
            let connected = tokio::select! {
                biased;
                () = &mut stop => break,
                connected = self.link.connect() => connected,
            };
            let end = match connected {
                Ok(session) => self.attend(session, stop.as_mut()).await,
                Err(error) => End::Broken(error.to_string()),
            };
            match end {
                End::Stopped => break,
                End::Renewal => {}
                End::Broken(reason) => {
                    let pause = self.fail(reason);
                    tokio::select! {
                        biased;
                        () = &mut stop => break,
                        () = sleep(pause) => {}
                    }
                }
            }
        }
        self.state.send_replace(State::Stopped);
    }

    /// Lives one session from its login to its end.
    async fn attend(&mut self, mut session: L::Session, stop: Pin<&mut impl Future<Output = ()>>) -> End {
        count(&self.counters.sessions);
        if !matches!(*self.state.borrow(), State::Online { .. }) {
            tracing::info!("logged in at the hub");
            self.state.send_replace(State::Online { since: Instant::now() });
        }
        let mut closing = None;
        let end = self.exchange(&mut session, &mut closing, stop).await;
        match (end, closing) {
            // A stop is never forgotten, whatever else happened.
            (End::Broken(reason), Some((Closing::ForStop, _))) => {
                tracing::warn!("the last session broke while it waited for PUBACKs: {reason}");
                End::Stopped
            }
            (End::Broken(reason), _) => End::Broken(reason),
            (end, _) => {
                session.close().await;
                end
            }
        }
    }

    /// Sends and matches until the session breaks, is due for renewal, or the stop is asked for. In `closing` stands
    /// why no further report is sent, and until when those in flight are waited for.
    async fn exchange(
        &mut self,
        session: &mut L::Session,
        closing: &mut Option<(Closing, Moment)>,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> End {
        let outbox = self.outbox.clone();
        let mut window = Window::new(self.pace.window);
        let mut cursor = 0;
        loop {
            if closing.is_none()
                && let Err(error) = self.top_up(session, &mut window, &mut cursor).await
            {
                return End::Broken(error.to_string());
            }
            match *closing {
                Some((Closing::ForStop, _)) if window.is_empty() => return End::Stopped,
                Some((Closing::ForRenewal, _)) if window.is_empty() => return End::Renewal,
                _ => {}
            }
            let overdue = window.overdue(self.pace.patience).map(Moment::from_std);
            let renewal = session.renewal().map(Moment::from_std);
            tokio::select! {
                acknowledged = session.acknowledged() => match acknowledged {
                    Ok(sequences) => self.land(&mut window, sequences).await,
                    Err(error) => return End::Broken(error.to_string()),
                },
                () = outbox.changed(), if closing.is_none() && window.room() > 0 => {}
                () = at(overdue), if overdue.is_some() => {
                    let seconds = self.pace.patience.as_secs_f64();
                    return End::Broken(format!(
                        "the hub did not acknowledge a report within {seconds} s; the connection is taken for dead \
                         (or the hub is throttling: too many messages for its tier)"
                    ));
                }
                () = at(renewal), if closing.is_none() => {
                    *closing = Some((Closing::ForRenewal, Moment::now() + self.pace.patience));
                }
                () = &mut stop, if closing.is_none_or(|it| it.0 == Closing::ForRenewal) => {
                    *closing = Some((Closing::ForStop, Moment::now() + self.pace.farewell));
                }
                () = at(closing.map(|it| it.1)), if closing.is_some() => {
                    return match *closing {
                        Some((Closing::ForStop, _)) => End::Stopped,
                        _ => End::Renewal,
                    };
                }
            }
        }
    }

    /// Fills the window with reports that wait.
    async fn top_up(
        &mut self,
        session: &mut L::Session,
        window: &mut Window,
        cursor: &mut u64,
    ) -> Result<(), OutboxError> {
        while window.room() > 0 {
            let (after, room) = (*cursor, window.room());
            let entries = self.on_disk(move |outbox| outbox.waiting_after(after, room)).await?;
            if entries.is_empty() {
                return Ok(());
            }
            for mut entry in entries {
                *cursor = entry.sequence;
                if self.landed.contains(&entry.sequence) {
                    continue;
                }
                if let Some(json) = corrected(&entry.json) {
                    entry.json = json;
                }
                match session.publish(&entry) {
                    Ok(()) => {
                        count(&self.counters.published);
                        window.send(entry.sequence, entry.report_id, Moment::now().into_std());
                    }
                    Err(reason) => self.set_aside(entry, reason.to_string()).await?,
                }
            }
        }
        Ok(())
    }

    async fn set_aside(&mut self, entry: Entry, reason: String) -> Result<(), OutboxError> {
        tracing::error!(
            report = entry.report_id,
            "the hub can never take a report, it is set aside: {reason}"
        );
        count(&self.counters.set_aside);
        self.on_disk(move |outbox| outbox.set_aside(entry.sequence, &reason)).await
    }

    /// Takes PUBACKs: tells who listens, and strikes the reports out of the outbox.
    async fn land(&mut self, window: &mut Window, sequences: Vec<u64>) {
        for sequence in sequences {
            if let Some(report_id) = window.land(sequence) {
                count(&self.counters.acknowledged);
                (self.delivered)(sequence, &report_id);
                self.landed.push(sequence);
            }
        }
        if self.landed.is_empty() {
            return;
        }
        self.backoff.acknowledged();
        let landed = self.landed.clone();
        match self.on_disk(move |outbox| outbox.acknowledge(&landed)).await {
            Ok(()) => self.landed.clear(),
            Err(error) => {
                tracing::error!("cannot remove delivered reports, trying again with the next: {error}")
            }
        }
    }

    fn fail(&mut self, reason: String) -> Duration {
        count(&self.counters.failures);
        let pause = self.backoff.failed(rand::random());
        let attempts = self.backoff.failures();
        let seconds = pause.as_secs_f64();
        match self.hush.speak(Instant::now()) {
            Some(0) => tracing::warn!(attempts, "offline, next try in {seconds:.1} s: {reason}"),
            Some(held) => {
                tracing::warn!(attempts, held, "offline, next try in {seconds:.1} s: {reason}");
            }
            None => tracing::debug!(attempts, "offline, next try in {seconds:.1} s: {reason}"),
        }
        self.state.send_modify(|state| {
            let since = match state {
                State::Offline { since, .. } => *since,
                _ => Instant::now(),
            };
            *state = State::Offline { reason, since, attempts };
        });
        pause
    }

    /// SQLite waits for the disk, tens of milliseconds on an SD card; the runtime has one thread, whose PUBACKs and
    /// pings must not wait as well.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Outbox) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let outbox = self.outbox.clone();
        match tokio::task::spawn_blocking(move || work(&outbox)).await {
            Ok(done) => done,
            Err(error) => Err(OutboxError::Interrupted(error.to_string())),
        }
    }
}

async fn at(moment: Option<Moment>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
