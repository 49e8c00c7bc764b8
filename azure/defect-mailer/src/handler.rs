//! One invocation: parse, decide, keep, send, answer. The only place where the parts meet.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lettre::Address;
use lettre::message::Mailbox;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::incident::{DeviceLog, Owed, Taken};
use crate::intake::{self, Intake, Refusal};
use crate::invocation::Invocation;
use crate::ledger::{Ledger, LedgerError, SetAside};
use crate::letter::Letter;
use crate::plain::plain;
use crate::post::{Delivery, Post, PostError, Round};

/// How long an invocation waits for its turn, and how long it then starts new mails. Together with a last
/// mail's time-out (120 s at most) well below the `functionTimeout` of 10 minutes in host.json.
const TURN: Duration = Duration::from_secs(120);
const SENDING: Duration = Duration::from_secs(180);
/// A mail that nobody could be given for this long is set aside.
const PATIENCE: SignedDuration = SignedDuration::from_hours(72);
/// Mails in a row that may fail, each in its own way, before the rest waits.
const FAILURES: usize = 3;
/// Bytes of a poison event that are kept.
const KEPT: usize = 16 * 1024;

/// Turns invocations into mails.
pub struct Handler<L> {
    ledger: L,
    post: Post,
    from: Mailbox,
    to: Vec<Mailbox>,
    zone: TimeZone,
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

/// What an invocation has to say, to the host and in our own log.
#[derive(Default)]
struct Journal(Vec<String>);

impl<L: Ledger> Handler<L> {
    /// A handler that sends from one sender to all recipients.
    pub fn new(ledger: L, post: Post, from: Mailbox, to: Vec<Mailbox>, zone: TimeZone) -> Self {
        Self { ledger, post, from, to, zone, turn: Mutex::new(()) }
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
        Answer { done, logs: journal.0 }
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
        self.send(&order, &mut logs, now, journal).await?;
        let untold =
            |device: &String| logs.get(device).is_some_and(|log| log.owed().any(|owed| !owed.reached));
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
            log.owe(now, self.from.email.domain());
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

    /// Sends mails, device after device, until all are sent, time is up or the server fails.
    async fn send(
        &self,
        order: &[String],
        logs: &mut BTreeMap<String, DeviceLog>,
        now: Timestamp,
        journal: &mut Journal,
    ) -> Result<(), LedgerError> {
        let start = Instant::now();
        let mut round: Option<Round<'_>> = None;
        let mut failures = 0;
        for device in order {
            let Some(log) = logs.get_mut(device) else { continue };
            let mut tried = BTreeSet::new();
            while let Some(owed) = next(log, &tried) {
                tried.insert(owed.message_id.clone());
                if start.elapsed() > SENDING {
                    journal
                        .warn("no time left in this invocation, the rest of the mails is tried later".into());
                    return Ok(());
                }
                let (used, delivery) = self.deliver(round.take(), device, &owed).await;
                round = used;
                match delivery {
                    Ok(delivery) => {
                        failures = 0;
                        self.note(log, &owed, delivery, now, journal)?;
                    }
                    Err(error) => {
                        failures += 1;
                        journal.error(error.to_string());
                        if now.duration_since(owed.written_at) > PATIENCE {
                            self.give_up(log, &owed, &error.to_string(), now, journal)?;
                        }
                        if error.concerns_all() || failures >= FAILURES {
                            return self.ledger.keep(log);
                        }
                    }
                }
                log.owe(now, self.from.email.domain());
                self.ledger.keep(log)?;
            }
        }
        if let Some(round) = round {
            round.close().await;
        }
        Ok(())
    }

    /// One attempt at one mail, in the open round or a new one.
    async fn deliver<'a>(
        &'a self,
        round: Option<Round<'a>>,
        device: &str,
        owed: &Owed,
    ) -> (Option<Round<'a>>, Result<Delivery, PostError>) {
        let to: Vec<Address> = self.left(owed).collect();
        let mail = match Letter::write(device, owed, &self.zone).message(owed, &self.from, &self.to) {
            Ok(mail) => mail,
            Err(error) => {
                let refused = to.into_iter().map(|address| (address, error.to_string())).collect();
                return (round, Ok(Delivery { refused, ..Delivery::default() }));
            }
        };
        let mut round = match round {
            Some(round) if !round.is_over() => round,
            _ => match self.post.open().await {
                Ok(round) => round,
                Err(error) => return (None, Err(error)),
            },
        };
        let delivery = round.send(&self.from.email, &to, &mail).await;
        match delivery {
            Ok(delivery) => (Some(round), Ok(delivery)),
            Err(error) => {
                round.close().await;
                (None, Err(error))
            }
        }
    }

    /// The recipients that are not done with a mail; those of today, should the settings have changed.
    fn left(&self, owed: &Owed) -> impl Iterator<Item = Address> {
        let left = self.to.iter().map(|mailbox| mailbox.email.clone());
        left.filter(|address| !owed.done.iter().any(|done| done == AsRef::<str>::as_ref(address)))
    }

    /// Writes down what became of a mail.
    fn note(
        &self,
        log: &mut DeviceLog,
        owed: &Owed,
        delivery: Delivery,
        now: Timestamp,
        journal: &mut Journal,
    ) -> Result<(), LedgerError> {
        let Delivery { accepted, refused, deferred } = delivery;
        let id = &owed.message_id;
        let names = |addresses: &[Address]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
        if !accepted.is_empty() {
            journal.info(format!("mail {id} on {} is with {}", log.device, names(&accepted).join(", ")));
        }
        log.note(id, &names(&accepted), !accepted.is_empty());
        for (address, reason) in &refused {
            journal.error(format!("mail {id} set aside for {address}, who refuses it for good: {reason}"));
            self.set_aside(log, owed, &format!("{address}: {reason}"), now)?;
            log.note(id, &[address.to_string()], false);
        }
        for (address, reason) in &deferred {
            journal.warn(format!("mail {id} must wait for {address}: {reason}"));
        }
        if deferred.is_empty() {
            log.settle(id);
        } else if now.duration_since(owed.written_at) > PATIENCE {
            let reasons: Vec<String> = deferred.iter().map(|(to, why)| format!("{to}: {why}")).collect();
            return self.give_up(log, owed, &reasons.join("; "), now, journal);
        }
        Ok(())
    }

    fn give_up(
        &self,
        log: &mut DeviceLog,
        owed: &Owed,
        reason: &str,
        now: Timestamp,
        journal: &mut Journal,
    ) -> Result<(), LedgerError> {
        journal.error(format!("mail {} is set aside after three days: {reason}", owed.message_id));
        self.set_aside(log, owed, &format!("not taken for three days: {reason}"), now)?;
        log.settle(&owed.message_id);
        Ok(())
    }

    fn set_aside(
        &self,
        log: &DeviceLog,
        owed: &Owed,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let letter = Letter::write(&log.device, owed, &self.zone);
        let matter = SetAside {
            kind: "mail",
            at: now.to_string(),
            device: Some(log.device.clone()),
            origin: owed.message_id.clone(),
            reason: reason.to_owned(),
            bytes: letter.text.len(),
            content: format!("{}\n\n{}", letter.subject, letter.text),
        };
        self.ledger.set_aside(&format!("{} {reason}", owed.message_id), &matter)
    }
}

fn next(log: &DeviceLog, tried: &BTreeSet<String>) -> Option<Owed> {
    log.owed().find(|owed| !tried.contains(&owed.message_id)).cloned()
}

impl Journal {
    /// The answer's log is bounded; our own log has every line.
    fn push(&mut self, line: &str) {
        if self.0.len() < 100 {
            self.0.push(plain(line, 500));
        }
    }

    fn info(&mut self, line: String) {
        self.push(&line);
        tracing::info!("{line}");
    }

    fn warn(&mut self, line: String) {
        self.push(&line);
        tracing::warn!("{line}");
    }

    fn error(&mut self, line: String) {
        self.push(&line);
        tracing::error!("{line}");
    }
}
