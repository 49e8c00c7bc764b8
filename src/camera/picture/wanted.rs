//! What a picture is decoded for.

use super::{
    error::{PictureError, check},
    pixels::Colour,
    region::Region,
};

/// What a picture is decoded for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// In which colours.
    pub colour: Colour,
    /// Which part; the whole picture where `None`.
    pub region: Option<Region>,
    /// How much the scale may be reduced.
    pub detail: Detail,
}

/// How many pixels the wanted part must keep, across and down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Detail {
    /// All that it has.
    Full,
    /// So many on both sides.
    Both([u32; 2]),
    /// So many on one side.
    Either([u32; 2]),
    /// This share of its own along each side.
    Share(f32),
}

impl Wanted {
    /// Every pixel.
    #[must_use]
    pub fn all(colour: Colour) -> Self {
        Self { colour, region: None, detail: Detail::Full }
    }

    /// The part of a picture of this size.
    pub(super) fn region_in(&self, size: [u32; 2]) -> Result<Region, PictureError> {
        check(size)?;
        let region = self.region.unwrap_or_else(|| Region::whole(size));
        if !region.is_within(size) {
            return Err(PictureError::Region { region, width: size[0], height: size[1] });
        }
        Ok(region)
    }

    /// The greatest of 1, 2, 4 and 8 by which the part may be reduced.
    pub(super) fn shrink(&self, region: Region) -> u32 {
        let keeps = |by: &u32| {
            let keeps = |least: [u32; 2]| [region.width / by >= least[0], region.height / by >= least[1]];
            match self.detail {
                Detail::Full => false,
                Detail::Both(least) => keeps(least) == [true; 2],
                Detail::Either(least) => keeps(least).contains(&true),
                Detail::Share(share) => 1.0 / *by as f32 >= share,
            }
        };
        [8, 4, 2].into_iter().find(keeps).unwrap_or(1)
    }
}
