//! Power cuts: the outbox's own writes up to a random one, those that were not synchronised lost or torn.

use std::{collections::BTreeSet, path::Path};

use andon::outbox::{Opening, Outbox};
use rand::Rng;

use super::{
    chance,
    disk::Disk,
    recording::{Deed, record},
    rounds,
    writer::{MEMO, Mark, OUTBOX, limits, report},
};

/// Power cuts of one run of the writer.
const CUTS: u32 = 100;

#[test]
fn power_cuts_between_any_two_writes_lose_no_report_that_was_durable() {
    let mut chance = chance("power");
    let rounds = rounds(40);
    // Two thousand pages make the outbox write its log back into the file, which one long run does.
    let steps = if rounds > CUTS { 600 } else { 150 };
    let (mut done, mut durable) = (0, 0);
    while done < rounds {
        let folder = tempfile::tempdir().unwrap();
        let seed = chance.random();
        let deeds = record(folder.path(), seed, steps);
        for _ in 0..CUTS.min(rounds - done) {
            let cut = chance.random_range(0..=deeds.len());
            let left = tempfile::tempdir().unwrap();
            Disk::after(&deeds[..cut]).loses_power(&mut chance, left.path());
            durable += holds_what_was_promised(left.path(), seed, &deeds[..cut]).unwrap_or_else(|fault| {
                panic!("after {cut} of {} deeds of run {seed}: {fault}", deeds.len())
            });
            done += 1;
        }
    }
    eprintln!(
        "{rounds} power cuts: {durable} durable reports looked for, 0 lost, none that was struck came back"
    );
}

/// Opens what a power cut left, as the agent would, and compares it with what was promised before; how many reports
/// were looked for.
fn holds_what_was_promised(folder: &Path, seed: u64, before: &[Deed]) -> Result<usize, String> {
    let promised = Promised::of(before);
    let (outbox, opening) =
        Outbox::open(&folder.join(OUTBOX), limits()).map_err(|error| error.to_string())?;
    if let Opening::SetAside { reason, .. } = opening {
        return Err(format!("the outbox was taken for damaged: {reason}"));
    }
    let entries = outbox.waiting_after(0, 1_000_000).map_err(|error| error.to_string())?;
    let there: BTreeSet<u64> = entries.iter().map(|entry| entry.sequence).collect();
    for entry in &entries {
        let expected = report(seed, entry.sequence);
        if (&entry.report_id, &entry.json) != (&expected.report_id, &expected.json) {
            return Err(format!("report {} is another than was stored", entry.sequence));
        }
    }
    let lost: Vec<_> = promised.waiting.difference(&there).collect();
    if !lost.is_empty() {
        return Err(format!("lost: {lost:?}"));
    }
    // One more may have been on its way in, and some on their way out.
    let extra = there.iter().filter(|it| !promised.waiting.contains(it) && !promised.leaving.contains(it));
    let unexpected: Vec<_> = extra.filter(|it| **it != promised.stored + 1).collect();
    if !unexpected.is_empty() {
        return Err(format!("came back: {unexpected:?}"));
    }
    let stored = outbox.totals().map_err(|error| error.to_string())?.appended;
    if stored != promised.stored && stored != promised.stored + 1 {
        return Err(format!("{stored} stored, {} promised", promised.stored));
    }
    let memo = outbox.memo(MEMO).map_err(|error| error.to_string())?;
    if memo.unwrap_or_else(|| "0".to_owned()) != stored.to_string() {
        return Err("what is remembered with a report is not the last report's".to_owned());
    }
    let next = outbox.append(|_| Ok(report(seed, stored + 1)), &[]).map_err(|error| error.to_string())?;
    if next.sequence != stored + 1 {
        return Err(format!("the next report got number {} after {stored}", next.sequence));
    }
    Ok(promised.waiting.len())
}

/// What the outbox had said until the power was cut.
#[derive(Default)]
struct Promised {
    /// The number of the last report.
    stored: u64,
    /// Durable, and nobody asked to strike them.
    waiting: BTreeSet<u64>,
    /// About to be struck.
    leaving: BTreeSet<u64>,
}

impl Promised {
    fn of(deeds: &[Deed]) -> Self {
        let mut promised = Self::default();
        for deed in deeds {
            match deed {
                Deed::Said(Mark::Stored(number)) => {
                    promised.stored = *number;
                    promised.waiting.insert(*number);
                }
                Deed::Said(Mark::Striking(number)) => {
                    promised.waiting.remove(number);
                    promised.leaving.insert(*number);
                }
                Deed::Said(Mark::Struck(number)) => {
                    promised.leaving.remove(number);
                }
                _ => {}
            }
        }
        promised
    }
}

#[test]
fn a_disk_that_forgets_what_was_synchronised_is_found_out() {
    let mut chance = chance("forgetful disk");
    let folder = tempfile::tempdir().unwrap();
    let seed = chance.random();
    let mut deeds = record(folder.path(), seed, 60);
    let all = deeds.len();
    deeds.retain(|deed| !matches!(deed, Deed::Synced(_)));
    assert!(deeds.len() < all, "nothing was ever synchronised");
    let found = (0..20).any(|_| {
        let left = tempfile::tempdir().unwrap();
        Disk::after(&deeds).loses_power(&mut chance, left.path());
        holds_what_was_promised(left.path(), seed, &deeds).is_err()
    });
    assert!(found, "these power cuts would not find a loss");
}
