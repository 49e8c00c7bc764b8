//! What settings are made of, and how they are wrong.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Azure Communication Services takes 50 recipients a mail; it is the lowest limit among the usual services.
pub const MOST_RECIPIENTS: usize = 50;

/// Every variable that the mailer reads, but for the host's port.
pub(super) const KNOWN: [&str; 14] = [
    "MAILER_SMTP_HOST",
    "MAILER_SMTP_PORT",
    "MAILER_SMTP_SECURITY",
    "MAILER_SMTP_CA",
    "MAILER_SMTP_USER",
    "MAILER_SMTP_PASSWORD",
    "MAILER_SMTP_FROM",
    "MAILER_SMTP_TIMEOUT_SECONDS",
    "MAILER_TO",
    "MAILER_PLAN",
    "MAILER_STATE",
    "MAILER_STATE_KEY",
    "MAILER_TIME_ZONE",
    "MAILER_HUB",
];

/// Where state is kept.
#[derive(Debug)]
pub enum State {
    /// A folder.
    Folder(PathBuf),
    /// A container's address, and the account's key where no managed identity is used.
    Container(String, Option<Secret>),
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
    /// Hides a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

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
