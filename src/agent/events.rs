//! What the agent tells those who listen; nothing waits for them.

use andon_telemetry::Report;

use crate::items::Judged;

/// Hears what happens. Called on the threads that do the work: an implementation returns at once.
pub trait Listener: Send + Sync {
    /// An item got its verdict.
    fn judged(&self, judged: &Judged);

    /// A report about an NG item is safe on disk.
    fn reported(&self, report: &Report);

    /// The hub acknowledged a report.
    fn delivered(&self, report_id: &str);
}

/// Writes what happens to the log.
#[derive(Debug, Default)]
pub struct Log;

impl Listener for Log {
    fn judged(&self, judged: &Judged) {
        let name = judged.decisive.as_ref().and_then(|frame| frame.name.as_deref()).unwrap_or("-");
        match &judged.reason {
            Some(reason) => tracing::warn!(item = judged.item, "NOT INSPECTED: {reason}"),
            None => tracing::debug!(item = judged.item, frame = name, "{}", judged.verdict),
        }
    }

    fn reported(&self, report: &Report) {
        let defects: Vec<_> = report
            .defects
            .iter()
            .map(|defect| format!("{} {:.2}", defect.label, defect.confidence))
            .collect();
        tracing::info!(
            item = report.item.sequence,
            report = %report.report_id,
            incident_count = report.incident.count,
            "NG: {}",
            defects.join(", ")
        );
    }

    fn delivered(&self, report_id: &str) {
        tracing::debug!(report = report_id, "the hub has the report");
    }
}
