//! One plane, seen row by row.

/// A plane that is read.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// From one row to the next.
    pub(crate) row: usize,
}

/// A plane that is written.
pub(crate) struct RowsMut<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// From one row to the next.
    pub(crate) row: usize,
}
