//! Selling: sales are rung up and looked up here. What a sale comes to is `checkout`'s word, how it is kept `facts`'.

pub(crate) mod load;
pub mod look_up;
pub mod ring_up;
mod routes;
mod shelf;

use server_kit::Capability;

/// Selling.
#[must_use]
pub fn capability() -> Capability {
    Capability {
        name: "selling",
        routes: routes::routes(shelf::Shelf::default()),
        permissions: &["sale.ring_up", "sale.reduce", "sale.override_price"],
        entities: &[],
        facts: &[],
    }
}
