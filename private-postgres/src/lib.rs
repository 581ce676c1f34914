//! A PostgreSQL cluster in a folder, for whoever has no PostgreSQL: made, started, watched, restarted and stopped with its owner.
//!
//! It listens on a unix socket only, in a folder that only its user can enter; whoever can enter is trusted. It never outlives
//! its owner: a guard process holds a pipe from the owner, and stops PostgreSQL when the pipe closes, however that came about.
//! Nothing about the product may live here.

mod binaries;
mod cluster;
mod process;
mod user;

pub use cluster::{Cluster, Error, Profile, Settings};
