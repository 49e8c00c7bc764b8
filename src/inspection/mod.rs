//! What the model sees in one frame: model pack, pixels to tensor, tract, decoders.
//!
//! Planned surface (see each file):
//! `Inspector::load(&Path) -> Result<Inspector, PackError>`, `Inspector::pack() -> &PackInfo`,
//! `Inspector::inspect(&mut self, &Pixels, Region, floor) -> Result<Inspection, InspectionError>`.

mod finding;

pub use finding::{Area, Confidence, Finding, Inspection, Region, Timings};
