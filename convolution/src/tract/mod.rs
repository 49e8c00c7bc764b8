//! Programs in tract's graphs: what can be computed over padded planes is, and tract does the rest.

mod operator;
mod shares;
mod translate;
mod islands;

pub use islands::accelerate;
pub use operator::PlanesOperator;
