//! A cart in, a computed sale out; its payments and their change; the proof that a completed sale adds up. Pure: time,
//! place, prices and ids come in with the call. Stores and browsers call the same functions, so that a total on the
//! screen and a total in the ledger cannot drift apart.
//!
//! [`compute`] prices a cart, [`settle`] takes its payments, [`complete`] makes the fact of it and [`prove`] checks such
//! a fact from itself alone, as if it came from an enemy.
//!
//! # Bounds
//!
//! A document has at most [`MAX_LINES`] lines and [`MAX_PAYMENTS`] payments; no text in it is longer than [`MAX_TEXT`]
//! bytes. Amounts are below 10¹³ ([`shared_model::Amount`]); a sum beyond that is refused, never cut.

pub mod barcode;
mod cart;
mod catalogue;
mod complete;
mod compute;
mod kits;
mod prove;
mod records;
mod reductions;
mod refund;
mod refusal;
mod settle;
mod tax;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "worlds"))]
pub mod worlds;

pub use cart::{Cart, CartLine, Customer, Reduction};
pub use catalogue::{Catalogue, Item, KitPart, Limits, OpenPrice, Rules, TaxGroup};
pub use complete::{ReceiptHead, complete};
pub use compute::{ComputedSale, ConsideredPromotion, compute, quantity_of_label};
pub use kits::{PartTaken, check_kits};
pub use pricing_engine::{Outcome, PriceRule, Promotion};
pub use prove::{ProofError, ProofReason, prove};
pub use records::{ItemRecords, Label, Records, TaxGroupRecords, labels, written};
pub use refund::{
    Receipt, RefundAsked, StockReturn, exchange, give_back, give_back_on, refund, void, without_receipt,
};
pub use refusal::{Refusal, RefusalReason, RefusalRecord, Refusals};
pub use settle::{Settlement, Tendered, settle};
pub use tax_engine::Exemption;

/// The most lines that a document has.
pub const MAX_LINES: usize = 2_000;
/// The most payments that a document has.
pub const MAX_PAYMENTS: usize = 100;
/// The longest text in a document, in bytes.
pub const MAX_TEXT: usize = 1_000;
