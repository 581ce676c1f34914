//! Tax areas: places with their tax rules, and what the taxes of home become there.

mod area;

use server_kit::Capability;

use crate::master;

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "tax_areas",
        routes: master::routes::<area::TaxArea>(),
        permissions: &["catalogue.read", "tax.write"],
        entities: &[],
        facts: &[],
    }
}
