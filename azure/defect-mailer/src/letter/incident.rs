//! A mail about one incident: what a supervisor needs to know and to do.

use andon_telemetry::Severity;
use jiff::{SignedDuration, Timestamp};

use super::acknowledging;
use super::catalogue::fill;
use super::sheet::{Reader, Sheet, Tone};
use crate::desk::Owed;
use crate::notice::{News, Notice, Phase};
use crate::plain::{plain, plain_or};
use crate::tally::{Label, Place, Tally};

/// A gap between capture and mail that is worth a word.
const LATE: SignedDuration = SignedDuration::from_mins(10);

/// One matter and its reader.
struct Case<'a> {
    reader: Reader<'a>,
    station: String,
    line: &'a str,
    news: &'a News,
    tally: &'a Tally,
    written_at: Timestamp,
}

pub(super) fn sheet(reader: Reader<'_>, notice: &Notice, news: &News, owed: &Owed) -> Sheet {
    let station = plain(&notice.device, 64);
    let tally = &news.tally;
    let case = Case { reader, station, line: &tally.line, news, tally, written_at: owed.written_at };
    let texts = reader.texts;
    let labels = labels_or(reader, &news.title.labels);
    let headline = match news.phase {
        Phase::Opening => &texts.headline.opening,
        Phase::Update => &texts.headline.update,
        Phase::Escalation => &texts.headline.escalation,
        Phase::Closing => &texts.headline.closing,
    };
    let kind = match tally.severity {
        Severity::Critical => &texts.word.critical,
        Severity::Major => &texts.word.major,
        Severity::Minor => &texts.word.minor,
    };
    let origin = [
        ("station", case.station.as_str()),
        ("incident", &plain(&news.incident, 64)),
        ("model", &tally.model),
        ("agent", &tally.agent),
    ];
    Sheet {
        subject: subject(reader, notice, news),
        tone: if news.phase == Phase::Closing { Tone::Good } else { tally.severity.into() },
        headline: fill(headline, &[("kind", kind), ("labels", &labels)]),
        place: format!("{}, {}", case.station, tally.line),
        glance: case.glance(),
        steps: case.steps(),
        ways: case.ways(),
        notes: case.notes(),
        facts: case.facts(),
        origin: fill(&texts.origin.incident, &origin),
        ..Sheet::default()
    }
}

/// The same for all mails of an incident, but for the `Re:`.
pub(super) fn subject(reader: Reader<'_>, notice: &Notice, news: &News) -> String {
    let texts = &reader.texts.subject;
    let critical = news.title.severity == Severity::Critical;
    let values = [
        ("line", news.title.line.as_str()),
        ("station", &plain(&notice.device, 64)),
        ("weight", if critical { &texts.weight_critical } else { &texts.weight_other }),
        ("labels", &labels_or(reader, &news.title.labels)),
    ];
    let subject = fill(&texts.incident, &values);
    if notice.follows() { fill(&texts.follows, &[("subject", &subject)]) } else { subject }
}

pub(super) fn labels_or(reader: Reader<'_>, labels: &str) -> String {
    plain_or(labels, 120, &reader.texts.word.defect)
}

impl Case<'_> {
    fn items(&self) -> String {
        self.reader.texts.count.item.of(self.tally.total)
    }

    fn glance(&self) -> String {
        let (texts, items) = (&self.reader.texts.glance, self.items());
        if self.news.phase == Phase::Closing {
            let last = self.reader.instant(&self.tally.last_at);
            return fill(&texts.closing, &[("items", &items), ("last", &last)]);
        }
        let since = self.reader.instant(&self.news.opened_at);
        fill(&texts.incident, &[("items", &items), ("since", &since)])
    }

    fn facts(&self) -> Vec<(String, String)> {
        let (texts, tally) = (&self.reader.texts.fact, self.tally);
        let mut facts = vec![
            (&texts.product, tally.product.clone()),
            (&texts.since, self.reader.instant(&self.news.opened_at)),
            (&texts.items, self.counts()),
        ];
        let at = self.reader.instant(&tally.last_at);
        let last = fill(&texts.item_at, &[("n", &tally.last_item.to_string()), ("at", &at)]);
        facts.push((if tally.total == 1 { &texts.item } else { &texts.last_item }, last));
        facts.push((&texts.sure, self.sure()));
        if let Some(place) = tally.place {
            facts.push((&texts.r#where, self.in_picture(place)));
        }
        if let Some(picture) = tally.pictures.last() {
            facts.push((&texts.picture, picture.clone()));
        }
        if let Some(who) = &self.news.acknowledged {
            facts.push((&texts.acknowledged, who.clone()));
        }
        facts.into_iter().map(|(name, value)| (name.clone(), value)).collect()
    }

    fn counts(&self) -> String {
        let (total, new) = (self.tally.total, self.news.new_items);
        if self.news.phase == Phase::Opening && total == new {
            return total.to_string();
        }
        let values = [("total", total.to_string()), ("new", new.to_string())];
        fill(
            &self.reader.texts.fact.items_new,
            &values.each_ref().map(|(name, value)| (*name, value.as_str())),
        )
    }

    fn sure(&self) -> String {
        let (texts, count, tally) = (&self.reader.texts.fact, &self.reader.texts.count, self.tally);
        let one = |label: &Label| {
            let [low, high] =
                [label.confidence.0, label.confidence.1].map(|share| percent(share).to_string());
            let pattern = if low == high { &texts.percent } else { &texts.percents };
            let sure = fill(pattern, &[("low", &low), ("high", &high)]);
            if tally.labels.len() == 1 {
                return sure;
            }
            let pattern = if tally.items == 1 { &texts.label_sure } else { &texts.label_items };
            let items = count.item.of(label.items);
            fill(pattern, &[("label", &label.name), ("sure", &sure), ("items", &items)])
        };
        let mut parts: Vec<String> = tally.labels.iter().map(one).collect();
        if tally.other_defects > 0 {
            parts.push(fill(&texts.others, &[("defects", &count.defect.of(tally.other_defects))]));
        }
        if parts.is_empty() { texts.no_detail.clone() } else { parts.join("; ") }
    }

    fn steps(&self) -> Vec<String> {
        let (texts, tally) = (&self.reader.texts.step, self.tally);
        let them = if tally.items > 1 {
            let since = self.reader.instant(&tally.first_at);
            fill(&texts.items_since, &[("n", &tally.items.to_string()), ("since", &since)])
        } else {
            fill(&texts.one_item, &[("n", &tally.last_item.to_string())])
        };
        let place = tally.place.map(|place| format!(" ({})", self.in_picture(place))).unwrap_or_default();
        let picture = tally.pictures.last().map_or("", String::as_str);
        let items = self.items();
        let say = |text: &str| {
            let values = [
                ("station", self.station.as_str()),
                ("line", self.line),
                ("them", &them),
                ("place", &place),
                ("picture", picture),
                ("items", &items),
            ];
            fill(text, &values)
        };
        let look = say(if picture.is_empty() { &texts.look_item } else { &texts.look_picture });
        if self.news.phase == Phase::Closing {
            return vec![say(&texts.over), say(&texts.over_why)];
        }
        let mut steps = match tally.severity {
            Severity::Critical => vec![
                say(&texts.take_out_critical),
                look,
                say(&texts.real_critical),
                say(&texts.false_critical),
            ],
            Severity::Major => {
                vec![say(&texts.take_out), look, say(&texts.real_major), say(&texts.false_other)]
            }
            Severity::Minor => vec![look, say(&texts.real_minor), say(&texts.false_other)],
        };
        if self.news.phase == Phase::Escalation {
            steps.insert(0, say(&texts.escalated));
        }
        if self.news.acknowledged.is_none() {
            steps.push(say(&texts.acknowledge));
        }
        steps
    }

    fn ways(&self) -> Vec<String> {
        if self.news.phase == Phase::Closing || self.news.acknowledged.is_some() {
            return Vec::new();
        }
        acknowledging::ways(self.reader, &self.station, &self.news.incident)
    }

    fn notes(&self) -> Vec<String> {
        let (texts, tally) = (&self.reader.texts.note, self.tally);
        let mut notes = Vec::new();
        if tally.unsynchronised {
            notes.push(fill(&texts.clock, &[("written", &self.reader.clock(self.written_at))]));
        } else if let Ok(last) = tally.last_at.parse::<Timestamp>() {
            let gap = self.written_at.duration_since(last);
            let span = self.reader.span(gap);
            if gap < -LATE {
                notes.push(fill(&texts.ahead, &[("span", &span)]));
            } else if gap > LATE && self.news.phase != Phase::Closing {
                notes.push(fill(&texts.late, &[("span", &span)]));
            }
        }
        if let Some(claimed) = &tally.claimed {
            notes.push(fill(&texts.claimed, &[("claimed", claimed), ("station", &self.station)]));
        }
        notes
    }

    fn in_picture(&self, place: Place) -> String {
        let index = usize::from(place.row.min(2)) * 3 + usize::from(place.column.min(2));
        self.reader.texts.place.names.get(index).cloned().unwrap_or_default()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a tally's confidence is in 0..1"
)]
fn percent(share: f32) -> u8 {
    (share * 100.0).round() as u8
}
