//! Which instance reads which partition, and who takes over from one that is gone.
//!
//! Learn, "Balance partition load across multiple instances of your application": owners are noted in the storage of
//! the checkpoints and renew their claim; a claim that was not renewed in time is free, and the others share what is
//! free evenly. .NET reference, `EventProcessorOptions.PartitionOwnershipExpirationInterval`: two minutes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a claim holds that nobody renews.
const EXPIRY: Duration = Duration::from_secs(120);

/// The claims of all instances.
#[derive(Debug)]
pub(crate) struct Leases {
    /// When each instance was lost; `None` for one that is there.
    lost: Vec<Option<Instant>>,
    /// By function and partition.
    owners: BTreeMap<(String, String), usize>,
    expiry: Duration,
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

impl Leases {
    /// For so many instances; `scale` is a factor on the time for which a claim holds.
    pub(crate) fn new(instances: usize, scale: f64) -> Self {
        Self { lost: vec![None; instances], owners: BTreeMap::new(), expiry: EXPIRY.mul_f64(scale) }
    }

    /// Who reads a partition now; one that nobody claims goes to the instance that has the fewest.
    pub(crate) fn reader(&mut self, function: &str, partition: &str, now: Instant) -> Reader {
        let key = (function.to_owned(), partition.to_owned());
        if let Some(owner) = self.owners.get(&key) {
            match self.lost[*owner] {
                None => return Reader::Instance(*owner),
                Some(lost) if now < lost + self.expiry => return Reader::NobodyBefore(lost + self.expiry),
                Some(_) => {}
            }
        }
        let claims = |instance: usize| self.owners.values().filter(|owner| **owner == instance).count();
        let free = self.present().min_by_key(|instance| claims(*instance));
        let Some(instance) = free else { return Reader::Nobody };
        self.owners.insert(key, instance);
        Reader::Instance(instance)
    }

    /// The instance that timers run on.
    pub(crate) fn first(&self) -> Option<usize> {
        self.present().next()
    }

    /// Notes that an instance is gone.
    pub(crate) fn lose(&mut self, instance: usize, now: Instant) {
        self.lost[instance].get_or_insert(now);
    }

    fn present(&self) -> impl Iterator<Item = usize> + use<'_> {
        self.lost.iter().enumerate().filter(|(_, lost)| lost.is_none()).map(|(instance, _)| instance)
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
}
