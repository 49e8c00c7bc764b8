//! The mailer: an Azure Functions custom handler that turns defect reports into mails that people keep reading.
//!
//! ```text
//! host's body ─invocation▶ events ─intake▶ facts ─station▶ notices ─desk▶ mails owed ─dispatch▶ SMTP
//!                                            clock ──────▲                ▲
//!                                                        └──── store ─────┘ two documents, each with its version
//! ```
//! What is decided is decided by two pure parts: a device's log ([`station`]) says what somebody must be told, the
//! [`desk`] says who gets which mail when. Both are documents in the [`store`], written only over the version that was
//! read, so that several instances may work at once. Nothing is answered to the host before it is kept, and a mail is
//! claimed and fixed in every word before its first byte goes to the mail server. What remains: when the process dies,
//! or the connection breaks, between the server's taking a mail and the note about it, the same mail is sent twice,
//! with the same Message-ID, so that mail programs that compare it show it once.
//!
//! Deliberately absent: any trust in a report's own words about who sent it.

pub mod plain;
pub mod tally;
pub mod notice;
pub mod hours;
pub mod policy;
pub mod settings;
pub mod plan;
pub mod invocation;
pub mod health;
pub mod intake;
pub mod station;
pub mod desk;
pub mod store;
pub mod letter;
pub mod post;
pub mod journal;
pub mod dispatch;
pub mod handler;
pub mod http;
