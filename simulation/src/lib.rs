//! A chain in a box: HQ, its stores and the lines between them, from one seed that replays. The stores are the real
//! state machines and HQ's answers are the real judges; disks, lines and people are simulated. No socket, no database,
//! no clock.
//!
//! What goes wrong: requests and answers that are lost, late, doubled or cut; lines that are down; stores that crash
//! between any two steps; boxes that go back to an older snapshot, or run twice; an HQ that is busy, or goes back to a
//! backup. When it is over and the lines are up, the invariants must hold.

mod chance;
mod hq;
mod store;
mod world;

pub use world::{Report, Scenario, run};
