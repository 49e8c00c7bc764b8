//! The coded blocks of a JPEG: those that are wanted become pixels, the others are passed over.

use std::ops::Range;

use convolution::{Work, widest};

use super::{
    huffman::{END, Table},
    stream::{Bits, Stream},
    transform::{Block, PLACES, Transform},
};

/// What is to be done with the blocks of a picture. They come in units (T.81: MCUs) of some blocks of each component.
pub(super) struct Scan<'a> {
    /// Units across and down the picture.
    pub(super) units: [usize; 2],
    /// Units between two restart markers; 0 where there are none.
    pub(super) interval: usize,
    /// The units that are wanted.
    pub(super) wanted: [Range<usize>; 2],
    pub(super) transform: Transform,
    pub(super) components: [Option<Component<'a>>; 3],
}

/// One of the picture's components.
pub(super) struct Component<'a> {
    /// Blocks of a unit across and down.
    pub(super) blocks: [usize; 2],
    pub(super) dc: &'a Table,
    pub(super) ac: &'a Table,
    /// Where its pixels go, those of the wanted units in rows without a gap; `None` where they are not wanted.
    pub(super) plane: Option<Plane<'a>>,
}

/// The pixels of a component.
pub(super) struct Plane<'a> {
    /// What coefficients are multiplied with, see [`Transform::factors`].
    pub(super) factors: [f32; 256],
    pub(super) pixels: &'a mut [u8],
}

/// A scan and what it reads.
struct Reading<'a, 'b> {
    scan: &'a mut Scan<'b>,
    stream: &'a Stream,
}

impl Work for Reading<'_, '_> {
    type Made = Option<()>;

    #[inline(always)]
    fn run(self) -> Option<()> {
        self.scan.read(self.stream)
    }
}

impl Scan<'_> {
    /// Reads the stream as far as it is needed; `None` where it makes no sense.
    pub(super) fn run(&mut self, stream: &Stream) -> Option<()> {
        widest(Reading { scan: self, stream })
    }

    #[inline(always)]
    fn read(&mut self, stream: &Stream) -> Option<()> {
        let [across, down] = self.units;
        let interval = if self.interval == 0 { across * down } else { self.interval };
        let last = self.wanted[1].end.min(down) * across;
        let mut block = [0.0; 128];
        for (number, first) in (0..last).step_by(interval.max(1)).enumerate() {
            let units = first..(first + interval).min(last);
            // Behind a restart marker nothing depends on what stands before it.
            if self.interval == 0 || units.clone().any(|unit| self.is_wanted(unit)) {
                self.stretch(&mut stream.stretch(number)?, units, &mut block)?;
            }
        }
        Some(())
    }

    #[inline(always)]
    fn is_wanted(&self, unit: usize) -> bool {
        let [across, _] = self.units;
        self.wanted[0].contains(&(unit % across)) && self.wanted[1].contains(&(unit / across))
    }

    #[inline(always)]
    fn stretch(&mut self, bits: &mut Bits<'_>, units: Range<usize>, block: &mut Block) -> Option<()> {
        let mut means = [0; 3];
        for unit in units {
            let is_wanted = self.is_wanted(unit);
            let at = [unit % self.units[0], unit / self.units[0]];
            for (component, mean) in self.components.iter_mut().flatten().zip(&mut means) {
                match &mut component.plane {
                    Some(plane) if is_wanted => {
                        let at =
                            [0, 1].map(|axis| (at[axis] - self.wanted[axis].start) * component.blocks[axis]);
                        let side = self.transform.side();
                        let stride = self.wanted[0].len() * component.blocks[0] * side;
                        for y in 0..component.blocks[1] {
                            for x in 0..component.blocks[0] {
                                let seen =
                                    read(bits, component.dc, component.ac, &plane.factors, mean, block)?;
                                let start = ((at[1] + y) * stride + at[0] + x) * side;
                                self.transform.write(block, seen, plane.pixels.get_mut(start..)?, stride);
                            }
                        }
                    }
                    _ => {
                        for _ in 0..component.blocks[0] * component.blocks[1] {
                            skip(bits, component.dc, component.ac, mean)?;
                        }
                    }
                }
            }
            if bits.is_beyond_end() {
                return None;
            }
        }
        Some(())
    }
}

/// Reads a block; gives the bits of all places of it that are not 0.
#[inline(always)]
fn read(
    bits: &mut Bits<'_>,
    dc: &Table,
    ac: &Table,
    factors: &[f32; 256],
    mean: &mut i32,
    block: &mut Block,
) -> Option<u8> {
    block[0] = start(bits, dc, mean)? as f32 * factors[0];
    let (mut next, mut seen) = (1, 0);
    while next < 64 {
        let step = bits.step(|window| ac.step(window))?;
        next += step.advance;
        let order = usize::from((next - 1) as u8);
        let place = PLACES[order];
        block[usize::from(place & 127)] = f32::from(step.value) * factors[order];
        seen |= place;
    }
    (next == 64 || next > END).then_some(seen)
}

/// Passes over a block.
#[inline(always)]
fn skip(bits: &mut Bits<'_>, dc: &Table, ac: &Table, mean: &mut i32) -> Option<()> {
    start(bits, dc, mean)?;
    let mut next = 1;
    while next < 64 {
        let step = bits.step(|window| ac.skip(window, next))?;
        next += step.advance;
    }
    (next == 64 || next > END).then_some(())
}

#[inline(always)]
fn start(bits: &mut Bits<'_>, dc: &Table, mean: &mut i32) -> Option<i32> {
    let step = bits.step(|window| dc.step(window))?;
    *mean = mean.wrapping_add(i32::from(step.value));
    Some(*mean)
}
