//! A store's server over its running router and a real PostgreSQL: selling, applying, syncing, and its surface. One program,
//! so that it is linked once.

mod applying;
mod common;
mod reports;
mod selling;
mod surface;
mod syncing;
