//! What this process and its children use, as Linux says in `/proc`.

use std::time::Duration;

/// Memory and time used until now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Bytes in memory.
    pub resident: u64,
    /// Processor time of this process.
    pub own: Duration,
    /// Processor time of children that have ended.
    pub children: Duration,
}

/// As far as `/proc` can be read; zeros otherwise.
#[must_use]
pub fn now() -> Usage {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    parse(&status, &stat)
}

/// proc(5): `VmRSS` in kB; fields 14 to 17 of `stat` in ticks, of which there are 100 a second on every Linux that
/// Rust runs on.
fn parse(status: &str, stat: &str) -> Usage {
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    // The program's name may hold spaces and ends with the last bracket.
    let fields: Vec<u64> = stat
        .rsplit_once(')')
        .map(|(_, rest)| {
            rest.split_whitespace().skip(11).take(4).filter_map(|field| field.parse().ok()).collect()
        })
        .unwrap_or_default();
    let ticks = |from: usize| {
        let ticks: u64 = fields.iter().skip(from).take(2).sum();
        Duration::from_millis(ticks * 10)
    };
    Usage { resident: kilobytes.unwrap_or(0) * 1024, own: ticks(0), children: ticks(2) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_says_is_understood() {
        let status = "Name:\tandon fleet\nVmRSS:\t   2048 kB\n";
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 20 5 20 0";
        let usage = parse(status, stat);
        assert_eq!(usage.resident, 2 * 1024 * 1024);
        assert_eq!((usage.own, usage.children), (Duration::from_secs(2), Duration::from_millis(250)));
        assert_eq!(parse("", ""), Usage::default());
    }
}
