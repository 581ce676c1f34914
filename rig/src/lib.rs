//! Fault tests on real programs: HQ and stores as processes on private clusters of PostgreSQL, the line between them cut,
//! slowed and made to swallow answers, and everything killed at random instants while real baskets are rung up.
//!
//! What a fault must not change is in [`verify`]; a chain to try it on is a [`Rig`]. A test prints its seed; `RIG_SEED`
//! replays it, `RIG_ROUNDS` says how many faults of a kind (2 where nothing is said, `make rig`: 20).

pub mod database;
mod rounds;
pub mod verify;
mod world;

pub use rounds::Rounds;
pub use world::{Rig, STORE};
