//! The mailer: an Azure Functions custom handler that turns defect reports into mails.
//!
//! ```text
//! host's body ─invocation▶ events ─intake▶ sightings ─incident▶ mails owed ─ledger▶ disk ─dispatch▶ SMTP
//! ```
//! Order of work, the reason why no event is lost: what a batch says is folded into the device's log, with the
//! mails that it makes due, and that log is on disk *before* the first byte goes to the mail server. Whoever
//! fails afterwards, the mail is owed and is tried again, always under the same Message-ID and with the same
//! text. What remains: when the process dies, or the connection breaks, between the server's taking a mail and
//! the note about it on disk, the same mail is sent twice, with the same Message-ID, so that mail programs that
//! compare it show it once.
//!
//! Deliberately absent: rate limits and digests over several incidents, and any trust in a report's own words
//! about who sent it.

pub mod settings;
pub mod plain;
pub mod invocation;
pub mod intake;
pub mod tally;
pub mod incident;
pub mod ledger;
pub mod letter;
pub mod post;
pub mod journal;
pub mod dispatch;
pub mod handler;
pub mod http;
