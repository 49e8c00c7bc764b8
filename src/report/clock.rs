//! The wall clock: how it is written, and whether it can be believed.

use std::path::Path;

use andon_telemetry::Clock;

/// The file that systemd-timesyncd touches at its first synchronisation since the machine started
/// (systemd-timesyncd.service(8)); Raspberry Pi OS and Debian run it.
const SYNCHRONISED_MARK: &str = "/run/systemd/timesync/synchronized";

/// The state of the station's clock. Under another time service than systemd's it is never held for synchronised:
/// a doubt too many in a report does no harm.
#[must_use]
pub fn clock_state() -> Clock {
    if Path::new(SYNCHRONISED_MARK).exists() { Clock::Synchronised } else { Clock::Unsynchronised }
}

/// UTC to the millisecond.
pub(super) fn rfc3339(at: jiff::Timestamp) -> String {
    format!("{at:.3}")
}
