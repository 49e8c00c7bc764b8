//! Which instance reads which partition, who takes over from one that is gone, and what one that joins takes over.
//!
//! Learn, "Balance partition load across multiple instances of your application": owners are noted in the storage of
//! the checkpoints and renew their claim; a claim that was not renewed in time is free, and an instance that has fewer
//! partitions than its share takes one from the instance that has most. .NET reference: claims end after two minutes
//! (`EventProcessorOptions.PartitionOwnershipExpirationInterval`); an instance claims one partition at a time, without
//! a pause until all have their share (`LoadBalancingStrategy.Greedy`, the default).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a claim holds that nobody renews.
const EXPIRY: Duration = Duration::from_secs(120);

/// The claims of all instances.
#[derive(Debug)]
pub(crate) struct Leases {
    /// By number.
    instances: Vec<Presence>,
    /// By function and partition.
    owners: BTreeMap<(String, String), usize>,
    expiry: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Expected,
    Here,
    LostAt(Instant),
}

/// Who reads a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// This instance.
    Instance(usize),
    /// Nobody before this: the claim of an instance that is gone still holds.
    NobodyBefore(Instant),
    /// Nobody: all instances are gone.
    Nobody,
}

/// A partition that an instance took from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Takeover {
    pub(crate) function: String,
    pub(crate) partition: String,
    pub(crate) from: usize,
}

impl Leases {
    /// For so many instances; `scale` is a factor on the time for which a claim holds.
    pub(crate) fn new(instances: usize, scale: f64) -> Self {
        let instances = vec![Presence::Here; instances];
        Self { instances, owners: BTreeMap::new(), expiry: EXPIRY.mul_f64(scale) }
    }

    /// Who reads a partition now; one that nobody claims goes to the instance that has the fewest.
    pub(crate) fn reader(&mut self, function: &str, partition: &str, now: Instant) -> Reader {
        let key = (function.to_owned(), partition.to_owned());
        if let Some(owner) = self.owners.get(&key) {
            match self.instances[*owner] {
                Presence::LostAt(lost) if now < lost + self.expiry => {
                    return Reader::NobodyBefore(lost + self.expiry);
                }
                Presence::LostAt(_) => {}
                Presence::Here | Presence::Expected => return Reader::Instance(*owner),
            }
        }
        let free = self.present().min_by_key(|instance| self.share(function, *instance));
        let Some(instance) = free else { return Reader::Nobody };
        self.owners.insert(key, instance);
        Reader::Instance(instance)
    }

    /// The instance that timers run on.
    pub(crate) fn first(&self) -> Option<usize> {
        self.present().next()
    }

    /// Whether an instance is there, or is about to join.
    pub(crate) fn anybody(&self) -> bool {
        self.instances.iter().any(|instance| matches!(instance, Presence::Here | Presence::Expected))
    }

    /// Notes that an instance will join; its number.
    pub(crate) fn expect(&mut self) -> usize {
        self.instances.push(Presence::Expected);
        self.instances.len() - 1
    }

    /// Notes that an instance is there; whether it was expected.
    pub(crate) fn join(&mut self, instance: usize) -> bool {
        let expected = self.instances[instance] == Presence::Expected;
        if expected {
            self.instances[instance] = Presence::Here;
        }
        expected
    }

    /// Gives an instance one partition of the instance that has most, if the two then differ by less than before.
    pub(crate) fn steal(&mut self, thief: usize) -> Option<Takeover> {
        if self.instances[thief] != Presence::Here {
            return None;
        }
        let richer = self.owners.iter().find_map(|((function, _), _)| {
            let most = self.present().max_by_key(|instance| self.share(function, *instance))?;
            let is_unfair = self.share(function, most) > self.share(function, thief) + 1;
            is_unfair.then(|| (function.clone(), most))
        });
        let (function, from) = richer?;
        let mut theirs = self.owners.iter_mut().filter(|((of, _), owner)| *of == function && **owner == from);
        let ((_, partition), owner) = theirs.next()?;
        *owner = thief;
        Some(Takeover { partition: partition.clone(), function, from })
    }

    /// Notes that an instance is gone.
    pub(crate) fn lose(&mut self, instance: usize, now: Instant) {
        if !matches!(self.instances[instance], Presence::LostAt(_)) {
            self.instances[instance] = Presence::LostAt(now);
        }
    }

    /// How many partitions of a function an instance claims: each function's readers share by themselves.
    fn share(&self, function: &str, instance: usize) -> usize {
        self.owners.iter().filter(|((of, _), owner)| of == function && **owner == instance).count()
    }

    fn present(&self) -> impl Iterator<Item = usize> + use<'_> {
        let here = self.instances.iter().enumerate().filter(|(_, presence)| **presence == Presence::Here);
        here.map(|(instance, _)| instance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers(leases: &mut Leases, now: Instant) -> Vec<Reader> {
        ["0", "1", "2", "3"].iter().map(|partition| leases.reader("mailer", partition, now)).collect()
    }

    #[test]
    fn partitions_are_shared_evenly_and_stay_where_they_are() {
        let (mut leases, now) = (Leases::new(2, 1.0), Instant::now());
        let shared = [0, 1, 0, 1].map(Reader::Instance);
        assert_eq!(readers(&mut leases, now), shared);
        assert_eq!(readers(&mut leases, now + Duration::from_secs(3600)), shared);
    }

    #[test]
    fn the_partitions_of_an_instance_that_is_gone_wait_for_its_claim_and_go_to_the_others() {
        let (mut leases, now) = (Leases::new(3, 1.0), Instant::now());
        readers(&mut leases, now);
        leases.lose(0, now);
        let waits = Reader::NobodyBefore(now + EXPIRY);
        let shortly_before = now + EXPIRY - Duration::from_millis(1);
        assert_eq!(
            readers(&mut leases, shortly_before),
            [waits, Reader::Instance(1), Reader::Instance(2), waits]
        );
        // A second report of the same loss does not prolong the claim.
        leases.lose(0, shortly_before);
        assert_eq!(readers(&mut leases, now + EXPIRY), [1, 1, 2, 2].map(Reader::Instance));
        assert_eq!(leases.first(), Some(1));
    }

    #[test]
    fn nobody_reads_when_all_are_gone() {
        let (mut leases, now) = (Leases::new(1, 0.0), Instant::now());
        readers(&mut leases, now);
        leases.lose(0, now);
        assert_eq!(readers(&mut leases, now), [Reader::Nobody; 4]);
        assert_eq!(leases.first(), None);
    }

    /// With so many partitions of one function, read by so many instances.
    fn shared(partitions: usize, instances: usize) -> Leases {
        let mut leases = Leases::new(instances, 1.0);
        for partition in 0..partitions {
            leases.reader("mailer", &partition.to_string(), Instant::now());
        }
        leases
    }

    fn shares(leases: &Leases) -> Vec<usize> {
        (0..leases.instances.len()).map(|instance| leases.share("mailer", instance)).collect()
    }

    #[test]
    fn an_instance_that_joins_takes_one_partition_after_the_other_until_it_has_its_share() {
        // Partitions, instances before; shares after each partition that the new one takes.
        let cases: [(usize, usize, &[&[usize]]); 7] = [
            (4, 1, &[&[4, 0], &[3, 1], &[2, 2]]),
            (5, 1, &[&[5, 0], &[4, 1], &[3, 2]]),
            (6, 2, &[&[3, 3, 0], &[3, 2, 1], &[2, 2, 2]]),
            (8, 3, &[&[3, 3, 2, 0], &[3, 2, 2, 1], &[2, 2, 2, 2]]),
            (3, 2, &[&[2, 1, 0], &[1, 1, 1]]),
            (2, 2, &[&[1, 1, 0]]),
            (0, 1, &[&[0, 0]]),
        ];
        for (partitions, instances, expected) in cases {
            let mut leases = shared(partitions, instances);
            let new = leases.expect();
            assert_eq!(leases.steal(new), None, "it has nothing before it is there");
            assert!(leases.join(new) && !leases.join(new));
            let mut seen = vec![shares(&leases)];
            while leases.steal(new).is_some() {
                seen.push(shares(&leases));
            }
            assert_eq!(seen, expected, "{partitions} partitions, {instances} instances before");
        }
    }

    #[test]
    fn a_partition_that_was_taken_over_is_read_by_the_new_instance_and_by_no_other() {
        let (mut leases, now) = (shared(4, 1), Instant::now());
        let new = leases.expect();
        leases.join(new);
        let taken = leases.steal(new).unwrap();
        assert_eq!((taken.function.as_str(), taken.partition.as_str(), taken.from), ("mailer", "0", 0));
        assert_eq!(readers(&mut leases, now), [1, 0, 0, 0].map(Reader::Instance));
    }

    #[test]
    fn each_functions_partitions_are_shared_by_themselves() {
        let mut leases = shared(4, 1);
        leases.reader("other", "0", Instant::now());
        let new = leases.expect();
        leases.join(new);
        while leases.steal(new).is_some() {}
        assert_eq!((shares(&leases), leases.share("other", 0)), (vec![2, 2], 1));
    }

    #[test]
    fn one_that_joins_in_place_of_one_that_is_gone_gets_partitions_once_their_claims_end() {
        let (mut leases, now) = (shared(4, 2), Instant::now());
        leases.lose(1, now);
        let new = leases.expect();
        assert!(leases.join(new));
        assert_eq!(leases.steal(new).map(|taken| taken.from), Some(0));
        assert_eq!(leases.steal(new), None);
        assert_eq!(readers(&mut leases, now + EXPIRY), [2, 0, 0, 2].map(Reader::Instance));
    }

    #[test]
    fn one_that_is_lost_before_it_is_there_never_joins() {
        let (mut leases, now) = (shared(2, 1), Instant::now());
        let new = leases.expect();
        leases.lose(0, now);
        assert!(leases.anybody() && leases.first().is_none());
        leases.lose(new, now);
        assert!(!leases.join(new) && !leases.anybody());
        assert_eq!(leases.steal(new), None);
    }
}
