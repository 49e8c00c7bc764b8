//! Fair shares of the workers' time: whose turn it is.

use std::time::Duration;

/// A station whose looks take longer than its share is behind the others, but by no more than this: one look that took
/// very long, because the machine was busy or asleep, must not shut its station out afterwards.
const LONGEST_DEBT: Duration = Duration::from_secs(1);

/// Who had how much of the workers' time.
///
/// The next look is that of the waiting station which had the least, as in start-time fair queueing (Goyal, Vin and
/// Cheng, 1997): stations that always have something waiting get equal times, and one that needs less than its
/// share gets all that it needs. Time in which a station had nothing to do is not saved up.
#[derive(Debug, Default)]
pub(super) struct Shares {
    accounts: Vec<Account>,
    /// What the station had that was served last: those that come back from idleness begin there.
    level: Duration,
    turn: u64,
}

#[derive(Debug, Default)]
struct Account {
    had: Duration,
    last_cost: Duration,
    last_turn: u64,
}

impl Shares {
    /// Opens an account; the first gets the number 0.
    pub(super) fn join(&mut self) {
        self.accounts.push(Account { had: self.level, ..Account::default() });
    }

    /// A station had nothing to do until now.
    pub(super) fn wakes(&mut self, station: usize) {
        if let Some(account) = self.accounts.get_mut(station) {
            account.had = account.had.max(self.level);
        }
    }

    /// Which of these stations is served next; of those that had the same, the one whose last turn is longest ago.
    pub(super) fn next(&self, waiting: impl Iterator<Item = usize>) -> Option<usize> {
        waiting.min_by_key(|station| self.accounts.get(*station).map(|it| (it.had, it.last_turn)))
    }

    /// A look of a station goes to a worker. Gives what is charged for it until its time is known: that of the look
    /// before.
    pub(super) fn begin(&mut self, station: usize) -> Duration {
        self.turn += 1;
        let Some(account) = self.accounts.get_mut(station) else { return Duration::ZERO };
        self.level = self.level.max(account.had);
        account.last_turn = self.turn;
        account.had += account.last_cost;
        account.last_cost
    }

    /// The look is done; it took `cost`.
    pub(super) fn end(&mut self, station: usize, charged: Duration, cost: Duration) {
        let Some(account) = self.accounts.get_mut(station) else { return };
        account.last_cost = cost;
        account.had = account.had.saturating_sub(charged).saturating_add(cost).min(self.level + LONGEST_DEBT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn shares(stations: usize) -> Shares {
        let mut shares = Shares::default();
        (0..stations).for_each(|_| shares.join());
        shares
    }

    /// One look of whoever is next among `waiting`.
    fn serve(shares: &mut Shares, waiting: &[usize], cost: impl Fn(usize) -> Duration) -> usize {
        let next = shares.next(waiting.iter().copied()).unwrap();
        let charged = shares.begin(next);
        shares.end(next, charged, cost(next));
        next
    }

    #[test]
    fn equal_looks_go_round_in_turns() {
        let mut shares = shares(3);
        let served: Vec<_> = (0..6).map(|_| serve(&mut shares, &[0, 1, 2], |_| ms(10))).collect();
        assert_eq!(served, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_heavy_model_gets_as_much_time_as_a_light_one_and_so_fewer_looks() {
        let mut shares = shares(2);
        let cost = |station: usize| if station == 0 { ms(90) } else { ms(10) };
        let served: Vec<_> = (0..1000).map(|_| serve(&mut shares, &[0, 1], cost)).collect();
        let heavy = served.iter().filter(|it| **it == 0).count();
        assert!((99..=101).contains(&heavy), "{heavy}");
    }

    #[test]
    fn idleness_is_not_saved_up() {
        let mut shares = shares(2);
        (0..100).for_each(|_| _ = serve(&mut shares, &[0], |_| ms(10)));
        shares.wakes(1);
        let served: Vec<_> = (0..6).map(|_| serve(&mut shares, &[0, 1], |_| ms(10))).collect();
        assert_eq!(served, [1, 0, 1, 0, 1, 0]);
    }

    #[test]
    fn a_look_that_took_an_hour_shuts_nobody_out() {
        let mut shares = shares(2);
        assert_eq!(serve(&mut shares, &[0, 1], |_| ms(3_600_000)), 0);
        let waited = (0..).take_while(|_| serve(&mut shares, &[0, 1], |_| ms(10)) == 1).count();
        assert_eq!(waited, 100, "a second of the other's looks");
    }
}
