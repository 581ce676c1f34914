//! Effective-dated prices and the levels that they are for.

mod batch;
mod levels;
mod price;

use server_kit::Capability;

use crate::master;

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "prices",
        routes: master::routes::<levels::PriceLevel>()
            .merge(master::routes::<price::Price>())
            .merge(batch::routes()),
        permissions: &["price.read", "price.publish"],
        entities: &[],
        facts: &[],
    }
}
