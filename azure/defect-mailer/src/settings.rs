//! The settings, from the environment that the Functions host hands on; all faults are found at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use lettre::message::Mailbox;

/// Azure Communication Services takes 50 recipients a mail; it is the lowest limit among the usual services.
const MOST_RECIPIENTS: usize = 50;

/// Every variable that the mailer reads, but for the host's port.
const KNOWN: [&str; 11] = [
    "MAILER_SMTP_HOST",
    "MAILER_SMTP_PORT",
    "MAILER_SMTP_SECURITY",
    "MAILER_SMTP_CA",
    "MAILER_SMTP_USER",
    "MAILER_SMTP_PASSWORD",
    "MAILER_SMTP_FROM",
    "MAILER_SMTP_TIMEOUT_SECONDS",
    "MAILER_TO",
    "MAILER_STATE",
    "MAILER_TIME_ZONE",
];

/// What the mailer needs to know.
#[derive(Debug)]
pub struct Settings {
    /// Where the host calls, on loopback.
    pub port: u16,
    /// The mail server.
    pub smtp: Smtp,
    /// Who the mails are from.
    pub from: Mailbox,
    /// Who gets each mail, one at least.
    pub to: Vec<Mailbox>,
    /// The ledger's folder.
    pub state: PathBuf,
    /// In which the mails give times.
    pub zone: TimeZone,
}

/// How to reach the mail server.
#[derive(Debug)]
pub struct Smtp {
    /// A name or an address.
    pub host: String,
    /// 587 by default, 465 with implicit TLS.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// A PEM file with a certificate authority to trust besides the system's.
    pub ca: Option<PathBuf>,
    /// User name and password.
    pub login: Option<(String, Secret)>,
    /// For one mail, and for connecting: 1 s to 120 s.
    pub timeout: Duration,
}

/// How a connection to a mail server is protected. There is no "if the server offers it".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// STARTTLS, required.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// None; only on loopback.
    Plain,
}

/// A text that shows itself to nobody.
pub struct Secret(String);

impl Secret {
    /// For the one who must send it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// One thing wrong with the settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {fault}; {remedy}")]
pub struct Fault {
    /// Which setting.
    pub variable: String,
    /// What is wrong with it; never holds the value of a secret.
    pub fault: String,
    /// What to do.
    pub remedy: &'static str,
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
        let to = reader.mailboxes("MAILER_TO", "name the recipients, separated by commas");
        if from.len() > 1 {
            reader.fault("MAILER_SMTP_FROM", "holds several addresses", "name one sender");
        }
        if to.len() > MOST_RECIPIENTS {
            reader.fault("MAILER_TO", "holds more than 50 addresses", "use a distribution list");
        }
        let state =
            reader.required("MAILER_STATE", "name a folder that outlives the process, e.g. a mounted share");
        let zone = reader.zone();
        match (from.into_iter().next(), reader.faults.is_empty()) {
            (Some(from), true) => Ok(Self {
                port: u16::try_from(port).unwrap_or_default(),
                smtp,
                from,
                to,
                state: PathBuf::from(state),
                zone,
            }),
            _ => Err(reader.faults),
        }
    }
}

/// Collects faults while it reads.
struct Reader {
    values: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

impl Reader {
    fn new(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
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

    fn fault(&mut self, variable: &str, fault: impl Into<String>, remedy: &'static str) {
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
    fn number(
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

    fn mailboxes(&mut self, variable: &str, remedy: &'static str) -> Vec<Mailbox> {
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

    fn smtp(&mut self) -> Smtp {
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
            (Some(user), Some(password)) => Some((user, Secret(password))),
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

    fn zone(&mut self) -> TimeZone {
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

#[cfg(test)]
mod tests;
