use std::time::Duration;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::*;

const GOOD: [(&str, &str); 5] = [
    ("FUNCTIONS_CUSTOMHANDLER_PORT", "7071"),
    ("MAILER_SMTP_HOST", "smtp.azurecomm.net"),
    ("MAILER_SMTP_FROM", "Andon <andon@plant.example>"),
    ("MAILER_TO", "lead@plant.example, Shift <shift@plant.example>,"),
    ("MAILER_STATE", "/var/lib/mailer"),
];

fn read(changes: &[(&str, &str)]) -> Result<Settings, Vec<Fault>> {
    let mut values: BTreeMap<&str, &str> = GOOD.into();
    values.extend(changes.iter().copied());
    Settings::read(values.into_iter().map(|(name, value)| (name.into(), value.into())))
}

fn faults(changes: &[(&str, &str)]) -> Vec<String> {
    read(changes).err().unwrap_or_default().into_iter().map(|fault| fault.variable).collect()
}

#[test]
fn few_settings_are_enough() {
    let settings = read(&[("PATH", "/bin"), ("IOTHUB_EVENTS", "x")]).unwrap();
    assert_eq!((settings.port, settings.smtp.port), (7071, 587));
    let [everybody] = settings.plan.recipients.as_slice() else { panic!("one recipient") };
    assert_eq!((everybody.to.len(), settings.plan.domain.as_str()), (2, "plant.example"));
    assert!(matches!(&settings.state, State::Folder(path) if path.ends_with("mailer")));
    assert_eq!(settings.smtp.security, Security::StartTls);
    assert_eq!(settings.smtp.timeout, Duration::from_secs(30));
    assert_eq!(settings.plan.zone, TimeZone::UTC);
}

#[test]
fn a_hubs_name_is_a_name_and_nothing_that_a_shell_would_run() {
    assert_eq!(read(&[("MAILER_HUB", " plant-hub ")]).unwrap().plan.hub, "plant-hub");
    assert_eq!(read(&[]).unwrap().plan.hub, "");
    for name in ["plant-hub.azure-devices.net", "a b", "$(id)", &"a".repeat(51)] {
        assert_eq!(faults(&[("MAILER_HUB", name)]), ["MAILER_HUB"], "{name}");
    }
}

#[test]
fn only_loopback_may_go_without_encryption() {
    use Security::{Implicit, Plain, StartTls};
    let cases = [
        ("smtp.plant.example", "", Ok(StartTls)),
        ("smtp.plant.example", "starttls", Ok(StartTls)),
        ("smtp.plant.example", "tls", Ok(Implicit)),
        ("smtp.plant.example", "none", Err(())),
        ("localhost.plant.example", "none", Err(())),
        ("127.0.0.1.plant.example", "none", Err(())),
        ("10.0.0.1", "none", Err(())),
        ("0.0.0.0", "none", Err(())),
        ("127.0.0.1", "", Ok(Plain)),
        ("::1", "", Ok(Plain)),
        ("localhost", "none", Ok(Plain)),
        ("127.0.0.2", "starttls", Ok(StartTls)),
        ("127.0.0.1", "opportunistic", Err(())),
    ];
    for (host, security, expected) in cases {
        let settings = read(&[("MAILER_SMTP_HOST", host), ("MAILER_SMTP_SECURITY", security)]);
        assert_eq!(
            settings.map(|settings| settings.smtp.security).map_err(drop),
            expected,
            "{host} {security}"
        );
    }
}

#[test]
fn every_impossible_value_is_a_fault_of_its_setting() {
    let cases = [
        ("FUNCTIONS_CUSTOMHANDLER_PORT", ["", "0", "65536"]),
        ("MAILER_SMTP_HOST", ["", "smtp.plant.example:587", "https://x"]),
        ("MAILER_SMTP_PORT", ["0", "x", "-1"]),
        ("MAILER_SMTP_TIMEOUT_SECONDS", ["0", "121", "5s"]),
        ("MAILER_SMTP_SECURITY", ["yes", "STARTTLS?", "ssl"]),
        ("MAILER_SMTP_FROM", ["", "andon", "a@x.example, b@x.example"]),
        ("MAILER_TO", [" , ", "lead", "lead@plant.example, @"]),
        ("MAILER_STATE", ["", " ", "@Microsoft.KeyVault(SecretUri=x)"]),
        ("MAILER_TIME_ZONE", ["Mars/Olympus", "CEST?", "+1"]),
        ("MAILER_SMTP_USER", ["alone", "alone", "alone"]),
        ("MAILER_SMPT_HOST", ["x", "y", ""]),
    ];
    for (variable, values) in cases {
        for value in values {
            let found = faults(&[(variable, value)]);
            let expected = if variable == "MAILER_SMTP_USER" { "MAILER_SMTP_PASSWORD" } else { variable };
            assert_eq!(found, [expected], "{variable}={value:?}");
        }
    }
}

#[test]
fn all_faults_are_reported_at_once_each_with_a_remedy() {
    let faults = Settings::read([("MAILER_SMTP_PORT".into(), "x".into())]).unwrap_err();
    assert_eq!(faults.len(), 6, "{faults:?}");
    assert!(faults.iter().all(|fault| fault.to_string().split("; ").count() >= 2), "{faults:?}");
}

#[test]
fn a_password_is_shown_by_nothing() {
    let login = [("MAILER_SMTP_USER", "andon"), ("MAILER_SMTP_PASSWORD", "geheim-4711")];
    let settings = read(&login).unwrap();
    assert_eq!(settings.smtp.login.as_ref().unwrap().1.reveal(), "geheim-4711");
    assert!(!format!("{settings:?}").contains("geheim"));
    let faults = read(&[login[1], ("MAILER_SMTP_PORT", "x")]).unwrap_err();
    assert!(!format!("{faults:?}").contains("geheim"));
}

#[test]
fn state_is_a_folder_or_a_container_and_its_key_is_shown_by_nothing() {
    let container = "https://plant.blob.core.windows.net/andon";
    let settings = read(&[("MAILER_STATE", container), ("MAILER_STATE_KEY", "c2VjcmV0")]).unwrap();
    assert!(matches!(&settings.state, State::Container(address, Some(_)) if address == container));
    assert!(!format!("{settings:?}").contains("c2VjcmV0"));
    assert_eq!(faults(&[("MAILER_STATE_KEY", "c2VjcmV0")]), ["MAILER_STATE_KEY"]);
}

#[test]
fn recipients_come_from_one_place_and_every_fault_of_the_plan_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recipients.toml");
    let path = path.to_str().unwrap();
    std::fs::write(path, include_str!("../../recipients.example.toml")).unwrap();
    assert_eq!(faults(&[("MAILER_PLAN", path)]), ["MAILER_TO"]);
    assert_eq!(read(&[("MAILER_PLAN", path), ("MAILER_TO", "")]).unwrap().plan.recipients.len(), 4);
    std::fs::write(path, "[rate]\nper_hour = 0\n").unwrap();
    assert_eq!(faults(&[("MAILER_PLAN", path), ("MAILER_TO", "")]), ["MAILER_PLAN", "MAILER_PLAN"]);
    assert_eq!(faults(&[("MAILER_PLAN", "/nowhere/plan.toml"), ("MAILER_TO", "")]), ["MAILER_PLAN"]);
}
