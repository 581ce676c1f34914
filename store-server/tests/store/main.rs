//! A store's server over its running router and a real PostgreSQL: selling, applying, syncing, and its surface. One program,
//! so that it is linked once.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::similar_names,
    reason = "a test that cannot go on has failed, and says so there"
)]

mod applying;
mod common;
mod engines;
mod reports;
mod selling;
mod surface;
mod syncing;
