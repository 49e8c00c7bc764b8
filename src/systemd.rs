//! What systemd is told: ready, how things stand, proof of work, stopping.

use std::time::Duration;

use sd_notify::NotifyState;

/// The service manager that started this process, or nobody; then everything here does nothing.
///
/// It speaks sd_notify(3) and knows its watchdog from sd_watchdog_enabled(3).
#[derive(Clone, Copy, Debug, Default)]
pub struct Systemd {
    watchdog: Option<Duration>,
}

impl Systemd {
    /// Reads `WATCHDOG_USEC` and `WATCHDOG_PID`; `NOTIFY_SOCKET` is read at each word.
    #[must_use]
    pub fn from_environment() -> Self {
        Self { watchdog: sd_notify::watchdog_enabled() }
    }

    /// The longest time without [`Systemd::watchdog`] before the process is ended and started anew.
    #[must_use]
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The station is at work.
    pub fn ready(&self) {
        tell(&NotifyState::Ready);
    }

    /// The station takes a new configuration, and says [`Systemd::ready`] again once it is at work with it.
    pub fn reloading(&self) {
        // Without an instant systemd takes it for older than the request; it is that of sd_notify(3).
        let now = NotifyState::monotonic_usec_now();
        let states = now.map(|now| vec![NotifyState::Reloading, now]);
        match states.and_then(|states| sd_notify::notify(&states)) {
            Ok(()) => {}
            Err(error) => tracing::debug!("cannot tell systemd of the new configuration: {error}"),
        }
    }

    /// A line for `systemctl status`.
    pub fn status(&self, text: &str) {
        tell(&NotifyState::Status(text));
    }

    /// Work was done since the last call.
    pub fn watchdog(&self) {
        if self.watchdog.is_some() {
            tell(&NotifyState::Watchdog);
        }
    }

    /// The station ends in order.
    pub fn stopping(&self) {
        tell(&NotifyState::Stopping);
    }
}

fn tell(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::debug!("cannot tell systemd {state:?}: {error}");
    }
}
