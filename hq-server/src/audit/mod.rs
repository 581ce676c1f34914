//! Who changed what, where and when, before and after: written with each change in its transaction, and read by those who may.

mod routes;
mod write;

pub(crate) use write::{changed, created, noted};

use server_kit::Capability;

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "audit",
        routes: routes::routes(),
        permissions: &["audit.read"],
        entities: &[],
        facts: &[],
    }
}
