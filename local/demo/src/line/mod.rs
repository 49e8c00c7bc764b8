//! A simulated line: circuit boards in the style of DeepPCB pass a camera, some with known defects.
//!
//! It draws its own artwork, and its defects follow the six kinds of that data set, so that a detector trained on real
//! boards can be watched at work without a camera. It knows the truth, so that a run can be scored.

mod geometry;
mod net;
mod layout;
mod patterns;
mod raster;
mod defects;
mod boards;
mod light;
mod scene;

pub use boards::BoardTruth;
pub use defects::{DefectKind, TrueDefect};
pub use layout::BOARD_SIDE;
pub use scene::{Direction, ImpossibleLine, LineSettings, SceneFrame, SimulatedLine, VisibleBoard};

#[cfg(test)]
mod tests;
