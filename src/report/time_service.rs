//! Whether a time service has confirmed the computer's clock.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use andon_telemetry::Clock;

/// The file that systemd-timesyncd touches at its first synchronisation since the machine started
/// (systemd-timesyncd.service(8)); Raspberry Pi OS and Debian run it.
const SYNCHRONISED_MARK: &str = "/run/systemd/timesync/synchronized";

/// How often the kernel's state is asked for until it is good.
const PAUSE: Duration = Duration::from_secs(10);

/// What was good once stays good: a clock that was set drifts by seconds a day.
static IS_CONFIRMED: AtomicBool = AtomicBool::new(false);

/// The state of the computer's clock, as far as it is known by now; nothing is waited for.
#[must_use]
pub fn clock_state() -> Clock {
    if IS_CONFIRMED.load(Ordering::Relaxed) || Path::new(SYNCHRONISED_MARK).exists() {
        Clock::Synchronised
    } else {
        Clock::Unsynchronised
    }
}

/// Asks for the kernel's synchronisation state (adjtimex(2)), which every time service sets: chrony, ntpsec, ptp4l. It is
/// systemd that looks, as a service in a sandbox may not; where there is no systemd the state stays unknown.
///
/// # Errors
/// When `timedatectl` cannot be run.
pub fn ask_time_service() -> io::Result<()> {
    let asked = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    if is_yes(&asked.stdout) {
        IS_CONFIRMED.store(true, Ordering::Relaxed);
    }
    Ok(())
}

fn is_yes(answer: &[u8]) -> bool {
    answer.trim_ascii() == b"yes"
}

/// Asks again and again, on a thread of its own, until the clock is confirmed or there is nobody to ask.
///
/// # Errors
/// When no thread can be started.
pub fn follow_time_service() -> io::Result<()> {
    let follow = || {
        while ask_time_service().is_ok() && clock_state() == Clock::Unsynchronised {
            thread::sleep(PAUSE);
        }
    };
    thread::Builder::new().name("clock".to_owned()).spawn(follow).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_confirms_the_clock() {
        for (answer, expected) in [
            ("yes\n", true),
            ("no\n", false),
            ("", false),
            ("NTPSynchronized=yes\n", false),
            ("yes no", false),
        ] {
            assert_eq!(is_yes(answer.as_bytes()), expected, "{answer:?}");
        }
    }
}
