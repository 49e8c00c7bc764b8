//! Parts of a picture.

/// A rectangle of whole pixels in a picture, the part that is inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Left edge, in pixels.
    pub x: u32,
    /// Upper edge, in pixels.
    pub y: u32,
    /// In pixels, at least 1.
    pub width: u32,
    /// In pixels, at least 1.
    pub height: u32,
}

impl Region {
    /// A whole picture.
    #[must_use]
    pub fn whole(size: [u32; 2]) -> Self {
        Self { x: 0, y: 0, width: size[0], height: size[1] }
    }

    /// Whether it has pixels, and all of them lie in a picture of this size.
    #[must_use]
    pub fn is_within(&self, size: [u32; 2]) -> bool {
        let fits = |from: u32, length: u32, whole: u32| {
            length > 0 && from.checked_add(length).is_some_and(|end| end <= whole)
        };
        fits(self.x, self.width, size[0]) && fits(self.y, self.height, size[1])
    }
}

/// Which part of a picture pixels show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Width and height of the whole picture.
    pub picture: [u32; 2],
    /// The part, in the picture's own pixels; what was wanted lies in it.
    pub region: Region,
    /// For so many of the picture's own pixels along each side there is one.
    pub shrink: u32,
}

impl Window {
    /// All of a picture of this size.
    #[must_use]
    pub fn whole(picture: [u32; 2]) -> Self {
        Self { picture, region: Region::whole(picture), shrink: 1 }
    }
}
