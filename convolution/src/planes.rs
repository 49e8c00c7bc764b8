//! How a value of so many channels lies in memory.

/// The size of a value: its channels, and the rows and columns of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// How many planes.
    pub channels: usize,
    /// Rows of a plane.
    pub height: usize,
    /// Columns of a plane.
    pub width: usize,
}

impl Shape {
    /// How many values.
    #[must_use]
    pub fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Planes that share their padding: behind each row `pad` zeros, which stand to the right of this row and to the left
/// of the next, and behind each plane `pad` rows of zeros, which stand below it and above the next. A step over all
/// pixels then runs through a plane as if it were one long row, and a kernel that reaches beyond an edge finds zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planes {
    pub(crate) shape: Shape,
    pub(crate) pad: usize,
}

/// Vectors may read so many values beyond what they use: the widest tile.
pub(crate) const SLACK: usize = 128;

impl Planes {
    /// From a row to the next.
    pub(crate) fn row(&self) -> usize {
        self.shape.width + self.pad
    }

    /// From a plane to the next.
    pub(crate) fn plane(&self) -> usize {
        (self.shape.height + self.pad) * self.row()
    }

    /// Zeros before the first plane.
    pub(crate) fn lead(&self) -> usize {
        self.pad * self.row() + self.pad
    }

    /// The pixels of a plane, with the padding between its rows.
    pub(crate) fn pixels(&self) -> usize {
        self.shape.height * self.row()
    }

    /// All of it, with what vectors may touch besides.
    pub(crate) fn len(&self) -> usize {
        self.lead() + self.shape.channels * self.plane() + SLACK
    }

    /// Makes the padding around `channels` planes zero, the first of which begins at `first`.
    ///
    /// # Safety
    /// `first` lies `lead()` values behind the start of planes of this geometry, of which it and the `channels - 1`
    /// next are.
    pub(crate) unsafe fn clear_padding(&self, first: *mut f32, channels: usize) {
        if self.pad == 0 {
            return;
        }
        let (row, width) = (self.row(), self.shape.width);
        // SAFETY: all of it is padding of these planes, before the first or behind a row or plane.
        unsafe {
            std::ptr::write_bytes(first.sub(self.lead()), 0, self.lead());
            for channel in 0..channels {
                let plane = first.add(channel * self.plane());
                // Column by column: the other way the compiler calls `memset` for a value or two.
                for x in width..row {
                    for y in 0..self.shape.height {
                        plane.add(y * row + x).write(0.0);
                    }
                }
                std::ptr::write_bytes(plane.add(self.pixels()), 0, self.plane() - self.pixels());
            }
        }
    }
}
