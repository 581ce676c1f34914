//! What HQ can do: one line each. The router, the OpenAPI document and the route × role test walk this list.

use server_kit::Capability;

use crate::sync::Hub;
use crate::{
    audit, catalogue, companies, customers, imports, people, prices, promotions, reports, stores, sync,
    tax_areas, taxes, tenders, try_outs,
};

/// Every capability of HQ.
pub(crate) fn all(hub: Hub) -> Vec<Capability> {
    vec![
        sign_in::capability(sign_in::Pins::Never),
        companies::capability(),
        catalogue::capability(),
        taxes::capability(),
        prices::capability(),
        customers::capability(),
        promotions::capability(),
        tax_areas::capability(),
        stores::capability(),
        tenders::capability(),
        people::capability(),
        imports::capability(),
        try_outs::capability(),
        reports::capability(),
        sync::capability(hub),
        audit::capability(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::KNOWN;

    #[test]
    fn a_role_can_be_given_every_permission_that_is_asked_for() {
        for capability in all(Hub::new()) {
            for word in capability.permissions {
                assert!(KNOWN.contains(word), "{} asks for {word}, which no role can have", capability.name);
            }
        }
    }
}
