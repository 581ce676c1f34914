//! Selling: sales are rung up and looked up here. What a sale comes to is `checkout`'s word, how it is kept `facts`'.

pub(crate) mod load;
pub mod look_up;
pub mod ring_up;
mod routes;
pub(crate) mod shelf;

use server_kit::Capability;
use shelf::Shelf;

/// Selling.
pub(crate) fn capability(shelf: Shelf) -> Capability {
    Capability {
        name: "selling",
        routes: routes::routes(shelf),
        permissions: &["sale.ring_up", "sale.reduce", "sale.override_price"],
        entities: &[],
        facts: &[],
    }
}
