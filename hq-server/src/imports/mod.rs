//! Products from a CSV file: the whole file is looked at before anything is written, and all of it is written or nothing.

mod csv;
mod job;
mod products;
mod routes;
mod rows;
mod spool;

pub(crate) use products::{Import, import_products};
pub(crate) use spool::Spool;

use server_kit::Capability;

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "imports",
        routes: routes::routes(),
        permissions: &["import.run"],
        entities: &[],
        facts: &[],
    }
}
