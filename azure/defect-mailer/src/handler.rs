//! One invocation: parse, decide, keep, send, answer. The only place where the parts meet.
//!
//! Order of the writes, the reason why no report is lost and none told twice: a device's log with its notices; the
//! desk, which takes each notice once; the log again, without what the desk has; then, mail by mail, the desk with a
//! claim, the mail itself, and the desk without the mail.

mod kept;
mod keeping;
mod sending_time;
mod sending;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::desk::Desk;
use crate::dispatch::Dispatch;
use crate::intake::{self, Intake};
use crate::invocation::Invocation;
use crate::journal::Journal;
use crate::plan::Plan;
use crate::station::StationLog;
use crate::store::{Document, Store, StoreError};
use kept::Kept;
use sending_time::SendingTime;

/// Devices that one look at the clock sees to; the next look sees to the others.
const DUE_AT_ONCE: usize = 500;
/// How often logs are looked through for what a crash may have left.
const SWEEP: SignedDuration = SignedDuration::from_hours(1);

/// Turns invocations into mails.
pub struct Handler {
    store: Arc<Store>,
    dispatch: Dispatch,
    plan: Arc<Plan>,
    /// The instance of the function app, and this run of the mailer.
    me: (String, String),
    /// One conversation with the mail server at a time.
    sending: Mutex<()>,
    /// Set by whoever has laid something on the desk, for the one who sends to look there once more.
    more: AtomicBool,
    swept: Mutex<Option<Timestamp>>,
}

/// What the host is told.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the host may forget the events.
    pub done: bool,
    /// Lines for the host's log.
    pub logs: Vec<String>,
}

impl Document for StationLog {
    fn is_known(&self) -> bool {
        self.version == crate::station::VERSION
    }
}

impl Document for Desk {
    fn is_known(&self) -> bool {
        self.version == crate::desk::VERSION
    }
}

impl Handler {
    /// A handler that remembers in one place and sends by one way. `instance` tells apart those that may run at the
    /// same time; a mail that a dead one left is taken over at once by the same instance, by others after a while.
    #[must_use]
    pub fn new(store: Store, dispatch: Dispatch, plan: Plan, instance: &str) -> Self {
        let run = format!("{}-{:x}", std::process::id(), rand::random::<u64>());
        Self {
            store: Arc::new(store),
            dispatch,
            plan: Arc::new(plan),
            me: (instance.to_owned(), run),
            sending: Mutex::new(()),
            more: AtomicBool::new(false),
            swept: Mutex::new(None),
        }
    }

    /// Handles one batch. It is done when each of its events is kept: mails that cannot go now go later.
    pub async fn invoke(&self, invocation: Invocation, now: Timestamp) -> Answer {
        let (sending, mut journal) = (SendingTime::begin(now), Journal::default());
        let intake = intake::sort(invocation.events, now);
        let done = match self.keep(intake, now, sending, &mut journal).await {
            Ok(done) => done,
            Err(error) => {
                journal.error(error.to_string());
                false
            }
        };
        Answer { done, logs: journal.into_lines() }
    }

    /// Looks at the clock: tells what is due by time, and sends what waits. Not done when mails are stuck, so that
    /// the host counts a failure that people see.
    pub async fn look_at_the_clock(&self, now: Timestamp) -> Answer {
        let (sending, mut journal) = (SendingTime::begin(now), Journal::default());
        let done = match self.see_to_what_is_due(now, sending, &mut journal).await {
            Ok(done) => done,
            Err(error) => {
                journal.error(error.to_string());
                false
            }
        };
        Answer { done, logs: journal.into_lines() }
    }

    async fn keep(
        &self,
        intake: Intake,
        now: Timestamp,
        sending: SendingTime,
        journal: &mut Journal,
    ) -> Result<bool, StoreError> {
        let Intake { facts, refusals, notices } = intake;
        let refused = self.set_aside(&refusals, now, journal).await?;
        let Kept { handed, folded, duplicates, full } = self.keep_facts(facts, now).await?;
        if folded + duplicates + notices + refusals.len() > 0 {
            journal.info(format!(
                "{folded} reports taken, {duplicates} known before, {} set aside, {notices} notices of the hub",
                refusals.len()
            ));
        }
        if full > 0 {
            journal
                .error(format!("{full} reports must come again: their devices' notices cannot be handed on"));
        }
        let news = handed.iter().any(|handed| !handed.notices.is_empty());
        self.hand_on(handed, &refused, now).await?;
        if news {
            self.send(sending, journal).await?;
        }
        Ok(full == 0)
    }

    async fn see_to_what_is_due(
        &self,
        now: Timestamp,
        sending: SendingTime,
        journal: &mut Journal,
    ) -> Result<bool, StoreError> {
        let desk = self.desk().await?;
        let mut due: BTreeMap<String, Vec<intake::Fact>> =
            desk.due(now).into_iter().take(DUE_AT_ONCE).map(|device| (device, Vec::new())).collect();
        for device in self.left_behind(&desk, now).await? {
            due.entry(device).or_default();
        }
        let kept = self.keep_facts(due, now).await?;
        self.hand_on(kept.handed, &[], now).await?;
        self.send(sending, journal).await
    }

    /// Sends what waits and may go, or leaves that to another invocation that is at it; whether none is stuck.
    ///
    /// # Errors
    /// When the storage fails; a mail server that fails is a line in the journal, and the mail stays owed.
    async fn send(&self, sending: SendingTime, journal: &mut Journal) -> Result<bool, StoreError> {
        self.more.store(true, Ordering::SeqCst);
        let mut is_well = true;
        while self.more.load(Ordering::SeqCst) && sending.may_go_on() {
            let Ok(_turn) = self.sending.try_lock() else { return Ok(is_well) };
            self.more.store(false, Ordering::SeqCst);
            is_well = self.send_in_turn(sending, journal).await?;
        }
        Ok(is_well)
    }
}

#[cfg(test)]
mod tests;
