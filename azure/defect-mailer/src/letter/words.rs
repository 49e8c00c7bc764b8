//! What a supervisor needs to know and to do, in words; plain text, fit for any form.

use andon_telemetry::Severity;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::incident::{Also, Owed};
use crate::plain::plain;
use crate::tally::{Label, Place, Tally};

/// A gap between capture and mail that is worth a word.
const LATE: SignedDuration = SignedDuration::from_mins(10);

/// All texts of a mail. Nothing in here is longer than a few lines or holds a line break.
pub(super) struct Words {
    pub(super) subject: String,
    pub(super) severity: Severity,
    /// `Critical defect: short`
    pub(super) headline: String,
    /// `press-3, line-1`
    pub(super) place: String,
    /// `10 items since Mon 23 Nov, 07:41:07 CET`
    pub(super) glance: String,
    /// Name and value.
    pub(super) facts: Vec<(&'static str, String)>,
    /// What to do, in order.
    pub(super) steps: Vec<String>,
    /// What to keep in mind about the facts.
    pub(super) notes: Vec<String>,
    /// What else happened at the station.
    pub(super) also: Vec<String>,
    /// For whoever looks into it later.
    pub(super) origin: String,
}

impl Words {
    pub(super) fn find(device: &str, owed: &Owed, zone: &TimeZone) -> Self {
        let tally = &owed.tally;
        let device = plain(device, 64);
        let names = names(&tally.labels);
        let weight = if tally.severity == Severity::Critical { "NG CRITICAL" } else { "NG" };
        let kind = match tally.severity {
            Severity::Critical => "Critical defect",
            Severity::Major => "Major defect",
            Severity::Minor => "Minor defect",
        };
        Self {
            subject: format!(
                "[andon] {weight} {names} at {}/{device} ({})",
                tally.line,
                count(tally.total, "item")
            ),
            severity: tally.severity,
            headline: format!("{kind}: {names}"),
            place: format!("{device}, {}", tally.line),
            glance: format!("{} since {}", count(tally.total, "item"), instant(&owed.opened_at, zone)),
            facts: facts(owed, zone),
            steps: steps(&device, tally, zone),
            notes: notes(&device, owed, zone),
            also: also(owed, zone),
            origin: format!(
                "Sent automatically for device {device}. Incident {}. Model {}. Agent {}. {}",
                plain(&owed.incident, 64),
                tally.model,
                tally.agent,
                "Further mails on this incident come as answers to its first one, when its count has grown."
            ),
        }
    }

    pub(super) fn as_text(&self) -> String {
        let rows: Vec<String> =
            self.facts.iter().map(|(name, value)| format!("{name:<10} {value}")).collect();
        let steps: Vec<String> = self.steps.iter().zip(1..).map(|(step, n)| format!("{n}. {step}")).collect();
        let mut blocks = vec![format!("{}\n{}\n{}", self.headline, self.place, self.glance), rows.join("\n")];
        blocks.push(format!("What to do\n{}", steps.join("\n")));
        for (title, lines) in [("Keep in mind", &self.notes), ("Also at this station", &self.also)] {
            if !lines.is_empty() {
                blocks.push(format!("{title}\n- {}", lines.join("\n- ")));
            }
        }
        blocks.push(format!("-- \n{}\n", self.origin));
        blocks.join("\n\n")
    }
}

fn facts(owed: &Owed, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let tally = &owed.tally;
    let mut facts = vec![
        ("Product", tally.product.clone()),
        ("Since", instant(&owed.opened_at, zone)),
        ("Items", items(owed)),
    ];
    let last = format!("no. {}, {}", tally.last_item, instant(&tally.last_at, zone));
    facts.push((if tally.items == 1 { "Item" } else { "Last item" }, last));
    facts.push(("How sure", sure(tally)));
    if let Some(place) = tally.place {
        facts.push(("Where", in_picture(place).to_owned()));
    }
    if let Some(picture) = tally.pictures.last() {
        facts.push(("Picture", picture.clone()));
    }
    facts
}

fn items(owed: &Owed) -> String {
    let tally = &owed.tally;
    if owed.in_reply_to.is_some() || tally.total != tally.items {
        format!("{} in all, {} new in this mail", tally.total, tally.items)
    } else {
        tally.total.to_string()
    }
}

fn sure(tally: &Tally) -> String {
    let one = |label: &Label| {
        let (low, high) = (percent(label.confidence.0), percent(label.confidence.1));
        let range = if low == high { format!("{high} %") } else { format!("{low} to {high} %") };
        if tally.labels.len() == 1 {
            range
        } else if tally.items == 1 {
            format!("{} {range}", label.name)
        } else {
            format!("{} {range} ({})", label.name, count(label.items, "item"))
        }
    };
    let mut parts: Vec<String> = tally.labels.iter().map(one).collect();
    if tally.other_defects > 0 {
        parts.push(format!("{} of other kinds", count(tally.other_defects, "defect")));
    }
    if parts.is_empty() { "the station gave no detail".to_owned() } else { parts.join("; ") }
}

fn steps(device: &str, tally: &Tally, zone: &TimeZone) -> Vec<String> {
    let several = tally.items > 1;
    let them = if several {
        format!("the {} items since {}", tally.items, instant(&tally.first_at, zone))
    } else {
        format!("item no. {}", tally.last_item)
    };
    let place = tally.place.map(|place| format!(" ({})", in_picture(place))).unwrap_or_default();
    let look = match tally.pictures.last() {
        Some(picture) => format!("Look at picture {picture}{place}, which {device} keeps."),
        None => format!("Look at the item itself: {device} kept no picture of it."),
    };
    let line = &tally.line;
    match tally.severity {
        Severity::Critical => vec![
            format!("Stop {line} at {device} and take out {them}."),
            look,
            "If it is real: keep the line stopped until the cause is found, and check what passed before."
                .into(),
            "If it is a false alarm: write down the picture's name for the line engineer, and start the line."
                .into(),
        ],
        Severity::Major => vec![
            format!("Take out {them} at {device}."),
            look,
            format!(
                "If it is real: check the process before {device}; stop {line} if the next item fails as well."
            ),
            "If it is a false alarm: write down the picture's name for the line engineer.".into(),
        ],
        Severity::Minor => vec![
            look,
            format!("If it is real: put {them} aside for rework, and have an eye on the count."),
            "If it is a false alarm: write down the picture's name for the line engineer.".into(),
        ],
    }
}

fn notes(device: &str, owed: &Owed, zone: &TimeZone) -> Vec<String> {
    let tally = &owed.tally;
    let mut notes = Vec::new();
    if tally.unsynchronised {
        let written = owed.written_at.to_zoned(zone.clone()).strftime("%H:%M %Z");
        notes.push(format!(
            "The station's clock is not synchronised: its times may be wrong. This mail was written at {written}."
        ));
    } else if let Ok(last) = tally.last_at.parse::<Timestamp>() {
        let gap = owed.written_at.duration_since(last);
        if gap > LATE {
            notes.push(format!("It comes late: the last item passed {} before this mail.", span(gap)));
        } else if gap < -LATE {
            notes.push(format!("The station's clock is {} ahead of the mailer's.", span(gap.abs())));
        }
    }
    if let Some(claimed) = &tally.claimed {
        notes.push(format!(
            "The report calls its station “{claimed}”, but the hub took it from device “{device}”. Go to the \
             station that uses this device, and have the line engineer check its settings."
        ));
    }
    notes
}

fn also(owed: &Owed, zone: &TimeZone) -> Vec<String> {
    let one = |also: &Also| {
        let since = instant(&also.opened_at, zone);
        format!(
            "{} since {since}: {} in all, {} not told before",
            also.label,
            count(also.total, "item"),
            also.items
        )
    };
    let mut lines: Vec<String> = owed.also.iter().map(one).collect();
    if owed.leftover > 0 {
        lines.push(format!("{} of earlier incidents, not told before", count(owed.leftover, "item")));
    }
    lines
}

/// The two worst labels and how many more there are.
fn names(labels: &[Label]) -> String {
    let first: Vec<&str> = labels.iter().take(2).map(|label| label.name.as_str()).collect();
    match (first.is_empty(), labels.len().saturating_sub(2)) {
        (true, _) => "defect".to_owned(),
        (false, 0) => first.join(", "),
        (false, more) => format!("{} +{more}", first.join(", ")),
    }
}

fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a tally's confidence is in 0..1"
)]
fn percent(share: f32) -> u8 {
    (share * 100.0).round() as u8
}

/// In the reader's zone; as the station wrote it where that is no instant.
fn instant(text: &str, zone: &TimeZone) -> String {
    match text.parse::<Timestamp>() {
        Ok(instant) => instant.to_zoned(zone.clone()).strftime("%a %-d %b, %H:%M:%S %Z").to_string(),
        Err(_) if text.is_empty() => "unknown".to_owned(),
        Err(_) => text.to_owned(),
    }
}

fn span(gap: SignedDuration) -> String {
    let minutes = gap.as_mins();
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => count(minutes.unsigned_abs(), "minute"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{} and {hours} h", count(days.unsigned_abs(), "day")),
    }
}

fn in_picture(place: Place) -> &'static str {
    match (place.row, place.column) {
        (0, 0) => "at the upper left",
        (0, 1) => "at the top",
        (0, _) => "at the upper right",
        (1, 0) => "at the left",
        (1, 1) => "in the middle",
        (1, _) => "at the right",
        (_, 0) => "at the lower left",
        (_, 1) => "at the bottom",
        _ => "at the lower right",
    }
}
