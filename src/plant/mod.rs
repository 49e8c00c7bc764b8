//! What a station exchanges with the plant's controls: triggers that say that an item is there, and outputs that reject
//! it, light the andon and say that the station sees.
//!
//! ```text
//! GPIO line, Modbus coil ─▶ Triggers ─▶ camera's thread: one item each
//! camera's thread, judge ─▶ Outputs ─▶ Schedule ─▶ GPIO lines, Modbus coils and a register
//! ```
//!
//! Invariants: every trigger becomes exactly one item, whatever the camera does. And when the station cannot see or does
//! not come to its verdicts, `ready` goes off and the heartbeat stands still. When the process dies, nobody changes the
//! heartbeat any more; `ready` may stay as it was, since many a chip keeps a line's level, and a controller its coil. So
//! what waits for the heartbeat never takes a blind or dead station for a good item.

mod triggers;
mod schedule;
mod gpio;
mod modbus;
mod listening;
mod outputs;

pub use gpio::{Chip, Edge, InputLine, OutputLines};
pub use listening::{Listening, TriggerSettings, Way};
pub use modbus::{OutputCoils, Server, TriggerCoil};
pub use outputs::{OutputSettings, Outputs};
pub use schedule::{Rules, State};
pub use triggers::Triggers;
