//! A JPEG's coded data: without what markers put into it, and as bits.

use super::huffman::{LONGEST, Step};

/// Coded data in one piece, and where the stretches between restart markers end.
#[derive(Debug, Default)]
pub(super) struct Stream {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// Behind the data, so that most reads of eight bytes need no second thought.
const PADDING: usize = 16;

/// A window is filled to so many bits at least, and two steps may be taken from it.
const FILLED: u32 = 56;
const _: () = assert!(FILLED >= 2 * LONGEST);

impl Stream {
    /// Takes what stands before the first marker that is no restart marker (T.81, F.1.2.3 and B.1.1.2). `None` where
    /// restart markers are missing or out of turn, or no marker follows.
    pub(super) fn fill(&mut self, coded: &[u8]) -> Option<()> {
        self.bytes.clear();
        self.ends.clear();
        let mut rest = coded;
        loop {
            let at = memchr::memchr(0xff, rest)?;
            self.bytes.extend_from_slice(&rest[..at]);
            // Any number of fill bytes may stand before a marker.
            let marker = at + 1 + rest[at + 1..].iter().position(|byte| *byte != 0xff)?;
            match rest[marker] {
                0 => self.bytes.push(0xff),
                restart @ 0xd0..=0xd7 if usize::from(restart & 7) == self.ends.len() % 8 => {
                    self.ends.push(self.bytes.len());
                }
                0xd0..=0xd7 => return None,
                _ => break,
            }
            rest = &rest[marker + 1..];
        }
        self.ends.push(self.bytes.len());
        self.bytes.resize(self.bytes.len() + PADDING, 0);
        Some(())
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len().saturating_sub(PADDING)
    }

    /// The bits of a stretch.
    pub(super) fn stretch(&self, number: usize) -> Option<Bits<'_>> {
        let end = *self.ends.get(number)?;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        let mut bits = Bits { bytes: &self.bytes, next: start, end, window: 0, count: 0 };
        bits.refill();
        Some(bits)
    }
}

/// Reads bits, the highest of a byte first.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The byte from which on bits are not counted yet.
    next: usize,
    end: usize,
    window: u64,
    count: u32,
}

impl Bits<'_> {
    /// Takes a step, which `decode` finds in the next bits: they stand on the left, at least [`LONGEST`] of them, and
    /// zeros or what follows behind the end. It takes no more.
    #[inline(always)]
    pub(super) fn step(&mut self, decode: impl FnOnce(u64) -> Option<Step>) -> Option<Step> {
        // Looked up before the window is filled: each would otherwise wait for the other.
        let step = decode(self.window)?;
        self.refill();
        self.window <<= step.length;
        self.count = self.count.wrapping_sub(step.length);
        Some(step)
    }

    /// To [`FILLED`] bits or more.
    #[inline(always)]
    fn refill(&mut self) {
        let ahead = self.bytes.get(self.next..).and_then(|it| it.first_chunk());
        self.window |= ahead.map_or(0, |bytes| u64::from_be_bytes(*bytes)) >> self.count;
        self.next += ((63 - self.count) >> 3) as usize;
        self.count |= FILLED;
    }

    /// Whether more was read than there is.
    pub(super) fn is_beyond_end(&self) -> bool {
        self.next * 8 > self.end * 8 + self.count as usize
    }
}
