//! Letters in fake time.

use serde_json::{Value, json};

use super::*;

/// A session with a desk at which the station has said something.
struct Scene {
    desk: Desk,
    session: Correspondence,
    now: Instant,
}

impl Scene {
    fn new(reported: Value) -> Self {
        let desk = Desk::default();
        desk.report(reported.as_object().unwrap().clone());
        let session = Correspondence::new(desk.clone(), "press-3");
        Self { desk, session, now: Instant::now() }
    }

    fn confirmed(mut self) -> Self {
        self.session.subscriptions().iter().for_each(|_| self.session.confirmed());
        self
    }

    /// The twin was asked for with request 1, and this is it.
    fn with_twin(reported: Value, version: u64, desired: Value, had: Value) -> Self {
        let mut scene = Self::new(reported).confirmed();
        assert_eq!(scene.topic(), "$iothub/twin/GET/?$rid=1");
        scene.answers(1, version, desired, had);
        scene
    }

    fn answers(&mut self, request: u64, version: u64, mut desired: Value, had: Value) {
        desired["$version"] = json!(version);
        let twin = json!({"desired": desired, "reported": had});
        self.receives(&format!("$iothub/twin/res/200/?$rid={request}"), &twin.to_string());
    }

    fn receives(&mut self, topic: &str, payload: &str) {
        self.session.receive(topic, payload.as_bytes(), self.now);
    }

    fn topic(&mut self) -> String {
        self.session.next(self.now).map_or_else(|| "nothing".to_owned(), |mail| mail.topic)
    }

    fn patch(&mut self) -> Value {
        self.session.next(self.now).map_or(Value::Null, |it| serde_json::from_slice(&it.payload).unwrap())
    }

    fn desires(&self) -> Option<(u64, Value)> {
        match self.desk.next(Duration::ZERO) {
            Some(Errand::Desire(it)) => Some((it.version, Value::Object(it.properties))),
            _ => None,
        }
    }

    fn later(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
}

#[test]
fn the_twin_is_asked_for_once_everything_is_listened_to() {
    let mut scene = Scene::new(json!({}));
    assert_eq!(scene.topic(), "nothing");
    let mut scene = scene.confirmed();
    assert_eq!(scene.topic(), "$iothub/twin/GET/?$rid=1");
    assert_eq!(scene.topic(), "nothing", "its answer is waited for");
    scene.answers(1, 4, json!({"paused": true}), json!({}));
    assert_eq!(scene.desires(), Some((4, json!({"paused": true}))));
}

#[test]
fn only_what_the_hub_does_not_have_is_reported() {
    let had = json!({"a": 1, "b": 2, "old": true});
    let mut scene = Scene::with_twin(json!({"a": 1, "b": 3}), 1, json!({}), had);
    assert_eq!(scene.patch(), json!({"b": 3, "old": null}));
    assert_eq!(scene.topic(), "nothing", "one request at a time");
    scene.receives("$iothub/twin/res/204/?$rid=2&$version=7", "");
    assert_eq!(scene.topic(), "nothing", "the hub has it all");
    scene.desk.report(json!({"a": 1, "b": 4}).as_object().unwrap().clone());
    assert_eq!(scene.patch(), json!({"b": 4}));
}

#[test]
fn a_throttled_hub_is_left_in_peace_longer_and_longer() {
    let mut scene = Scene::with_twin(json!({"a": 1}), 1, json!({}), json!({}));
    for (request, pause) in (2..).zip([5, 10, 20, 40, 80, 160, 300, 300]) {
        let topic = format!("$iothub/twin/PATCH/properties/reported/?$rid={request}");
        assert_eq!(scene.topic(), topic);
        scene.receives(&format!("$iothub/twin/res/429/?$rid={request}"), "");
        scene.later(pause - 1);
        assert_eq!(scene.topic(), "nothing", "after {} s", pause - 1);
        assert!(scene.session.wakes().is_some());
        scene.later(1);
    }
}

#[test]
fn what_the_hub_refuses_for_good_is_not_sent_again_until_it_changes() {
    let mut scene = Scene::with_twin(json!({"a.b": 1}), 1, json!({}), json!({}));
    assert_eq!(scene.patch(), json!({"a.b": 1}));
    scene.receives("$iothub/twin/res/400/?$rid=2", "");
    scene.later(3600);
    assert_eq!(scene.topic(), "nothing");
    scene.desk.report(json!({"a": 1}).as_object().unwrap().clone());
    assert_eq!(scene.patch(), json!({"a": 1}));
}

#[test]
fn an_answer_that_never_comes_is_not_waited_for_for_ever() {
    let mut scene = Scene::new(json!({})).confirmed();
    assert_eq!(scene.topic(), "$iothub/twin/GET/?$rid=1");
    assert_eq!(scene.session.wakes(), Some(scene.now + PATIENCE));
    scene.later(30);
    assert_eq!(scene.topic(), "nothing");
    scene.later(5);
    assert_eq!(scene.topic(), "$iothub/twin/GET/?$rid=2");
    scene.answers(1, 3, json!({}), json!({}));
    assert_eq!(scene.desires(), None, "that came too late");
    scene.answers(2, 3, json!({}), json!({}));
    assert_eq!(scene.desires(), Some((3, json!({}))));
}

#[test]
fn changes_are_merged_and_a_missed_one_makes_the_twin_be_asked_for_again() {
    let mut scene = Scene::with_twin(json!({}), 4, json!({"a": 1, "b": {"c": 1, "d": 1}}), json!({}));
    assert_eq!(scene.desires(), Some((4, json!({"a": 1, "b": {"c": 1, "d": 1}}))));
    let change = |version| format!("$iothub/twin/PATCH/properties/desired/?$version={version}");
    scene.receives(&change(5), r#"{"a": null, "b": {"c": 2}, "$version": 5}"#);
    assert_eq!(scene.desires(), Some((5, json!({"b": {"c": 2, "d": 1}}))));
    scene.receives(&change(5), r#"{"a": 9}"#);
    assert_eq!(scene.desires(), None, "that is known");
    assert_eq!(scene.topic(), "nothing");
    scene.receives(&change(7), r#"{"a": 7}"#);
    assert_eq!(scene.desires(), None);
    assert_eq!(scene.topic(), "$iothub/twin/GET/?$rid=2");
}

#[test]
fn a_change_that_overtakes_the_twin_is_not_lost() {
    let mut scene = Scene::new(json!({})).confirmed();
    assert_eq!(scene.topic(), "$iothub/twin/GET/?$rid=1");
    scene.receives("$iothub/twin/PATCH/properties/desired/?$version=5", r#"{"a": 5}"#);
    scene.answers(1, 4, json!({}), json!({}));
    assert_eq!(scene.desires(), None);
    assert_eq!(scene.topic(), "$iothub/twin/GET/?$rid=2");
    scene.answers(2, 5, json!({"a": 5}), json!({}));
    assert_eq!(scene.desires(), Some((5, json!({"a": 5}))));
}

#[test]
fn patches_cannot_make_the_twin_grow_without_bound() {
    let mut scene = Scene::with_twin(json!({}), 1, json!({}), json!({}));
    for version in 2..200 {
        let patch = json!({format!("key{version}"): "x".repeat(4_000)});
        let topic = format!("$iothub/twin/PATCH/properties/desired/?$version={version}");
        scene.receives(&topic, &patch.to_string());
        let size = scene
            .session
            .twin
            .as_ref()
            .map_or(0, |twin| Value::Object(twin.desired.clone()).to_string().len());
        assert!(size <= LARGEST_DESIRED, "{size}");
    }
}

#[test]
fn a_call_is_answered_with_its_own_request_and_before_anything_else() {
    let mut scene = Scene::with_twin(json!({"a": 1}), 1, json!({}), json!({}));
    scene.receives("$iothub/methods/POST/ping/?$rid=f", "");
    let Some(Errand::Answer(call)) = scene.desk.next(Duration::ZERO) else { panic!("no call") };
    scene.desk.answer(&call, Answer { status: 200, payload: json!({"ok": true}) });
    let mail = scene.session.next(scene.now).unwrap();
    assert_eq!((&*mail.topic, &*mail.payload), ("$iothub/methods/res/200/?$rid=f", &br#"{"ok":true}"#[..]));
}

#[test]
fn answers_to_calls_of_an_earlier_session_are_not_sent() {
    let mut scene = Scene::new(json!({})).confirmed();
    scene.receives("$iothub/methods/POST/ping/?$rid=f", "");
    let Some(Errand::Answer(call)) = scene.desk.next(Duration::ZERO) else { panic!("no call") };
    scene.desk.answer(&call, Answer { status: 200, payload: json!({}) });
    let mut next = Correspondence::new(scene.desk.clone(), "press-3");
    assert_eq!(next.next(scene.now), None);
}
