//! What becomes of batches when everything works.

use serde_json::{Value, json};

use super::host::{batch, payload, report};
use super::mail_server::MailServer;
use super::mailer::{Start, set_aside};

#[test]
fn a_report_becomes_one_mail_with_everything_a_supervisor_needs() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let mailer = Start::brisk(server.port, state.path()).go();
    let (status, answer) = mailer.invoke(&batch(&[report("i1", 1, "open")]));
    assert_eq!(status, 200, "{answer}");
    let mail = server.next();
    assert_eq!(mail.to, ["lead@plant.example"]);
    assert_eq!(mail.header("Subject").unwrap(), "[andon] line-1/press-3: NG short");
    assert_eq!(mail.header("Auto-Submitted").unwrap(), "auto-generated");
    assert_eq!(mail.header("In-Reply-To"), None);
    assert!(mail.id().ends_with("@plant.example>"), "{}", mail.id());
    for fact in
        ["board rev C", "06:01:07 UTC", "93 %", "2026-11-23/000101", "at the upper right", "What to do"]
    {
        assert_eq!(mail.text().matches(fact).count().min(2), 2, "{fact} in text and HTML:\n{}", mail.text());
    }
}

#[test]
fn an_incidents_reports_in_one_batch_are_one_mail() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let mailer = Start::brisk(server.port, state.path()).go();
    let mut reports = vec![report("i1", 1, "open")];
    reports.extend((2..10).map(|n| report("i1", n, "none")));
    reports.push(report("i1", 10, "update"));
    assert_eq!(mailer.invoke(&batch(&reports)).0, 200);
    assert!(server.next().text().contains("10 items since"));
    assert_eq!(server.all(), []);
}

#[test]
fn further_reports_are_counted_and_told_by_the_next_update() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let mailer = Start::brisk(server.port, state.path()).go();
    mailer.invoke(&batch(&[report("i1", 1, "open")]));
    let opening = server.next();
    for n in 2..10 {
        assert_eq!(mailer.invoke(&batch(&[report("i1", n, "none")])).0, 200);
    }
    assert_eq!(server.all(), []);
    mailer.invoke(&batch(&[report("i1", 10, "update")]));
    let update = server.next();
    assert_eq!(update.header("In-Reply-To").unwrap(), opening.id());
    assert_eq!(update.header("References").unwrap(), opening.id());
    assert_ne!(update.id(), opening.id());
    assert!(update.text().contains("10 in all, 9 new in this mail"), "{}", update.text());
}

#[test]
fn a_duplicate_is_dropped_within_a_batch_across_batches_and_across_a_restart() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let start = Start::brisk(server.port, state.path());
    let mailer = start.go();
    let once = batch(&[report("i1", 1, "open"), report("i1", 1, "open")]);
    assert_eq!(mailer.invoke(&once).0, 200);
    assert!(server.next().text().contains("1 item since"));
    assert_eq!(mailer.invoke(&once).0, 200);
    mailer.kill();
    let mailer = start.go();
    assert_eq!(mailer.invoke(&once).0, 200);
    assert_eq!(server.all(), []);
    // The same report id from another device is another report.
    let other = payload(&[("press-4", report("i1", 1, "open").to_string())]);
    assert_eq!(mailer.invoke(&other).0, 200);
    assert!(server.next().header("Subject").unwrap().contains("press-4"));
}

#[test]
fn the_sender_is_who_the_hub_says_and_a_false_name_is_pointed_out() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let mailer = Start::brisk(server.port, state.path()).go();
    let mut body = report("i1", 1, "open");
    body["station"]["id"] = "press-9".into();
    assert_eq!(mailer.invoke(&payload(&[("press-3", body.to_string())])).0, 200);
    let mail = server.next();
    assert!(mail.header("Subject").unwrap().contains("line-1/press-3"));
    assert!(mail.text().contains("took it from device"), "{}", mail.text());
}

#[test]
fn poison_is_set_aside_with_its_reason_and_the_rest_of_the_batch_is_mailed() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let mailer = Start::brisk(server.port, state.path()).go();
    let mut next_version = report("i1", 2, "none");
    next_version["schema"] = "andon.defect/2".into();
    let mut misfit = report("i1", 3, "none");
    misfit["incident"]["count"] = "many".into();
    let mut huge_id = report("i1", 4, "none");
    huge_id["report_id"] = "x".repeat(5000).into();
    let poison = [
        "no JSON at all".to_owned(),
        "\u{0}\u{1}\u{fffd}".to_owned(),
        next_version.to_string(),
        misfit.to_string(),
        huge_id.to_string(),
        "7".repeat(1024 * 1024),
        "[".repeat(200_000),
    ];
    let mut events: Vec<(&str, String)> = poison.iter().map(|body| ("press-3", body.clone())).collect();
    events.insert(3, ("press-3", report("i1", 1, "open").to_string()));
    events.push(("", report("i5", 1, "open").to_string()));
    let (status, answer) = mailer.invoke(&payload(&events));
    assert_eq!(status, 200, "{answer}");
    assert!(server.next().text().contains("1 item since"));
    assert_eq!(server.all(), []);
    let aside = set_aside(state.path());
    assert_eq!(aside.len(), 8, "{aside:#?}");
    for reason in
        ["not JSON", "andon.defect/2", "does not fit", "not an id", "at most 65536", "name no sender"]
    {
        assert!(
            aside.iter().any(|one| one["reason"].as_str().unwrap().contains(reason)),
            "{reason}: {aside:#?}"
        );
        assert!(answer.to_string().contains(reason), "{reason} should be in the host's log");
    }
    // The host may bring the batch again: nothing is set aside twice.
    assert_eq!(mailer.invoke(&payload(&events)).0, 200);
    assert_eq!(set_aside(state.path()).len(), 8);
}

#[test]
fn every_shape_that_the_host_may_choose_is_read() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let mailer = Start::brisk(server.port, state.path()).go();
    let system = json!({ "iothub-connection-device-id": "press-3" });
    let text = |value: &Value| Value::String(value.to_string());
    let event = |n: u64| report(&format!("i{n}"), 1, "open");
    let shapes = [
        json!({ "Data": { "events": [event(1)] }, "Metadata": { "SystemPropertiesArray": [system] } }),
        json!({ "Data": { "events": [text(&event(2))] }, "Metadata": { "SystemPropertiesArray": [text(&system)] } }),
        json!({ "Data": { "events": text(&json!([event(3)])) }, "Metadata": text(&json!({ "SystemPropertiesArray": text(&json!([system])) })) }),
        json!({ "Data": { "events": text(&event(4)) }, "Metadata": { "SystemProperties": system } }),
        json!({ "Data": { "events": text(&text(&event(5))) }, "Metadata": { "SystemProperties": text(&system) } }),
        json!({ "Data": { "batch": event(6) }, "Metadata": { "SystemPropertiesArray": [system] } }),
    ];
    for shape in shapes {
        let (status, answer) = mailer.invoke(&shape);
        assert_eq!((status, server.all().len()), (200, 1), "{shape:#}\n{answer:#}");
    }
}

#[test]
fn bodies_and_requests_that_are_not_the_hosts_get_a_4xx_and_json() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let mailer = Start::brisk(server.port, state.path()).go();
    let cases: [(&str, &str, &[u8], u16); 13] = [
        ("GET", "/", b"", 200),
        ("POST", "/", b"", 405),
        ("GET", "/DefectMailer", b"", 405),
        ("GET", "/Clock", b"", 405),
        ("POST", "/Clock", b"anything", 200),
        ("GET", "/nowhere", b"", 404),
        ("POST", "/DefectMailer", b"", 400),
        ("POST", "/DefectMailer", b"garbage \xff\x00", 400),
        ("POST", "/DefectMailer", b"null", 400),
        ("POST", "/DefectMailer", b"{}", 400),
        ("POST", "/DefectMailer", b"{\"Data\": []}", 400),
        ("POST", "/DefectMailer", b"{\"Data\": {\"events\": null}}", 400),
        ("POST", "/DefectMailer", b"{\"Data\": {\"events\": \"[]\"}, \"Metadata\": 7}", 200),
    ];
    for (method, path, body, expected) in cases {
        let (status, answer) = mailer.request(method, path, body);
        assert_eq!(status, expected, "{method} {path} {body:?}: {answer}");
        assert!(answer["Logs"].is_array(), "{answer}");
    }
    let too_large = vec![b' '; defect_mailer::http::LARGEST_BODY + 1];
    assert_eq!(mailer.request("POST", "/DefectMailer", &too_large).0, 413);
}

#[test]
fn a_storm_is_one_mail_a_recipient_with_a_table_in_its_language() {
    let (state, server) = (tempfile::tempdir().unwrap(), MailServer::start(&[]));
    let plan = "language = \"de\"\n[[recipient]]\nname = \"a\"\nto = [\"a@plant.example\"]\n\
                [[recipient]]\nname = \"b\"\nto = [\"b@plant.example\"]\nlanguage = \"en\"\nlines = [\"line-1\"]\n";
    let mailer = Start::new(server.port, state.path()).planned(state.path(), plan).go();
    let devices: Vec<String> = (0..20).map(|n| format!("press-{n}")).collect();
    let events: Vec<(&str, String)> = devices
        .iter()
        .map(|device| {
            let mut one = report("i1", 1, "open");
            one["station"]["id"] = device.as_str().into();
            (device.as_str(), one.to_string())
        })
        .collect();
    assert_eq!(mailer.invoke(&payload(&events)).0, 200);
    let mut mails = server.all();
    mails.sort_by(|a, b| a.to.cmp(&b.to));
    let subjects: Vec<_> = mails.iter().map(|mail| mail.header("Subject").unwrap()).collect();
    assert_eq!(subjects, ["[andon] 20 Stationen: 20 Teile", "[andon] 20 stations: 20 items"]);
    for mail in &mails {
        assert!(devices.iter().all(|device| mail.text().contains(device)), "{}", mail.text());
        assert_eq!(mail.new_items(), 20);
    }
}
