//! HQ over HTTP: the running router over a real database, always beside a second company.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::similar_names,
    reason = "a test that cannot go on has failed"
)]

mod bad_input;
mod customers;
mod imports;
mod in_use;
mod master_data;
mod openapi;
mod people;
mod product_flags;
mod promotions;
mod reports;
mod roles;
mod support;
mod try_outs;
