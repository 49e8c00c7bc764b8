//! From luma and colour differences, which often have fewer samples, to red, green and blue.

use super::header::Header;

/// How many samples of luma there are, across and down, for each of a colour difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sampling([usize; 2]);

/// Makes colours row by row; keeps its buffers.
#[derive(Debug, Default)]
pub(super) struct Colours {
    blended: Vec<i16>,
    /// A row of each colour difference with as many samples as luma, less 128.
    differences: [Vec<i16>; 2],
}

/// So many pixels at once.
const LANES: usize = 16;

impl Sampling {
    /// That of a YCbCr picture; `None` for ways of sampling that no camera uses.
    pub(super) fn of(header: &Header) -> Option<Self> {
        let [luma, blue, red] = &header.components;
        let is_known = blue.blocks == [1, 1] && red.blocks == [1, 1] && luma.blocks.iter().all(|it| *it <= 2);
        is_known.then_some(Self(luma.blocks))
    }
}

impl Colours {
    /// Writes `size` interleaved pixels from planes whose luma has `stride` samples a row.
    pub(super) fn write(
        &mut self,
        planes: &[Vec<u8>; 3],
        sampling: Sampling,
        stride: usize,
        size: [usize; 2],
        out: &mut Vec<u8>,
    ) {
        let [columns, rows] = size;
        let [luma, blue, red] = planes;
        out.resize(columns * rows * 3, 0);
        for (row, out) in out.chunks_exact_mut(columns * 3).enumerate() {
            for (difference, plane) in self.differences.iter_mut().zip([blue, red]) {
                stretch(plane, sampling, stride, row, &mut self.blended, difference);
            }
            let [blue, red] = &self.differences;
            convert(&luma[row * stride..][..columns], blue, red, out);
        }
    }
}

/// Gives a row of a colour difference as many samples as luma has. Each comes from the nearest two along each side that
/// is sampled less often, the nearer one three times.
fn stretch(
    plane: &[u8],
    Sampling([across, down]): Sampling,
    stride: usize,
    row: usize,
    blended: &mut Vec<i16>,
    out: &mut Vec<i16>,
) {
    let width = stride / across;
    let last = plane.len() / width - 1;
    let near = row / down;
    let far = match (down, row % down) {
        (1, _) => near,
        (_, 0) => near.saturating_sub(1),
        _ => (near + 1).min(last),
    };
    let line = |number: usize| plane[number * width..][..width].iter().map(|it| i16::from(*it) - 128);
    let blend = line(near).zip(line(far)).map(|(near, far)| 3 * near + far);
    blended.clear();
    if across == 1 {
        blended.extend(blend);
        out.clear();
        out.extend(blended.iter().map(|it| (it + 2) >> 2));
        return;
    }
    // At both ends there is nothing to blend with but the sample itself.
    blended.push(0);
    blended.extend(blend);
    blended[0] = blended[1];
    blended.push(blended[width]);
    out.resize(stride, 0);
    for (pair, near) in out.as_chunks_mut::<2>().0.iter_mut().zip(blended.windows(3)) {
        *pair = [(3 * near[1] + near[0] + 8) >> 4, (3 * near[1] + near[2] + 8) >> 4];
    }
}

/// Makes a row of interleaved pixels.
fn convert(luma: &[u8], blue: &[i16], red: &[i16], out: &mut [u8]) {
    let whole = luma.len() / LANES * LANES;
    let (luma_chunks, luma_rest) = luma.as_chunks::<LANES>();
    let pixels = luma_chunks.iter().zip(blue.as_chunks::<LANES>().0).zip(red.as_chunks::<LANES>().0);
    for (((luma, blue), red), out) in pixels.zip(out.as_chunks_mut::<{ 3 * LANES }>().0) {
        let [r, g, b] = colours(luma, blue, red);
        for (n, pixel) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            *pixel = [r[n], g[n], b[n]];
        }
    }
    let rest = luma_rest.iter().zip(&blue[whole..]).zip(&red[whole..]);
    for (((luma, blue), red), pixel) in rest.zip(out[whole * 3..].as_chunks_mut::<3>().0) {
        let [[r], [g], [b]] = colours(&[*luma], &[*blue], &[*red]);
        *pixel = [r, g, b];
    }
}

/// JFIF's conversion (ITU-T T.871, 7): red = luma + 1.402 Cr, green = luma - 0.344136 Cb - 0.714136 Cr,
/// blue = luma + 1.772 Cb.
#[inline(always)]
fn colours<const N: usize>(luma: &[u8; N], blue: &[i16; N], red: &[i16; N]) -> [[u8; N]; 3] {
    // Products of 16 bits of which the upper half is kept, with 6 bits behind the point: what vectors can do.
    let times =
        |difference: i16, factor: i16| ((i32::from(difference << 8) * i32::from(factor)) >> 16) as i16;
    let near = |value: i16| (value + 32) >> 6;
    let mut out = [[0; N]; 3];
    for n in 0..N {
        let (luma, blue, red) = (i16::from(luma[n]), blue[n], red[n]);
        let values = [
            luma + red + near(times(red, 6586)),
            luma + near(times(blue, -5638) + times(red, -11700)),
            luma + 2 * blue + near(times(blue, -3736)),
        ];
        for (out, value) in out.iter_mut().zip(values) {
            out[n] = value.clamp(0, 255) as u8;
        }
    }
    out
}
