//! Item numbers that never come twice, without a disk write an item.

use crate::outbox::Outbox;

/// So many numbers are taken from the disk at once; a crash skips at most as many.
const BLOCK: u64 = 1_000;

/// A new block is taken when fewer than so many are left.
const RESERVE: u64 = 100;

const KEY: &str = "next_item";

/// Gives out item numbers from 1, growing across restarts.
#[derive(Debug)]
pub(super) struct ItemNumbers {
    outbox: Outbox,
    next: u64,
    reserved: u64,
}

impl ItemNumbers {
    pub(super) fn resume(outbox: Outbox) -> Self {
        let next = match outbox.memo(KEY) {
            Ok(memo) => memo.and_then(|text| text.parse().ok()).unwrap_or(1),
            Err(error) => {
                tracing::error!("cannot read the last item number, counting from 1: {error}");
                1
            }
        };
        let mut numbers = Self { outbox, next, reserved: next };
        numbers.advance_to(next);
        numbers
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn take(&mut self) -> u64 {
        let item = self.next;
        self.advance_to(item + 1);
        item
    }

    pub(super) fn advance_to(&mut self, next: u64) {
        self.next = next;
        if self.reserved < next + RESERVE {
            self.store(next + BLOCK);
        }
    }

    /// Gives the unused numbers back: an orderly stop leaves no gap.
    pub(super) fn finish(&mut self) {
        self.store(self.next);
    }

    fn store(&mut self, reserved: u64) {
        self.reserved = reserved;
        if let Err(error) = self.outbox.set_memo(KEY, &reserved.to_string()) {
            tracing::error!("cannot store the item number, a restart may give some twice: {error}");
        }
    }
}
