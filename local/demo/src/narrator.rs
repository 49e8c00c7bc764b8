//! Tells people what happens, as it happens.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use andon::{
    agent::Listener,
    items::{Judged, Verdict},
};
use andon_telemetry::{Notify, Report};

use crate::score::Score;

/// Writes a line for everything that happens, and keeps the score.
pub struct Narrator {
    started: Instant,
    score: Arc<Score>,
    out: Mutex<Box<dyn Write + Send>>,
}

impl Narrator {
    /// Writes to `out`, counting the time from now.
    #[must_use]
    pub fn new(score: Arc<Score>, out: Box<dyn Write + Send>) -> Self {
        Self { started: Instant::now(), score, out: Mutex::new(out) }
    }

    /// Writes a line.
    pub fn say(&self, what: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody may be listening any more; the demo goes on to its summary.
        let _ = writeln!(out, "{seconds:6.1} s  {what}");
    }

    /// Tells of a mail that arrived.
    pub fn mail(&self, path: &Path) {
        let subject = std::fs::read_to_string(path).ok().and_then(|mail| subject(&mail)).unwrap_or_default();
        self.say(&format!("         mail to the supervisor: {subject} ({})", path.display()));
    }
}

impl Listener for Narrator {
    fn judged(&self, judged: &Judged) {
        self.score.judged(judged);
        let frames = match judged.tracked_frames {
            1 => "1 frame".to_owned(),
            several => format!("{several} frames"),
        };
        let text = match (&judged.reason, judged.verdict) {
            (Some(reason), _) => format!("item {:3}  NOT INSPECTED: {reason}", judged.item),
            (None, Verdict::Ng) => {
                let defects: Vec<_> =
                    judged.defects.iter().map(|it| format!("{} {}", it.label, it.confidence)).collect();
                format!("item {:3}  NG: {} (in {frames})", judged.item, defects.join(", "))
            }
            (None, verdict) => format!("item {:3}  {verdict} (in {frames})", judged.item),
        };
        self.say(&text);
    }

    fn reported(&self, report: &Report) {
        self.score.reported(report);
        let incident = match report.incident.notify {
            Notify::Open => "a new incident".to_owned(),
            _ => format!("number {} of its incident", report.incident.count),
        };
        self.say(&format!("         report {} is on disk: {incident}", report.sequence));
    }

    fn delivered(&self, report_id: &str) {
        if let Some((item, delay)) = self.score.deliver(report_id) {
            let delay = format_delay(delay);
            self.say(&format!("         the hub has the report on item {item}{delay}"));
        }
    }
}

fn format_delay(delay: Option<Duration>) -> String {
    delay.map_or_else(String::new, |delay| format!(", {} ms after its last frame", delay.as_millis()))
}

/// The subject of a mail, unfolded; encoded words stay as they are.
fn subject(mail: &str) -> Option<String> {
    let mut lines = mail.lines().skip_while(|line| !line.starts_with("Subject: "));
    let mut subject = lines.next()?.strip_prefix("Subject: ")?.to_owned();
    for folded in lines.take_while(|line| line.starts_with([' ', '\t'])) {
        subject.push(' ');
        subject.push_str(folded.trim());
    }
    Some(subject)
}

/// The mails that arrived since the last call.
pub fn new_mails(all: &[PathBuf], told: &mut usize) -> Vec<PathBuf> {
    let new = all.iter().skip(*told).cloned().collect();
    *told = all.len();
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_subject_is_one_line() {
        let mail = "From: a\nSubject: NG at station 3:\n short\nTo: b\n\nSubject: no";
        assert_eq!(subject(mail).as_deref(), Some("NG at station 3: short"));
        assert_eq!(subject("no mail"), None);
    }
}
