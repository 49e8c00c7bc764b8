//! The host with a real handler process, whose answers each test chooses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod plant;

mod delivery;
mod scale;
