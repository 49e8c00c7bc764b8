//! Reads variable after variable and collects the faults.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use lettre::message::Mailbox;

use super::parts::{Fault, KNOWN, MOST_RECIPIENTS, Secret, Security, Smtp, State};
use crate::plan::{self, Plan};

/// Collects faults while it reads.
pub(super) struct Reader {
    values: BTreeMap<String, String>,
    pub(super) faults: Vec<Fault>,
}

impl Reader {
    pub(super) fn new(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut reader = Self { values: BTreeMap::new(), faults: Vec::new() };
        for (name, value) in environment {
            let Some(name) = name.to_str() else { continue };
            if !name.starts_with("MAILER_") && name != "FUNCTIONS_CUSTOMHANDLER_PORT" {
                continue;
            }
            if name.starts_with("MAILER_") && !KNOWN.contains(&name) {
                reader.fault(
                    name,
                    "is no setting of the mailer",
                    "correct its name; README.md lists all settings",
                );
                continue;
            }
            match value.into_string() {
                Ok(value) if value.starts_with("@Microsoft.KeyVault(") => reader.fault(
                    name,
                    "still holds the Key Vault reference itself",
                    "let the app's identity read that secret, and check the reference's spelling",
                ),
                // An empty setting counts as none: the portal cannot tell the two apart.
                Ok(value) if value.trim().is_empty() => {}
                Ok(value) => {
                    reader.values.insert(name.to_owned(), value);
                }
                Err(_) => reader.fault(name, "is not UTF-8", "write it in UTF-8"),
            }
        }
        reader
    }

    pub(super) fn fault(&mut self, variable: &str, fault: impl Into<String>, remedy: &'static str) {
        self.faults.push(Fault { variable: variable.to_owned(), fault: fault.into(), remedy });
    }

    fn optional(&mut self, variable: &str) -> Option<String> {
        self.values.remove(variable)
    }

    fn required(&mut self, variable: &str, remedy: &'static str) -> String {
        let already = self.faults.iter().any(|fault| fault.variable == variable);
        self.optional(variable).unwrap_or_else(|| {
            if !already {
                self.fault(variable, "is not set", remedy);
            }
            String::new()
        })
    }

    /// A number in a range that includes both ends.
    pub(super) fn number(
        &mut self,
        variable: &str,
        default: Option<u64>,
        range: (u64, u64),
        remedy: &'static str,
    ) -> u64 {
        let Some(text) = self.optional(variable) else {
            return default.unwrap_or_else(|| {
                self.fault(variable, "is not set", remedy);
                range.0
            });
        };
        match text.trim().parse() {
            Ok(number) if (range.0..=range.1).contains(&number) => number,
            _ => {
                let fault = format!("is {text:?}, not a whole number from {} to {}", range.0, range.1);
                self.fault(variable, fault, remedy);
                range.0
            }
        }
    }

    pub(super) fn mailboxes(&mut self, variable: &str, remedy: &'static str) -> Vec<Mailbox> {
        let list = self.required(variable, remedy);
        let mut mailboxes = Vec::new();
        for text in list.split([',', ';']).map(str::trim).filter(|text| !text.is_empty()) {
            match text.parse() {
                Ok(mailbox) if !mailboxes.contains(&mailbox) => mailboxes.push(mailbox),
                Ok(_) => {}
                Err(_) => self.fault(variable, format!("{text:?} is no mail address"), remedy),
            }
        }
        if mailboxes.is_empty() && self.faults.iter().all(|fault| fault.variable != variable) {
            self.fault(variable, "holds no address", remedy);
        }
        mailboxes
    }

    /// The plan's file, or everything to the addresses in `MAILER_TO`.
    pub(super) fn plan(&mut self, zone: TimeZone, domain: &str, hub: &str) -> Option<Plan> {
        const REMEDY: &str = "correct the plan; recipients.example.toml explains every key";
        let Some(path) = self.optional("MAILER_PLAN") else {
            let to = self.mailboxes("MAILER_TO", "name the recipients, separated by commas");
            if to.len() > MOST_RECIPIENTS {
                self.fault("MAILER_TO", "holds more than 50 addresses", "use a distribution list");
            }
            return Some(Plan::simple(to, zone, domain, hub));
        };
        if self.optional("MAILER_TO").is_some() {
            self.fault("MAILER_TO", "is set, but MAILER_PLAN names the recipients", "set one of the two");
        }
        let text = match std::fs::read_to_string(Path::new(path.trim())) {
            Ok(text) => text,
            Err(error) => {
                self.fault("MAILER_PLAN", format!("{path} cannot be read: {error}"), "name a TOML file");
                return None;
            }
        };
        let plan = plan::parse(&text, zone, domain, hub);
        plan.map_err(|faults| {
            faults.iter().for_each(|fault| self.fault("MAILER_PLAN", fault.to_string(), REMEDY))
        })
        .ok()
    }

    pub(super) fn state(&mut self) -> State {
        const REMEDY: &str =
            "name a folder that outlives the process, or https://ACCOUNT.blob.core.windows.net/CONTAINER";
        let key = self.optional("MAILER_STATE_KEY").map(Secret::new);
        let place = self.required("MAILER_STATE", REMEDY);
        if place.contains("://") {
            return State::Container(place.trim().to_owned(), key);
        }
        if key.is_some() {
            self.fault("MAILER_STATE_KEY", "is set, but MAILER_STATE is a folder", "leave it out");
        }
        State::Folder(PathBuf::from(place))
    }

    pub(super) fn smtp(&mut self) -> Smtp {
        let host = self.required("MAILER_SMTP_HOST", "name the mail server, e.g. smtp.azurecomm.net");
        let host = host.trim().to_owned();
        let name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if host.parse::<IpAddr>().is_err() && !host.chars().all(name) {
            let fault = format!("{host:?} is neither a name nor an address");
            self.fault("MAILER_SMTP_HOST", fault, "give the host alone; the port goes into MAILER_SMTP_PORT");
        }
        let security = self.security(&host);
        let usual = if security == Security::Implicit { 465 } else { 587 };
        let port = self.number("MAILER_SMTP_PORT", Some(usual), (1, 65_535), "587 is usual with STARTTLS");
        let timeout =
            self.number("MAILER_SMTP_TIMEOUT_SECONDS", Some(30), (1, 120), "leave it out for 30 seconds");
        let ca = self.optional("MAILER_SMTP_CA").map(PathBuf::from);
        let login = match (self.optional("MAILER_SMTP_USER"), self.optional("MAILER_SMTP_PASSWORD")) {
            (Some(user), Some(password)) => Some((user, Secret::new(password))),
            (None, None) => None,
            (Some(_), None) => {
                self.fault(
                    "MAILER_SMTP_PASSWORD",
                    "is not set, but MAILER_SMTP_USER is",
                    "set both or neither",
                );
                None
            }
            (None, Some(_)) => {
                self.fault(
                    "MAILER_SMTP_USER",
                    "is not set, but MAILER_SMTP_PASSWORD is",
                    "set both or neither",
                );
                None
            }
        };
        let port = u16::try_from(port).unwrap_or_default();
        Smtp { host, port, security, ca, login, timeout: Duration::from_secs(timeout) }
    }

    fn security(&mut self, host: &str) -> Security {
        const NAME: &str = "MAILER_SMTP_SECURITY";
        let local = is_loopback(host);
        match self.optional(NAME).as_deref().map(str::trim) {
            None if local => Security::Plain,
            None | Some("starttls") => Security::StartTls,
            Some("tls") => Security::Implicit,
            Some("none") if local => Security::Plain,
            Some("none") => {
                self.fault(
                    NAME,
                    format!("is \"none\", but {host:?} is not this machine"),
                    "passwords and reports leave this machine only encrypted: use starttls or tls",
                );
                Security::StartTls
            }
            Some(other) => {
                let fault = format!("is {other:?}");
                self.fault(NAME, fault, "use starttls, tls or, on loopback only, none");
                Security::StartTls
            }
        }
    }

    /// The hub's name, as mails give it in a command.
    pub(super) fn hub(&mut self) -> String {
        let hub = self.optional("MAILER_HUB").unwrap_or_default().trim().to_owned();
        // IoT Hub's own rule for names; whatever else would be a danger to whoever copies the command.
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if hub.len() > 50 || !hub.chars().all(fits) {
            let fault = format!("{hub:?} is no name of a hub");
            self.fault("MAILER_HUB", fault, "give the name alone, without .azure-devices.net");
        }
        hub
    }

    pub(super) fn zone(&mut self) -> TimeZone {
        let Some(name) = self.optional("MAILER_TIME_ZONE") else { return TimeZone::UTC };
        TimeZone::get(name.trim()).unwrap_or_else(|_| {
            let fault = format!("{name:?} is no time zone");
            self.fault("MAILER_TIME_ZONE", fault, "use a name like Europe/Berlin, or leave it out for UTC");
            TimeZone::UTC
        })
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
