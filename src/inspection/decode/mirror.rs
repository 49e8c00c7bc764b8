//! How a picture is mirrored.

/// How an input was mirrored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::inspection) struct Mirror {
    /// Left and right changed places.
    pub(in crate::inspection) across: bool,
    /// Top and bottom changed places.
    pub(in crate::inspection) down: bool,
}

impl Mirror {
    /// The mirror images of an input: what makes each of the one before it, and what it is then.
    pub(in crate::inspection) const IMAGES: [(Self, Self); 3] = {
        let across = Self { across: true, down: false };
        let down = Self { across: false, down: true };
        [(across, across), (down, Self { across: true, down: true }), (across, down)]
    };
}
