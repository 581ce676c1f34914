//! Customers: who buys, at which level, in which group, and whether they bear tax.

mod customer;

use server_kit::Capability;

use crate::master;

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "customers",
        routes: master::routes::<customer::Customer>(),
        permissions: &["customer.read", "customer.write"],
        entities: &[],
        facts: &[],
    }
}
