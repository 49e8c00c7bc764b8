//! Builds the parts, starts them, watches over them, stops them.

mod stop;

pub use stop::Stop;
