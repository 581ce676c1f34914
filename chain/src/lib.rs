//! A chain of shops on one machine: HQ and stores as processes, the line between them, real goods and the baskets of
//! real customers. The demo, the fault tests, the benchmarks and the browser tests all start it from here; it speaks to
//! the servers only through their public interfaces.

pub mod api;
pub mod control;
pub mod departments;
pub mod founding;
pub mod goods;
pub mod line;
pub mod processes;
pub mod replay;
mod world;

pub use world::{Chain, Options, StorePlan, cashier, reachable_by_postgres};
