//! The fields of a report, in the order in which they are written.

use serde::{Deserialize, Serialize};

/// The value of [`Report::schema`] that this crate writes.
pub const SCHEMA: &str = "andon.defect/1";

/// One NG item, as its station tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `andon.defect/<version>`.
    pub schema: String,
    /// A UUIDv7; the same for every resend of the report.
    pub report_id: String,
    /// Counts the reports of a station from 1, without gaps; the order of reports, whatever the clock said.
    pub sequence: u64,
    /// Where it happened, in the station's own words; who sent it is known from the hub, not from here.
    pub station: Station,
    /// The program that judged the item.
    pub agent: Agent,
    /// The item.
    pub item: Item,
    /// When the item's decisive frame was taken: RFC 3339, UTC, milliseconds.
    pub captured_at: String,
    /// Whether the station's clock could be believed at that instant.
    pub clock: Clock,
    /// How long the computer had been up at that instant, where its clock could not be believed then. If [`Report::clock`]
    /// says that it can, the instant was corrected before the report was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime: Option<Uptime>,
    /// What made the item NG, most severe first.
    pub defects: Vec<Defect>,
    /// The item's overall score in 0..1, higher is worse; absent where a model gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
    /// The model that saw it.
    pub model: Model,
    /// The run of like defects that this item belongs to.
    pub incident: Incident,
    /// The name under which the station keeps its pictures of the item; it means nothing elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// A camera position on a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Station {
    /// The station's name.
    pub id: String,
    /// The line that it stands on.
    pub line: String,
    /// What is made there.
    pub product: String,
}

/// The program that judged the item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Its version, as `andon --version` prints it.
    pub version: String,
}

/// The product that was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Counts the items of a station from 1.
    pub sequence: u64,
    /// How many usable frames of the item were judged.
    pub tracked_frames: u32,
}

/// Whether a time stamp can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The kernel held the clock for synchronised.
    Synchronised,
    /// It did not: a Pi that was just switched on, say.
    Unsynchronised,
}

/// An instant on a clock that never jumps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uptime {
    /// Names the run of the computer; uptimes of two runs have nothing to do with each other.
    pub boot: String,
    /// Milliseconds since that run began, those asleep included.
    pub milliseconds: u64,
}

/// One finding that made the item NG.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Defect {
    /// The model's label.
    pub label: String,
    /// How bad it is, as the station's settings say.
    pub severity: Severity,
    /// How sure the model was, 0..1.
    pub confidence: f32,
    /// `[x_min, y_min, x_max, y_max]` in 0..1 of the inspected region; absent for a whole-picture label.
    #[serde(rename = "box", default, skip_serializing_if = "Option::is_none")]
    pub area: Option<[f32; 4]>,
}

/// How bad a defect is, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Cosmetic: worth counting.
    Minor,
    /// The item fails.
    Major,
    /// Somebody may be hurt, or the line must stop.
    Critical,
}

/// The model pack that saw the defect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// The pack's name.
    pub name: String,
    /// The pack's version.
    pub version: String,
    /// The model file's SHA-256, in lower-case hex.
    pub sha256: String,
}

/// A run of like defects at one station.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// A UUIDv7, made when the incident was opened.
    pub id: String,
    /// When: RFC 3339, UTC, milliseconds.
    pub opened_at: String,
    /// How many items it holds, this one included.
    pub count: u64,
    /// What the station thinks a person should be told.
    pub notify: Notify,
}

/// What a person should be told about an incident's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notify {
    /// A new incident.
    Open,
    /// A count worth a word: 10, 50, 250.
    Update,
    /// One more of the same.
    None,
}

impl Severity {
    /// The word that the JSON and the message property use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }
}

impl Report {
    /// The worst severity among the defects; minor where there are none.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.defects.iter().map(|defect| defect.severity).max().unwrap_or(Severity::Minor)
    }
}
