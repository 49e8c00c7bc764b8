//! A mail about many matters: a table that reads on a phone. And the digest of refused events.

use std::collections::BTreeSet;

use andon_telemetry::Severity;

use super::catalogue::fill;
use super::incident::labels_or;
use super::sheet::{Reader, Row, Sheet, Tone};
use super::station::{is_blind, names};
use crate::desk::Rest;
use crate::notice::{Matter, News, Notice, Phase, RefusedNews, Trouble};
use crate::plain::{plain, plain_or};

pub(super) fn sheet(reader: Reader<'_>, notices: &[Notice], rest: Rest) -> Sheet {
    let (texts, count) = (reader.texts, &reader.texts.count);
    let stations: BTreeSet<&str> = notices.iter().map(|notice| notice.device.as_str()).collect();
    let lines: BTreeSet<&str> =
        notices.iter().map(|notice| notice.line.as_str()).filter(|line| !line.is_empty()).collect();
    let new = notices.iter().map(Notice::new_items).sum::<u64>() + rest.items;
    let matters = count.matter.of(notices.len() as u64 + rest.notices);
    let place = match lines.iter().collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        [line] => plain(line, 40),
        _ => texts.word.several_lines.clone(),
    };
    let known = if rest.notices > 0 { &count.more_stations } else { &count.station };
    let stations = known.of(stations.len() as u64);
    let pattern = if new > 0 { &texts.subject.table } else { &texts.subject.table_quiet };
    let worst = notices.iter().map(|notice| notice.severity).max().unwrap_or(Severity::Minor);
    let first = notices.iter().map(|notice| notice.at).min().unwrap_or_default();
    let last = notices.iter().map(|notice| notice.at).max().unwrap_or_default();
    let glance =
        [("new", count.new_item.of(new)), ("first", reader.clock(first)), ("last", reader.clock(last))];
    let mut notes = vec![texts.note.gathered.clone()];
    if rest != Rest::default() {
        let values = [("matters", count.matter.of(rest.notices)), ("items", count.item.of(rest.items))];
        notes.push(fill(&texts.note.rest, &values.each_ref().map(|(name, value)| (*name, value.as_str()))));
    }
    Sheet {
        subject: fill(
            pattern,
            &[("stations", &stations), ("items", &count.item.of(new)), ("matters", &matters)],
        ),
        tone: worst.into(),
        headline: fill(&texts.headline.table, &[("matters", &matters), ("stations", &stations)]),
        place,
        glance: fill(&texts.glance.table, &glance.each_ref().map(|(name, value)| (*name, value.as_str()))),
        steps: vec![texts.step.table_critical.clone(), texts.step.table_common.clone()],
        notes,
        rows_title: texts.section.rows.clone(),
        rows: notices.iter().map(|notice| row(reader, notice)).collect(),
        origin: texts.origin.other.clone(),
        ..Sheet::default()
    }
}

fn row(reader: Reader<'_>, notice: &Notice) -> Row {
    let (station, line) = names(reader, notice);
    let texts = &reader.texts.row;
    let title = format!("{station}, {line}");
    match &notice.matter {
        Matter::Incident(news) => {
            let over = news.phase == Phase::Closing;
            Row {
                tone: if over { Tone::Good } else { notice.severity.into() },
                title,
                detail: incident(reader, news),
                count: fill(
                    &texts.total,
                    &[("new", &news.new_items.to_string()), ("total", &news.tally.total.to_string())],
                ),
            }
        }
        Matter::Station(news) => {
            let detail = match &news.trouble {
                _ if news.until.is_some() => texts.back.clone(),
                Trouble::Disconnected => texts.disconnected.clone(),
                Trouble::NoHeartbeat => texts.no_heartbeat.clone(),
                Trouble::Unwell { state, reason } => {
                    let pattern = if is_blind(&news.trouble) { &texts.unwell } else { &texts.care };
                    fill(pattern, &[("reason", &plain_or(reason, 80, state))])
                }
            };
            let tone = if news.until.is_some() { Tone::Good } else { notice.severity.into() };
            Row { tone, title, detail, count: String::new() }
        }
        Matter::Refused(news) => Row {
            tone: Tone::Minor,
            title: reader.texts.section.groups.clone(),
            detail: fill(&texts.refused, &[("events", &reader.texts.count.event.of(news.events))]),
            count: String::new(),
        },
    }
}

fn incident(reader: Reader<'_>, news: &News) -> String {
    let texts = &reader.texts.row;
    let pattern = match news.phase {
        Phase::Opening => &texts.opening,
        Phase::Update => &texts.update,
        Phase::Escalation => &texts.escalation,
        Phase::Closing => &texts.closing,
    };
    fill(pattern, &[("labels", &labels_or(reader, &news.title.labels))])
}

/// The digest of events that no mail could be made of.
pub(super) fn refused(reader: Reader<'_>, news: &RefusedNews) -> Sheet {
    let texts = reader.texts;
    let events = texts.count.event.of(news.events);
    let rows = news.groups.iter().map(|group| Row {
        tone: Tone::Minor,
        title: plain_or(&group.device, 64, &texts.word.unknown),
        detail: plain(&group.reason, 200),
        count: group.events.to_string(),
    });
    Sheet {
        subject: fill(&texts.subject.refused, &[("events", &events)]),
        tone: Tone::Minor,
        headline: fill(&texts.headline.refused, &[("events", &events)]),
        glance: texts.glance.refused.clone(),
        steps: vec![
            texts.step.refused.clone(),
            texts.step.refused_version.clone(),
            texts.step.refused_claim.clone(),
        ],
        rows_title: texts.section.groups.clone(),
        rows: rows.collect(),
        origin: texts.origin.other.clone(),
        ..Sheet::default()
    }
}
