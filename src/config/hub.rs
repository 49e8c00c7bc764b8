//! `[hub]`: how to reach IoT Hub, whom to believe, how to log in.

use std::{path::Path, time::Duration};

use super::{
    document::{Document, Section},
    login::{Login, machine},
    value::{flag, path, whole, word},
};
use crate::hub::{Carrier, HAS_WEBSOCKET, HubSettings, Trust};

/// The hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    /// Who the station is there, and where the proof is kept.
    pub login: Login,
    /// How to reach the hub and log in.
    pub settings: HubSettings,
    /// Reports in flight at most; 1..=100.
    pub window: usize,
}

pub(super) fn read(document: &Document<'_>, folder: &Path, login: Login) -> Hub {
    let section = document.section("hub");
    let seconds = |default, key, range| -> Duration {
        Duration::from_secs(section.or(default, key, whole(range, "seconds")))
    };
    let minutes: u64 = section.or(60, "token_minutes", whole(2..=1440, "minutes"));
    let carrier = carrier(&section);
    let settings = HubSettings {
        connect_host: section.optional("connect_host", machine),
        port: section.or(carrier.port(), "port", whole(1..=65_535, "")),
        trust: trust(&section, folder),
        keep_alive: seconds(240, "keep_alive_seconds", 5..=1177),
        connect_timeout: seconds(30, "connect_timeout_seconds", 1..=300),
        token_life: Duration::from_secs(60 * minutes),
        carrier,
        ..HubSettings::default()
    };
    Hub { login, settings, window: section.or(16, "reports_in_flight", whole(1..=100, "reports")) }
}

fn carrier(section: &Section<'_>) -> Carrier {
    let carriers = [("tls", Carrier::Tls), ("websocket", Carrier::WebSocket)];
    let carrier = section.or(Carrier::Tls, "carrier", word(&carriers));
    if carrier == Carrier::WebSocket && !HAS_WEBSOCKET {
        let remedy =
            "install one that was built with --features websocket, or let TCP port 8883 out and remove this";
        section.refuse("carrier", "this andon was built without WebSocket", remedy);
    }
    carrier
}

fn trust(section: &Section<'_>, folder: &Path) -> Trust {
    let file = section.optional("ca_file", path(folder));
    let system = section.or(true, "system_authorities", flag);
    match (file, system) {
        (None, true) => Trust::System,
        (Some(file), true) => Trust::SystemAnd(file),
        (Some(file), false) => Trust::Only(file),
        (None, false) => {
            if !section.is_written_key("ca_file") {
                let problem = "without a ca_file nobody could vouch for the hub";
                section.refuse("system_authorities", problem, "add ca_file, or write true");
            }
            Trust::System
        }
    }
}
