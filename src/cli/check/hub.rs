//! Whether a station reaches its hub, and what that stands on: its clock, and whom it believes.

use andon_telemetry::Clock;

use super::checked::Checked;
use crate::{
    agent::{self, AssemblyError},
    config::Config,
    delivery::{Link, Session},
    hub::{Hub, Trust},
    outbox::Outbox,
    report::{ask_time_service, clock_state, is_known_wrong},
};

/// A certificate that runs out sooner should be on somebody's list.
const FEW_DAYS: i64 = 30;

pub(super) fn login(config: &Config, together: &[Config], offline: bool) -> Checked {
    if let Err(error @ AssemblyError::SameDevice { .. }) = agent::identities(together) {
        return Checked::fault("hub", error);
    }
    let identity = match config.hub.login.read() {
        Ok(identity) => identity.without_memory(),
        Err(error) => return Checked::fault("hub", error),
    };
    let who = identity.to_string();
    let certificate = identity.certificate().cloned();
    let link = match Hub::new(identity, config.hub.settings.clone()) {
        Ok(link) => link,
        Err(error) => return Checked::fault("hub", error),
    };
    let (is_in_order, message) = if offline {
        (true, format!("{who}; not logged in, as --offline says"))
    } else if Outbox::is_in_use(&config.outbox.file) {
        // IoT Hub allows one connection a device: a log-in here would cut the running agent's.
        (false, format!("{who}; not logged in, as its agent is running"))
    } else {
        match log_in(link) {
            Ok(()) => (true, format!("{who}: logged in")),
            Err(error) => return Checked::fault("hub", error),
        }
    };
    let days = certificate.map(|it| it.days_left(jiff::Timestamp::now()));
    match days {
        Some(days) if days < FEW_DAYS => {
            Checked::warning("hub", format!("{message}; its certificate runs out in {days} days: renew it"))
        }
        _ if is_in_order => Checked::ok("hub", message),
        _ => Checked::warning("hub", message),
    }
}

/// Whether the station would believe the real hub; one that has a private authority may be for a gateway alone.
pub(super) fn authorities(config: &Config) -> Checked {
    let trust = &config.hub.settings.trust;
    match (trust, trust.without_azure()) {
        (_, missing) if missing.is_empty() => Checked::ok("authorities", "Azure's are known"),
        (Trust::System, missing) => Checked::warning(
            "authorities",
            format!(
                "{} not known; install the package ca-certificates, or a newer one",
                missing.join(" and ")
            ),
        ),
        (_, missing) => {
            Checked::ok("authorities", format!("a private one; {} not known", missing.join(" and ")))
        }
    }
}

pub(super) fn clock() -> Checked {
    let now = jiff::Timestamp::now();
    let time = format!("{now:.0}");
    if is_known_wrong(now) {
        return Checked::fault(
            "clock",
            format!(
                "{time} cannot be; no hub takes a login by it: see to a time server, or timedatectl set-time"
            ),
        );
    }
    // Where nobody can be asked the state stays what it is.
    let _ = ask_time_service();
    match clock_state() {
        Clock::Synchronised => Checked::ok("clock", format!("{time}, as a time server confirmed")),
        Clock::Unsynchronised => Checked::ok(
            "clock",
            format!("{time}; no time service has confirmed it, and reports say so until one does"),
        ),
    }
}

fn log_in(mut link: Hub) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the network: {error}"))?;
    let done = runtime.block_on(async {
        let session = link.connect().await.map_err(|error| error.to_string())?;
        session.close().await;
        Ok(())
    });
    // A name that is being looked up while the network is gone cannot be interrupted.
    runtime.shutdown_background();
    done
}
