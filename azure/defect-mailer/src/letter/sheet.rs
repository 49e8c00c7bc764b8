//! All texts of a mail in their places, fit for any form. Nothing in here is longer than a few lines or holds a line
//! break.

use andon_telemetry::Severity;
use jiff::tz::TimeZone;

use super::catalogue::Catalogue;

/// For whom a mail is written.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) texts: &'static Catalogue,
    pub(super) zone: &'a TimeZone,
    /// The hub's name, or empty.
    pub(super) hub: &'a str,
}

/// The colour of a mail's head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    Critical,
    Major,
    #[default]
    Minor,
    Good,
}

#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) subject: String,
    pub(super) tone: Tone,
    /// `Critical defect: short`
    pub(super) headline: String,
    /// `press-3, line-1`
    pub(super) place: String,
    /// `10 items since Mon 23 Nov, 07:41:07 CET`
    pub(super) glance: String,
    /// What to do, in order.
    pub(super) steps: Vec<String>,
    /// How to acknowledge it.
    pub(super) ways: Vec<String>,
    /// What to keep in mind about the facts.
    pub(super) notes: Vec<String>,
    /// Name and value.
    pub(super) facts: Vec<(String, String)>,
    pub(super) rows_title: String,
    pub(super) rows: Vec<Row>,
    /// For whoever looks into it later.
    pub(super) origin: String,
}

/// A line of a table: readable in one narrow column.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) tone: Tone,
    /// `press-3, line-1`
    pub(super) title: String,
    /// `short, goes on`
    pub(super) detail: String,
    /// `9 new of 10`, or empty.
    pub(super) count: String,
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::Major => Self::Major,
            Severity::Minor => Self::Minor,
        }
    }
}

impl Sheet {
    pub(super) fn as_text(&self, reader: Reader<'_>) -> String {
        let texts = reader.texts;
        let numbered: Vec<String> =
            self.steps.iter().zip(1..).map(|(step, n)| format!("{n}. {step}")).collect();
        let head = [&self.headline, &self.place, &self.glance];
        let head: Vec<&str> = head.into_iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
        let mut blocks = vec![head.join("\n")];
        if !self.facts.is_empty() {
            let widest = self.facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
            let rows = self.facts.iter().map(|(name, value)| format!("{name:<widest$} {value}"));
            blocks.push(rows.collect::<Vec<_>>().join("\n"));
        }
        if !numbered.is_empty() {
            blocks.push(format!("{}\n{}", texts.section.steps, numbered.join("\n")));
        }
        if !self.notes.is_empty() {
            blocks.push(format!("{}\n- {}", texts.section.notes, self.notes.join("\n- ")));
        }
        if !self.rows.is_empty() {
            let rows: Vec<String> = self.rows.iter().map(Row::as_text).collect();
            blocks.push(format!("{}\n- {}", self.rows_title, rows.join("\n- ")));
        }
        if !self.ways.is_empty() {
            blocks.push(format!("{}\n- {}", texts.section.ways, self.ways.join("\n- ")));
        }
        blocks.push(format!("-- \n{}\n", self.origin));
        blocks.join("\n\n")
    }
}

impl Row {
    fn as_text(&self) -> String {
        let count = if self.count.is_empty() { String::new() } else { format!(" ({})", self.count) };
        format!("{}: {}{count}", self.title, self.detail)
    }
}
