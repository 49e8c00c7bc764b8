//! `andon outbox`: what waits for the hub, for a person or a script to look at.

use std::{
    io::{self, Write},
    path::Path,
};

use clap::Subcommand;
use serde_json::{Value, json};

use super::outcome::Failure;
use crate::outbox::{Entry, Gap, Outbox, OutboxError, SetAside};

/// What to do with the reports that wait; the agent may be running.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(super) enum OutboxCommand {
    /// List the reports that wait, oldest first, and those that the hub can never take
    List {
        /// One JSON object a line on standard output, in place of the table
        #[arg(long)]
        json: bool,
    },
    /// Print one report as it will travel
    Show {
        /// The report's id or its sequence number
        id: String,
    },
    /// Delete every report that waits, unsent
    Purge {
        /// Really delete; without it nothing happens
        #[arg(long)]
        yes: bool,
    },
}

/// Why a command on the outbox was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutboxCommandError {
    /// The outbox cannot be used.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// No such report.
    #[error("no report {0} waits; `andon outbox list` shows those that do")]
    Unknown(String),
    /// Deleting was not confirmed: wrong use.
    #[error("{0} reports wait and would be lost; add --yes to delete them")]
    Unconfirmed(u64),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl From<OutboxCommandError> for Failure {
    fn from(error: OutboxCommandError) -> Self {
        match error {
            OutboxCommandError::Unconfirmed(_) => Self::WrongUse(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// So many reports are read at once.
const PAGE: usize = 100;

/// Runs a command on the outbox in this file. Machine output goes to `out`, words for people to `notes`.
///
/// # Errors
/// When there is no outbox, no such report, or no confirmation.
pub(super) fn run(
    command: &OutboxCommand,
    path: &Path,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> Result<(), OutboxCommandError> {
    let outbox = Outbox::attach(path)?;
    match command {
        OutboxCommand::List { json: true } => list_for_machines(&outbox, out),
        OutboxCommand::List { json: false } => list_for_people(&outbox, notes),
        OutboxCommand::Show { id } => show(&outbox, id, out),
        OutboxCommand::Purge { yes } => purge(&outbox, *yes, notes),
    }
}

fn list_for_machines(outbox: &Outbox, out: &mut impl Write) -> Result<(), OutboxCommandError> {
    every_waiting(outbox, |entry| Ok(writeln!(out, "{}", line(&entry, None))?))?;
    for SetAside { entry, reason } in outbox.aside()? {
        writeln!(out, "{}", line(&entry, Some(&reason)))?;
    }
    Ok(out.flush()?)
}

fn line(entry: &Entry, set_aside: Option<&str>) -> Value {
    let properties: serde_json::Map<String, Value> =
        entry.properties.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    json!({
        "sequence": entry.sequence,
        "report_id": entry.report_id,
        "stored_at": entry.stored_at,
        "bytes": entry.json.len(),
        "properties": properties,
        "set_aside": set_aside,
    })
}

fn list_for_people(outbox: &Outbox, notes: &mut impl Write) -> Result<(), OutboxCommandError> {
    let row = |notes: &mut dyn Write, entry: &Entry| {
        let Entry { sequence, report_id, stored_at, json, .. } = entry;
        writeln!(notes, "{sequence:>9}  {stored_at:<24}  {:>7}  {report_id}", json.len())
    };
    writeln!(notes, "{:>9}  {:<24}  {:>7}  REPORT", "SEQUENCE", "STORED (UTC)", "BYTES")?;
    every_waiting(outbox, |entry| Ok(row(notes, &entry)?))?;
    let aside = outbox.aside()?;
    if !aside.is_empty() {
        writeln!(notes, "\nThe hub can never take these; they are set aside:")?;
    }
    for SetAside { entry, reason } in aside {
        row(notes, &entry)?;
        writeln!(notes, "{:>9}  {reason}", "")?;
    }
    let (depth, totals) = (outbox.depth()?, outbox.totals()?);
    writeln!(
        notes,
        "\n{} waiting ({} bytes); since the outbox was made: {} stored, {} delivered, {} lost to its limits, \
         {} folded into earlier ones, {} set aside, {} purged",
        depth.reports,
        depth.bytes,
        totals.appended,
        totals.acknowledged,
        totals.dropped,
        totals.folded,
        totals.set_aside,
        totals.purged
    )?;
    if let Some(Gap { since, until, first_sequence, last_sequence, dropped, folded }) = outbox.gap()? {
        writeln!(
            notes,
            "the last gap, from {since} to {until}: {dropped} lost and {folded} folded, between sequence numbers \
             {first_sequence} and {last_sequence}"
        )?;
    }
    Ok(notes.flush()?)
}

fn every_waiting(
    outbox: &Outbox,
    mut each: impl FnMut(Entry) -> Result<(), OutboxCommandError>,
) -> Result<(), OutboxCommandError> {
    let mut cursor = 0;
    loop {
        let page = outbox.waiting_after(cursor, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        cursor = last.sequence;
        page.into_iter().try_for_each(&mut each)?;
    }
}

fn show(outbox: &Outbox, id: &str, out: &mut impl Write) -> Result<(), OutboxCommandError> {
    let by_number = || {
        let Ok(sequence) = id.parse::<u64>() else { return Ok(None) };
        let next = outbox.waiting_after(sequence.saturating_sub(1), 1)?.pop();
        Ok::<_, OutboxError>(next.filter(|entry| entry.sequence == sequence))
    };
    let found = outbox.find(id)?.map_or_else(by_number, |entry| Ok(Some(entry)))?;
    let entry = found.ok_or_else(|| OutboxCommandError::Unknown(id.to_owned()))?;
    out.write_all(&entry.json)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

fn purge(outbox: &Outbox, yes: bool, notes: &mut impl Write) -> Result<(), OutboxCommandError> {
    if !yes {
        return Err(OutboxCommandError::Unconfirmed(outbox.depth()?.reports));
    }
    writeln!(notes, "{} reports deleted unsent", outbox.purge()?)?;
    Ok(notes.flush()?)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;
    use crate::outbox::{Limits, Outgoing};

    fn station() -> (TempDir, PathBuf, Outbox) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox.sqlite");
        let (outbox, _) = Outbox::open(&path, Limits { reports: 1_000, bytes: 1 << 20 }).unwrap();
        for number in 1..=250 {
            let properties = vec![("line".to_owned(), "L 1".to_owned())];
            let json = format!("{{\"number\":{number}}}").into_bytes();
            let outgoing = Outgoing { report_id: format!("id-{number}"), properties, json };
            outbox.append(|_| Ok(outgoing), &[]).unwrap();
        }
        (folder, path, outbox)
    }

    fn outcome(command: &OutboxCommand, path: &Path) -> Result<(String, String), OutboxCommandError> {
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        run(command, path, &mut out, &mut notes)?;
        Ok((String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap()))
    }

    #[test]
    fn machines_get_a_line_a_report_while_the_agent_runs() {
        let (_folder, path, outbox) = station();
        outbox.set_aside(250, "too large").unwrap();
        let (out, notes) = outcome(&OutboxCommand::List { json: true }, &path).unwrap();
        let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.len(), notes.as_str()), (250, ""));
        assert_eq!(lines[100]["report_id"], "id-101");
        assert_eq!(lines[0]["properties"]["line"], "L 1");
        assert_eq!(
            (&lines[0]["set_aside"], &lines[249]["set_aside"]),
            (&Value::Null, &Value::from("too large"))
        );
    }

    #[test]
    fn people_get_a_table_and_a_sum() {
        let (_folder, path, outbox) = station();
        outbox.set_aside(1, "too large").unwrap();
        let (out, notes) = outcome(&OutboxCommand::List { json: false }, &path).unwrap();
        assert_eq!(out, "");
        assert!(notes.contains("id-250") && notes.contains("too large"), "{notes}");
        assert!(notes.contains("249 waiting") && notes.contains("250 stored, 0 delivered"), "{notes}");
    }

    #[test]
    fn a_report_is_shown_by_its_id_or_its_number() {
        let (_folder, path, _outbox) = station();
        for id in ["id-7", "7"] {
            let (out, _) = outcome(&OutboxCommand::Show { id: id.to_owned() }, &path).unwrap();
            assert_eq!(out, "{\"number\":7}\n");
        }
        let unknown = outcome(&OutboxCommand::Show { id: "251".to_owned() }, &path);
        assert!(matches!(unknown, Err(OutboxCommandError::Unknown(_))));
    }

    #[test]
    fn nothing_is_deleted_without_a_confirmation() {
        let (_folder, path, outbox) = station();
        let refused = outcome(&OutboxCommand::Purge { yes: false }, &path);
        assert!(matches!(refused, Err(OutboxCommandError::Unconfirmed(250))));
        assert_eq!(outbox.depth().unwrap().reports, 250);
        outcome(&OutboxCommand::Purge { yes: true }, &path).unwrap();
        assert_eq!(outbox.depth().unwrap().reports, 0);
    }

    #[test]
    fn a_path_without_an_outbox_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let absent = outcome(&OutboxCommand::List { json: true }, &folder.path().join("none.sqlite"));
        assert!(matches!(absent, Err(OutboxCommandError::Outbox(OutboxError::Absent(_)))));
    }
}
