//! One session's letters: what was asked of the hub, what must be said next, and when.
//!
//! The twin is read anew in every session, as changes are told only while a device is connected. Reported properties are
//! compared with what the hub has, so that only what changed is sent.

use std::time::{Duration, Instant};

use super::{
    desk::{Answer, Desired, Desk, Errand},
    letter::{self, Letter},
    twin::{Properties, TwinDocument, difference, merge},
};

/// An answer that did not come for so long is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// After a refusal (a throttled hub says 429) the next try waits so long, twice as long after each further one.
const SHORTEST_PAUSE: Duration = Duration::from_secs(5);

const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The hub's own limit is 32 KB; a document that grows beyond this by patches is asked for anew.
const LARGEST_DESIRED: usize = 64 * 1024;

/// Something to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
}

/// What a session knows of the twin, and what it waits for.
#[derive(Debug)]
pub(super) struct Correspondence {
    desk: Desk,
    device: String,
    /// Subscriptions that the hub has not confirmed yet.
    unconfirmed: usize,
    next_request: u64,
    pending: Option<Pending>,
    /// As the hub has it; `None` as long as it must be asked for.
    twin: Option<TwinDocument>,
    /// The newest version of the desired properties that was heard of.
    newest: u64,
    /// What the hub refused for good.
    refused: Option<Properties>,
    failures: u32,
    not_before: Option<Instant>,
}

#[derive(Debug)]
struct Pending {
    request: u64,
    until: Instant,
    /// The patch, unless the twin was asked for.
    patch: Option<Properties>,
}

impl Correspondence {
    pub(super) fn new(desk: Desk, device: &str) -> Self {
        desk.clear();
        Self {
            desk,
            device: device.to_owned(),
            unconfirmed: 4,
            next_request: 1,
            pending: None,
            twin: None,
            newest: 0,
            refused: None,
            failures: 0,
            not_before: None,
        }
    }

    /// What must be listened to.
    pub(super) fn subscriptions(&self) -> [String; 4] {
        [
            "$iothub/twin/res/#".to_owned(),
            "$iothub/twin/PATCH/properties/desired/#".to_owned(),
            "$iothub/methods/POST/#".to_owned(),
            format!("devices/{}/messages/devicebound/#", self.device),
        ]
    }

    /// The hub confirmed a subscription.
    pub(super) fn confirmed(&mut self) {
        self.unconfirmed = self.unconfirmed.saturating_sub(1);
    }

    /// Something came.
    pub(super) fn receive(&mut self, topic: &str, payload: &[u8], now: Instant) {
        match letter::read(&self.device, topic, payload) {
            Ok(Letter::Twin { request, answer }) => self.answered(request, answer.map(Some), now),
            Ok(Letter::Reported { request, .. }) => self.answered(request, Ok(None), now),
            Ok(Letter::Desired { version, patch }) => self.desired(version, patch),
            Ok(Letter::Call(call)) => self.desk.lay_down(Errand::Answer(call)),
            Ok(Letter::Message(message)) => self.desk.lay_down(Errand::Show(message)),
            Err(fault) => tracing::warn!("the hub sent {fault}; it is ignored"),
        }
    }

    /// What to publish next.
    pub(super) fn next(&mut self, now: Instant) -> Option<Mail> {
        if let Some((request, Answer { status, payload })) = self.desk.next_answer() {
            let topic = format!("$iothub/methods/res/{status}/?$rid={request}");
            return Some(Mail { topic, payload: payload.to_string().into_bytes() });
        }
        if self.pending.as_ref().is_some_and(|pending| now >= pending.until) {
            tracing::debug!("the hub did not answer about the twin; asking again");
            self.twin = None;
            self.fail(now);
        }
        self.not_before.take_if(|moment| now >= *moment);
        if self.unconfirmed > 0 || self.pending.is_some() || self.not_before.is_some() {
            return None;
        }
        let Some(twin) = &self.twin else {
            let request = self.ask(None, now);
            return Some(Mail { topic: format!("$iothub/twin/GET/?$rid={request}"), payload: Vec::new() });
        };
        let patch = difference(&twin.reported, &*self.desk.reported()?);
        if patch.is_empty() || self.refused.as_ref() == Some(&patch) {
            return None;
        }
        let payload = serde_json::to_vec(&patch).ok()?;
        let request = self.ask(Some(patch), now);
        Some(Mail { topic: format!("$iothub/twin/PATCH/properties/reported/?$rid={request}"), payload })
    }

    /// When to look again, if nothing comes.
    pub(super) fn wakes(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.until).or(self.not_before)
    }

    /// Waits until there may be something more to publish.
    pub(super) async fn leaves(&self) {
        self.desk.leaves().await;
    }

    fn ask(&mut self, patch: Option<Properties>, now: Instant) -> u64 {
        let request = self.next_request;
        self.next_request += 1;
        self.pending = Some(Pending { request, until: now + PATIENCE, patch });
        request
    }

    /// `Ok(None)` says that a patch was taken.
    fn answered(&mut self, request: u64, answer: Result<Option<TwinDocument>, u16>, now: Instant) {
        let Some(pending) = self.pending.take_if(|pending| pending.request == request) else { return };
        match (answer, pending.patch) {
            (Ok(Some(twin)), None) => {
                self.failures = 0;
                self.took(twin);
            }
            (Ok(None), Some(patch)) => {
                self.failures = 0;
                if let Some(twin) = &mut self.twin {
                    merge(&mut twin.reported, patch);
                }
            }
            (Err(status), patch) if status == 429 || status >= 500 || patch.is_none() => {
                tracing::debug!(status, "the hub does not serve the twin at the moment");
                self.fail(now);
            }
            (Err(status), patch) => {
                tracing::warn!(status, "the hub refused what the station reports of itself");
                self.refused = patch;
            }
            // The answer to another question.
            (Ok(_), _) => self.fail(now),
        }
    }

    fn took(&mut self, twin: TwinDocument) {
        if twin.version < self.newest {
            // A change overtook the answer.
            return;
        }
        self.newest = twin.version;
        let desired = Desired { version: twin.version, properties: twin.desired.clone() };
        self.twin = Some(twin);
        self.desk.lay_down(Errand::Desire(desired));
    }

    fn desired(&mut self, version: u64, patch: Properties) {
        self.newest = self.newest.max(version);
        let Some(twin) = &mut self.twin else { return };
        if version <= twin.version {
            return;
        }
        let follows = version == twin.version + 1;
        merge(&mut twin.desired, patch);
        let size = serde_json::to_vec(&twin.desired).map_or(usize::MAX, |text| text.len());
        if !follows || size > LARGEST_DESIRED {
            // Something was missed, or it cannot be right.
            self.twin = None;
            return;
        }
        twin.version = version;
        let desired = Desired { version, properties: twin.desired.clone() };
        self.desk.lay_down(Errand::Desire(desired));
    }

    fn fail(&mut self, now: Instant) {
        self.pending = None;
        let doubled = SHORTEST_PAUSE.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.checked_add(doubled.min(LONGEST_PAUSE));
    }
}

#[cfg(test)]
mod tests;
