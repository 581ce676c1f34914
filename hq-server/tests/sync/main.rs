//! Sync at HQ over HTTP, against a real PostgreSQL and under the application's role.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod bell;
mod editors;
mod engines;
mod enrol;
mod feed;
mod journal;
mod journalled;
mod sessions;
mod world;
