//! What is true in the worlds of `worlds`.

mod barcodes;
mod examples;
mod promotions;
mod proofs;
mod properties;
mod refunds;
mod selling;

use crate::Refusals;
pub(crate) use crate::worlds::{Spec, World, amount, completed, head, line_id, payment_id, tender_id};

/// The codes and pointers of what is refused.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Refusals>) -> Vec<(String, &'static str)> {
    result.unwrap_err().into_iter().map(|refusal| (refusal.pointer.clone(), refusal.reason.code())).collect()
}
