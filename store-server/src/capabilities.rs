//! What a store server consists of. The OpenAPI document and the route × role test walk this list.

use server_kit::Capability;
use sign_in::Pins;

use crate::selling::shelf::Shelf;
use crate::sync::SyncHandle;
use crate::{people, products, receipts, registers, reports, selling, sync_status};

/// Every capability.
#[must_use]
pub fn all(sync: &SyncHandle, pins: Pins) -> Vec<Capability> {
    let shelf = Shelf::default();
    vec![
        people::capability(pins),
        registers::capability(),
        selling::capability(shelf.clone()),
        receipts::capability(),
        products::capability(shelf),
        reports::capability(),
        sync_status::capability(sync),
    ]
}
