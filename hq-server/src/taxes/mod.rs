//! Levies, and the sets of them that a product or department bears.

mod groups;
mod levies;

use server_kit::Capability;

use crate::master;

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "taxes",
        routes: master::routes::<levies::Tax>().merge(master::routes::<groups::TaxGroup>()),
        permissions: &["catalogue.read", "tax.write"],
        entities: &[],
        facts: &[],
    }
}
