//! A frame that was inspected, and where on the item its areas lie.

use std::time::Instant;

use crate::{
    camera::{Picture, Taken},
    inspection::{Area, Region},
};

/// A frame of an item that was inspected.
#[derive(Clone, Debug)]
pub struct Decisive {
    /// When it was taken.
    pub taken: Taken,
    /// When its inspection was done.
    pub inspected: Instant,
    /// What the source calls it.
    pub name: Option<String>,
    /// The whole picture, as it came.
    pub picture: Picture,
    /// The part that the item fills.
    pub region: Region,
}

impl Decisive {
    /// An area of the picture as a place on the item, in 0..=1.
    #[must_use]
    pub fn place(&self, area: &Area) -> Area {
        let x = |value: f32| ((value - self.region.x as f32) / self.region.width as f32).clamp(0.0, 1.0);
        let y = |value: f32| ((value - self.region.y as f32) / self.region.height as f32).clamp(0.0, 1.0);
        Area { x_min: x(area.x_min), y_min: y(area.y_min), x_max: x(area.x_max), y_max: y(area.y_max) }
    }

    /// A place on the item, in 0..=1, as an area of the picture.
    #[must_use]
    pub fn area(&self, place: &Area) -> Area {
        let x = |value: f32| value.mul_add(self.region.width as f32, self.region.x as f32);
        let y = |value: f32| value.mul_add(self.region.height as f32, self.region.y as f32);
        Area { x_min: x(place.x_min), y_min: y(place.y_min), x_max: x(place.x_max), y_max: y(place.y_max) }
    }
}
