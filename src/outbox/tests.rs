//! Single promises of the outbox as sentences, and random operations against a model.

use std::{collections::BTreeMap, fs, path::PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

const ROOMY: Limits = Limits { reports: 1_000, bytes: 1 << 20 };

struct Disk(TempDir);

impl Disk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("outbox.sqlite")
    }

    fn open(&self, limits: Limits) -> Outbox {
        Outbox::open(&self.path(), limits).unwrap().0
    }
}

fn report(id: &str) -> Outgoing {
    let properties = vec![("line".to_owned(), "Lötplatz 1".to_owned())];
    Outgoing { report_id: id.to_owned(), properties, json: format!("{{\"id\":\"{id}\"}}").into_bytes() }
}

fn put(outbox: &Outbox, id: &str) -> Appended {
    outbox.append(|_| Ok(report(id)), &[]).unwrap()
}

fn ids(outbox: &Outbox) -> Vec<String> {
    outbox.waiting_after(0, 10_000).unwrap().into_iter().map(|entry| entry.report_id).collect()
}

/// A golden report of the contract, as the item of this count in an incident, with this word to the supervisor.
fn in_incident(id: &str, incident: &str, count: u64, notify: &str) -> Outgoing {
    let golden = include_str!("../../azure/telemetry/examples/opens-an-incident.json");
    let mut json: serde_json::Value = serde_json::from_str(golden).unwrap();
    json["incident"]["id"] = incident.into();
    json["incident"]["count"] = count.into();
    json["incident"]["notify"] = notify.into();
    Outgoing { json: json.to_string().into_bytes(), ..report(id) }
}

/// Id, incident's count and word of each that waits.
fn told(outbox: &Outbox) -> Vec<(String, u64, String)> {
    let told = |entry: Entry| {
        let json: serde_json::Value = serde_json::from_slice(&entry.json).unwrap();
        let incident = &json["incident"];
        let word = incident["notify"].as_str().unwrap().to_owned();
        (entry.report_id, incident["count"].as_u64().unwrap(), word)
    };
    outbox.waiting_after(0, 10_000).unwrap().into_iter().map(told).collect()
}

#[test]
fn an_outbox_that_is_just_being_made_or_opened_bears_others_that_look_at_it() {
    for _ in 0..200 {
        let disk = Disk::new();
        let open = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !open.load(Ordering::Relaxed) {
                        let looked = Outbox::attach(&disk.path());
                        assert!(matches!(looked, Ok(_) | Err(OutboxError::Absent(_))), "{:?}", looked.err());
                    }
                });
            }
            let open_and_close = || Outbox::open(&disk.path(), ROOMY).map(|(_, opening)| opening);
            let opened = [open_and_close(), open_and_close()];
            open.store(true, Ordering::Relaxed);
            assert_eq!(opened.map(Result::unwrap), [Opening::Fresh, Opening::Resumed { waiting: 0 }]);
        });
    }
}

#[test]
fn a_report_waits_as_it_was_given_until_it_is_acknowledged() {
    let disk = Disk::new();
    let outbox = disk.open(ROOMY);
    let sequence = put(&outbox, "a").sequence;
    let waiting = outbox.waiting_after(0, 10).unwrap();
    let given = report("a");
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].sequence, &waiting[0].json), (sequence, &given.json));
    assert_eq!(waiting[0].properties, given.properties);
    assert_eq!(outbox.find("a").unwrap().as_ref(), waiting.first());
    outbox.acknowledge(&[sequence]).unwrap();
    assert!(ids(&outbox).is_empty());
    assert_eq!(outbox.depth().unwrap(), Depth::default());
    assert_eq!(outbox.totals().unwrap().acknowledged, 1);
}

#[test]
fn an_unacknowledged_report_waits_again_after_a_restart() {
    let disk = Disk::new();
    put(&disk.open(ROOMY), "a");
    let (outbox, opening) = Outbox::open(&disk.path(), ROOMY).unwrap();
    assert_eq!(opening, Opening::Resumed { waiting: 1 });
    assert_eq!(ids(&outbox), ["a"]);
}

#[test]
fn a_report_that_cannot_be_written_leaves_no_gap_and_no_memo() {
    let outbox = Disk::new().open(ROOMY);
    let refused = outbox.append(|_| Err("no".into()), &[("incidents", "1")]);
    assert!(matches!(refused, Err(OutboxError::Unwritten(_))));
    assert_eq!(outbox.memo("incidents").unwrap(), None);
    assert_eq!(put(&outbox, "a").sequence, 1);
}

#[test]
fn a_memo_is_stored_with_its_report() {
    let disk = Disk::new();
    disk.open(ROOMY).append(|_| Ok(report("a")), &[("incidents", "[1]")]).unwrap();
    let outbox = disk.open(ROOMY);
    assert_eq!(outbox.memo("incidents").unwrap().as_deref(), Some("[1]"));
    outbox.set_memo("incidents", "[2]").unwrap();
    assert_eq!(outbox.memo("incidents").unwrap().as_deref(), Some("[2]"));
}

#[test]
fn a_purge_forgets_reports_but_not_numbers() {
    let disk = Disk::new();
    let outbox = disk.open(ROOMY);
    put(&outbox, "a");
    put(&outbox, "b");
    assert_eq!(outbox.purge().unwrap(), 2);
    drop(outbox);
    let outbox = disk.open(ROOMY);
    assert_eq!(put(&outbox, "c").sequence, 3);
    assert_eq!(outbox.totals().unwrap().purged, 2);
}

#[test]
fn a_full_outbox_drops_repetitions_first_and_then_the_oldest_and_counts_them() {
    let outbox = Disk::new().open(Limits { reports: 3, ..ROOMY });
    // Each of another incident, so that none can be folded.
    for (id, word) in [("a", "open"), ("b", "none"), ("c", "update")] {
        outbox.append(|_| Ok(in_incident(id, id, 1, word)), &[]).unwrap();
    }
    assert_eq!(outbox.gap().unwrap(), None);
    assert_eq!(outbox.append(|_| Ok(in_incident("d", "d", 1, "open")), &[]).unwrap().dropped, 1);
    assert_eq!(ids(&outbox), ["a", "c", "d"]);
    assert_eq!(outbox.append(|_| Ok(in_incident("e", "e", 1, "none")), &[]).unwrap().dropped, 1);
    assert_eq!(ids(&outbox), ["c", "d", "e"]);
    assert_eq!(outbox.totals().unwrap().dropped, 2);
    let gap = outbox.gap().unwrap().unwrap();
    assert_eq!((gap.first_sequence, gap.last_sequence, gap.dropped, gap.folded), (1, 2, 2, 0));
}

#[test]
fn a_full_outbox_folds_the_newest_report_of_an_incident_into_its_predecessor_before_it_drops_any() {
    let disk = Disk::new();
    let outbox = disk.open(Limits { reports: 3, ..ROOMY });
    let put = |id: &str, incident: &str, count, word: &str| {
        let appended = outbox.append(|_| Ok(in_incident(id, incident, count, word)), &[]).unwrap();
        (appended.dropped, appended.folded)
    };
    put("a", "short", 1, "open");
    put("b", "short", 2, "none");
    put("c", "spur", 1, "open");
    assert_eq!(put("d", "short", 3, "none"), (0, 1));
    let row = |id: &str, count, word: &str| (id.to_owned(), count, word.to_owned());
    assert_eq!(told(&outbox), [row("a", 1, "open"), row("b", 3, "none"), row("c", 1, "open")]);
    assert_eq!(put("e", "spur", 10, "update"), (0, 1));
    assert_eq!(told(&outbox), [row("a", 1, "open"), row("b", 3, "none"), row("c", 10, "open")]);
    assert_eq!(put("f", "scratch", 1, "open"), (0, 1));
    assert_eq!(told(&outbox), [row("a", 3, "open"), row("c", 10, "open"), row("f", 1, "open")]);
    assert_eq!(put("g", "dirt", 1, "open"), (1, 0));
    assert_eq!(ids(&outbox), ["c", "f", "g"]);
    let gap = outbox.gap().unwrap().unwrap();
    assert_eq!((gap.first_sequence, gap.last_sequence, gap.dropped, gap.folded), (1, 5, 1, 3));
    assert_eq!(outbox.totals().unwrap().folded, 3);
}

#[test]
fn a_count_is_not_handed_to_a_report_that_the_hub_has() {
    let outbox = Disk::new().open(Limits { reports: 2, ..ROOMY });
    let put = |id: &str, incident: &str, count, word: &str| {
        outbox.append(|_| Ok(in_incident(id, incident, count, word)), &[]).unwrap()
    };
    let first = put("a", "short", 1, "open").sequence;
    put("b", "short", 2, "none");
    outbox.acknowledge(&[first]).unwrap();
    put("c", "spur", 1, "open");
    assert_eq!(put("d", "dirt", 1, "open").dropped, 1);
    assert_eq!(ids(&outbox), ["c", "d"]);
}

#[test]
fn a_file_of_the_first_layout_goes_on_in_the_second() {
    let disk = Disk::new();
    let outbox = disk.open(ROOMY);
    outbox.append(|_| Ok(in_incident("a", "short", 1, "open")), &[]).unwrap();
    outbox.append(|_| Ok(in_incident("b", "short", 2, "none")), &[]).unwrap();
    put(&outbox, "no report");
    drop(outbox);
    let raw = rusqlite::Connection::open(disk.path()).unwrap();
    raw.execute_batch(
        "DROP INDEX follower; DROP INDEX incident; ALTER TABLE report DROP COLUMN incident;
         ALTER TABLE report DROP COLUMN follows; DELETE FROM counter WHERE name = 'folded'; PRAGMA user_version = 1",
    )
    .unwrap();
    drop(raw);
    assert_eq!(Outbox::attach(&disk.path()).unwrap().totals().unwrap().folded, 0);
    let outbox = disk.open(Limits { reports: 3, ..ROOMY });
    assert_eq!(put(&outbox, "d").folded, 1);
    assert_eq!(ids(&outbox), ["a", "no report", "d"]);
}

#[test]
fn the_limit_in_bytes_holds_and_a_report_above_it_is_refused() {
    let outbox = Disk::new().open(Limits { bytes: 100, ..ROOMY });
    let of = |size| Outgoing { report_id: format!("{size}"), properties: Vec::new(), json: vec![b'x'; size] };
    outbox.append(|_| Ok(of(60)), &[]).unwrap();
    assert_eq!(outbox.append(|_| Ok(of(61)), &[]).unwrap().dropped, 1);
    assert!(outbox.depth().unwrap().bytes <= 100);
    let refused = outbox.append(|_| Ok(of(101)), &[]);
    assert!(matches!(refused, Err(OutboxError::TooLarge { limit: 100, .. })), "{refused:?}");
    assert_eq!(ids(&outbox), ["61"]);
}

#[test]
fn a_report_that_the_hub_can_never_take_is_kept_aside_with_the_reason() {
    let outbox = Disk::new().open(ROOMY);
    let sequence = put(&outbox, "a").sequence;
    outbox.set_aside(sequence, "too large").unwrap();
    assert!(ids(&outbox).is_empty());
    let aside = outbox.aside().unwrap();
    assert_eq!((&*aside[0].entry.report_id, &*aside[0].reason), ("a", "too large"));
    assert_eq!(outbox.totals().unwrap().set_aside, 1);
}

#[test]
fn no_second_agent_gets_the_same_outbox_but_a_person_may_look() {
    let disk = Disk::new();
    let outbox = disk.open(ROOMY);
    put(&outbox, "a");
    assert!(matches!(Outbox::open(&disk.path(), ROOMY), Err(OutboxError::InUse(_))));
    assert_eq!(ids(&Outbox::attach(&disk.path()).unwrap()), ["a"]);
}

#[test]
fn looking_at_an_outbox_that_is_not_there_makes_none() {
    let disk = Disk::new();
    assert!(matches!(Outbox::attach(&disk.path()), Err(OutboxError::Absent(_))));
    assert!(!disk.path().exists());
}

#[test]
fn a_damaged_file_is_set_aside_and_reports_go_on() {
    for damage in [&b"this is no database at all, but it is long enough to look at"[..], &[0xFF; 8192]] {
        let disk = Disk::new();
        fs::write(disk.path(), damage).unwrap();
        let (outbox, opening) = Outbox::open(&disk.path(), ROOMY).unwrap();
        let Opening::SetAside { to, reason } = opening else { panic!("{opening:?}") };
        assert_eq!(fs::read(&to).unwrap(), damage);
        assert!(!reason.is_empty());
        assert_eq!(put(&outbox, "a").sequence, 1);
    }
}

#[test]
fn numbers_go_on_after_damage_that_spared_them() {
    let disk = Disk::new();
    let outbox = disk.open(ROOMY);
    for number in 0..200 {
        put(&outbox, &format!("a report with a long name, so that there are many pages, {number:030}"));
    }
    outbox.set_memo("next_item", "77").unwrap();
    drop(outbox);
    let mut bytes = fs::read(disk.path()).unwrap();
    let last = bytes.len() - 3 * 4096;
    bytes[last..].fill(0xA5);
    fs::write(disk.path(), bytes).unwrap();
    let (outbox, opening) = Outbox::open(&disk.path(), ROOMY).unwrap();
    assert!(matches!(opening, Opening::SetAside { .. }), "{opening:?}");
    assert_eq!(put(&outbox, "a").sequence, 201);
    assert_eq!(outbox.memo("next_item").unwrap().as_deref(), Some("77"));
}

#[test]
fn damaged_files_do_not_pile_up() {
    let disk = Disk::new();
    for _ in 0..6 {
        fs::write(disk.path(), [0xFF; 4096]).unwrap();
        Outbox::open(&disk.path(), ROOMY).unwrap();
    }
    let damaged = fs::read_dir(disk.0.path()).unwrap();
    let damaged = damaged.filter(|it| it.as_ref().unwrap().path().to_string_lossy().contains("damaged"));
    assert_eq!(damaged.count(), 3);
}

#[test]
fn another_programs_database_is_left_alone() {
    let disk = Disk::new();
    let other = rusqlite::Connection::open(disk.path()).unwrap();
    other.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").unwrap();
    drop(other);
    let before = fs::read(disk.path()).unwrap();
    assert!(matches!(Outbox::open(&disk.path(), ROOMY), Err(OutboxError::Foreign(_))));
    assert_eq!(fs::read(disk.path()).unwrap(), before);
}

#[test]
fn a_later_layout_is_refused() {
    let disk = Disk::new();
    drop(disk.open(ROOMY));
    let raw = rusqlite::Connection::open(disk.path()).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    assert!(matches!(Outbox::open(&disk.path(), ROOMY), Err(OutboxError::TooNew { found: 99, .. })));
}

#[test]
fn a_missing_folder_is_an_error_with_a_remedy() {
    let error = Outbox::open(&PathBuf::from("/nowhere/outbox.sqlite"), ROOMY).unwrap_err().to_string();
    assert!(error.contains("/nowhere/outbox.sqlite") && error.contains("folder"), "{error}");
}

#[tokio::test]
async fn a_stored_report_wakes_delivery_also_when_it_looks_late() {
    let outbox = Disk::new().open(ROOMY);
    put(&outbox, "a");
    outbox.changed().await;
}

#[derive(Clone, Debug)]
enum Operation {
    Append(usize),
    Acknowledge(Vec<prop::sample::Index>),
    SetAside(prop::sample::Index),
    Remember(u8),
    Purge,
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        8 => (1_usize..60).prop_map(Operation::Append),
        4 => prop::collection::vec(index(), 0..4).prop_map(Operation::Acknowledge),
        1 => index().prop_map(Operation::SetAside),
        1 => any::<u8>().prop_map(Operation::Remember),
        1 => Just(Operation::Purge),
        2 => Just(Operation::Reopen),
    ]
}

/// What the outbox must behave like.
struct Model {
    limits: Limits,
    waiting: BTreeMap<u64, usize>,
    memo: Option<String>,
    totals: Totals,
}

impl Model {
    fn append(&mut self, size: usize) {
        self.totals.appended += 1;
        let full = |it: &BTreeMap<u64, usize>, limits: Limits| {
            let bytes = it.values().sum::<usize>() + size + "[]".len() * (it.len() + 1);
            it.len() as u64 + 1 > limits.reports || bytes as u64 > limits.bytes
        };
        while full(&self.waiting, self.limits) {
            self.waiting.pop_first();
            self.totals.dropped += 1;
        }
        self.waiting.insert(self.totals.appended, size);
    }

    fn pick(&self, index: &prop::sample::Index) -> Option<u64> {
        (!self.waiting.is_empty()).then(|| *index.get(&self.waiting.keys().copied().collect::<Vec<_>>()))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_outbox_behaves_like_its_model(operations in prop::collection::vec(operation(), 1..50)) {
        let limits = Limits { reports: 8, bytes: 300 };
        let disk = Disk::new();
        let mut outbox = disk.open(limits);
        let mut model = Model { limits, waiting: BTreeMap::new(), memo: None, totals: Totals::default() };
        for operation in operations {
            match operation {
                Operation::Append(size) => {
                    let id = format!("{}", model.totals.appended + 1);
                    let json = vec![b'x'; size];
                    let given = Outgoing { report_id: id, properties: Vec::new(), json };
                    let appended = outbox.append(|_| Ok(given), &[]).unwrap();
                    model.append(size);
                    prop_assert_eq!(appended.sequence, model.totals.appended);
                }
                Operation::Acknowledge(indices) => {
                    let chosen: Vec<u64> = indices.iter().filter_map(|index| model.pick(index)).collect();
                    outbox.acknowledge(&chosen).unwrap();
                    for sequence in chosen {
                        model.totals.acknowledged += u64::from(model.waiting.remove(&sequence).is_some());
                    }
                }
                Operation::SetAside(index) => {
                    if let Some(sequence) = model.pick(&index) {
                        outbox.set_aside(sequence, "a reason").unwrap();
                        model.waiting.remove(&sequence);
                        model.totals.set_aside += 1;
                    }
                }
                Operation::Remember(value) => {
                    outbox.set_memo("key", &value.to_string()).unwrap();
                    model.memo = Some(value.to_string());
                }
                Operation::Purge => {
                    outbox.purge().unwrap();
                    model.totals.purged += model.waiting.len() as u64;
                    model.waiting.clear();
                }
                Operation::Reopen => {
                    drop(outbox);
                    outbox = disk.open(limits);
                }
            }
            let waiting = outbox.waiting_after(0, 1_000).unwrap();
            let found: Vec<(u64, usize)> = waiting.iter().map(|it| (it.sequence, it.json.len())).collect();
            prop_assert_eq!(found, model.waiting.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(outbox.depth().unwrap().reports, model.waiting.len() as u64);
            prop_assert_eq!(outbox.totals().unwrap(), model.totals);
            prop_assert_eq!(outbox.memo("key").unwrap(), model.memo.clone());
        }
    }
}
