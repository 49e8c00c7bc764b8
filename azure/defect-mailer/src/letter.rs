//! From a mail owed to the words of it: subject, plain text and HTML, and the bytes that go on the wire.

mod catalogue;
mod time;
mod sheet;
mod acknowledging;
mod incident;
mod station;
mod table;
mod html;

use std::time::SystemTime;

use jiff::tz::TimeZone;
use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

use crate::desk::{Content, Owed};
use crate::notice::Matter;
pub use catalogue::Language;
use sheet::{Reader, Sheet};

/// A mail in words.
#[derive(Debug, PartialEq, Eq)]
pub struct Letter {
    /// `[andon] line-1/press-3: NG short`: sorts by line and station, the same for all mails of an incident.
    pub subject: String,
    /// For programs that show no HTML.
    pub text: String,
    /// Needs nothing from outside; light and dark.
    pub html: String,
}

impl Letter {
    /// Writes the mail; the same for the same mail owed. `hub` is the hub's name, or empty.
    #[must_use]
    pub fn write(owed: &Owed, language: Language, zone: &TimeZone, hub: &str) -> Self {
        let reader = Reader { texts: language.texts(), zone, hub };
        let sheet: Sheet = match &owed.content {
            Content::One(notice) => match &notice.matter {
                Matter::Incident(news) => incident::sheet(reader, notice, news, owed),
                Matter::Station(news) => station::sheet(reader, notice, news),
                Matter::Refused(news) => table::refused(reader, news),
            },
            Content::Table(rows, rest) => table::sheet(reader, rows, *rest),
        };
        Self { html: html::render(reader, &sheet), text: sheet.as_text(reader), subject: sheet.subject }
    }

    /// The message as it goes to the server.
    ///
    /// # Errors
    /// When the addresses make no valid envelope.
    pub fn message(
        &self,
        owed: &Owed,
        from: &Mailbox,
        to: &[Mailbox],
    ) -> Result<Vec<u8>, lettre::error::Error> {
        let mut message = Message::builder()
            .from(from.clone())
            .subject(self.subject.clone())
            .date(SystemTime::from(owed.written_at))
            .message_id(Some(owed.message_id.clone()))
            // RFC 3834: keeps holiday notices and other robots from answering.
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            .raw_header(raw("X-Auto-Response-Suppress", "All"))
            // For whoever counts: the sum over all mails is the number of reports.
            .raw_header(raw("X-Andon-New-Items", &owed.new_items().to_string()));
        for mailbox in to {
            message = message.to(mailbox.clone());
        }
        if let Some(opening) = &owed.in_reply_to {
            message = message.in_reply_to(opening.clone()).references(opening.clone());
        }
        let id = owed.message_id.trim_start_matches("<andon-").split('@').next().unwrap_or_default();
        let parts = MultiPart::alternative()
            .boundary(format!("andon-part-{id}"))
            .singlepart(part(ContentType::TEXT_PLAIN, &self.text))
            .singlepart(part(ContentType::TEXT_HTML, &self.html));
        Ok(message.multipart(parts)?.formatted())
    }
}

/// Quoted-printable passes every server, also one without 8BITMIME, and keeps lines short.
fn part(kind: ContentType, content: &str) -> SinglePart {
    let encoding = ContentTransferEncoding::QuotedPrintable;
    let body = Body::new_with_encoding(content.to_owned(), encoding);
    SinglePart::builder().header(kind).body(body.unwrap_or_else(Body::new))
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

#[cfg(test)]
mod tests;
