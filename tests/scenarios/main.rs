//! The built `andon` against real parts: a hub that checks everything, a disk, signals, and the mailer behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

mod station;
mod pictures;

mod survival;
mod crash;
mod soak;
mod stopping;
mod identity;
mod outages;
mod clock;
mod cameras;
mod plant;
mod wire;
mod twin;
#[cfg(feature = "websocket")]
mod websocket;
mod card;
mod configuration;
mod commands;
mod inspecting;
mod packs;
mod systemd;
mod reload;
mod together;
