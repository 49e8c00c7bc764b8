//! Raw clients against the stand-in: each rule of README.md's table has a test here that bears its number.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

mod client;
mod certificates;
mod faults;
mod login;
mod messages;
mod notices;
mod provisioning;
mod twin_and_methods;
mod websocket;

use iothub_standin::{Builder, Standin};

fn standin() -> Standin {
    Builder::new().device(client::DEVICE).start().unwrap()
}
