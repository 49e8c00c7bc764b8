//! The JPEGs that cameras send, decoded as far as they are wanted.
//!
//! A sequential JPEG must be read bit by bit from its start. But what is not wanted (colour, blocks outside the region,
//! everything below it, what a reduced scale leaves out) is passed over, at a fraction of the cost. General decoders
//! turn every block into pixels first, and those that know of regions or scales are C libraries.
//!
//! Anything but a grey or YCbCr picture of 8 bits in one sequential scan is left to a general decoder.

mod header;
mod huffman;
mod tables;
mod stream;
mod transform;
mod scan;
mod colour;

use std::ops::Range;

use self::{
    colour::{Colours, Sampling},
    header::{Component, Header},
    huffman::Kind,
    scan::{Plane, Scan},
    stream::Stream,
    tables::Tables,
    transform::Transform,
};
use super::{
    error::PictureError,
    pixels::{Colour, Pixels},
    region::{Region, Window},
    wanted::Wanted,
};

/// Decodes one picture after the other; keeps its buffers.
#[derive(Default)]
pub(super) struct Jpeg {
    tables: Tables,
    stream: Stream,
    /// The samples of each component, where they are not what is wanted yet.
    planes: [Vec<u8>; 3],
    colours: Colours,
}

/// The wanted part of a picture.
struct Part {
    /// Units across and down, from and to.
    units: [Range<usize>; 2],
    /// Pixels of the picture for each one decoded, along each side.
    shrink: usize,
}

impl Jpeg {
    /// Decodes what is wanted of a JPEG into `out`, at least, and says what part of it that is; `None` for a kind of
    /// JPEG that is left to others.
    pub(super) fn decode(
        &mut self,
        bytes: &[u8],
        wanted: &Wanted,
        out: &mut Pixels,
    ) -> Result<Option<Window>, PictureError> {
        let Some(header) = Header::read(bytes, &mut self.tables) else { return Ok(None) };
        let sampling = match wanted.colour {
            Colour::Rgb if header.count == 3 => match Sampling::of(&header) {
                None => return Ok(None),
                sampling => sampling,
            },
            _ => None,
        };
        for component in header.components() {
            let is_known = self.tables.complete(Kind::Dc, component.dc).is_some()
                && self.tables.complete(Kind::Ac, component.ac).is_some();
            if !is_known {
                return Ok(None);
            }
        }
        let region = wanted.region_in(header.size)?;
        let shrink = wanted.shrink(region);
        let part = Part::new(&header, region, shrink as usize, sampling.is_some());

        let damaged = || PictureError::Undecodable("the JPEG is damaged".to_owned());
        self.stream.fill(bytes.get(header.coded..).unwrap_or_default()).ok_or_else(damaged)?;
        // Each block takes two codes at least: what claims more is refused before memory is taken for it.
        let blocks = |it: &Component| it.blocks[0] * it.blocks[1];
        let least = header.units().iter().product::<usize>()
            * header.components().iter().map(blocks).sum::<usize>()
            / 4;
        if self.stream.len() < least {
            return Err(damaged());
        }
        let window = part.window(&header);
        let [columns, rows] = [window.region.width, window.region.height].map(|it| it.div_ceil(shrink));
        (out.width, out.height) = (columns, rows);
        match sampling {
            None => {
                out.channels = 1;
                self.scan(&header, &part, [Some(&mut out.samples), None, None]).ok_or_else(damaged)?;
                let stride = part.units[0].len() * header.components[0].blocks[0] * (8 / part.shrink);
                narrow(&mut out.samples, stride, columns as usize, rows as usize);
            }
            Some(sampling) => {
                out.channels = 3;
                let mut planes = std::mem::take(&mut self.planes);
                let [luma, blue, red] = &mut planes;
                let scanned = self.scan(&header, &part, [Some(luma), Some(blue), Some(red)]);
                let stride = part.units[0].len() * header.components[0].blocks[0] * (8 / part.shrink);
                if scanned.is_some() {
                    let size = [columns, rows].map(|it| it as usize);
                    self.colours.write(&planes, sampling, stride, size, &mut out.samples);
                }
                self.planes = planes;
                scanned.ok_or_else(damaged)?;
            }
        }
        Ok(Some(window))
    }

    /// Reads the coded data into planes of the wanted units.
    fn scan(&self, header: &Header, part: &Part, planes: [Option<&mut Vec<u8>>; 3]) -> Option<()> {
        let transform = Transform::new(8 / part.shrink);
        let side = transform.side();
        let units = part.units[0].len() * part.units[1].len();
        let mut components = [None, None, None];
        for ((component, plane), spec) in components.iter_mut().zip(planes).zip(header.components()) {
            let plane = plane.map(|pixels| {
                pixels.resize(units * spec.blocks[0] * spec.blocks[1] * side * side, 0);
                Plane { factors: transform.factors(&header.quantisations[spec.quantisation]), pixels }
            });
            let dc = self.tables.get(Kind::Dc, spec.dc)?;
            let ac = self.tables.get(Kind::Ac, spec.ac)?;
            *component = Some(scan::Component { blocks: spec.blocks, dc, ac, plane });
        }
        let mut scan = Scan {
            units: header.units(),
            interval: header.interval,
            wanted: part.units.clone(),
            transform,
            components,
        };
        scan.run(&self.stream)
    }
}

impl Header {
    /// Pixels of a unit across and down.
    fn unit(&self) -> [usize; 2] {
        self.components[0].blocks.map(|blocks| blocks * 8)
    }

    /// Units across and down.
    fn units(&self) -> [usize; 2] {
        let unit = self.unit();
        [0, 1].map(|axis| (self.size[axis] as usize).div_ceil(unit[axis]))
    }
}

impl Part {
    /// The units in which a region lies, with what colours are interpolated from around it.
    fn new(header: &Header, region: Region, shrink: usize, in_colour: bool) -> Self {
        let margin = if in_colour { 2 * shrink } else { 0 };
        let from = [region.x, region.y].map(|it| (it as usize).saturating_sub(margin));
        let to = [region.x + region.width, region.y + region.height].map(|it| it as usize + margin);
        let (unit, units) = (header.unit(), header.units());
        let along = |axis: usize| from[axis] / unit[axis]..to[axis].div_ceil(unit[axis]).min(units[axis]);
        Self { units: [along(0), along(1)], shrink }
    }

    fn window(&self, header: &Header) -> Window {
        let unit = header.unit();
        let [(x, width), (y, height)] = [0, 1].map(|axis| {
            let from = self.units[axis].start * unit[axis];
            let to = (self.units[axis].end * unit[axis]).min(header.size[axis] as usize);
            (from as u32, (to - from) as u32)
        });
        Window { picture: header.size, region: Region { x, y, width, height }, shrink: self.shrink as u32 }
    }
}

/// Takes away what rows have beyond the picture's edge.
fn narrow(samples: &mut Vec<u8>, stride: usize, columns: usize, rows: usize) {
    if columns < stride {
        for row in 1..rows {
            samples.copy_within(row * stride..row * stride + columns, row * columns);
        }
    }
    samples.truncate(columns * rows);
}
