//! The shops of the chain and the registers in them.

mod registers;
mod shops;

use server_kit::Capability;

use crate::master;

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "stores",
        routes: master::routes::<shops::Store>().merge(master::routes::<registers::Register>()),
        permissions: &["store.read", "store.write"],
        entities: &[],
        facts: &[],
    }
}
