//! What this process has used of the machine.

use std::{fs, io, time::Duration};

use cpu_time::ProcessTime;

use crate::cli::outcome::Failure;

/// Processor time of all threads of this process since its start.
pub(super) fn cpu() -> Duration {
    ProcessTime::now().as_duration()
}

/// The memory in use.
///
/// # Errors
/// Where the system does not tell.
pub(super) fn memory() -> Result<Memory, Failure> {
    Memory::look().map_err(|error| Failure::Failed(format!("cannot see the memory in use: {error}")))
}

/// Resident memory in megabytes of 1 000 000 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Memory {
    pub(super) now: f64,
    pub(super) peak: f64,
}

impl Memory {
    fn look() -> io::Result<Self> {
        let text = fs::read_to_string("/proc/self/status")?;
        Self::parse(&text).ok_or_else(|| io::Error::other("/proc/self/status has no VmRSS and VmHWM"))
    }

    /// Reads proc_pid_status(5), whose kB are 1024 bytes.
    fn parse(status: &str) -> Option<Self> {
        let megabytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            let kibibytes: u32 = line.trim().strip_suffix(" kB")?.parse().ok()?;
            Some(f64::from(kibibytes) * 1024.0 / 1e6)
        };
        Some(Self { now: megabytes("VmRSS")?, peak: megabytes("VmHWM")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_megabytes() {
        let status = "Name:\tandon\nVmHWM:\t   40000 kB\nVmRSS:\t   31250 kB\n";
        assert_eq!(Memory::parse(status), Some(Memory { now: 32.0, peak: 40.96 }));
        assert_eq!(Memory::parse("Name:\tandon\nVmHWM:\t   40000 kB\n"), None);
        let own = Memory::look().unwrap();
        assert!(own.now > 0.0 && own.now <= own.peak, "{own:?}");
    }

    #[test]
    fn processor_time_grows_with_work_of_any_thread() {
        let before = cpu();
        let work = || {
            (0..10_000_000_u64)
                .fold(0, |sum: u64, it| sum.wrapping_mul(31).wrapping_add(std::hint::black_box(it)))
        };
        std::thread::spawn(work).join().unwrap();
        assert!(cpu() - before > Duration::from_millis(1));
    }
}
