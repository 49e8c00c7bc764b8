//! Huffman codes of a JPEG, as tables that give whole coefficients (ITU-T T.81, annexes C and F.2.2).

/// So many bits are looked up at once: most codes with the value behind them are shorter.
const PEEK: u32 = 10;
/// The same for passing over: several codes are taken at once.
const SKIP_PEEK: u32 = 12;

/// The longest step: a code of 16 bits and a difference of 11.
pub(super) const LONGEST: u32 = 27;

/// Of an entry: how many bits it takes.
const LENGTH: u32 = 0x3f;
/// Of an entry: the code is known, its value reaches beyond the looked-up bits.
const LONG: u32 = 1 << 14;
/// Of an entry: no code of at most [`PEEK`] bits starts like this.
const UNKNOWN: u32 = 1 << 15;
/// In how many places an end of block advances: farther than any run of zeros could from any place of a block.
pub(super) const END: usize = 80;

/// What a table's symbols mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// How many bits the difference to the last block's mean has.
    Dc,
    /// How many zeros stand before a coefficient, and how many bits that has.
    Ac,
}

/// One code.
pub(super) struct Table {
    kind: Kind,
    /// For each possible next bits: bits taken, places advanced (from bit 6), and the value (upper half).
    values: Box<[u32; 1 << PEEK]>,
    /// The same for several coefficients at once, without their values.
    skips: Box<[u16; 1 << SKIP_PEEK]>,
    /// For each length: the first code beyond, and what to add to a code for its symbol's place.
    bounds: [(u32, i32); 17],
    symbols: [u8; 256],
}

/// What stands next in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Bits taken.
    pub(super) length: u32,
    /// Places advanced; at least [`END`] at the end of the block.
    pub(super) advance: usize,
    /// The coefficient in the last of those places.
    pub(super) value: i16,
}

impl Table {
    /// From a DHT segment's 16 counts and its symbols; `None` where they are no code for pictures of 8 bits a sample.
    pub(super) fn new(kind: Kind, counts: &[u8; 16], listed: &[u8]) -> Option<Self> {
        let mut symbols = [0; 256];
        symbols.get_mut(..listed.len())?.copy_from_slice(listed);
        let largest = |symbol: &u8| match kind {
            Kind::Dc => *symbol <= 11,
            Kind::Ac => *symbol & 15 <= 10,
        };
        if !listed.iter().all(largest) {
            return None;
        }
        let mut bounds = [(0, 0); 17];
        let (mut code, mut place) = (0_u32, 0_i32);
        for (length, &count) in (1..).zip(counts) {
            let first = code;
            code += u32::from(count);
            if code > 1 << length {
                return None;
            }
            bounds[length] = (code, place - first as i32);
            place += i32::from(count);
            code <<= 1;
        }
        if place as usize != listed.len() {
            return None;
        }
        let (values, skips) = (Box::new([UNKNOWN; 1 << PEEK]), Box::new([0; 1 << SKIP_PEEK]));
        let mut table = Self { kind, values, skips, bounds, symbols };
        for bits in 0..1 << PEEK {
            table.values[bits] = table.value_entry((bits as u64) << (64 - PEEK));
        }
        for bits in 0..1 << SKIP_PEEK {
            table.skips[bits] = table.skip_entry((bits as u64) << (64 - SKIP_PEEK));
        }
        Some(table)
    }

    /// The next coefficient; `window` has the next bits of the stream on its left, at least [`LONGEST`]. `None` where no code
    /// starts like this.
    #[inline(always)]
    pub(super) fn step(&self, window: u64) -> Option<Step> {
        let entry = self.values[(window >> (64 - PEEK)) as usize];
        if entry & (LONG | UNKNOWN) != 0 {
            return self.long_step(entry, window);
        }
        Some(Step {
            length: entry & LENGTH,
            advance: (entry >> 6 & 0x7f) as usize,
            value: (entry >> 16) as i16,
        })
    }

    /// Several coefficients as one step without a value, but never more than stand before place 64 when counted from
    /// `place`.
    #[inline(always)]
    pub(super) fn skip(&self, window: u64, place: usize) -> Option<Step> {
        let entry = u32::from(self.skips[(window >> (64 - SKIP_PEEK)) as usize]);
        let advance = (entry >> 6 & 0x7f) as usize;
        let ends = entry & LONG != 0;
        if entry & UNKNOWN != 0 || place + advance >= 64 {
            return self.step(window);
        }
        Some(Step { length: entry & LENGTH, advance: if ends { END } else { advance }, value: 0 })
    }

    fn long_step(&self, entry: u32, window: u64) -> Option<Step> {
        let (symbol, length) = match entry & LONG {
            0 => self.symbol(window, 16)?,
            _ => ((entry >> 16) as u8, entry & LENGTH),
        };
        Some(self.step_of(symbol, length, window))
    }

    fn step_of(&self, symbol: u8, length: u32, window: u64) -> Step {
        let (zeros, size) = match self.kind {
            Kind::Dc => (0, u32::from(symbol)),
            Kind::Ac => (usize::from(symbol >> 4), u32::from(symbol & 15)),
        };
        let advance = if self.kind == Kind::Ac && symbol == 0 { END } else { zeros + 1 };
        Step { length: length + size, advance, value: extend(window << length, size) }
    }

    /// The symbol whose code, of at most `longest` bits, stands on the left, and the code's length.
    fn symbol(&self, window: u64, longest: u32) -> Option<(u8, u32)> {
        (1..=longest).find_map(|length| {
            let code = (window >> (64 - length)) as u32;
            let (beyond, shift) = self.bounds[length as usize];
            (code < beyond).then(|| (self.symbols[(code as i32 + shift) as usize & 255], length))
        })
    }

    fn value_entry(&self, window: u64) -> u32 {
        let Some((symbol, code)) = self.symbol(window, PEEK) else { return UNKNOWN };
        let Step { length, advance, value } = self.step_of(symbol, code, window);
        if length > PEEK {
            return code | LONG | u32::from(symbol) << 16;
        }
        length | (advance as u32) << 6 | u32::from(value as u16) << 16
    }

    fn skip_entry(&self, window: u64) -> u16 {
        let (mut taken, mut advanced) = (0, 0);
        // A code must stand in the looked-up bits; what it says of bits behind them is known all the same.
        while let Some((symbol, length)) =
            self.symbol(window << taken, SKIP_PEEK.saturating_sub(taken)).filter(|_| advanced < 64)
        {
            let step = self.step_of(symbol, length, 0);
            taken += step.length;
            if step.advance >= END {
                return (taken | advanced << 6 | LONG) as u16;
            }
            advanced += step.advance as u32;
        }
        if taken == 0 { UNKNOWN as u16 } else { (taken | advanced << 6) as u16 }
    }
}

/// T.81, F.2.2.1, EXTEND: the value that `size` bits on the left of `window` stand for.
fn extend(window: u64, size: u32) -> i16 {
    if size == 0 {
        return 0;
    }
    let bits = (window >> (64 - size)) as i32;
    let value = if bits < 1 << (size - 1) { bits - (1 << size) + 1 } else { bits };
    value as i16
}
