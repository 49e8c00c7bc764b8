//! From events to facts about devices: what can be read goes on, what cannot is set aside with its reason.

use std::collections::BTreeMap;

use andon_telemetry::Report;
use jiff::Timestamp;
use serde_json::Value;

use crate::health::Sign;
use crate::invocation::{Event, Source};
use crate::plain::plain;

/// Report and incident ids are UUIDs; this bounds what the store must keep of strange ones.
const LONGEST_ID: usize = 64;

/// What an event says of its device.
#[derive(Debug)]
pub enum Fact {
    /// An NG item.
    Report(Box<Report>),
    /// A sign of life, or of its end.
    Sign(Sign, Timestamp),
    /// Somebody at the station has acknowledged an incident.
    Acknowledged {
        /// Which.
        incident: String,
        /// Who, in the station's words.
        by: String,
    },
}

/// An event that no mail can be made of.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The device's id in the hub, where known.
    pub device: Option<String>,
    /// Where the event stood in its partition.
    pub origin: String,
    /// Why, and where that is possible, what to do.
    pub reason: String,
    /// What the device sent.
    pub body: Vec<u8>,
}

/// A batch, sorted.
#[derive(Debug, Default)]
pub struct Intake {
    /// By device, in the order of the batch.
    pub facts: BTreeMap<String, Vec<Fact>>,
    /// Poison events.
    pub refusals: Vec<Refusal>,
    /// How many of the hub's own notices there were that concern nobody here.
    pub notices: usize,
}

/// Sorts a batch that came at `now`.
#[must_use]
pub fn sort(events: Vec<Event>, now: Timestamp) -> Intake {
    let mut intake = Intake::default();
    for event in events {
        // A clock of the hub's that is ahead of ours must not put a deadline off.
        let at = event.enqueued.map_or(now, |at| at.min(now));
        let facts = match event.source {
            Source::Telemetry => match read(&event) {
                Ok((device, report)) => {
                    Some((device, vec![Fact::Sign(Sign::Report, at), Fact::Report(Box::new(report))]))
                }
                Err(reason) => {
                    let Event { device, origin, body, .. } = event;
                    intake.refusals.push(Refusal { device, origin, reason, body });
                    continue;
                }
            },
            Source::Connected => event.device.map(|device| (device, vec![Fact::Sign(Sign::Connected, at)])),
            Source::Disconnected => {
                event.device.map(|device| (device, vec![Fact::Sign(Sign::Disconnected, at)]))
            }
            Source::Twin => {
                let facts = reported(&event.body, at);
                event.device.filter(|_| !facts.is_empty()).map(|device| (device, facts))
            }
            Source::Other => None,
        };
        match facts {
            Some((device, facts)) => intake.facts.entry(device).or_default().extend(facts),
            None => intake.notices += 1,
        }
    }
    intake
}

fn read(event: &Event) -> Result<(String, Report), String> {
    let device = event.device.clone().ok_or("the event's system properties name no sender")?;
    let report = andon_telemetry::read(&event.body).map_err(|error| error.to_string())?;
    for (field, id) in [("report_id", &report.report_id), ("incident.id", &report.incident.id)] {
        let fits = !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|b| b.is_ascii_graphic());
        if !fits {
            return Err(format!("the report's {field} is not an id of 1 to {LONGEST_ID} plain characters"));
        }
    }
    Ok((device, report))
}

/// What a change of reported properties says: `{"properties": {"reported": {...}}}`, of which only what changed is
/// there. A change of desired properties or tags is somebody else's doing and no sign of the station.
fn reported(body: &[u8], at: Timestamp) -> Vec<Fact> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(reported) = body.pointer("/properties/reported").and_then(Value::as_object) else {
        return Vec::new();
    };
    let text = |value: Option<&Value>, max| plain(value.and_then(Value::as_str).unwrap_or_default(), max);
    let health = reported.get("health").and_then(Value::as_object).and_then(|health| {
        let state = text(health.get("state"), 40);
        (!state.is_empty()).then(|| (state, text(health.get("reason"), 200)))
    });
    let mut facts = vec![Fact::Sign(Sign::Reported { health }, at)];
    if let Some(acknowledged) = reported.get("acknowledged").and_then(Value::as_object) {
        let incident = text(acknowledged.get("incident"), LONGEST_ID);
        // A station that has acknowledged nothing yet says so with an empty text.
        if !incident.is_empty() {
            facts.push(Fact::Acknowledged { incident, by: text(acknowledged.get("by"), 80) });
        }
    }
    facts
}

#[cfg(test)]
mod tests;
