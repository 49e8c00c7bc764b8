//! Pictures as cameras send them without compression, turned into as many pixels as are wanted.

use std::sync::Arc;

use super::{
    error::{PictureError, check},
    pixels::{Colour, Pixels},
    region::{Region, Window},
    wanted::Wanted,
};

/// How the bytes of an uncompressed picture are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One byte of luma a pixel.
    Grey,
    /// Luma, blue, luma, red for two pixels side by side.
    Yuyv,
    /// All luma, then blue and red by turns for squares of two by two pixels.
    Nv12,
}

/// What the samples of black and white are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Levels {
    /// 0 to 255, as in a JPEG.
    Full,
    /// 16 to 235, as in television (ITU-R BT.601).
    Limited,
}

/// An uncompressed picture whose bytes are all there.
#[derive(Debug)]
pub struct Raw {
    size: [u32; 2],
    stride: usize,
    layout: Layout,
    levels: Levels,
    bytes: Arc<Vec<u8>>,
}

impl Raw {
    /// Takes a picture of so many pixels, whose rows begin `stride` bytes apart.
    ///
    /// # Errors
    /// When the bytes are fewer than the picture needs, or no camera's picture has that size.
    pub fn new(
        size: [u32; 2],
        stride: u32,
        layout: Layout,
        levels: Levels,
        bytes: Arc<Vec<u8>>,
    ) -> Result<Self, PictureError> {
        check(size)?;
        let [width, height] = size.map(|it| it as usize);
        let stride = (stride as usize).max(layout.row(width));
        let is_even = match layout {
            Layout::Grey => true,
            Layout::Yuyv => width.is_multiple_of(2),
            Layout::Nv12 => width.is_multiple_of(2) && height.is_multiple_of(2),
        };
        if !is_even {
            return Err(PictureError::Undecodable(format!("{layout:?} has no {width}x{height} pixels")));
        }
        let rows = if layout == Layout::Nv12 { height + height / 2 } else { height };
        let needed = stride * (rows - 1) + layout.row(width);
        if bytes.len() < needed {
            let there = bytes.len();
            return Err(PictureError::Undecodable(format!("it has {there} bytes, {needed} are needed")));
        }
        Ok(Self { size, stride, layout, levels, bytes })
    }

    /// What is wanted, at least, and which part of the picture that is. Grey stays grey.
    pub(super) fn decode(&self, wanted: &Wanted, out: &mut Pixels) -> Result<Window, PictureError> {
        let region = wanted.region_in(self.size)?;
        let shrink = wanted.shrink(region);
        let region = in_whole_squares(region, shrink, self.size);
        [out.width, out.height] = [region.width, region.height].map(|it| it.div_ceil(shrink));
        out.samples.clear();
        if wanted.colour == Colour::Grey || self.layout == Layout::Grey {
            out.channels = 1;
            self.grey(region, shrink, &mut out.samples);
        } else {
            out.channels = 3;
            self.colours(region, shrink, &mut out.samples);
        }
        Ok(Window { picture: self.size, region, shrink })
    }

    fn grey(&self, region: Region, shrink: u32, out: &mut Vec<u8>) {
        let level = self.luma_levels();
        let step = if self.layout == Layout::Yuyv { 2 } else { 1 };
        if shrink == 1 {
            for y in region.y..region.y + region.height {
                let from = y as usize * self.stride + region.x as usize * step;
                let row = &self.bytes[from..][..(region.width as usize - 1) * step + 1];
                out.extend(row.iter().step_by(step).map(|luma| level[usize::from(*luma)]));
            }
            return;
        }
        squares(region, shrink, |x, y| {
            let luma = mean(x, y, |x, y| self.bytes[y * self.stride + x * step]);
            out.push(level[usize::from(luma)]);
        });
    }

    fn colours(&self, region: Region, shrink: u32, out: &mut Vec<u8>) {
        let level = self.luma_levels();
        // ITU-R BT.601 in 16 bits behind the point; limited colours span 224 steps.
        let scale = if self.levels == Levels::Full { 1.0 } else { 255.0 / 224.0 };
        let [red, green_blue, green_red, blue] =
            [1.402, 0.344_136, 0.714_136, 1.772].map(|it: f64| (it * scale * 65536.0).round() as i32);
        squares(region, shrink, |x, y| {
            let luma = mean(x.clone(), y.clone(), |x, y| self.bytes[self.luma_at(x, y)]);
            let cb = mean(x.clone(), y.clone(), |x, y| self.bytes[self.blue_at(x, y).0]);
            let cr = mean(x, y, |x, y| self.bytes[self.blue_at(x, y).1]);
            let luma = i32::from(level[usize::from(luma)]);
            let [cb, cr] = [cb, cr].map(|it| i32::from(it) - 128);
            let sample = |offset: i32| (luma + ((offset + 32768) >> 16)).clamp(0, 255) as u8;
            out.extend([sample(red * cr), sample(-green_blue * cb - green_red * cr), sample(blue * cb)]);
        });
    }

    fn luma_at(&self, x: usize, y: usize) -> usize {
        let step = if self.layout == Layout::Yuyv { 2 } else { 1 };
        y * self.stride + x * step
    }

    /// Where blue and red of a pixel are; only for layouts that have them.
    fn blue_at(&self, x: usize, y: usize) -> (usize, usize) {
        match self.layout {
            Layout::Grey => (0, 0),
            Layout::Yuyv => {
                let pair = y * self.stride + x / 2 * 4;
                (pair + 1, pair + 3)
            }
            Layout::Nv12 => {
                let pair = (self.size[1] as usize + y / 2) * self.stride + x / 2 * 2;
                (pair, pair + 1)
            }
        }
    }

    /// What luma means, from 0 for black to 255 for white.
    fn luma_levels(&self) -> [u8; 256] {
        std::array::from_fn(|luma| match self.levels {
            Levels::Full => luma as u8,
            Levels::Limited => (((luma as i32 - 16) * 255 + 109) / 219).clamp(0, 255) as u8,
        })
    }
}

impl Layout {
    /// Bytes of a row without padding.
    #[must_use]
    pub fn row(self, width: usize) -> usize {
        if self == Self::Yuyv { width * 2 } else { width }
    }
}

/// The region grown to whole squares of so many pixels, as far as the picture goes.
fn in_whole_squares(region: Region, side: u32, size: [u32; 2]) -> Region {
    let grow = |from: u32, length: u32, whole: u32| {
        let start = from / side * side;
        let end = (from + length).div_ceil(side).saturating_mul(side).min(whole);
        (start, end - start)
    };
    let (x, width) = grow(region.x, region.width, size[0]);
    let (y, height) = grow(region.y, region.height, size[1]);
    Region { x, y, width, height }
}

/// Columns and rows of each square, row by row.
fn squares(region: Region, side: u32, mut of: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>)) {
    let parts = |from: u32, length: u32| {
        let end = from + length;
        (from..end).step_by(side as usize).map(move |at| at as usize..(at + side).min(end) as usize)
    };
    for rows in parts(region.y, region.height) {
        for columns in parts(region.x, region.width) {
            of(columns, rows.clone());
        }
    }
}

fn mean(
    columns: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
    at: impl Fn(usize, usize) -> u8,
) -> u8 {
    let count = (columns.len() * rows.len()).max(1) as u32;
    let sum: u32 =
        rows.flat_map(|y| columns.clone().map(move |x| (x, y))).map(|(x, y)| u32::from(at(x, y))).sum();
    ((sum + count / 2) / count) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::wanted::Detail, *};

    const SIZE: [u32; 2] = [32, 18];

    /// One colour everywhere.
    fn plain(layout: Layout, levels: Levels, [y, cb, cr]: [u8; 3]) -> Raw {
        let pixels = (SIZE[0] * SIZE[1]) as usize;
        let bytes: Vec<u8> = match layout {
            Layout::Grey => vec![y; pixels],
            Layout::Yuyv => [y, cb, y, cr].repeat(pixels / 2),
            Layout::Nv12 => [vec![y; pixels], [cb, cr].repeat(pixels / 4)].concat(),
        };
        Raw::new(SIZE, 0, layout, levels, bytes.into()).unwrap()
    }

    fn decode(raw: &Raw, wanted: Wanted) -> (Pixels, Window) {
        let mut pixels = Pixels::default();
        let window = raw.decode(&wanted, &mut pixels).unwrap();
        (pixels, window)
    }

    #[test]
    fn colours_are_those_of_bt_601() {
        let red = [54, 34, 221];
        for (layout, levels, colour, expected) in [
            (Layout::Yuyv, Levels::Full, [76, 85, 255], [254, 0, 0]),
            (Layout::Nv12, Levels::Full, [255, 128, 128], [255, 255, 255]),
            (Layout::Yuyv, Levels::Limited, [235, 128, 128], [255, 255, 255]),
            (Layout::Nv12, Levels::Limited, [16, 128, 128], [0, 0, 0]),
            (Layout::Nv12, Levels::Limited, red, [193, 5, 0]),
            (Layout::Yuyv, Levels::Limited, red, [193, 5, 0]),
        ] {
            let (pixels, _) = decode(&plain(layout, levels, colour), Wanted::all(Colour::Rgb));
            assert_eq!((pixels.width, pixels.height, pixels.channels), (32, 18, 3));
            for pixel in pixels.samples.as_chunks::<3>().0 {
                let far = pixel.iter().zip(expected).map(|(a, b): (_, u8)| a.abs_diff(b)).max();
                assert!(far <= Some(1), "{layout:?} {levels:?} {colour:?}: {pixel:?}, not {expected:?}");
            }
        }
    }

    #[test]
    fn grey_is_luma_alone_and_stays_grey() {
        for layout in [Layout::Grey, Layout::Yuyv, Layout::Nv12] {
            let raw = plain(layout, Levels::Full, [77, 1, 255]);
            assert_eq!(decode(&raw, Wanted::all(Colour::Grey)).0.samples, vec![77; 32 * 18]);
        }
        let raw = plain(Layout::Grey, Levels::Full, [77, 0, 0]);
        assert_eq!(decode(&raw, Wanted::all(Colour::Rgb)).0.channels, 1);
    }

    #[test]
    fn rows_may_be_padded() {
        let bytes: Vec<u8> = (0..16).flat_map(|row| [vec![row; 16], vec![255; 4]].concat()).collect();
        let raw = Raw::new([16, 16], 20, Layout::Grey, Levels::Full, bytes.into()).unwrap();
        let (pixels, _) = decode(&raw, Wanted::all(Colour::Grey));
        assert!(pixels.samples.chunks(16).enumerate().all(|(row, it)| it == [row as u8; 16]));
    }

    #[test]
    fn half_a_picture_is_refused_with_its_bytes() {
        for (layout, needed) in [(Layout::Grey, 576), (Layout::Yuyv, 1152), (Layout::Nv12, 864)] {
            let of = |length: usize| Raw::new(SIZE, 0, layout, Levels::Full, vec![0; length].into());
            assert!(of(needed).is_ok(), "{layout:?}");
            let message = of(needed - 1).unwrap_err().to_string();
            assert!(message.contains(&format!("{} bytes, {needed} are needed", needed - 1)), "{message}");
        }
        assert!(Raw::new([17, 16], 0, Layout::Yuyv, Levels::Full, vec![0; 9999].into()).is_err());
        assert!(Raw::new([u32::MAX, 16], 0, Layout::Grey, Levels::Full, Arc::default()).is_err());
    }

    proptest! {
        #[test]
        fn every_region_at_every_scale_lies_in_its_window_and_shows_the_mean_of_its_pixels(
            x in 0u32..31, y in 0u32..17, width in 1u32..32, height in 1u32..18, keep in 1u32..8, kind in 0..3usize
        ) {
            let region = Region { x, y, width: width.min(32 - x), height: height.min(18 - y) };
            let layout = [Layout::Grey, Layout::Yuyv, Layout::Nv12][kind];
            let step = if layout == Layout::Yuyv { 2 } else { 1 };
            let mut bytes = vec![128; 32 * 18 * 2];
            for (at, luma) in bytes.iter_mut().step_by(step).take(32 * 18).enumerate() {
                *luma = (at % 32) as u8;
            }
            let raw = Raw::new(SIZE, 0, layout, Levels::Full, bytes.into()).unwrap();
            let wanted = Wanted { colour: Colour::Grey, region: Some(region), detail: Detail::Either([keep; 2]) };
            let (pixels, window) = decode(&raw, wanted);
            prop_assert!(window.region.is_within(SIZE));
            prop_assert!(window.region.x <= x && window.region.x + window.region.width >= x + region.width);
            prop_assert_eq!(window.region.width.div_ceil(window.shrink), pixels.width);
            prop_assert_eq!(pixels.samples.len() as u32, pixels.width * pixels.height);
            for (column, sample) in pixels.samples.iter().take(pixels.width as usize).enumerate() {
                let from = window.region.x + column as u32 * window.shrink;
                let to = (from + window.shrink).min(32) - 1;
                prop_assert!((u32::from(*sample) * 2).abs_diff(from + to) <= 1, "{} of {}..{}", sample, from, to);
            }
        }
    }
}
