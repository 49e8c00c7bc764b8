//! From events to sightings: what can be read goes on, what cannot is set aside with its reason.

use andon_telemetry::Report;

use crate::invocation::Event;

/// Report and incident ids are UUIDs; this bounds what the ledger must keep of strange ones.
const LONGEST_ID: usize = 64;

/// A report with the device that the hub took it from.
#[derive(Debug)]
pub struct Sighting {
    /// The device's id in the hub.
    pub device: String,
    /// Where the event stood in its partition.
    pub origin: String,
    /// What it says.
    pub report: Report,
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
    /// In the order of the batch.
    pub sightings: Vec<Sighting>,
    /// Poison events.
    pub refusals: Vec<Refusal>,
    /// How many of the hub's own notices there were; they concern nobody here.
    pub notices: usize,
}

/// Sorts a batch.
#[must_use]
pub fn sort(events: Vec<Event>) -> Intake {
    let mut intake = Intake::default();
    for event in events {
        if !event.telemetry {
            intake.notices += 1;
            continue;
        }
        match read(&event) {
            Ok((device, report)) => {
                intake.sightings.push(Sighting { device, origin: event.origin, report });
            }
            Err(reason) => intake.refusals.push(Refusal {
                device: event.device,
                origin: event.origin,
                reason,
                body: event.body,
            }),
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

#[cfg(test)]
mod tests;
