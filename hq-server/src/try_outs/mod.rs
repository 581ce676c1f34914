//! Trying out what the engines make of a document or a cart, without anything being kept.

mod cart;
mod load;
mod routes;
mod tax;

use server_kit::Capability;

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "try_outs",
        routes: routes::routes(),
        permissions: &["try_out.run"],
        entities: &[],
        facts: &[],
    }
}
