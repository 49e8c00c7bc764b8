//! When somebody is told: the numbers that the plan sets, with their defaults.

use jiff::SignedDuration;

use crate::hours::Hours;

/// When mails are due, and how many there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Counts at which an incident is told again, growing.
    pub update_items: Vec<u64>,
    /// An incident that grows is told again after so long at the latest.
    pub update_after: SignedDuration,
    /// An incident without a further item for so long is closed.
    pub close_after: SignedDuration,
    /// After so long without an acknowledgement an incident goes to the recipients of level 1, 2 and so on.
    pub escalate_after: Vec<SignedDuration>,
    /// When the silence of stations counts.
    pub hours: Hours,
    /// A station without connection for so long is silent.
    pub silent_after: SignedDuration,
    /// A station whose heartbeat is missing for so long is silent.
    pub heartbeat: SignedDuration,
    /// A station that is unwell for so long is told.
    pub unwell_after: SignedDuration,
    /// More matters than this at once, or mails within `storm_window`, become one mail with a table.
    pub storm: usize,
    /// For so long a storm's notices are gathered.
    pub storm_window: SignedDuration,
    /// Mails a minute, over all recipients.
    pub per_minute: usize,
    /// Mails an hour, over all recipients.
    pub per_hour: usize,
    /// After a failure a mail, or the mail server, is tried again after so long, and then less and less often.
    pub retry: SignedDuration,
    /// Refused events are gathered for so long.
    pub refused_after: SignedDuration,
}

impl Default for Policy {
    /// Rates are those of a domain that Azure manages (Communication Services): 5 a minute, 10 an hour.
    fn default() -> Self {
        let minutes = SignedDuration::from_mins;
        Self {
            update_items: vec![10, 50, 250],
            update_after: minutes(30),
            close_after: minutes(15),
            escalate_after: Vec::new(),
            hours: Hours::always(),
            silent_after: minutes(5),
            heartbeat: minutes(15),
            unwell_after: minutes(2),
            storm: 3,
            storm_window: minutes(5),
            per_minute: 5,
            per_hour: 10,
            retry: SignedDuration::from_secs(30),
            refused_after: minutes(15),
        }
    }
}
