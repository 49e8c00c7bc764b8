//! The built mailer between a Functions host and a mail server, told in scenarios.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

mod host;
mod mailer;
mod mail_server;
mod real_mail_server;
mod postfix;
mod plant;
mod azurite;

mod batches;
mod outages;
mod refusals;
mod settings;
mod encryption;
mod delivery;
mod storage;
mod chain;
