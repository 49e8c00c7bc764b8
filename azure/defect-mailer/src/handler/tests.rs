use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::ledger::Folder;
use crate::post::Post;
use crate::settings::Settings;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap()
}

/// A handler whose mail server is not there.
fn cut_off(state: &Path) -> Handler<Folder> {
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
    let dispatch =
        Dispatch::new(Post::new(settings.smtp).unwrap(), settings.from, settings.to, settings.zone);
    Handler::new(Folder::open(state).unwrap(), dispatch)
}

fn batch(incident: &str) -> Invocation {
    let mut report: Value =
        serde_json::from_str(include_str!("../../../telemetry/examples/opens-an-incident.json")).unwrap();
    report["report_id"] = incident.into();
    report["incident"]["id"] = incident.into();
    let body = json!({
        "Data": { "events": [report] },
        "Metadata": { "SystemPropertiesArray": [{ "iothub-connection-device-id": "press-3" }] },
    });
    Invocation::read(body.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn the_host_is_asked_again_for_an_hour_and_the_mail_waits_for_three_days() {
    let state = tempfile::tempdir().unwrap();
    let handler = cut_off(state.path());
    let mut waits = Vec::new();
    for hours in [0, 0, 2, 71, 74] {
        let answer = handler.invoke(batch("i1"), at(hours)).await;
        waits.push((answer.done, handler.ledger.owing().len()));
    }
    assert_eq!(waits, [(false, 1), (false, 1), (true, 1), (true, 1), (true, 0)]);
    let aside = std::fs::read_dir(state.path().join("refused")).unwrap().next().unwrap().unwrap();
    let aside = std::fs::read_to_string(aside.path()).unwrap();
    assert!(aside.contains("not taken for three days") && aside.contains("What to do"), "{aside}");
}

#[tokio::test]
async fn an_old_mail_does_not_speak_for_a_new_one() {
    let state = tempfile::tempdir().unwrap();
    let handler = cut_off(state.path());
    assert!(!handler.invoke(batch("i1"), at(0)).await.done);
    assert!(!handler.invoke(batch("i2"), at(5)).await.done);
    assert!(handler.invoke(batch("i1"), at(7)).await.done);
}
