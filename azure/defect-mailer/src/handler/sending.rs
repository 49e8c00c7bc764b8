//! The mail server's part of an invocation: mail by mail, each claimed on the desk before it is sent.

use jiff::Timestamp;

use super::Handler;
use super::keeping::{SetAside, short_hash};
use super::sending_time::SendingTime;
use crate::desk::{Claim, Desk, Job, Outcome};
use crate::dispatch::Attempt;
use crate::health::after;
use crate::journal::Journal;
use crate::post::Round;
use crate::store::StoreError;

impl Handler {
    pub(super) async fn send_in_turn(
        &self,
        sending: SendingTime,
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
