//! What stands before a JPEG's coded data, as far as sequential pictures of 8 bits a sample go (ITU-T T.81, annex B).

use super::tables::Tables;

/// Of one component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Component {
    id: u8,
    /// Its samples across and down in a unit of the picture, in blocks.
    pub(super) blocks: [usize; 2],
    /// Its quantisation table.
    pub(super) quantisation: usize,
    /// Its Huffman tables.
    pub(super) dc: usize,
    /// See `dc`.
    pub(super) ac: usize,
}

/// A sequential JPEG in one scan.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// Width and height in pixels.
    pub(super) size: [u32; 2],
    /// 1 (grey) or 3 (luma and two colour differences).
    pub(super) components: [Component; 3],
    /// How many there are.
    pub(super) count: usize,
    /// Units between two restart markers; 0 where there are none.
    pub(super) interval: usize,
    pub(super) quantisations: [[u16; 64]; 4],
    /// Where the coded data start.
    pub(super) coded: usize,
}

/// T.81, table B.1, and C.1 to C.15 of JFIF and Adobe.
mod marker {
    pub(super) const BASELINE: u8 = 0xc0;
    pub(super) const EXTENDED: u8 = 0xc1;
    pub(super) const HUFFMAN: u8 = 0xc4;
    pub(super) const START: u8 = 0xd8;
    pub(super) const SCAN: u8 = 0xda;
    pub(super) const QUANTISATION: u8 = 0xdb;
    pub(super) const RESTART_INTERVAL: u8 = 0xdd;
    pub(super) const ADOBE: u8 = 0xee;
}

impl Header {
    /// Reads all segments before the coded data, and takes in the Huffman tables. `None` for anything that is not a grey
    /// or YCbCr picture of 8 bits a sample in one sequential scan, or makes no sense.
    pub(super) fn read(bytes: &[u8], tables: &mut Tables) -> Option<Self> {
        let mut header = Self {
            size: [0; 2],
            components: [Component::default(); 3],
            count: 0,
            interval: 0,
            quantisations: [[0; 64]; 4],
            coded: 0,
        };
        tables.forget();
        let mut rest = bytes.strip_prefix(&[0xff, marker::START])?;
        loop {
            let fill = rest.iter().take_while(|byte| **byte == 0xff).count();
            let (kind, behind) = rest.get(fill.max(1)..)?.split_first()?;
            if fill == 0 {
                return None;
            }
            let (length, _) = behind.split_first_chunk::<2>()?;
            let (segment, next) = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            let segment = segment.get(2..)?;
            match *kind {
                marker::BASELINE | marker::EXTENDED => header.frame(segment)?,
                marker::HUFFMAN => tables.define(segment)?,
                marker::QUANTISATION => header.quantisation(segment)?,
                marker::RESTART_INTERVAL => {
                    header.interval = usize::from(u16::from_be_bytes(segment.try_into().ok()?));
                }
                // Another transform than YCbCr.
                marker::ADOBE if segment.starts_with(b"Adobe") && segment.get(11) != Some(&1) => return None,
                marker::SCAN => {
                    header.scan(segment)?;
                    header.coded = bytes.len() - next.len();
                    return Some(header);
                }
                // Comments and what applications add.
                0xe0..=0xef | 0xfe => {}
                _ => return None,
            }
            rest = next;
        }
    }

    fn frame(&mut self, segment: &[u8]) -> Option<()> {
        let (&[precision, h1, h0, w1, w0, count], specs) = segment.split_first_chunk::<6>()?;
        let is_ours = self.count == 0 && precision == 8 && matches!(count, 1 | 3);
        if !is_ours || specs.len() != usize::from(count) * 3 {
            return None;
        }
        self.size = [u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0])].map(u32::from);
        self.count = usize::from(count);
        for (component, spec) in self.components.iter_mut().zip(specs.as_chunks::<3>().0) {
            let blocks = [usize::from(spec[1] >> 4), usize::from(spec[1] & 15)];
            *component =
                Component { id: spec[0], blocks, quantisation: usize::from(spec[2]), ..Component::default() };
        }
        if self.count == 1 {
            // The only component's units are its blocks, whatever its sampling (T.81, A.2.2).
            self.components[0].blocks = [1, 1];
        }
        let [first, others @ ..] = &self.components[..self.count] else { return None };
        let is_fine = |it: &Component| it.blocks.iter().all(|n| (1..=4).contains(n)) && it.quantisation < 4;
        let is_finest = others.iter().all(|it| (0..2).all(|axis| it.blocks[axis] <= first.blocks[axis]));
        let is_rgb = self.count == 3 && self.components.map(|it| it.id) == *b"RGB";
        (self.components[..self.count].iter().all(is_fine) && is_finest && !is_rgb).then_some(())
    }

    fn quantisation(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((which, rest)) = segment.split_first() {
            let table = self.quantisations.get_mut(usize::from(which & 15))?;
            let (wide, length) = (which >> 4 == 1, if which >> 4 == 1 { 128 } else { 64 });
            let (values, next) = rest.split_at_checked(length)?;
            for (n, quantum) in table.iter_mut().enumerate() {
                *quantum = match wide {
                    true => u16::from_be_bytes([values[2 * n], values[2 * n + 1]]),
                    false => u16::from(values[n]),
                };
            }
            segment = next;
        }
        Some(())
    }

    /// A scan must have all components in the frame's order, and all coefficients.
    fn scan(&mut self, segment: &[u8]) -> Option<()> {
        let (count, rest) = segment.split_first()?;
        if self.count == 0 || usize::from(*count) != self.count || rest.len() != self.count * 2 + 3 {
            return None;
        }
        for (component, spec) in self.components.iter_mut().zip(rest.as_chunks::<2>().0).take(self.count) {
            if component.id != spec[0] {
                return None;
            }
            component.dc = usize::from(spec[1] >> 4);
            component.ac = usize::from(spec[1] & 15);
        }
        (rest[self.count * 2..] == [0, 63, 0]).then_some(())
    }

    /// The components that there are.
    pub(super) fn components(&self) -> &[Component] {
        &self.components[..self.count]
    }
}
