//! One attempt at one mail, and what became of it.

use jiff::{SignedDuration, Timestamp};
use lettre::Address;
use lettre::message::Mailbox;

use crate::desk::{Job, Outcome, Owed};
use crate::journal::Journal;
use crate::letter::{Language, Letter};
use crate::plan::{Plan, Recipient};
use crate::post::{Delivery, Post, PostError, Round};

/// A mail that nobody could be given for this long is set aside.
const PATIENCE: SignedDuration = SignedDuration::from_hours(72);

/// Sends from one sender.
pub struct Dispatch {
    post: Post,
    from: Mailbox,
}

/// What an attempt led to.
#[derive(Debug, Default)]
pub struct Attempt {
    /// For the desk.
    pub outcome: Outcome,
    /// What will never arrive, and why; for people to look at.
    pub undeliverable: Vec<String>,
    /// The mail in words.
    pub letter: Option<Letter>,
}

impl Dispatch {
    /// Mails by `post`.
    #[must_use]
    pub fn new(post: Post, from: Mailbox) -> Self {
        Self { post, from }
    }

    /// How long a mail may take at most, in which nobody else may try it.
    #[must_use]
    pub fn longest(&self) -> SignedDuration {
        // Connecting, the mail, and saying goodbye have a time-out each.
        let seconds = i64::try_from(self.post.timeout().as_secs()).unwrap_or(120);
        SignedDuration::from_secs(3 * seconds + 30)
    }

    /// Tries a mail in the open round or a new one, and leaves the round open where it can be used again.
    pub async fn attempt<'a>(
        &'a self,
        round: &mut Option<Round<'a>>,
        job: &Job,
        plan: &Plan,
        now: Timestamp,
        journal: &mut Journal,
    ) -> Attempt {
        let (owed, recipient) = (&job.mail, plan.recipient(&job.tray));
        let language = recipient.map_or(Language::default(), |who| who.language);
        let letter = Letter::write(owed, language, &plan.zone, &plan.hub);
        let Some(recipient) = recipient else {
            journal.error(format!(
                "mail {} is for {:?}, whom the plan no longer names",
                owed.message_id, job.tray
            ));
            let undeliverable = vec![format!("{}: not in the plan", job.tray)];
            let outcome = Outcome { settled: true, ..Outcome::default() };
            return Attempt { outcome, undeliverable, letter: Some(letter) };
        };
        let delivered = self.deliver(round, owed, recipient, &letter).await;
        let mut attempt = Attempt { letter: Some(letter), ..Attempt::default() };
        let late = now.duration_since(owed.written_at) > PATIENCE;
        match delivered {
            Ok(delivery) => self.note(&mut attempt, owed, delivery, late, journal),
            Err(error) => {
                journal.error(error.to_string());
                attempt.outcome.rest = error.concerns_all();
                if late {
                    journal.error(format!("mail {} is set aside after three days", owed.message_id));
                    attempt.undeliverable.push(format!("not taken for three days: {error}"));
                    attempt.outcome.settled = true;
                }
            }
        }
        attempt
    }

    async fn deliver<'a>(
        &'a self,
        round: &mut Option<Round<'a>>,
        owed: &Owed,
        recipient: &Recipient,
        letter: &Letter,
    ) -> Result<Delivery, PostError> {
        let left = recipient.to.iter().map(|mailbox| mailbox.email.clone());
        let left = left.filter(|address| !owed.done.iter().any(|done| done == AsRef::<str>::as_ref(address)));
        let to: Vec<Address> = left.collect();
        let mail = match letter.message(owed, &self.from, &recipient.to) {
            Ok(mail) => mail,
            Err(error) => {
                let refused = to.into_iter().map(|address| (address, error.to_string())).collect();
                return Ok(Delivery { refused, ..Delivery::default() });
            }
        };
        let mut open = match round.take() {
            Some(open) if !open.is_over() => open,
            _ => self.post.open().await?,
        };
        let delivery = open.send(&self.from.email, &to, &mail).await;
        match delivery {
            Ok(delivery) => {
                *round = Some(open);
                Ok(delivery)
            }
            Err(error) => {
                open.close().await;
                Err(error)
            }
        }
    }

    /// Writes down what became of a mail.
    fn note(
        &self,
        attempt: &mut Attempt,
        owed: &Owed,
        delivery: Delivery,
        late: bool,
        journal: &mut Journal,
    ) {
        let Delivery { accepted, refused, deferred } = delivery;
        let id = &owed.message_id;
        let names = |addresses: &[Address]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
        if !accepted.is_empty() {
            journal.info(format!("mail {id} is with {}", names(&accepted).join(", ")));
        }
        attempt.outcome.reached = !accepted.is_empty();
        attempt.outcome.done = names(&accepted);
        for (address, reason) in &refused {
            journal.error(format!("mail {id} set aside for {address}, who refuses it for good: {reason}"));
            attempt.undeliverable.push(format!("{address}: {reason}"));
            attempt.outcome.done.push(address.to_string());
        }
        for (address, reason) in &deferred {
            journal.warn(format!("mail {id} must wait for {address}: {reason}"));
            if late {
                attempt.undeliverable.push(format!("{address} did not take it for three days: {reason}"));
            }
        }
        attempt.outcome.settled = deferred.is_empty() || late;
    }
}
