//! From mails owed to mails sent: one round with the server for all of them, and a note after each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lettre::Address;
use lettre::message::Mailbox;
use tokio::time::Instant;

use crate::incident::{DeviceLog, Owed};
use crate::journal::Journal;
use crate::ledger::{Ledger, LedgerError, SetAside};
use crate::letter::Letter;
use crate::post::{Delivery, Post, PostError, Round};

/// How long an invocation starts new mails. With the wait for its turn and the last mail's time-outs (twice 120 s
/// at most) it ends well below the `functionTimeout` of 10 minutes in host.json.
const SENDING: Duration = Duration::from_secs(120);
/// A mail that nobody could be given for this long is set aside.
const PATIENCE: SignedDuration = SignedDuration::from_hours(72);
/// Mails in a row that may fail, each in its own way, before the rest waits.
const FAILURES: usize = 3;

/// Sends from one sender to all recipients.
pub struct Dispatch {
    post: Post,
    from: Mailbox,
    to: Vec<Mailbox>,
    zone: TimeZone,
}

impl Dispatch {
    /// Mails by `post`, with times in `zone`.
    #[must_use]
    pub fn new(post: Post, from: Mailbox, to: Vec<Mailbox>, zone: TimeZone) -> Self {
        Self { post, from, to, zone }
    }

    /// The sender's domain, in which the mails are named.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Sends mails, device after device, until all are sent, time is up or the server fails.
    ///
    /// # Errors
    /// When the ledger fails; a mail server that fails is a line in the journal, and the mail stays owed.
    pub async fn send<L: Ledger>(
        &self,
        ledger: &L,
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
                        self.note(ledger, log, &owed, delivery, now, journal)?;
                    }
                    Err(error) => {
                        failures += 1;
                        journal.error(error.to_string());
                        if now.duration_since(owed.written_at) > PATIENCE {
                            self.give_up(ledger, log, &owed, &error.to_string(), now, journal)?;
                        }
                        if error.concerns_all() || failures >= FAILURES {
                            return ledger.keep(log);
                        }
                    }
                }
                log.owe(now, self.domain());
                ledger.keep(log)?;
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
    fn note<L: Ledger>(
        &self,
        ledger: &L,
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
            self.set_aside(ledger, log, owed, &format!("{address}: {reason}"), now)?;
            log.note(id, &[address.to_string()], false);
        }
        for (address, reason) in &deferred {
            journal.warn(format!("mail {id} must wait for {address}: {reason}"));
        }
        if deferred.is_empty() {
            log.settle(id);
        } else if now.duration_since(owed.written_at) > PATIENCE {
            let reasons: Vec<String> = deferred.iter().map(|(to, why)| format!("{to}: {why}")).collect();
            return self.give_up(ledger, log, owed, &reasons.join("; "), now, journal);
        }
        Ok(())
    }

    fn give_up<L: Ledger>(
        &self,
        ledger: &L,
        log: &mut DeviceLog,
        owed: &Owed,
        reason: &str,
        now: Timestamp,
        journal: &mut Journal,
    ) -> Result<(), LedgerError> {
        journal.error(format!("mail {} is set aside after three days: {reason}", owed.message_id));
        self.set_aside(ledger, log, owed, &format!("not taken for three days: {reason}"), now)?;
        log.settle(&owed.message_id);
        Ok(())
    }

    fn set_aside<L: Ledger>(
        &self,
        ledger: &L,
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
        ledger.set_aside(&format!("{} {reason}", owed.message_id), &matter)
    }
}

fn next(log: &DeviceLog, tried: &BTreeSet<String>) -> Option<Owed> {
    log.owed().find(|owed| !tried.contains(&owed.message_id)).cloned()
}
