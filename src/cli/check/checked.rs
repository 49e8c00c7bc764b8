//! What `andon check` says of one thing.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Ok,
    /// Works, but somebody should know.
    Warning,
    Fault,
}

pub(super) struct Checked {
    pub(super) subject: &'static str,
    pub(super) level: Level,
    pub(super) message: String,
}

impl Checked {
    pub(super) fn ok(subject: &'static str, message: impl ToString) -> Self {
        Self { subject, level: Level::Ok, message: message.to_string() }
    }

    pub(super) fn warning(subject: &'static str, message: impl ToString) -> Self {
        Self { subject, level: Level::Warning, message: message.to_string() }
    }

    pub(super) fn fault(subject: &'static str, message: impl ToString) -> Self {
        Self { subject, level: Level::Fault, message: message.to_string() }
    }
}
