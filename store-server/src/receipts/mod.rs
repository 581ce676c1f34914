//! Receipts: a sale as the customer gets it, a valid simplified invoice, as HTML and as text.

mod render;
mod routes;

use server_kit::Capability;

/// Receipts.
#[must_use]
pub fn capability() -> Capability {
    Capability { name: "receipts", routes: routes::routes(), permissions: &[], entities: &[], facts: &[] }
}
