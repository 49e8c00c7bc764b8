//! The wall clock: how it is written, whether it can be right at all, and what a report says while nobody confirmed it.

use std::{
    env, fs,
    sync::OnceLock,
    time::{Duration, Instant},
};

use andon_telemetry::{Clock, Uptime};
use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};

use super::time_service::clock_state;

/// The name of this run of the kernel (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The variable in which the unit hands that name over, as its sandbox hides the file.
const BOOT_ID_FROM_UNIT: &str = "ANDON_BOOT_ID";

/// No station ran this program before; a computer without a battery for its clock begins in 1970, or on the day on which
/// its system was made.
const EARLIEST: i64 = 1_735_689_600; // 2025-01-01T00:00:00Z

/// Whether the clock cannot be right, whatever a time service says.
#[must_use]
pub fn is_known_wrong(now: Timestamp) -> bool {
    now.as_second() < EARLIEST
}

/// UTC to the millisecond.
pub(super) fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// How long the computer had been up at this instant.
pub(super) fn uptime_at(instant: Instant) -> Uptime {
    let ago = Instant::now().saturating_duration_since(instant);
    let milliseconds = uptime().saturating_sub(ago).as_millis();
    Uptime { boot: boot().to_owned(), milliseconds: u64::try_from(milliseconds).unwrap_or(u64::MAX) }
}

/// A report, as JSON, with the time at which its item was captured as it is known now; `None` where there is nothing to
/// correct, or the clock still cannot be believed.
#[must_use]
pub fn corrected(json: &[u8]) -> Option<Vec<u8>> {
    // Looked at before anything is parsed, as nearly all reports pass here with a good time.
    memchr::memmem::find(json, br#""clock":"unsynchronised""#)?;
    if clock_state() == Clock::Unsynchronised {
        return None;
    }
    corrected_at(json, boot(), uptime(), Timestamp::now())
}

/// The same at a moment when this run of the kernel has lasted `uptime` and the time is `now`.
fn corrected_at(json: &[u8], boot: &str, uptime: Duration, now: Timestamp) -> Option<Vec<u8>> {
    let mut report = andon_telemetry::read(json).ok()?;
    let captured = report.uptime.as_ref().filter(|it| it.boot == boot)?;
    let captured = Duration::from_millis(captured.milliseconds);
    let signed = |it: Duration| SignedDuration::try_from(it).ok();
    let believed: Timestamp = report.captured_at.parse().ok()?;
    let known = now.checked_sub(signed(uptime.checked_sub(captured)?)?).ok()?;
    let off = known.duration_since(believed);
    // An incident that was opened by the same wrong clock was opened as much earlier or later.
    let started = believed.checked_sub(signed(captured)?).ok()?;
    let opened: Timestamp = report.incident.opened_at.parse().ok()?;
    if opened >= started {
        report.incident.opened_at = rfc3339(opened.checked_add(off).ok()?);
    }
    report.captured_at = rfc3339(known);
    report.clock = Clock::Synchronised;
    serde_json::to_vec(&report).ok()
}

fn uptime() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let (seconds, nanos) =
        (u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0));
    Duration::new(seconds, nanos)
}

/// Where nobody tells the kernel's name for its run, a name for the run of this process: what was captured before is then
/// not corrected, which is no wrong time.
fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        let told = fs::read_to_string(BOOT_ID).ok().or_else(|| env::var(BOOT_ID_FROM_UNIT).ok());
        told.as_deref().and_then(boot_id).unwrap_or_else(|| uuid::Uuid::now_v7().to_string())
    })
}

/// The kernel writes it with hyphens, systemd without.
fn boot_id(text: &str) -> Option<String> {
    text.trim().parse::<uuid::Uuid>().ok().map(|id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: &str = "2f1c8a3e-0d52-4b6a-9a51-7c3a6a0c5d10";

    /// Captured 100 s after the start by a clock that began in 1970.
    fn report(opened_at: &str) -> Vec<u8> {
        let example = include_str!(
            "../../azure/telemetry/examples/updates-an-incident-with-an-unsynchronised-clock.json"
        );
        let mut report = andon_telemetry::read(example.as_bytes()).unwrap();
        report.captured_at = "1970-01-01T00:01:45.500Z".to_owned();
        report.incident.opened_at = opened_at.to_owned();
        report.uptime = Some(Uptime { boot: BOOT.to_owned(), milliseconds: 100_000 });
        serde_json::to_vec(&report).unwrap()
    }

    fn corrected(json: &[u8], boot: &str, uptime: u64) -> Option<andon_telemetry::Report> {
        let now = "2026-11-25T12:00:00Z".parse().unwrap();
        let corrected = corrected_at(json, boot, Duration::from_secs(uptime), now)?;
        Some(andon_telemetry::read(&corrected).unwrap())
    }

    #[test]
    fn the_time_of_a_report_is_corrected_once_the_clock_is_known() {
        let report = corrected(&report("1970-01-01T00:00:45.500Z"), BOOT, 3700).unwrap();
        assert_eq!(report.captured_at, "2026-11-25T11:00:00.000Z");
        assert_eq!(report.clock, Clock::Synchronised);
        assert_eq!(report.incident.opened_at, "2026-11-25T10:59:00.000Z");
        assert!(report.uptime.is_some(), "it is seen that it was corrected");
    }

    #[test]
    fn an_incident_that_an_earlier_clock_opened_keeps_its_time() {
        let before = "1970-01-01T00:00:05.499Z";
        let report = corrected(&report(before), BOOT, 3700).unwrap();
        assert_eq!(report.captured_at, "2026-11-25T11:00:00.000Z");
        assert_eq!(report.incident.opened_at, before);
    }

    #[test]
    fn a_report_of_another_run_of_the_kernel_is_left_as_it_is() {
        assert_eq!(corrected(&report("1970-01-01T00:00:45.500Z"), "another", 3700), None);
        // Captured later than now: not of this run, whatever its name.
        assert_eq!(corrected(&report("1970-01-01T00:00:45.500Z"), BOOT, 99), None);
        assert_eq!(corrected(b"{\"clock\":\"unsynchronised\"}", BOOT, 3700), None);
    }

    #[test]
    fn a_run_of_the_kernel_has_one_name_whoever_tells_it() {
        assert_eq!(boot_id(&format!("{BOOT}\n")).as_deref(), Some(BOOT));
        assert_eq!(boot_id(&BOOT.replace('-', "")).as_deref(), Some(BOOT));
        assert_eq!(boot_id("%b"), None);
    }

    #[test]
    fn an_instant_is_told_as_the_time_since_the_start() {
        let (before, now) = (uptime(), uptime_at(Instant::now()));
        assert!(now.milliseconds >= u64::try_from(before.as_millis()).unwrap());
        assert!(!now.boot.is_empty());
    }

    #[test]
    fn a_clock_from_before_there_were_stations_is_known_to_be_wrong() {
        for (now, wrong) in [
            ("1970-01-01T00:00:12Z", true),
            ("2024-12-31T23:59:59Z", true),
            ("2025-01-01T00:00:00Z", false),
            ("2026-11-25T00:00:00Z", false),
        ] {
            assert_eq!(is_known_wrong(now.parse().unwrap()), wrong, "{now}");
        }
    }
}
