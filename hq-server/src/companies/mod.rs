//! The chain itself: founding it, and what it is called on receipts.

mod found;
mod routes;

pub(crate) use found::find;
pub use found::{Founded, Founding, found};

use server_kit::Capability;

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "company",
        routes: routes::routes(),
        permissions: &["store.read", "store.write"],
        entities: &[],
        facts: &[],
    }
}
