//! A store's server: registers, selling, receipts, products, and the sync that never makes any of them wait for HQ.

pub mod capabilities;
pub mod doctor;
mod journal;
mod locks;
pub mod people;
pub mod products;
pub mod receipts;
pub mod registers;
pub mod reports;
pub mod selling;
pub mod server;
pub mod sync;
pub mod sync_status;
pub mod this_store;

/// The schema of a store's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations-store");
