//! The process whose power is cut: the real outbox at work, and a word in a file of marks of what it promised.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use andon::outbox::{Limits, Outbox, Outgoing};
use rand::{Rng, SeedableRng, rngs::StdRng};

pub(super) const FOLDER: &str = "ANDON_CRASH_FOLDER";
pub(super) const SEED: &str = "ANDON_CRASH_WRITER_SEED";
pub(super) const STEPS: &str = "ANDON_CRASH_STEPS";

pub(super) const OUTBOX: &str = "outbox.db";
pub(super) const MARKS: &str = "marks";

/// Stored with each report, in the same transaction: the report's number.
pub(super) const MEMO: &str = "last";

/// What the outbox promised, or is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// This report is durable.
    Stored(u64),
    /// This report may be gone.
    Striking(u64),
    /// This report is gone.
    Struck(u64),
}

impl Mark {
    pub(super) fn parse(line: &str) -> Self {
        let (word, number) = line.split_once(' ').unwrap();
        let number = number.parse().unwrap();
        match word {
            "stored" => Self::Stored(number),
            "striking" => Self::Striking(number),
            "struck" => Self::Struck(number),
            other => panic!("no mark: {other}"),
        }
    }
}

pub(super) fn limits() -> Limits {
    Limits { reports: 1_000_000, bytes: 1 << 30 }
}

/// The report with this number of the run with this seed.
pub(super) fn report(seed: u64, number: u64) -> Outgoing {
    let mut chance = StdRng::seed_from_u64(seed ^ number.rotate_left(32));
    let text: String = (0..chance.random_range(200..4_000)).map(|_| chance.random_range('a'..='z')).collect();
    Outgoing {
        report_id: format!("report-{number}"),
        properties: vec![("severity".to_owned(), "major".to_owned())],
        json: format!("{{\"number\":{number},\"text\":\"{text}\"}}").into_bytes(),
    }
}

#[test]
#[ignore = "a part of the power cuts, which start it as a process of its own"]
fn the_process_whose_power_is_cut() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let number = |name| std::env::var(name).unwrap().parse().unwrap();
    work(&folder, number(SEED), number(STEPS));
}

fn work(folder: &Path, seed: u64, steps: u64) {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut marks = File::create(folder.join(MARKS)).unwrap();
    // One write for each word: its place among the outbox's writes is what counts.
    let mut mark = |word: &str, numbers: &[u64]| {
        let lines: String = numbers.iter().map(|number| format!("{word} {number}\n")).collect();
        marks.write_all(lines.as_bytes()).unwrap();
    };
    let open = || Outbox::open(&folder.join(OUTBOX), limits()).unwrap().0;
    let mut outbox = Some(open());
    let mut number = 0;
    for _ in 0..steps {
        let here = outbox.get_or_insert_with(open);
        match chance.random_range(0..100) {
            0..75 => {
                number += 1;
                let text = number.to_string();
                here.append(|_| Ok(report(seed, number)), &[(MEMO, &text)]).unwrap();
                mark("stored", &[number]);
            }
            75..97 => {
                let some = here.waiting_after(0, chance.random_range(1..5)).unwrap();
                let some: Vec<_> = some.into_iter().map(|entry| entry.sequence).collect();
                mark("striking", &some);
                here.acknowledge(&some).unwrap();
                mark("struck", &some);
            }
            // The last connection that closes writes the log back into the file and removes it.
            _ => outbox = None,
        }
    }
    // Ends as a power cut would have it: nothing is closed in order.
    std::process::abort();
}
