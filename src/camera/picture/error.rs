//! Why a picture cannot be used.

use super::region::Region;

/// More than any camera of a station gives; a file that claims more is refused before anything is decoded.
pub(super) const MAX_MEGAPIXELS: u32 = 64;

/// On smaller pictures nothing can be seen.
const MIN_SIDE: u32 = 16;

/// Why a picture could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Not a picture that can be decoded, or one that ends early.
    #[error("the picture cannot be decoded: {0}")]
    Undecodable(String),
    /// More pixels than a frame may have; refused from its header, before any is decoded.
    #[error("the picture claims {width}x{height} pixels, at most {limit} megapixels are allowed")]
    TooLarge {
        /// Claimed, in pixels.
        width: u32,
        /// Claimed, in pixels.
        height: u32,
        /// In megapixels.
        limit: u32,
    },
    /// Fewer pixels than anything can be seen in.
    #[error("the picture has {width}x{height} pixels, at least {limit} on each side are needed")]
    TooSmall {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// In pixels.
        limit: u32,
    },
    /// The region is not in the picture.
    #[error(
        "the region with x = {}, y = {}, width = {}, height = {} is not within the picture's {width}x{height} pixels; correct [items] region",
        region.x, region.y, region.width, region.height
    )]
    Region {
        /// As asked for.
        region: Region,
        /// Of the picture, in pixels.
        width: u32,
        /// Of the picture, in pixels.
        height: u32,
    },
}

/// Refuses sizes that no frame has.
pub(super) fn check([width, height]: [u32; 2]) -> Result<(), PictureError> {
    if u64::from(width) * u64::from(height) > u64::from(MAX_MEGAPIXELS) * 1_000_000 {
        return Err(PictureError::TooLarge { width, height, limit: MAX_MEGAPIXELS });
    }
    if width.min(height) < MIN_SIDE {
        return Err(PictureError::TooSmall { width, height, limit: MIN_SIDE });
    }
    Ok(())
}
