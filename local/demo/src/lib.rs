//! The whole chain on one machine: a simulated line, the agent, the stand-in, the mailer and a mailbox.

pub mod line;
pub mod simulated;
pub mod mailbox;
pub mod score;
pub mod narrator;
pub mod stage;
