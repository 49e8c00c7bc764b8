//! andon: an agent for a camera station on an assembly line.
//!
//! It takes frames, judges every item once, and tells Azure IoT Hub about the NG ones only. Two loops and a
//! durable queue between them: *sensing* (plain threads, knows pixels) and *delivery* (one small async runtime,
//! knows bytes). Only the [`outbox`] is shared, and it is on disk.
//!
//! The modules stand in the order in which a frame travels. Invariant: a stage imports only what stands before
//! it, and nothing but [`agent`] and the command line imports [`config`]; `tests/layers.rs` holds that.

pub mod camera;
pub mod inspection;
pub mod items;
pub mod pool;
pub mod report;
pub mod outbox;
pub mod delivery;
pub mod hub;
pub mod evidence;
pub mod plant;
pub mod systemd;
pub mod config;
pub mod agent;
pub mod cli;
