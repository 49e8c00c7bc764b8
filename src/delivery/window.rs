//! Which reports are in flight in this session.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The reports in flight, in order. It spans from the oldest unacknowledged report to the newest, so one missing
/// PUBACK stops the sending after at most `size` reports, and MQTT's packet numbers cannot be used twice.
#[derive(Debug)]
pub(super) struct Window {
    size: usize,
    flights: VecDeque<Flight>,
}

#[derive(Debug)]
struct Flight {
    sequence: u64,
    report_id: String,
    since: Instant,
    landed: bool,
}

impl Window {
    pub(super) fn new(size: usize) -> Self {
        Self { size: size.max(1), flights: VecDeque::new() }
    }

    /// How many more reports may be sent now.
    pub(super) fn room(&self) -> usize {
        self.size - self.flights.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// A report was handed to the network.
    pub(super) fn send(&mut self, sequence: u64, report_id: String, now: Instant) {
        self.flights.push_back(Flight { sequence, report_id, since: now, landed: false });
    }

    /// A PUBACK came; the report's id, unless this report was not in flight.
    pub(super) fn land(&mut self, sequence: u64) -> Option<String> {
        let flight = self.flights.iter_mut().find(|it| it.sequence == sequence && !it.landed)?;
        flight.landed = true;
        let report_id = std::mem::take(&mut flight.report_id);
        while self.flights.front().is_some_and(|it| it.landed) {
            self.flights.pop_front();
        }
        Some(report_id)
    }

    /// When the oldest report in flight has waited for `patience`.
    pub(super) fn overdue(&self, patience: Duration) -> Option<Instant> {
        self.flights.front().map(|it| it.since + patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(sent: &[u64]) -> Window {
        let mut window = Window::new(3);
        for &sequence in sent {
            window.send(sequence, format!("id {sequence}"), Instant::now());
        }
        window
    }

    #[test]
    fn room_depends_on_the_oldest_report_in_flight() {
        for (landed, room) in
            [(&[][..], 0), (&[1], 1), (&[2], 0), (&[2, 3], 0), (&[2, 1], 2), (&[1, 2, 3], 3)]
        {
            let mut window = window(&[1, 2, 3]);
            for &sequence in landed {
                assert_eq!(window.land(sequence), Some(format!("id {sequence}")));
            }
            assert_eq!(window.room(), room, "landed {landed:?}");
        }
    }

    #[test]
    fn a_puback_counts_once_and_only_for_what_is_in_flight() {
        let mut window = window(&[1, 2]);
        assert_eq!(window.land(2).as_deref(), Some("id 2"));
        assert_eq!(window.land(2), None);
        assert_eq!(window.land(9), None);
        assert!(!window.is_empty());
    }

    #[test]
    fn the_oldest_report_in_flight_tells_when_patience_ends() {
        let (start, patience) = (Instant::now(), Duration::from_secs(30));
        let mut window = Window::new(3);
        assert_eq!(window.overdue(patience), None);
        window.send(1, String::new(), start);
        window.send(2, String::new(), start + Duration::from_secs(5));
        assert_eq!(window.overdue(patience), Some(start + patience));
        window.land(1);
        assert_eq!(window.overdue(patience), Some(start + Duration::from_secs(35)));
    }
}
