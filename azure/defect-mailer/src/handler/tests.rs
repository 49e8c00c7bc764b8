use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::post::Post;
use crate::settings::Settings;
use crate::store::Folder;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
}

/// A handler whose mail server is not there.
fn cut_off(state: &Path) -> Handler {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let environment = [
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "1"),
        ("MAILER_SMTP_HOST", "127.0.0.1"),
        ("MAILER_SMTP_PORT", &port),
        ("MAILER_SMTP_FROM", "andon@plant.example"),
        ("MAILER_TO", "lead@plant.example"),
        ("MAILER_STATE", state.to_str().unwrap()),
    ];
    let settings = Settings::read(environment.map(|(name, value)| (name.into(), value.into()))).unwrap();
    let dispatch = Dispatch::new(Post::new(settings.smtp).unwrap(), settings.from);
    Handler::new(Store::Folder(Folder::open(state).unwrap()), dispatch, settings.plan, "here")
}

fn event(source: &str, operation: &str, body: &Value) -> Invocation {
    let body = json!({
        "Data": { "events": [body] },
        "Metadata": {
            "SystemPropertiesArray":
                [{ "iothub-connection-device-id": "press-3", "iothub-message-source": source }],
            "PropertiesArray": [{ "opType": operation }],
        },
    });
    Invocation::read(body.to_string().as_bytes()).unwrap()
}

fn report(incident: &str) -> Invocation {
    let mut report: Value =
        serde_json::from_str(include_str!("../../../telemetry/examples/opens-an-incident.json")).unwrap();
    report["report_id"] = incident.into();
    report["incident"]["id"] = incident.into();
    event("Telemetry", "", &report)
}

#[tokio::test]
async fn what_is_kept_is_done_and_a_mail_that_is_stuck_is_the_clocks_failure() {
    let state = tempfile::tempdir().unwrap();
    let handler = cut_off(state.path());
    let answer = handler.invoke(report("i1"), at(0)).await;
    assert!(answer.done && answer.logs.iter().any(|line| line.contains("cannot be reached")), "{answer:?}");
    assert!(!handler.look_at_the_clock(at(1)).await.done);
    let answer = handler.look_at_the_clock(at(1)).await;
    let why = "1 notices and mails wait: the mail server failed 2 times in a row and is tried again at 2027-01-15T08:02:00Z";
    assert!(!answer.done && answer.logs == [why], "{answer:?}");
    assert_eq!(handler.desk().await.unwrap().waiting(), 1);
}

#[tokio::test]
async fn a_mail_that_nobody_takes_for_three_days_is_set_aside_as_it_reads() {
    let state = tempfile::tempdir().unwrap();
    let handler = cut_off(state.path());
    handler.invoke(report("i1"), at(0)).await;
    for minutes in [60, 71 * 60] {
        handler.look_at_the_clock(at(minutes)).await;
        assert!(handler.desk().await.unwrap().waiting() > 0, "{minutes}");
    }
    for minutes in 0..4 {
        handler.look_at_the_clock(at(74 * 60 + minutes * 60)).await;
    }
    let aside = std::fs::read_dir(state.path().join("refused")).unwrap().next().unwrap().unwrap();
    let aside = std::fs::read_to_string(aside.path()).unwrap();
    assert!(aside.contains("not taken for three days") && aside.contains("What to do"), "{aside}");
}

#[tokio::test]
async fn the_clock_tells_what_no_event_tells() {
    let state = tempfile::tempdir().unwrap();
    let handler = cut_off(state.path());
    handler.invoke(event("deviceConnectionStateEvents", "deviceDisconnected", &json!({})), at(0)).await;
    assert_eq!(handler.desk().await.unwrap().waiting(), 0);
    handler.look_at_the_clock(at(4)).await;
    assert_eq!(handler.desk().await.unwrap().waiting(), 0);
    handler.look_at_the_clock(at(5)).await;
    assert_eq!(handler.desk().await.unwrap().waiting(), 1);
    handler.look_at_the_clock(at(6)).await;
    assert_eq!(handler.desk().await.unwrap().waiting(), 1, "told once");
}

#[tokio::test]
async fn a_log_that_a_crash_left_before_the_desk_knew_of_it_is_found() {
    let state = tempfile::tempdir().unwrap();
    let handler = cut_off(state.path());
    // By the clock on the wall, which is also the files'.
    let now = Timestamp::now();
    let facts = intake::sort(report("i1").events, now).facts;
    handler.keep_facts(facts, now).await.unwrap();
    assert_eq!(handler.desk().await.unwrap().waiting(), 0);
    cut_off(state.path()).look_at_the_clock(now).await;
    assert_eq!(handler.desk().await.unwrap().waiting(), 1);
}

#[tokio::test]
async fn an_older_word_that_reaches_the_desk_later_does_not_make_it_forget_when_a_device_is_due() {
    let state = tempfile::tempdir().unwrap();
    let handler = cut_off(state.path());
    handler.invoke(report("i1"), at(0)).await;
    let due = handler.desk().await.unwrap().wakes("press-3");
    assert!(due.is_some());
    // Another instance had looked at the device's log before the report came, and found nothing to wait for.
    let older = kept::Handed { device: "press-3".to_owned(), notices: Vec::new(), due: None };
    handler.hand_on(vec![older], &[], at(0)).await.unwrap();
    assert_eq!(handler.desk().await.unwrap().wakes("press-3"), due);
}

#[tokio::test]
async fn a_crash_between_two_writes_tells_nothing_twice() {
    let state = tempfile::tempdir().unwrap();
    let handler = cut_off(state.path());
    let facts = || intake::sort(report("i1").events, at(0)).facts;
    let kept = handler.keep_facts(facts(), at(0)).await.unwrap();
    let plan = Arc::clone(&handler.plan);
    handler
        .on_the_desk(|desk| {
            let handed = &kept.handed[0];
            desk.take(&handed.device, &handed.notices, handed.due, at(0), &plan);
            ((), true)
        })
        .await
        .unwrap();
    // The log was not told that the desk has it; the host brings the batch again.
    let answer = cut_off(state.path()).invoke(report("i1"), at(1)).await;
    assert!(answer.done && answer.logs.iter().any(|line| line.contains("1 known before")), "{answer:?}");
    assert_eq!(handler.desk().await.unwrap().waiting(), 1);
}

#[tokio::test]
async fn a_document_that_cannot_be_understood_is_set_aside() {
    let state = tempfile::tempdir().unwrap();
    std::fs::write(state.path().join("desk.json"), "{\"version\": 99}").unwrap();
    let handler = cut_off(state.path());
    assert!(handler.invoke(report("i1"), at(0)).await.done);
    let aside = state.path().join("refused/unreadable-desk.json");
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "{\"version\": 99}");
}

/// What somebody might send who has a device's key, and a word of the reason that is told.
fn hostile() -> Vec<(Vec<u8>, &'static str)> {
    let good: Value =
        serde_json::from_str(include_str!("../../../telemetry/examples/opens-an-incident.json")).unwrap();
    let with = |place: &str, value: Value| {
        let mut report = good.clone();
        *report.pointer_mut(place).unwrap() = value;
        report.to_string().into_bytes()
    };
    let defects: Vec<Value> = vec![good["defects"][0].clone(); 10_000];
    vec![
        (vec![b'x'; 256 * 1024], "has 262144 bytes"),
        (with("/defects", json!(defects)), "bytes, at most 65536"),
        (with("/schema", json!("andon.defect/2")), "\"andon.defect/2\""),
        (
            with("/schema", json!("andon.defect/99999999999999999999")),
            "\"andon.defect/99999999999999999999\"",
        ),
        (with("/schema", json!(1)), "names no schema"),
        (with("/schema", json!("<script>\r\nBcc: all@evil.example")), "<script>"),
        (b"\xff\xfe\x00".to_vec(), "not JSON"),
        ("[".repeat(60_000).into_bytes(), "not JSON"),
        (with("/report_id", json!("x".repeat(5000))), "report_id is not an id"),
        (with("/incident/id", json!("a\r\nb")), "incident.id is not an id"),
        (with("/incident/count", json!(-1)), "does not fit"),
        (with("/captured_at", json!(1e300)), "does not fit"),
        (with("/defects", json!([{ "label": {} }])), "does not fit"),
    ]
}

#[tokio::test]
async fn what_an_outsider_sends_as_a_device_is_set_aside_and_told_with_its_reason() {
    let state = tempfile::tempdir().unwrap();
    let handler = cut_off(state.path());
    for (number, (body, reason)) in hostile().into_iter().enumerate() {
        let events = vec![crate::invocation::Event {
            device: Some("press-3".to_owned()),
            origin: format!("0/{number}"),
            source: crate::invocation::Source::Telemetry,
            enqueued: None,
            body,
        }];
        let answer = handler.invoke(Invocation { events }, at(0)).await;
        assert!(
            answer.done && answer.logs.iter().any(|line| line.contains("set aside")),
            "{reason}: {answer:?}"
        );
        assert!(!answer.logs.iter().any(|line| line.contains(['\r', '\n'])), "one line each: {answer:?}");
    }
    let aside = std::fs::read_dir(state.path().join("refused")).unwrap().count();
    assert_eq!(aside, hostile().len());
    let mut desk = handler.desk().await.unwrap();
    let claim = crate::desk::Claim { instance: "a".into(), run: "1".into(), until: at(20) };
    assert_eq!(desk.claim(&claim, at(14), &handler.plan), None, "they are gathered");
    let mail = desk.claim(&claim, at(15), &handler.plan).unwrap().mail;
    let letter =
        crate::letter::Letter::write(&mail, crate::letter::Language::English, &handler.plan.zone, "");
    assert_eq!(letter.subject, format!("[andon] {} events refused", hostile().len()));
    for (_, reason) in hostile() {
        assert!(letter.text.contains(reason), "{reason} is not in\n{}", letter.text);
    }
    assert!(!letter.text.contains("\nBcc") && !letter.html.contains("<script"), "{}", letter.html);
    assert_eq!(handler.desk().await.unwrap().waiting(), 0, "no mail was made of any of them");
}
