//! The reader as a whole: the shipped example, the faults of each kind, and arbitrary text.

mod example;
mod faults;
mod files;
mod nonsense;
mod plant;
mod tuned;

use std::path::Path;

use super::{Config, ConfigError};

/// The least that a station must be told.
const LEAST: &str = r#"[station]
id = "press-3"
line = "line 2"
product = "hinge"
[source]
kind = "folder"
path = "pictures"
[model]
pack = "models/pcb"
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/andon/station.toml"))
}

fn parse_more(more: &str) -> Result<Config, ConfigError> {
    parse(&format!("{LEAST}{more}"))
}

#[test]
fn a_station_needs_to_be_told_little() {
    let config = parse(LEAST).unwrap();
    assert_eq!(config.station.id, "press-3");
    assert_eq!(config.model.pack, Path::new("/etc/andon/models/pcb"));
    assert_eq!(config.evidence.unwrap().folder, Path::new("/var/lib/andon/evidence"));
    assert_eq!(config.hub.login.own().path(), Path::new("/etc/andon/hub-connection-string"));
    assert_eq!(config.hub.settings, crate::hub::HubSettings::default());
    assert_eq!(config.hub.window, crate::delivery::Pace::default().window);
    assert_eq!(config.log.to_string(), "info");
}

#[test]
fn evidence_that_is_not_enabled_is_none() {
    assert_eq!(parse_more("[evidence]\nenabled = false").unwrap().evidence, None);
}

#[test]
fn every_key_reaches_its_place() {
    let config = parse(
        r#"
[station]
id = "s.1_a"
line = "Linie Ä"
product = "x"
[source]
kind = "folder"
path = "/data/pictures"
frames_per_second = 12.5
repeat = true
[items]
mode = "passing"
frames_enough = 3
travel = "vertical"
belt = "light"
level = 0x60
coverage = 0.25
min_length_pixels = 10
region = { x = 1, y = 2, width = 3, height = 4 }
[model]
pack = "p"
engine = "onnxruntime"
library = "libonnxruntime.so"
threshold = 1
thresholds = { "pin-hole" = 0.5 }
[severity]
other = "minor"
labels.short = "critical"
[incidents]
quiet_minutes = 1
update_counts = [2, 3]
[evidence]
folder = "../pictures"
limit_megabytes = 2
[outbox]
file = "/var/lib/andon/o.db"
limit_reports = 5
limit_megabytes = 3
[hub]
connection_string_file = "key"
certificate_file = "c.pem"
private_key_file = "k.pem"
connect_host = "gateway.example"
port = 443
ca_file = "ca.pem"
system_authorities = false
keep_alive_seconds = 5
connect_timeout_seconds = 300
token_minutes = 2
reports_in_flight = 100
[hub.provisioning]
host = "dps.example"
id_scope = "0ne1"
registration_id = "s:1"
attestation = "certificate"
device_key_file = "dk"
[log]
level = "trace"
"#,
    )
    .unwrap();
    let shown = format!("{config:?}");
    let meant = [
        r#"Station { id: "s.1_a", line: "Linie Ä", product: "x" }"#,
        r#"Folder { path: "/data/pictures", pace: FramesPerSecond(12.5), repeat: true }"#,
        "Items { mode: Passing(PresenceRule { region: Some(Region { x: 1, y: 2, width: 3, height: 4 }), travel: \
         Vertical, belt: Light, level: 96, coverage: 0.25, min_length: 10 }), frames_enough: 3 }",
        r#"Model { pack: "/etc/andon/p", is_for_onnxruntime: true, library: Some("/etc/andon/libonnxruntime.so"), "#,
        r#"threshold: Some(Confidence(1.0)), "#,
        r#"thresholds: {"pin-hole": Confidence(0.5)} }"#,
        r#"Severities { other: Minor, by_label: {"short": Critical} }"#,
        "IncidentRule { quiet: 60s, updates: [2, 3] }",
        r#"Evidence { folder: "/etc/andon/../pictures", limit_bytes: 2000000 }"#,
        r#"Outbox { file: "/var/lib/andon/o.db", limits: Limits { reports: 5, bytes: 3000000 } }"#,
        r#"place: File("/etc/andon/key")"#,
        r#"place: File("/etc/andon/c.pem")"#,
        r#"place: File("/etc/andon/k.pem")"#,
        r#"Provisioning { host: "dps.example", id_scope: "0ne1", registration: RegistrationId("s:1"), "#,
        r#"by_certificate: true, "#,
        r#"place: File("/etc/andon/dk") }, memory: "/var/lib/andon/o.hub.json""#,
        r#"settings: HubSettings { connect_host: Some("gateway.example"), port: 443, trust: Only("#,
        r#"Only("/etc/andon/ca.pem"), keep_alive: 5s, connect_timeout: 300s, token_life: 120s, product: "andon"#,
        "window: 100 }, log: Trace, paused: false }",
    ];
    for part in meant {
        assert!(shown.contains(part), "{part}\nis not in\n{shown}");
    }
}

#[test]
fn a_region_counts_for_single_frames_as_for_passing_items() {
    let region = crate::inspection::Region { x: 8, y: 0, width: 640, height: 320 };
    for mode in ["frame", "passing"] {
        let text =
            format!("[items]\nmode = \"{mode}\"\nregion = {{ x = 8, y = 0, width = 640, height = 320 }}");
        assert_eq!(parse_more(&text).unwrap().items.mode.region(), Some(region), "{mode}");
    }
}

#[cfg(feature = "websocket")]
#[test]
fn websocket_has_a_port_of_its_own_unless_one_is_written() {
    let port = |more: &str| {
        parse_more(&format!("[hub]\ncarrier = \"websocket\"\n{more}")).unwrap().hub.settings.port
    };
    assert_eq!(port(""), 443);
    assert_eq!(port("port = 8443"), 8443);
}
