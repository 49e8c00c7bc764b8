//! A fleet that is small enough for every run of the tests.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::path::Path;

use andon_fleet::fleet::{Options, run};

#[test]
fn every_report_of_a_fleet_is_acknowledged_taken_and_told() {
    let out = tempfile::tempdir().unwrap();
    // `cargo test --workspace` builds it.
    let mailer = Path::new(env!("CARGO_BIN_EXE_andon-fleet")).parent().unwrap().join("defect-mailer");
    let options = Options {
        stations: 20,
        items_per_minute: 600.0,
        ng_rate: 0.2,
        seconds: 3,
        connects_per_second: 0,
        instances: 2,
        mailer,
        out: out.path().to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let figures = runtime.block_on(run(&options)).unwrap();
    assert_eq!((figures.connected, figures.lost_sessions), (20, 0), "{figures:?}");
    assert!(figures.items > 0 && figures.reports > 0, "{figures:?}");
    assert_eq!((figures.acknowledged, figures.taken), (figures.reports, figures.reports), "{figures:?}");
    assert!(figures.mails > 0 && figures.told_items <= figures.reports, "{figures:?}");
}
