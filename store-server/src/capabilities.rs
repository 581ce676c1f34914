//! What a store server consists of. The OpenAPI document and the route × role test walk this list.

use server_kit::Capability;
use sign_in::Pins;

use crate::sync::SyncHandle;
use crate::{people, products, receipts, registers, reports, selling, sync_status};

/// Every capability.
#[must_use]
pub fn all(sync: &SyncHandle, pins: Pins) -> Vec<Capability> {
    vec![
        people::capability(pins),
        registers::capability(),
        selling::capability(),
        receipts::capability(),
        products::capability(),
        reports::capability(),
        sync_status::capability(sync),
    ]
}
