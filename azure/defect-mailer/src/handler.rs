//! One invocation: parse, decide, keep, send, answer. The only place where the parts meet.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::dispatch::Dispatch;
use crate::incident::{DeviceLog, Owed, Taken};
use crate::intake::{self, Intake, Refusal};
use crate::invocation::Invocation;
use crate::journal::Journal;
use crate::ledger::{Ledger, LedgerError, SetAside};

/// How long an invocation waits for its turn.
const TURN: Duration = Duration::from_secs(60);
/// How long the host is asked to bring a batch again for the sake of one mail; longer than it tries by
/// function.json, 25 minutes. The mail stays owed, but its partition must not wait for it for ever.
const ASK_AGAIN: SignedDuration = SignedDuration::from_hours(1);
/// Bytes of a poison event that are kept.
const KEPT: usize = 16 * 1024;

/// Turns invocations into mails.
pub struct Handler<L> {
    ledger: L,
    dispatch: Dispatch,
    turn: Mutex<()>,
}

/// What the host is told.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the host may forget the events.
    pub done: bool,
    /// Lines for the host's log.
    pub logs: Vec<String>,
}

impl<L: Ledger> Handler<L> {
    /// A handler that remembers in one place and sends by one way.
    pub fn new(ledger: L, dispatch: Dispatch) -> Self {
        Self { ledger, dispatch, turn: Mutex::new(()) }
    }

    /// Handles one batch. It is done when each of its events is told to somebody, counted or set aside.
    pub async fn invoke(&self, invocation: Invocation, now: Timestamp) -> Answer {
        let mut journal = Journal::default();
        let done = match self.in_turn(intake::sort(invocation.events), now, &mut journal).await {
            Ok(done) => done,
            Err(error) => {
                journal.error(error.to_string());
                false
            }
        };
        Answer { done, logs: journal.into_lines() }
    }

    /// Sends what is still owed, without an invocation.
    pub async fn catch_up(&self, now: Timestamp) {
        if !self.ledger.owing().is_empty() {
            self.invoke(Invocation { events: Vec::new() }, now).await;
        }
    }

    async fn in_turn(
        &self,
        intake: Intake,
        now: Timestamp,
        journal: &mut Journal,
    ) -> Result<bool, LedgerError> {
        let Ok(_turn) = tokio::time::timeout(TURN, self.turn.lock()).await else {
            journal.error(
                "another batch has kept the mailer busy for too long, this one must come again".into(),
            );
            return Ok(false);
        };
        let Some(_lock) = self.lock().await? else {
            journal.error("another mailer holds the lock in MAILER_STATE, this batch must come again".into());
            return Ok(false);
        };
        let mut logs = self.take(intake, now, journal)?;
        // From here on nothing of the batch can be lost: what follows is tried again if it fails.
        let batch: BTreeSet<String> = logs.keys().cloned().collect();
        for device in self.ledger.owing() {
            if let Entry::Vacant(place) = logs.entry(device) {
                let log = self.ledger.log(place.key())?;
                place.insert(log);
            }
        }
        let others = logs.keys().filter(|device| !batch.contains(*device)).cloned();
        let order: Vec<String> = batch.iter().cloned().chain(others).collect();
        self.dispatch.send(&self.ledger, &order, &mut logs, now, journal).await?;
        let urgent = |owed: &Owed| !owed.reached && now.duration_since(owed.written_at) < ASK_AGAIN;
        let untold = |device: &String| logs.get(device).is_some_and(|log| log.owed().any(urgent));
        Ok(!batch.iter().any(untold))
    }

    async fn lock(&self) -> Result<Option<L::Lock>, LedgerError> {
        let start = Instant::now();
        loop {
            let lock = self.ledger.try_lock()?;
            if lock.is_some() || start.elapsed() > TURN {
                return Ok(lock);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Folds a batch into the logs of its devices and keeps them; returns those logs.
    fn take(
        &self,
        intake: Intake,
        now: Timestamp,
        journal: &mut Journal,
    ) -> Result<BTreeMap<String, DeviceLog>, LedgerError> {
        let Intake { sightings, mut refusals, notices } = intake;
        let (mut folded, mut duplicates) = (0, 0);
        let mut logs = BTreeMap::<String, DeviceLog>::new();
        for sighting in sightings {
            let log = match logs.entry(sighting.device.clone()) {
                Entry::Occupied(place) => place.into_mut(),
                Entry::Vacant(place) => {
                    let log = self.ledger.log(place.key())?;
                    place.insert(log)
                }
            };
            match log.take(&sighting.report) {
                Taken::Folded => folded += 1,
                Taken::Duplicate => duplicates += 1,
                Taken::Full => refusals.push(Refusal {
                    reason: "too many incidents of this device wait for the mail server".into(),
                    body: serde_json::to_vec(&sighting.report).unwrap_or_default(),
                    device: Some(sighting.device),
                    origin: sighting.origin,
                }),
            }
        }
        for log in logs.values_mut() {
            log.owe(now, self.dispatch.domain());
            self.ledger.keep(log)?;
        }
        for refusal in &refusals {
            self.refuse(refusal, now, journal)?;
        }
        if folded + duplicates + notices > 0 {
            journal.info(format!(
                "{folded} reports taken, {duplicates} known before, {} set aside, {notices} notices of the hub",
                refusals.len()
            ));
        }
        Ok(logs)
    }

    fn refuse(&self, refusal: &Refusal, now: Timestamp, journal: &mut Journal) -> Result<(), LedgerError> {
        let device = refusal.device.as_deref().unwrap_or("unknown");
        journal.warn(format!("event {} of device {device} set aside: {}", refusal.origin, refusal.reason));
        let start = refusal.body.get(..KEPT).unwrap_or(&refusal.body);
        let content = String::from_utf8_lossy(start).into_owned();
        let matter = SetAside {
            kind: "event",
            at: now.to_string(),
            device: refusal.device.clone(),
            origin: refusal.origin.clone(),
            reason: refusal.reason.clone(),
            bytes: refusal.body.len(),
            content,
        };
        // The same event coming again, as it does when the rest of its batch fails, is the same file.
        self.ledger.set_aside(&format!("{device} {} {}", refusal.origin, matter.content), &matter)
    }
}

#[cfg(test)]
mod tests;
