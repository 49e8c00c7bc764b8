//! One login at the hub: publishes reports at QoS 1 and matches their PUBACKs.
//!
//! rumqttc forgets unacknowledged publishes when the hub does not resume a session, so nothing is left to it: it is
//! made anew for every login, and whatever it had not acknowledged is sent again from the outbox.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, Outgoing, Packet, Publish, QoS};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant as Moment, sleep_until, timeout},
};

use super::{
    checklist::Seen,
    correspondence::{Correspondence, Mail},
    fault::{HubFault, Peer},
    topic,
};
use crate::{
    delivery::{Session, Unsendable},
    outbox::Entry,
};

/// Packets that rumqttc may have in flight: more than any window of delivery, so that it never holds one back.
pub(super) const IN_FLIGHT: u16 = 1_024;

/// How long the good-bye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// What the event loop saw.
#[derive(Debug)]
enum News {
    Numbered(u16),
    Acknowledged(u16),
    Subscribed,
    Arrived(Publish),
    Ended(ConnectionError),
}

/// Turns rumqttc's event loop until the connection ends.
async fn pump(mut events: EventLoop, news: mpsc::Sender<News>) {
    loop {
        let ended = match events.poll().await {
            Ok(event) => match told(event) {
                Some(told) => news.send(told).await.is_err(),
                None => false,
            },
            Err(error) => {
                // PUBACKs that came in one read with the end are still in there.
                for told in std::mem::take(&mut events.state.events).into_iter().filter_map(told) {
                    let _ = news.send(told).await;
                }
                let _ = news.send(News::Ended(error)).await;
                true
            }
        };
        if ended {
            return;
        }
    }
}

fn told(event: Event) -> Option<News> {
    match event {
        // Letters about the twin and answers to methods go without a number.
        Event::Outgoing(Outgoing::Publish(0)) => None,
        Event::Outgoing(Outgoing::Publish(number)) => Some(News::Numbered(number)),
        Event::Incoming(Packet::PubAck(puback)) => Some(News::Acknowledged(puback.pkid)),
        Event::Incoming(Packet::SubAck(_)) => Some(News::Subscribed),
        Event::Incoming(Packet::Publish(publish)) => Some(News::Arrived(publish)),
        _ => None,
    }
}

/// One login at the hub.
pub struct HubSession {
    letters: Option<Correspondence>,
    client: AsyncClient,
    pump: JoinHandle<()>,
    news: mpsc::Receiver<News>,
    peer: Peer,
    /// Its id.
    device: String,
    renewal: Option<Instant>,
    since: Instant,
    has_offered: bool,
    has_delivered: bool,
    /// Handed to rumqttc, which gives packet numbers in the same order when it writes them.
    unnumbered: VecDeque<u64>,
    /// From packet number to sequence number.
    in_flight: HashMap<u16, u64>,
}

impl HubSession {
    /// Goes on from a login that was taken.
    pub(super) fn start(
        client: AsyncClient,
        events: EventLoop,
        letters: Option<Correspondence>,
        peer: Peer,
        device: String,
        renewal: Option<Instant>,
    ) -> Self {
        // Its own task, because a dropped poll could lose half a packet.
        let (sender, news) = mpsc::channel(usize::from(IN_FLIGHT));
        Self {
            letters,
            client,
            pump: tokio::spawn(pump(events, sender)),
            news,
            peer,
            device,
            renewal,
            since: Instant::now(),
            has_offered: false,
            has_delivered: false,
            unnumbered: VecDeque::new(),
            in_flight: HashMap::new(),
        }
    }

    /// Notes what came; the sequence number that it acknowledges, if any.
    fn note(&mut self, news: News) -> Result<Option<u64>, HubFault> {
        match news {
            News::Numbered(number) => {
                if let Some(sequence) = self.unnumbered.pop_front() {
                    self.in_flight.insert(number, sequence);
                }
                Ok(None)
            }
            News::Acknowledged(number) => {
                self.has_delivered = true;
                Ok(self.in_flight.remove(&number))
            }
            News::Subscribed => {
                self.letters.iter_mut().for_each(Correspondence::confirmed);
                Ok(None)
            }
            News::Arrived(publish) => {
                if let Some(letters) = &mut self.letters {
                    letters.receive(&publish.topic, &publish.payload, Instant::now());
                }
                Ok(None)
            }
            News::Ended(error) => Err(self.peer.lost(&error, self.seen())),
        }
    }

    /// Sends the letters that are due.
    fn post(&mut self) {
        let Some(letters) = &mut self.letters else { return };
        while let Some(Mail { topic, payload }) = letters.next(Instant::now()) {
            // Whoever waits for it asks again; if the connection has ended, the next session begins anew.
            if let Err(error) = self.client.try_publish(topic, QoS::AtMostOnce, false, payload) {
                tracing::debug!("a letter was not handed over: {error}");
            }
        }
    }

    /// Waits for the next news; sends letters meanwhile. Loses nothing when it is dropped.
    async fn hear(&mut self) -> Result<News, HubFault> {
        loop {
            self.post();
            let letters = &self.letters;
            let wakes = letters.as_ref().and_then(Correspondence::wakes).map(Moment::from_std);
            tokio::select! {
                news = self.news.recv() => return match news {
                    Some(news) => Ok(news),
                    None => Err(self.peer.ended(self.seen())),
                },
                () = leaves(letters) => {}
                () = async { if let Some(moment) = wakes { sleep_until(moment).await } }, if wakes.is_some() => {}
            }
        }
    }

    fn seen(&self) -> Seen {
        Seen { lasted: self.since.elapsed(), offered: self.has_offered, delivered: self.has_delivered }
    }
}

impl Session for HubSession {
    type Error = HubFault;

    fn publish(&mut self, entry: &Entry) -> Result<(), Unsendable> {
        let topic = topic::of_report(&self.device, entry)?;
        self.has_offered = true;
        match self.client.try_publish(topic, QoS::AtLeastOnce, false, entry.json.clone()) {
            Ok(()) => self.unnumbered.push_back(entry.sequence),
            // The connection has just ended; it is told by the next `acknowledged`, and the report is sent again.
            Err(error) => tracing::debug!("a report was not handed over: {error}"),
        }
        Ok(())
    }

    async fn acknowledged(&mut self) -> Result<Vec<u64>, HubFault> {
        loop {
            // From here to the return nothing waits, so a dropped future loses nothing.
            let first = self.hear().await?;
            let mut sequences = Vec::new();
            let mut next = Some(first);
            while let Some(news) = next {
                match self.note(news) {
                    Ok(sequence) => sequences.extend(sequence),
                    Err(fault) if sequences.is_empty() => return Err(fault),
                    Err(fault) => {
                        tracing::debug!("the connection ended after its last PUBACKs: {fault}");
                        break;
                    }
                }
                next = self.news.try_recv().ok();
            }
            if !sequences.is_empty() {
                return Ok(sequences);
            }
        }
    }

    fn renewal(&self) -> Option<Instant> {
        self.renewal
    }

    async fn close(mut self) {
        if self.client.try_disconnect().is_ok() {
            let _ = timeout(GOODBYE, async { while self.news.recv().await.is_some() {} }).await;
        }
    }
}

impl Drop for HubSession {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

async fn leaves(letters: &Option<Correspondence>) {
    match letters {
        Some(letters) => letters.leaves().await,
        None => std::future::pending().await,
    }
}
