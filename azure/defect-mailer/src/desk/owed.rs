//! A mail that must be sent: fixed in every word before the first attempt, so that each attempt sends the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::notice::{Notice, Root};
use crate::station::hex;

/// A mail owed to one recipient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owed {
    /// With angle brackets.
    pub message_id: String,
    /// The mail that its thread begins with, when that is another one.
    pub in_reply_to: Option<String>,
    /// The mail's Date.
    pub written_at: Timestamp,
    /// What it tells.
    pub content: Content,
    /// Addresses that have it, or that refused it for good.
    pub done: Vec<String>,
    /// Whether anybody has it.
    pub reached: bool,
    /// Who sends it now.
    pub claim: Option<Claim>,
    /// It is not tried again before this.
    pub not_before: Option<Timestamp>,
    /// How often it was tried.
    pub tries: u32,
}

/// What a mail tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// One matter.
    One(Box<Notice>),
    /// Many, as a table; and what there was no room for.
    Table(Vec<Notice>, Rest),
}

/// What a table has no rows for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Matters.
    pub notices: u64,
    /// Items that no mail told before.
    pub items: u64,
}

/// Who sends a mail, and until when nobody else may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The instance.
    pub instance: String,
    /// Which run of the mailer on that instance.
    pub run: String,
    /// Then it counts as dead.
    pub until: Timestamp,
}

/// What became of a mail that was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Recipients that have it, or will never have it.
    pub done: Vec<String>,
    /// Whether any has it.
    pub reached: bool,
    /// Whether all are done.
    pub settled: bool,
    /// Whether the next mail would fail as well.
    pub rest: bool,
}

impl Claim {
    /// Whether somebody else may take the mail over. A handler that was started again on the same instance knows
    /// that the one before it is dead.
    pub(super) fn is_free_for(&self, other: &Self, now: Timestamp) -> bool {
        self.until <= now || (self.instance == other.instance && self.run != other.run)
    }
}

impl Owed {
    pub(super) fn new(tray: &str, content: Content, claim: Claim, now: Timestamp, domain: &str) -> Self {
        let (message_id, in_reply_to) = match &content {
            Content::One(notice) => {
                let root = notice.root();
                let first = message_id(tray, &notice.device, root, domain);
                if notice.follows() {
                    (message_id(tray, &notice.device, notice.own, domain), Some(first))
                } else {
                    (first, None)
                }
            }
            Content::Table(rows, _) => {
                let first = rows.first().map_or(Root { epoch: now, number: 0 }, |row| row.own);
                let devices: String = rows.iter().map(|row| row.device.as_str()).collect();
                (message_id(tray, &format!("table {devices}"), first, domain), None)
            }
        };
        Self {
            message_id,
            in_reply_to,
            written_at: now,
            content,
            done: Vec::new(),
            reached: false,
            claim: Some(claim),
            not_before: None,
            tries: 1,
        }
    }

    /// Items that it tells for the first time.
    #[must_use]
    pub fn new_items(&self) -> u64 {
        match &self.content {
            Content::One(notice) => notice.new_items(),
            Content::Table(rows, rest) => rows.iter().map(Notice::new_items).sum::<u64>() + rest.items,
        }
    }
}

/// The same for the same notice to the same recipient, whoever sends it; different for all others.
fn message_id(tray: &str, device: &str, root: Root, domain: &str) -> String {
    let mut hash = Sha256::new();
    for part in [tray, device] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(root.number.to_be_bytes());
    hash.update(root.epoch.as_nanosecond().to_be_bytes());
    format!("<andon-{}@{domain}>", hex(&hash.finalize()[..16]))
}
