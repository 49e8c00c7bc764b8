//! The input of a convolution that cannot read it where it lies: padded, and for a stride taken apart into phases, so
//! that neighbours in the output have neighbouring inputs.

use crate::{
    planes::Shape,
    vector::{Vector, on_each_isa},
};

/// A kernel's way along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    /// Zeros before the first input.
    pub(crate) before: usize,
}

impl Axis {
    /// In which phase a kernel's element finds its input, and how many steps on.
    pub(crate) fn phase(&self, element: usize) -> (usize, usize) {
        let reach = element * self.dilation;
        (reach % self.stride, reach / self.stride)
    }

    /// The phases that the kernel looks at, and the most steps on.
    pub(crate) fn phases(&self) -> (Vec<usize>, usize) {
        let mut phases: Vec<usize> = (0..self.kernel).map(|it| self.phase(it).0).collect();
        phases.sort_unstable();
        phases.dedup();
        (phases, (self.kernel - 1) * self.dilation / self.stride)
    }
}

/// The phases of all channels, one plane behind the other.
#[derive(Clone, Debug)]
pub(crate) struct Gather {
    axes: [Axis; 2],
    phases: [Vec<usize>; 2],
    rows: usize,
    row: usize,
}

impl Gather {
    /// For an output of so many rows, which lie `row` values apart.
    pub(crate) fn new(axes: [Axis; 2], height: usize, row: usize) -> Self {
        let ((down, reach), (across, _)) = (axes[0].phases(), axes[1].phases());
        Self { axes, phases: [down, across], rows: height + reach, row }
    }

    fn plane(&self) -> usize {
        self.rows * self.row
    }

    /// From a channel to the next.
    pub(crate) fn channel(&self) -> usize {
        self.phases[0].len() * self.phases[1].len() * self.plane()
    }

    /// How far behind a pixel's own place the input of a kernel's element lies.
    pub(crate) fn offset(&self, element: [usize; 2]) -> usize {
        let [(down, rows), (across, columns)] = [0, 1].map(|axis| self.axes[axis].phase(element[axis]));
        let place = |axis: usize, phase| self.phases[axis].iter().position(|it| *it == phase).unwrap_or(0);
        (place(0, down) * self.phases[1].len() + place(1, across)) * self.plane() + rows * self.row + columns
    }

    /// Fills the phases of one channel.
    #[inline(always)]
    unsafe fn fill<V: Vector>(&self, shape: Shape, input: *const f32, row: usize, output: *mut f32) {
        let mut to = output;
        for down in &self.phases[0] {
            for across in &self.phases[1] {
                for y in 0..self.rows {
                    let from = (y * self.axes[0].stride + down).checked_sub(self.axes[0].before);
                    // SAFETY: a row of a phase, and a row of the input that is there.
                    unsafe {
                        let line = std::slice::from_raw_parts_mut(to, self.row);
                        match from.filter(|y| *y < shape.height) {
                            Some(y) => {
                                let source = std::slice::from_raw_parts(input.add(y * row), shape.width);
                                self.fill_row::<V>(source, *across, line);
                            }
                            None => line.fill(0.0),
                        }
                        to = to.add(self.row);
                    }
                }
            }
        }
    }

    /// Every `stride`th value from the phase's first on, and zeros around them.
    #[inline(always)]
    unsafe fn fill_row<V: Vector>(&self, source: &[f32], phase: usize, line: &mut [f32]) {
        let Axis { stride, before, .. } = self.axes[1];
        // The first place whose input is there, and the input that it has.
        let first = before.saturating_sub(phase).div_ceil(stride).min(line.len());
        let skip = (first * stride + phase).saturating_sub(before);
        let (zeros, rest) = line.split_at_mut(first);
        zeros.fill(0.0);
        let there = source.get(skip..).unwrap_or_default();
        let count = there.len().div_ceil(stride).min(rest.len());
        let (values, zeros) = rest.split_at_mut(count);
        match stride {
            1 => values.copy_from_slice(&there[..count]),
            // SAFETY: the caller's promise about the instructions.
            2 | 4 => unsafe { every::<V>(stride, there, values) },
            _ => values.iter_mut().zip(there.iter().step_by(stride)).for_each(|(to, from)| *to = *from),
        }
        zeros.fill(0.0);
    }
}

on_each_isa! {
    /// Fills the phases of `channels` planes, which lie `plane` values apart and their rows `row`.
    ///
    /// # Safety
    /// `input` begins planes of the shape; `output` has [`Gather::channel`] values for each, none of the input's.
    fn gather(
        it: &Gather,
        shape: Shape,
        channels: usize,
        input: *const f32,
        plane: usize,
        row: usize,
        output: *mut f32,
    ) = gather_with
}

#[inline(always)]
unsafe fn gather_with<V: Vector>(
    it: &Gather,
    shape: Shape,
    channels: usize,
    input: *const f32,
    plane: usize,
    row: usize,
    output: *mut f32,
) {
    for channel in 0..channels {
        // SAFETY: handed on, for one plane.
        unsafe { it.fill::<V>(shape, input.add(channel * plane), row, output.add(channel * it.channel())) }
    }
}

/// Every second or fourth value, so that there is one for each of `to`.
#[inline(always)]
unsafe fn every<V: Vector>(stride: usize, from: &[f32], to: &mut [f32]) {
    let whole = (from.len() / stride).min(to.len()) / V::LANES * V::LANES;
    for at in (0..whole).step_by(V::LANES) {
        // SAFETY: so many values of `from` make the `LANES` of `to`.
        unsafe {
            let first = from.as_ptr().add(at * stride);
            let made = if stride == 2 {
                V::load(first).evens(V::load(first.add(V::LANES)))
            } else {
                let near = V::load(first).evens(V::load(first.add(V::LANES)));
                let far = V::load(first.add(2 * V::LANES)).evens(V::load(first.add(3 * V::LANES)));
                near.evens(far)
            };
            made.store(to.as_mut_ptr().add(at));
        }
    }
    let rest = from.iter().step_by(stride).skip(whole);
    to[whole..].iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
}
