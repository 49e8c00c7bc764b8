//! Builds the parts, starts them, watches over them, stops them.
//!
//! ```text
//! camera's thread ─looks─▶ model's thread ─report─▶ outbox ═▶ delivery's thread
//!        └────────── Pulse ──────┴───────────────▶ this thread: watchdog, status, stop
//! ```
//!
//! Invariant: after [`run`] every item that the source showed has its verdict and every report is on disk, unless the
//! disk refused it; those are counted.

mod threads;
mod stop;
mod events;
mod parts;
mod pulse;
mod numbers;
mod watching;
mod judging;
mod delivering;
mod supervision;
mod assembly;

use std::sync::Arc;

use crate::{
    delivery::{Delivery, Link},
    items::{Handover, Judgement, Tally, Verdict},
    report::Reporter,
};

pub use assembly::{AssemblyError, assemble, rule, source};
pub use events::{Listener, Log};
pub use parts::Parts;
pub use stop::Stop;
pub use threads::AgentError;

use delivering::Delivering;
use judging::{INCIDENTS, Judging};
use numbers::ItemNumbers;
use pulse::Pulse;
use supervision::Supervision;
use threads::spawn;
use watching::Watch;

/// Looks that wait for the model at most: the one it takes next, and one more so that it never waits for the camera.
const LOOKS: usize = 2;

/// How a run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Items judged OK.
    pub ok: u64,
    /// Items judged NG.
    pub ng: u64,
    /// Items that could not be judged.
    pub not_inspected: u64,
    /// Frames of items that came faster than the model could look at them.
    pub lost_looks: u64,
    /// Reports that the disk would not take: lost.
    pub unwritten: u64,
    /// Reports that wait in the outbox.
    pub waiting: u64,
}

/// Runs a station until its source ends or `stop` is set. After the source's end it waits a while for the last PUBACKs.
///
/// # Errors
/// When a thread cannot be started, or one ended by a bug; then the process should end too, and be started again.
pub fn run<L: Link + Send + 'static>(parts: Parts<L>, stop: &Stop) -> Result<Outcome, AgentError> {
    let handover = Arc::new(Handover::new(LOOKS, parts.source.is_live()));
    let tally = Arc::new(Tally::default());
    let pulse = Arc::new(Pulse::default());
    let sensing = Stop::default();
    let memo = parts.outbox.memo(INCIDENTS)?;

    let listener = Arc::clone(&parts.listener);
    let delivery = Delivery::new(parts.outbox.clone(), parts.link, parts.pace, move |_, report_id| {
        listener.delivered(report_id);
    });
    let watch = Watch {
        source: parts.source,
        mode: parts.mode,
        numbers: ItemNumbers::resume(parts.outbox.clone()),
        handover: Arc::clone(&handover),
        pulse: Arc::clone(&pulse),
        stop: sensing.clone(),
        region_fault: None,
    };
    let judging = Judging {
        handover: Arc::clone(&handover),
        inspector: parts.inspector,
        judgement: Judgement::new(parts.rule),
        reporter: Reporter::new(parts.origin, parts.incidents, memo.as_deref()),
        outbox: parts.outbox.clone(),
        evidence: parts.evidence,
        tally: Arc::clone(&tally),
        pulse: Arc::clone(&pulse),
        listener: parts.listener,
        unwritten: Default::default(),
    };

    let supervision = Supervision {
        systemd: parts.systemd,
        outbox: parts.outbox,
        handover: Arc::clone(&handover),
        tally: Arc::clone(&tally),
        pulse,
        hub: delivery.state(),
        stop: stop.clone(),
    };
    let delivering = Delivering::start(delivery)?;
    let model = spawn("model", move || judging.run())?;
    let camera = spawn("camera", move || watch.run())?;

    supervision.watch(&camera, &model, &delivering);
    sensing.set();
    if model.is_finished() {
        // A camera's thread that waits for a model that is gone would wait for ever.
        handover.close();
    }
    let camera = camera.join().map_err(|_| AgentError::Bug("camera"));
    handover.close();
    let unwritten = model.join().map_err(|_| AgentError::Bug("model"));
    supervision.drain(&delivering);
    delivering.stop()?;
    camera?;
    Ok(Outcome {
        ok: tally.get(Verdict::Ok),
        ng: tally.get(Verdict::Ng),
        not_inspected: tally.get(Verdict::NotInspected),
        lost_looks: handover.lost(),
        unwritten: unwritten?,
        waiting: supervision.outbox.depth()?.reports,
    })
}
