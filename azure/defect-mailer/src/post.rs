//! One conversation with the mail server, told apart by phase: what is the server's trouble, what a setting's,
//! and what a recipient's.

use std::path::Path;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;

use crate::plain::plain;
use crate::settings::{Security, Smtp};

/// The way to the mail server.
pub struct Post {
    smtp: Smtp,
    /// `None` without encryption.
    tls: Option<TlsParameters>,
}

/// An open conversation.
pub struct Round<'a> {
    post: &'a Post,
    connection: AsyncSmtpConnection,
}

/// What the server said to one mail.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// These have it.
    pub accepted: Vec<Address>,
    /// These will never have it, and why.
    pub refused: Vec<(Address, String)>,
    /// These may have it later, and why not now.
    pub deferred: Vec<(Address, String)>,
}

/// Why a mail could not be handed over; every kind may pass, so that the mail is tried again.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// No server, or none in time.
    #[error(
        "the mail server {server} cannot be reached: {reason}; check MAILER_SMTP_HOST and _PORT and the network"
    )]
    Unreachable {
        /// Host and port.
        server: String,
        /// What the network said.
        reason: String,
    },
    /// No encryption, or none that can be trusted.
    #[error(
        "no trusted encryption with the mail server {server}: {reason}; nothing was sent; check MAILER_SMTP_SECURITY, _PORT and _CA"
    )]
    Untrusted {
        /// Host and port.
        server: String,
        /// What is missing.
        reason: String,
    },
    /// The server does not let us in.
    #[error(
        "CHECK THE SETTINGS: the mail server {server} refuses the login: {reason}; correct MAILER_SMTP_USER and _PASSWORD, the mails wait"
    )]
    Login {
        /// Host and port.
        server: String,
        /// The server's words.
        reason: String,
    },
    /// The server does not take mails from this sender.
    #[error(
        "CHECK THE SETTINGS: the mail server {server} refuses the sender: {reason}; correct MAILER_SMTP_FROM or the sender's rights, the mails wait"
    )]
    Sender {
        /// Host and port.
        server: String,
        /// The server's words.
        reason: String,
    },
    /// A passing trouble with this mail.
    #[error("the mail server {server} did not take the mail: {reason}")]
    Passing {
        /// Host and port.
        server: String,
        /// The server's words, or what broke.
        reason: String,
    },
}

impl PostError {
    /// Whether the next mail would meet the same trouble.
    #[must_use]
    pub fn concerns_all(&self) -> bool {
        !matches!(self, Self::Passing { .. })
    }
}

/// The certificate authority that was named cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("MAILER_SMTP_CA: {path} is no certificate to trust: {reason}; name a PEM file with one certificate")]
pub struct CaError {
    path: String,
    reason: String,
}

impl Post {
    /// Prepares the way; connects to nothing yet.
    ///
    /// # Errors
    /// When the certificate authority named in the settings cannot be read.
    pub fn new(smtp: Smtp) -> Result<Self, CaError> {
        let tls = match smtp.security {
            Security::Plain => None,
            Security::StartTls | Security::Implicit => {
                let mut parameters = TlsParameters::builder(smtp.host.clone());
                if let Some(path) = &smtp.ca {
                    parameters = parameters.add_root_certificate(certificate(path)?);
                }
                Some(parameters.build().map_err(|error| ca_error(smtp.ca.as_deref(), &error))?)
            }
        };
        Ok(Self { smtp, tls })
    }

    /// For connecting, and for each mail.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.smtp.timeout
    }

    /// Connects, encrypts and logs in.
    ///
    /// # Errors
    /// Says which of the three failed; takes no longer than the time-out in the settings.
    pub async fn open(&self) -> Result<Round<'_>, PostError> {
        match timeout(self.smtp.timeout, self.connect()).await {
            Ok(connection) => Ok(Round { post: self, connection: connection? }),
            Err(_) => Err(PostError::Unreachable { server: self.server(), reason: self.in_time() }),
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, PostError> {
        let hello = ClientId::default();
        let server = (self.smtp.host.as_str(), self.smtp.port);
        let from_start = self.tls.clone().filter(|_| self.smtp.security == Security::Implicit);
        let opened =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.smtp.timeout), &hello, from_start, None)
                .await;
        let mut connection = opened.map_err(|error| {
            let (server, reason) = (self.server(), reason(&error));
            if error.is_tls() {
                PostError::Untrusted { server, reason }
            } else {
                PostError::Unreachable { server, reason }
            }
        })?;
        if let (Security::StartTls, Some(tls)) = (self.smtp.security, &self.tls) {
            if !connection.can_starttls() {
                let reason = "it does not offer STARTTLS".to_owned();
                connection.abort().await;
                return Err(PostError::Untrusted { server: self.server(), reason });
            }
            connection
                .starttls(tls.clone(), &hello)
                .await
                .map_err(|error| PostError::Untrusted { server: self.server(), reason: reason(&error) })?;
        }
        if let Some((user, password)) = &self.smtp.login {
            let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
            let answer = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
            answer.map_err(|error| self.login_error(&error))?;
        }
        Ok(connection)
    }

    fn login_error(&self, error: &Error) -> PostError {
        let (server, reason) = (self.server(), reason(error));
        if error.is_permanent() || error.is_client() {
            PostError::Login { server, reason }
        } else {
            PostError::Passing { server, reason }
        }
    }

    fn server(&self) -> String {
        format!("{}:{}", self.smtp.host, self.smtp.port)
    }

    fn in_time(&self) -> String {
        format!("no answer within {} s", self.smtp.timeout.as_secs())
    }
}

impl Round<'_> {
    /// Hands one mail over. After an error the round is of no more use.
    ///
    /// # Errors
    /// When nobody is known to have it; takes no longer than the time-out in the settings.
    pub async fn send(&mut self, from: &Address, to: &[Address], mail: &[u8]) -> Result<Delivery, PostError> {
        let post = self.post;
        match timeout(post.smtp.timeout, self.hand_over(from, to, mail)).await {
            Ok(delivery) => delivery,
            Err(_) => Err(PostError::Passing { server: post.server(), reason: post.in_time() }),
        }
    }

    async fn hand_over(
        &mut self,
        from: &Address,
        to: &[Address],
        mail: &[u8],
    ) -> Result<Delivery, PostError> {
        let mail_from = self.connection.command(Mail::new(Some(from.clone()), vec![])).await;
        mail_from.map_err(|error| self.trouble(&error))?;
        let mut delivery = Delivery::default();
        for recipient in to {
            match self.connection.command(Rcpt::new(recipient.clone(), vec![])).await {
                Ok(_) => delivery.accepted.push(recipient.clone()),
                Err(error) if error.is_permanent() && !is_policy(&error) => {
                    delivery.refused.push((recipient.clone(), reason(&error)));
                }
                Err(error) if error.status().is_some() => {
                    delivery.deferred.push((recipient.clone(), reason(&error)));
                }
                Err(error) => return Err(self.trouble(&error)),
            }
        }
        if delivery.accepted.is_empty() {
            if self.connection.command(Rset).await.is_err() {
                self.connection.abort().await;
            }
            return Ok(delivery);
        }
        self.connection.command(Data).await.map_err(|error| self.trouble(&error))?;
        match self.connection.message(mail).await {
            Ok(_) => {}
            Err(error) if error.is_permanent() && !is_policy(&error) => {
                let reason = reason(&error);
                let all = std::mem::take(&mut delivery.accepted);
                delivery.refused.extend(all.into_iter().map(|recipient| (recipient, reason.clone())));
            }
            Err(error) => return Err(self.trouble(&error)),
        }
        Ok(delivery)
    }

    /// Whether the next mail needs a new round.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.connection.has_broken()
    }

    /// Says goodbye; the server's answer changes nothing.
    pub async fn close(mut self) {
        let _ = timeout(self.post.smtp.timeout, self.connection.abort()).await;
    }

    fn trouble(&self, error: &Error) -> PostError {
        let (server, reason) = (self.post.server(), reason(error));
        if error.is_permanent() {
            PostError::Sender { server, reason }
        } else {
            PostError::Passing { server, reason }
        }
    }
}

/// RFC 3463: 5.7.x are matters of permission and policy. They come from settings, ours or the server's, and
/// somebody can put them right; until then the mail waits.
fn is_policy(error: &Error) -> bool {
    reason(error).contains(" 5.7.")
}

/// The error with its causes, on one line.
fn reason(error: &Error) -> String {
    use std::error::Error as _;
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    plain(&text, 300)
}

fn certificate(path: &Path) -> Result<Certificate, CaError> {
    let failed = |reason: String| CaError { path: path.display().to_string(), reason };
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    Certificate::from_pem(&pem).map_err(|error| failed(reason(&error)))
}

fn ca_error(path: Option<&Path>, error: &Error) -> CaError {
    let path = path.map_or_else(|| "the system's list".to_owned(), |path| path.display().to_string());
    CaError { path, reason: reason(error) }
}
