//! Every step against loops that a reader can check, on every instruction set of this machine.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod networks;
mod plain;
mod steps;
