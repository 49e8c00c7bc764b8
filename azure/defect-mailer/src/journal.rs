//! What an invocation has to say, to the host's log by the answer and to our own.

use crate::plain::plain;

/// Lines, oldest first.
#[derive(Default)]
pub struct Journal(Vec<String>);

impl Journal {
    /// The lines for the answer.
    #[must_use]
    pub fn into_lines(self) -> Vec<String> {
        self.0
    }

    /// The answer's log is bounded; our own log has every line.
    fn push(&mut self, line: &str) {
        if self.0.len() < 100 {
            self.0.push(plain(line, 500));
        }
    }

    /// As it should be.
    pub fn info(&mut self, line: String) {
        self.push(&line);
        tracing::info!("{line}");
    }

    /// Worth a look.
    pub fn warn(&mut self, line: String) {
        self.push(&line);
        tracing::warn!("{line}");
    }

    /// Somebody must do something.
    pub fn error(&mut self, line: String) {
        self.push(&line);
        tracing::error!("{line}");
    }
}
