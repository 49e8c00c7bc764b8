//! What was measured, for people and for machines.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde_json::{Map, Value, json};

use super::{
    cameras::Shared,
    operators::Profile,
    spread::{Spread, milliseconds, tenths},
    trial::{Trial, Turn},
    usage::Memory,
};
use crate::inspection::Timings;

/// What loading took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    /// Once it was loaded.
    pub(super) memory: Memory,
}

/// A finished bench.
pub(super) struct Report<'a> {
    pub(super) trial: &'a Trial,
    pub(super) load: Load,
    /// At least one.
    pub(super) turns: &'a [Turn],
    /// In megabytes.
    pub(super) peak: f64,
    pub(super) profile: Option<&'a Profile>,
    /// By their number, as asked for.
    pub(super) cameras: &'a [Shared],
}

impl Report<'_> {
    /// One object; times in milliseconds, memory in megabytes.
    pub(super) fn json(&self) -> Value {
        let pack = self.trial.inspector.pack();
        let stages: Map<String, Value> = self
            .stages()
            .into_iter()
            .map(|(name, Spread { p50, p90, p99, max })| {
                (name.to_owned(), json!({"p50": p50, "p90": p90, "p99": p99, "max": max}))
            })
            .collect();
        json!({
            "agent": {"version": env!("CARGO_PKG_VERSION")},
            "model": {"name": pack.name(), "version": pack.version(), "sha256": pack.sha256()},
            "frames": self.turns.len(),
            "pictures": self.trial.pictures(),
            "load": {
                "milliseconds": milliseconds(self.load.wall),
                "cpu_milliseconds": milliseconds(self.load.cpu),
            },
            "milliseconds": stages,
            "cpu_milliseconds": milliseconds(self.cpu()),
            "frames_per_second": tenths(self.frames_a_second()),
            "memory": {"loaded": tenths(self.load.memory.now), "peak": tenths(self.peak)},
            "runs": tenths(self.runs()),
            "repeated": self.trial.repeated(),
            "graph": self.profile.map(Profile::json),
            "cameras": self.cameras.iter().map(Shared::json).collect::<Vec<_>>(),
        })
    }

    /// Tables.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn write(&self, notes: &mut dyn Write) -> io::Result<()> {
        let pack = self.trial.inspector.pack();
        let (name, version) = (pack.name(), pack.version());
        writeln!(notes, "{name} {version}, {} frames of {}", self.turns.len(), self.pictures())?;
        writeln!(notes, "\n{:<10}{:>10}{:>10}{:>10}{:>10}", "stage, ms", "p50", "p90", "p99", "max")?;
        for (name, Spread { p50, p90, p99, max }) in self.stages() {
            writeln!(notes, "{name:<10}{p50:>10.3}{p90:>10.3}{p99:>10.3}{max:>10.3}")?;
        }
        let row = |notes: &mut dyn Write, name: &str, value: String| writeln!(notes, "{name:<10}{value}");
        writeln!(notes)?;
        row(notes, "model", format!("run {:.1} times a frame; infer is one run", self.runs()))?;
        let cpu = milliseconds(self.cpu());
        row(
            notes,
            "speed",
            format!("{:.1} frames/s a core, {cpu:.3} ms of it each", self.frames_a_second()),
        )?;
        let Load { wall, cpu, memory } = self.load;
        let (wall, cpu) = (milliseconds(wall), milliseconds(cpu));
        row(notes, "load", format!("{wall:.0} ms, {cpu:.0} ms of a core"))?;
        row(notes, "memory", format!("{:.1} MB once loaded, {:.1} MB at most", memory.now, self.peak))?;
        let repeated = self.trial.repeated();
        row(
            notes,
            "check",
            format!("same input, same output, bit for bit: {repeated} of {repeated} repetitions"),
        )?;
        match self.profile {
            Some(profile) => profile.write(notes)?,
            None => row(notes, "operators", "its engine does not tell what each takes".to_owned())?,
        }
        if self.cameras.is_empty() { Ok(()) } else { Shared::write(self.cameras, notes) }
    }

    fn stages(&self) -> [(&'static str, Spread); 5] {
        let stage =
            |of: fn(&Timings) -> Duration| Spread::of(self.turns.iter().map(|turn| of(&turn.timings)));
        [
            ("decode", stage(|it| it.decode)),
            ("prepare", stage(|it| it.prepare)),
            // One run of the model: how many a frame takes is the pack's affair.
            ("infer", stage(|it| it.infer / it.runs.max(1))),
            ("judge", stage(|it| it.judge)),
            ("frame", stage(|it| it.decode + it.prepare + it.infer + it.judge)),
        ]
    }

    /// Processor time of a frame.
    fn cpu(&self) -> Duration {
        let sum: Duration = self.turns.iter().map(|turn| turn.cpu).sum();
        sum.div_f64(self.turns.len().max(1) as f64)
    }

    /// How often the model was run for a frame: tiles, second looks.
    fn runs(&self) -> f64 {
        let sum: u32 = self.turns.iter().map(|turn| turn.timings.runs).sum();
        f64::from(sum) / self.turns.len().max(1) as f64
    }

    fn frames_a_second(&self) -> f64 {
        1.0 / self.cpu().as_secs_f64()
    }

    fn pictures(&self) -> String {
        match self.trial.pictures() {
            1 => "one picture".to_owned(),
            count => format!("{count} pictures"),
        }
    }
}
