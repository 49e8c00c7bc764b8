//! The settings, from the environment that the Functions host hands on; all faults are found at once.

mod parts;
mod reader;

use std::ffi::OsString;

use lettre::message::Mailbox;

use crate::plan::Plan;
use reader::Reader;

pub use parts::{Fault, MOST_RECIPIENTS, Secret, Security, Smtp, State};

/// What the mailer needs to know.
#[derive(Debug)]
pub struct Settings {
    /// Where the host calls, on loopback.
    pub port: u16,
    /// The mail server.
    pub smtp: Smtp,
    /// Who the mails are from.
    pub from: Mailbox,
    /// Who is told what.
    pub plan: Plan,
    /// Where state is kept.
    pub state: State,
}

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// Every fault, each with its remedy.
    pub fn read(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader::new(environment);
        let port = reader.number(
            "FUNCTIONS_CUSTOMHANDLER_PORT",
            None,
            (1, 65_535),
            "the Functions host sets it; to try the mailer by hand, set it to a free port",
        );
        let smtp = reader.smtp();
        let from = reader.mailboxes("MAILER_SMTP_FROM", "name the sender, e.g. andon@plant.example");
        if from.len() > 1 {
            reader.fault("MAILER_SMTP_FROM", "holds several addresses", "name one sender");
        }
        let zone = reader.zone();
        let domain = from.first().map_or("andon.invalid", |from| from.email.domain());
        let hub = reader.hub();
        let plan = reader.plan(zone, domain, &hub);
        let state = reader.state();
        match (from.first(), plan, reader.faults.is_empty()) {
            (Some(from), Some(plan), true) => {
                let port = u16::try_from(port).unwrap_or_default();
                Ok(Self { port, smtp, from: from.clone(), plan, state })
            }
            _ => Err(reader.faults),
        }
    }
}

#[cfg(test)]
mod tests;
