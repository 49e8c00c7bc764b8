//! Where the hub's wishes and the station meet: the session lays down what came, the station's own thread takes it and
//! lays down its answers. Neither waits for the other.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::sync::Notify;

use super::{
    letter::{Call, Message},
    twin::Properties,
};

/// Calls that may wait; a caller gets no answer after seconds anyway.
const MOST_CALLS: usize = 16;

/// Messages that may wait to be shown; the oldest give way.
const MOST_MESSAGES: usize = 64;

/// Clones are the same desk.
#[derive(Clone, Debug, Default)]
pub struct Desk(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    papers: Mutex<Papers>,
    /// Something came for the station.
    arrived: Condvar,
    /// Something came for the hub.
    leaves: Notify,
}

#[derive(Debug, Default)]
struct Papers {
    desired: Option<Desired>,
    calls: VecDeque<Call>,
    messages: VecDeque<Message>,
    answers: VecDeque<(String, Answer)>,
    reported: Option<Arc<Properties>>,
}

/// Something for the station to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Errand {
    /// The desired properties are these.
    Desire(Desired),
    /// A method is called; it must be answered.
    Answer(Call),
    /// A message came.
    Show(Message),
}

/// All desired properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Grows with every change.
    pub version: u64,
    /// By name.
    pub properties: Properties,
}

/// What a caller of a method is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// As in HTTP.
    pub status: u16,
    /// JSON.
    pub payload: Value,
}

impl Desk {
    /// Waits at most `patience` for the next errand; calls come first, as somebody waits for them.
    #[must_use]
    pub fn next(&self, patience: Duration) -> Option<Errand> {
        let is_idle = |papers: &mut Papers| {
            papers.calls.is_empty() && papers.desired.is_none() && papers.messages.is_empty()
        };
        let waited = self.0.arrived.wait_timeout_while(self.papers(), patience, is_idle);
        let mut papers = waited.unwrap_or_else(PoisonError::into_inner).0;
        if let Some(call) = papers.calls.pop_front() {
            return Some(Errand::Answer(call));
        }
        let desired = papers.desired.take().map(Errand::Desire);
        desired.or_else(|| papers.messages.pop_front().map(Errand::Show))
    }

    /// Answers a call.
    pub fn answer(&self, call: &Call, answer: Answer) {
        self.papers().answers.push_back((call.request.clone(), answer));
        self.0.leaves.notify_one();
    }

    /// Says what the hub should know of the station: all of it, in place of what was said before. It must hold no null.
    pub fn report(&self, reported: Properties) {
        self.papers().reported = Some(Arc::new(reported));
        self.0.leaves.notify_one();
    }

    pub(super) fn lay_down(&self, errand: Errand) {
        let mut papers = self.papers();
        match errand {
            Errand::Desire(desired) => papers.desired = Some(desired),
            Errand::Answer(call) if papers.calls.len() >= MOST_CALLS => {
                let payload = serde_json::json!({"reason": "too many calls wait; try again later"});
                papers.answers.push_back((call.request, Answer { status: 429, payload }));
            }
            Errand::Answer(call) => papers.calls.push_back(call),
            Errand::Show(message) => {
                if papers.messages.len() >= MOST_MESSAGES {
                    papers.messages.pop_front();
                }
                papers.messages.push_back(message);
            }
        }
        self.0.arrived.notify_all();
    }

    /// A new session begins: nobody waits for the answers to calls of the one before.
    pub(super) fn clear(&self) {
        let mut papers = self.papers();
        papers.calls.clear();
        papers.answers.clear();
    }

    pub(super) fn next_answer(&self) -> Option<(String, Answer)> {
        self.papers().answers.pop_front()
    }

    pub(super) fn reported(&self) -> Option<Arc<Properties>> {
        self.papers().reported.clone()
    }

    /// Waits until something came for the hub since the last call; for one waiter, which misses none.
    pub(super) async fn leaves(&self) {
        self.0.leaves.notified().await;
    }

    fn papers(&self) -> MutexGuard<'_, Papers> {
        self.0.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(name: &str) -> Call {
        Call { request: name.to_owned(), name: name.to_owned(), payload: Some(json!(null)) }
    }

    #[test]
    fn calls_come_first_and_too_many_are_answered_at_once() {
        let desk = Desk::default();
        let desired = Desired { version: 1, properties: Properties::new() };
        desk.lay_down(Errand::Desire(desired.clone()));
        for number in 0..MOST_CALLS + 1 {
            desk.lay_down(Errand::Answer(call(&number.to_string())));
        }
        assert_eq!(desk.next(Duration::ZERO), Some(Errand::Answer(call("0"))));
        let (request, answer) = desk.next_answer().unwrap();
        assert_eq!((request, answer.status), (MOST_CALLS.to_string(), 429));
        let rest: Vec<_> = std::iter::from_fn(|| desk.next(Duration::ZERO)).collect();
        assert_eq!(rest.len(), MOST_CALLS);
        assert_eq!(rest.last(), Some(&Errand::Desire(desired)));
    }

    #[test]
    fn messages_that_nobody_takes_do_not_pile_up() {
        let desk = Desk::default();
        for bytes in 0..1_000 {
            desk.lay_down(Errand::Show(Message { properties: Vec::new(), text: String::new(), bytes }));
        }
        let rest: Vec<_> = std::iter::from_fn(|| desk.next(Duration::ZERO)).collect();
        assert_eq!(rest.len(), MOST_MESSAGES);
    }
}
