//! The mail server's part of an invocation: mail by mail, each claimed on the desk before it is sent.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::Handler;
use super::keeping::{SetAside, short_hash};
use crate::desk::{Claim, Desk, Job, Outcome};
use crate::dispatch::Attempt;
use crate::health::after;
use crate::journal::Journal;
use crate::post::Round;
use crate::store::StoreError;

/// How long an invocation starts new mails. With the last mail's time-outs (twice 120 s at most) it ends well below
/// the `functionTimeout` of 10 minutes in host.json.
const SENDING: Duration = Duration::from_secs(120);

/// An invocation's time, in which it may send.
#[derive(Clone, Copy)]
pub(super) struct Sending {
    began: (Instant, Timestamp),
}

impl Sending {
    /// As soon as an invocation knows that it is now: what comes later is then later for it, too.
    pub(super) fn begin(now: Timestamp) -> Self {
        Self { began: (Instant::now(), now) }
    }

    pub(super) fn may_go_on(self) -> bool {
        self.began.0.elapsed() < SENDING
    }

    /// Pauses and rates count from when a mail goes, not from when the first of many did; and what others lay on the
    /// desk meanwhile is due as well.
    fn now(self) -> Timestamp {
        let (instant, now) = self.began;
        after(now, instant.elapsed().try_into().unwrap_or_default())
    }
}

impl Handler {
    pub(super) async fn send_in_turn(
        &self,
        sending: Sending,
        journal: &mut Journal,
    ) -> Result<bool, StoreError> {
        let mut round: Option<Round<'_>> = None;
        let mut before: Option<(Job, Outcome)> = None;
        loop {
            let now = sending.now();
            let (desk, job) = self.settle_and_claim(before.take(), sending.may_go_on(), now).await?;
            let Some(job) = job else {
                if let Some(round) = round {
                    round.close().await;
                }
                if let Some((end, failures)) = desk.rests(now) {
                    let waiting = desk.waiting();
                    journal.error(format!(
                        "{waiting} notices and mails wait: the mail server failed {failures} times in a row and is \
                         tried again at {end:.0}"
                    ));
                }
                return Ok(!desk.in_trouble());
            };
            let attempt = self.dispatch.attempt(&mut round, &job, &self.plan, now, journal).await;
            self.keep_undeliverable(&job, &attempt, now).await?;
            before = Some((job, attempt.outcome));
        }
    }

    /// One write for two notes: what became of the last mail, and which is next.
    async fn settle_and_claim(
        &self,
        before: Option<(Job, Outcome)>,
        more: bool,
        now: Timestamp,
    ) -> Result<(Desk, Option<Job>), StoreError> {
        let (instance, run) = self.me.clone();
        let claim = Claim { instance, run, until: after(Timestamp::now().max(now), self.dispatch.longest()) };
        self.on_the_desk(|desk| {
            if let Some((job, outcome)) = &before {
                desk.settle(job, outcome, now, &self.plan.policy);
            }
            let job = if more { desk.claim(&claim, now, &self.plan) } else { None };
            let write = before.is_some() || job.is_some();
            (job, write)
        })
        .await
    }

    async fn keep_undeliverable(
        &self,
        job: &Job,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = &job.mail.message_id;
        let Some(letter) = &attempt.letter else { return Ok(()) };
        for reason in &attempt.undeliverable {
            let matter = SetAside {
                kind: "mail",
                at: now.to_string(),
                device: None,
                origin: id,
                reason,
                bytes: letter.text.len(),
                content: format!("{}\n\n{}", letter.subject, letter.text),
            };
            self.put_aside(&short_hash(&format!("{id} {reason}")), &matter).await?;
        }
        Ok(())
    }
}
