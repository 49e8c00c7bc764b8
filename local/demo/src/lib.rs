//! The whole chain on one machine: a simulated line, the agent, the stand-in, the mailer and a mailbox.

pub mod line;
pub mod mailbox;
