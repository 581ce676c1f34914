//! Finding what is sold here: by name, SKU or barcode, with its price now and next.

mod routes;
pub mod search;

use server_kit::Capability;

/// Products.
#[must_use]
pub fn capability() -> Capability {
    Capability {
        name: "products",
        routes: routes::routes(),
        permissions: &["product.read", "stock.read"],
        entities: &[],
        facts: &[],
    }
}
