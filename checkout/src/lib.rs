//! A cart in, a computed sale out; its payments and their change; the proof that a completed sale adds up. Pure: time,
//! place, prices and ids come in with the call. Stores and browsers call the same functions, so that a total on the
//! screen and a total in the ledger cannot drift apart.
//!
//! # The way of a sale
//!
//! [`Records`] of HQ make a [`Catalogue`]. [`compute`] prices a [`Cart`] against it, [`settle`] takes the payments,
//! [`complete`] makes the fact of it, and [`prove`] checks such a fact from itself alone, as if it came from an enemy.
//!
//! ```
//! use checkout::worlds::{World, head};
//! use checkout::{
//!     Catalogue, ComputedSale, ProofError, ReceiptHead, Refusal, Rules, Settlement, TaxGroup, Tendered, complete, compute,
//!     prove, settle,
//! };
//! use serde_json::json;
//!
//! // Three teas at 2.99 with 20 % VAT inside, paid with a note of ten.
//! let world = World::of(json!({
//!     "taxes": [{"code": "vat", "rate": "20", "included": true}],
//!     "items": [{"sku": "TEA", "price": "2.99", "taxes": ["vat"]}],
//!     "lines": [{"sku": "TEA", "quantity": "3"}],
//!     "payments": [{"tender": "cash", "amount": "10.00"}],
//! }));
//! let (Catalogue { items, tax_groups, .. }, Rules { currency, .. }) = (&world.catalogue, &world.rules);
//! let groups: Vec<&TaxGroup> = tax_groups.values().collect();
//! assert_eq!((items.len(), groups[0].tax_ids.len(), currency.code()), (1, 1, "GBP"));
//! let sale: ComputedSale = compute(&world.cart, &world.catalogue, &world.rules)?;
//! assert_eq!((sale.net.to_string(), sale.tax.to_string()), ("7.47".to_owned(), "1.50".to_owned()));
//! let [Tendered { amount, .. }] = world.payments.as_slice() else { panic!("one note") };
//! assert_eq!(*amount, "10.00".parse()?);
//! let nothing_paid = settle(&sale, &[], &world.tenders).unwrap_err();
//! let short: &Refusal = nothing_paid.iter().next().ok_or("refused")?;
//! assert_eq!((short.pointer.as_str(), short.reason.code()), ("/payments", "not_covered"));
//! let settlement: Settlement = settle(&sale, &world.payments, &world.tenders)?;
//! assert_eq!(settlement.change, "1.03".parse()?);
//! # let mut next = 0;
//! let head: ReceiptHead = head();
//! let mut sold = complete(head, sale, settlement, || {
//!     next += 1;
//!     uuid::Uuid::from_u128(next).into()
//! });
//! assert_eq!(prove(&sold), Ok(()));
//! // A cent out of the till does not add up.
//! sold.change = "1.04".parse()?;
//! let wrong: ProofError = prove(&sold).unwrap_err();
//! assert_eq!(wrong.pointer, "/change");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What comes back goes [`refund`], [`give_back`], [`complete`]; an [`exchange`] is both in one document; a [`void`]
//! undoes a sale whole.
//!
//! In the examples a `World` is a cart with all that it is computed against, from a few words of JSON (feature `worlds`,
//! for tests; the words are told in `examples-data/README.md`). Its promotions, customers and tenders are the real ones.
//!
//! # Units
//!
//! Amounts are in the one currency of the document ([`Rules::currency`]), to its decimals; unit prices have up to 6.
//! Percentages are percent: 10 is 10 %. Moments are the store's own clock, without a zone.
//!
//! # Where the rules come from
//!
//! From the project's rules for money, prices and selling, which stand where they are carried out, and from the law of the
//! place: the tax engine's examples name it. What a label bears follows the GS1 General Specifications ([`barcode`]).
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
pub use compute::{ComputedSale, ConsideredPromotion, compute};
pub use kits::PartTaken;
pub use pricing_engine::{Outcome, PriceRule, Promotion};
pub use prove::{ProofError, ProofReason, prove};
pub use records::{ItemRecords, Label, Records, TaxGroupRecords, labels, written};
pub use refund::{
    Receipt, RefundAsked, StockReturn, exchange, give_back, give_back_on, refund, void, without_receipt,
};
pub use refusal::{Refusal, RefusalReason, RefusalRecord, Refusals};
pub use settle::{Settlement, Tendered, settle};
pub use tax_engine::Exemption;

/// The most lines that a document has: one more is refused with [`RefusalReason::TooMany`], or not proved.
///
/// ```
/// use checkout::worlds::World;
/// use checkout::{CartLine, MAX_LINES};
/// use serde_json::json;
///
/// let mut world = World::of(json!({"items": [{"sku": "PEN", "price": "1.00"}], "lines": [{"sku": "PEN"}]}));
/// let line = world.cart.lines[0].clone();
/// world.cart.lines = (0..=MAX_LINES)
///     .map(|at| CartLine { id: uuid::Uuid::from_u128(at as u128).into(), ..line.clone() })
///     .collect();
/// assert_eq!(world.compute().unwrap_err().to_string(), "/lines: there can be at most 2000");
/// ```
pub const MAX_LINES: usize = 2_000;
/// The most payments that a document has: one more is refused with [`RefusalReason::TooMany`], or not proved.
///
/// ```
/// use checkout::worlds::World;
/// use checkout::{MAX_PAYMENTS, RefusalReason, Tendered, settle};
/// use serde_json::json;
///
/// let world = World::of(json!({
///     "items": [{"sku": "PEN", "price": "1.01"}], "lines": [{"sku": "PEN"}], "payments": [{"tender": "cash", "amount": "0.01"}],
/// }));
/// let cent = |at: usize| Tendered { id: uuid::Uuid::from_u128(at as u128).into(), ..world.payments[0].clone() };
/// let cents: Vec<_> = (0..=MAX_PAYMENTS).map(cent).collect();
/// let refusals = settle(&world.compute()?, &cents, &world.tenders).unwrap_err();
/// assert!(refusals.iter().any(|refusal| refusal.reason == RefusalReason::TooMany { most: MAX_PAYMENTS }));
/// # Ok::<(), checkout::Refusals>(())
/// ```
pub const MAX_PAYMENTS: usize = 100;
/// The most, in the currency's smallest unit, that rounding single lines may make of a difference: to what lines of one
/// variant at one price come to together (beyond it they are rounded together), and to what a person may take off by hand.
/// Else a kilogram in 1,000 lines of a gram, each of which rounds to nothing, is free:
///
/// ```
/// use checkout::MAX_ROUNDED_AWAY;
/// use checkout::worlds::World;
/// use serde_json::json;
///
/// let grams = |lines: usize| World::of(json!({
///     "items": [{"sku": "SAFFRON", "price": "4.00", "decimals": 3}],
///     "lines": vec![json!({"sku": "SAFFRON", "quantity": "0.001"}); lines],
/// }));
/// // Twenty lines of 0.4 cents would come to 8 cents, which rounding may take; a thousand would come to 4.00.
/// assert_eq!((MAX_ROUNDED_AWAY, grams(20).compute()?.total), (10, "0.00".parse()?));
/// assert_eq!(grams(1_000).compute()?.total, "4.00".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const MAX_ROUNDED_AWAY: i128 = 10;
/// The longest text in a document, in bytes: a longer one is refused with [`RefusalReason::TextTooLong`], or not proved.
///
/// ```
/// use checkout::MAX_TEXT;
/// use checkout::worlds::World;
/// use serde_json::json;
///
/// let because = |bytes: usize| World::of(json!({
///     "items": [{"sku": "PEN", "price": "1.00"}],
///     "lines": [{"sku": "PEN", "reduction": {"percent": "10", "reason": "x".repeat(bytes)}}],
/// }));
/// assert!(because(MAX_TEXT).compute().is_ok());
/// let refusals = because(MAX_TEXT + 1).compute().unwrap_err();
/// assert_eq!(refusals.iter().next().map(|refusal| refusal.reason.code()), Some("text_too_long"));
/// ```
pub const MAX_TEXT: usize = 1_000;
