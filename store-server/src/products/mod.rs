//! Finding what is sold here: by name, SKU or barcode, with its price now and next.

mod routes;
pub mod search;

use server_kit::Capability;

use crate::selling::shelf::Shelf;

/// Products.
pub(crate) fn capability(shelf: Shelf) -> Capability {
    Capability {
        name: "products",
        routes: routes::routes(shelf),
        permissions: &["product.read", "stock.read"],
        entities: &[],
        facts: &[],
    }
}
