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
//! bytes. What its lines come to, before and after reductions and tax, each taken without its sign, is below
//! 10¹⁰ in all ([`shared_model::Amount::DOCUMENT_BOUND`]), and so is every payment; the figures of a register session go to
//! 10¹³, so that 1,000 of the greatest documents fit. The quantities of a document add up to at most 999,999,999.999
//! ([`shared_model::Quantity`]). Beyond that it is refused, never cut.
//!
//! What is rounded on each of many lines is bounded too: see [`MAX_ROUNDED_AWAY`].

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
/// The most, in the currency's smallest unit, that rounding single lines may make of a difference: to what lines of one
/// variant at one price come to together (beyond it they are rounded together), and to what a person may take off by hand.
/// Else a kilogram in 1,000 lines of a gram, each of which rounds to nothing, is free.
pub const MAX_ROUNDED_AWAY: i128 = 10;
/// The longest text in a document, in bytes.
pub const MAX_TEXT: usize = 1_000;
