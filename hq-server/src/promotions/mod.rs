//! Promotions and standing price rules: written here, checked by `pricing-engine` before they are kept, computed in the
//! stores.

mod price_rule;
mod promotion;
mod selected;

use server_kit::Capability;

use crate::master;

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "promotions",
        routes: master::routes::<promotion::Promotion>().merge(master::routes::<price_rule::PriceRule>()),
        permissions: &["promotion.read", "promotion.write"],
        entities: &[],
        facts: &[],
    }
}
