//! The fact of a sale: everything that was owed and paid, as it was, so that nothing is ever computed again from
//! today's master data. A refund, an exchange and a void are the same fact with negative quantities.
//!
//! # Units
//!
//! Every amount is in the sale's [`currency`](SaleCompleted::currency), to that currency's decimals; unit prices have up to
//! 6. An amount has the sign of its line's quantity. Rates are percent (20 is 20 %), or an amount per unit where the tax
//! is fixed. These hold, and are proved before a sale is taken from anywhere:
//!
//! * of a line: quantity × unit price (or the label's amount) − reductions = net + taxes inside the price + tax relief;
//!   net + tax = gross;
//! * of a sale: the lines' sums are net, tax and total; payments − change = total + rounding.
//!
//! ```
//! use shared_model::selling::{DocumentTax, LineKind, LineTax, Payment, SaleCompleted, SoldLine};
//!
//! // Three teas at 2.99, 20 % VAT inside, paid in cash where the smallest coin is 0.05.
//! let sale: SaleCompleted = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "register_session_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b12",
//!     "register_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b13", "register_code": "R02", "series": "R02", "number": 123,
//!     "receipt_number": "ST01-R02-000123", "business_date": "2026-11-23", "completed_at": "2026-11-23T10:00:00Z",
//!     "local_hour": 10, "cashier_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b14", "cashier_name": "Till 2",
//!     "customer_id": null, "currency": "CHF",
//!     "lines": [{
//!         "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b15", "variant_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b16",
//!         "product_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b17", "department_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b18",
//!         "department_name": "Drinks", "sku": "TEA", "name": "Tea", "quantity": "3", "unit": "each",
//!         "regular_unit_price": "2.99", "unit_price": "2.99", "price_reason": {"kind": "keyed"}, "reductions": [],
//!         "reduction": "0.00", "net": "7.47", "tax": "1.50", "gross": "8.97",
//!         "taxes": [{"tax_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b19", "code": "A", "name": "VAT", "rate": "20",
//!             "price_included": true, "base": "7.47", "amount": "1.50"}],
//!         "sales_rep_id": null, "movement_id": null
//!     }],
//!     "taxes": [{"tax_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b19", "code": "A", "name": "VAT", "rate": "20",
//!         "price_included": true, "base": "7.47", "amount": "1.50"}],
//!     "payments": [{"id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b20", "tender_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b21",
//!         "tender_code": "cash", "tender_name": "Cash", "tender_kind": "cash", "amount": "10.00", "change": "1.05",
//!         "reference": null}],
//!     "net": "7.47", "tax": "1.50", "total": "8.97", "rounding": "-0.02", "change": "1.05", "feed_position": 4711
//! }"#)?;
//! let kept = sale.payments[0].amount.minus(sale.change)?;
//! assert_eq!(kept, sale.total.plus(sale.rounding)?);
//! assert_eq!(sale.lines[0].line_kind, LineKind::Goods, "what is not said is ordinary");
//!
//! // A tax's amounts on the lines come to the document's.
//! let [SoldLine { gross, taxes, .. }] = sale.lines.as_slice() else { return Err("one line".into()) };
//! let ([LineTax { amount, base, .. }], [DocumentTax { amount: in_all, .. }]) = (taxes.as_slice(), sale.taxes.as_slice())
//! else {
//!     return Err("one tax".into());
//! };
//! assert_eq!((amount, base.plus(*amount)?), (in_all, *gross));
//! let [Payment { amount, change, .. }] = sale.payments.as_slice() else { return Err("one payment".into()) };
//! assert_eq!(amount.minus(*change)?, "8.95".parse()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What promotions took off is said once for each, and what a kit took of the stock once for each part:
//!
//! ```
//! use shared_model::selling::{AppliedPromotion, KitPartSold};
//!
//! let spring: AppliedPromotion = serde_json::from_str(r#"{
//!     "promotion_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "name": "3 for 2", "times": 2, "amount": "5.98"
//! }"#)?;
//! assert_eq!((spring.times, spring.amount.to_string()), (2, "5.98".to_owned()));
//! // The hamper came back, and its six jars with it, broken: no movement puts them on the shelf.
//! let jars: KitPartSold = serde_json::from_str(r#"{
//!     "line_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b12", "variant_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b13",
//!     "quantity": "-6", "movement_id": null
//! }"#)?;
//! assert!(jars.quantity.is_negative() && jars.movement_id.is_none());
//! # Ok::<(), serde_json::Error>(())
//! ```

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::ids::{
    CustomerId, DepartmentId, MovementId, PaymentId, PriceId, ProductId, PromotionId, RegisterId,
    RegisterSessionId, SaleId, SaleLineId, SalesRepId, TaxId, TenderId, UserId, VariantId,
};
use crate::money::{Amount, UnitPrice};
use crate::percent::Percent;
use crate::prices::PriceKind;
use crate::quantity::Quantity;
use crate::taxes::TaxKind;
use crate::tenders::TenderKind;

/// A completed sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SaleCompleted {
    /// The sale.
    pub id: SaleId,
    /// The session that it happened in.
    pub register_session_id: RegisterSessionId,
    /// The register.
    pub register_id: RegisterId,
    /// Its code, as it was.
    pub register_code: String,
    /// The receipt series.
    pub series: String,
    /// The number in the series, from 1, without gaps.
    pub number: i32,
    /// What people see: `ST01-R02-000123`.
    pub receipt_number: String,
    /// The session's business date.
    pub business_date: NaiveDate,
    /// When.
    pub completed_at: DateTime<Utc>,
    /// The hour of that in the store's zone, 0 to 23.
    pub local_hour: i16,
    /// Who rang it up.
    pub cashier_id: UserId,
    /// Their name, as it was.
    pub cashier_name: String,
    /// Who bought, where known.
    pub customer_id: Option<CustomerId>,
    /// The currency of every amount in it.
    pub currency: Currency,
    /// What was sold, at least one line.
    pub lines: Vec<SoldLine>,
    /// Each tax of the document: the sums of the lines'.
    pub taxes: Vec<DocumentTax>,
    /// What was handed over.
    pub payments: Vec<Payment>,
    /// Sum of the lines' net.
    pub net: Amount,
    /// Sum of the lines' tax.
    pub tax: Amount,
    /// What was owed: net + tax.
    pub total: Amount,
    /// Rounding of cash: paid − change = total + rounding.
    pub rounding: Amount,
    /// Given back in all.
    pub change: Amount,
    /// The checkpoint that it was computed at.
    pub feed_position: i64,
    /// The promotions that took something off, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<AppliedPromotion>,
    /// The sale of the same session that this one undoes whole; none: it undoes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voids: Option<SaleId>,
    /// What stock the kits among the lines took: a kit takes its parts', not its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kit_parts: Vec<KitPartSold>,
    /// The number of the certificate by which the customer was spared a tax; none: they were spared none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exemption_certificate: Option<String>,
}

/// The stock of a part that a kit's line took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KitPartSold {
    /// The kit's line.
    pub line_id: SaleLineId,
    /// The part.
    pub variant_id: VariantId,
    /// How much of it; negative where the kit comes back.
    pub quantity: Quantity,
    /// The stock movement; none: what came back does not go to saleable stock.
    pub movement_id: Option<MovementId>,
}

/// What a line is about. Goods and single-purpose cards are sales; the rest is held for somebody else,
/// or owed again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(type_name = "text", rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Goods and services.
    #[default]
    Goods,
    /// A deposit on a bottle or crate, taken or given back.
    Deposit,
    /// A multi-purpose gift card: untaxed when it is issued, a tender when it is used.
    GiftCard,
    /// A single-purpose gift card (EU 2016/1065): taxed when it is issued; used, it is a line of negative quantity, so
    /// that the tax is not taken again.
    SinglePurposeCard,
    /// A tip.
    Tip,
}

/// The line of an earlier sale that a line gives back.
///
/// ```
/// use shared_model::selling::RefundedLine;
///
/// let of: RefundedLine = serde_json::from_str(r#"{
///     "sale_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "line_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b15"
/// }"#)?;
/// // Two refunds of one line name the same: so what came back of it is found.
/// assert_eq!(of, RefundedLine { sale_id: of.sale_id, line_id: of.line_id });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefundedLine {
    /// The earlier sale.
    pub sale_id: SaleId,
    /// Its line.
    pub line_id: SaleLineId,
}

/// A promotion in a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AppliedPromotion {
    /// The promotion.
    pub promotion_id: PromotionId,
    /// Its name, as it was.
    pub name: String,
    /// How often it was earned.
    pub times: u32,
    /// What it took off the lines, in all.
    pub amount: Amount,
}

/// One line of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SoldLine {
    /// The line.
    pub id: SaleLineId,
    /// What.
    pub variant_id: VariantId,
    /// Its product.
    pub product_id: ProductId,
    /// Its department.
    pub department_id: DepartmentId,
    /// The department's name, as it was.
    pub department_name: String,
    /// Its SKU, as it was.
    pub sku: String,
    /// Its name, as it was, the variant's behind the product's.
    pub name: String,
    /// How many.
    pub quantity: Quantity,
    /// Of what unit.
    pub unit: String,
    /// The usual price of one.
    pub regular_unit_price: UnitPrice,
    /// The price of one after price rules, before reductions.
    pub unit_price: UnitPrice,
    /// Why that price.
    pub price_reason: PriceReason,
    /// What was taken off, in order.
    pub reductions: Vec<AppliedReduction>,
    /// The sum of those, in label prices (tax included where the price has it inside).
    pub reduction: Amount,
    /// Without tax.
    pub net: Amount,
    /// Tax.
    pub tax: Amount,
    /// With tax.
    pub gross: Amount,
    /// Each tax of the line.
    pub taxes: Vec<LineTax>,
    /// Who gets the credit.
    pub sales_rep_id: Option<SalesRepId>,
    /// The stock movement that the line made.
    pub movement_id: Option<MovementId>,
    /// What the line is about.
    #[serde(default, skip_serializing_if = "is_default")]
    pub line_kind: LineKind,
    /// What is owed by a label that bears its price, before reductions; none: unit price × quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_amount: Option<Amount>,
    /// What this line (whose quantity is negative) gives back; none: it is sold, or comes back without a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunds: Option<RefundedLine>,
    /// Tax inside the price that an exempt customer does not pay: what the price says is net + included taxes + this.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tax_relief: Amount,
    /// The code that was scanned, where the line is not told by it alone (unknown codes, labels).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanned_code: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn percent_kind() -> TaxKind {
    TaxKind::Percent
}

/// Why a line's unit price is what it is.
///
/// ```
/// use shared_model::selling::PriceReason;
///
/// let keyed: PriceReason =
///     serde_json::from_str(r#"{"kind": "override", "instead_of": "6.00", "reason": "dented"}"#)?;
/// assert!(matches!(keyed, PriceReason::Override { instead_of, .. } if instead_of == "6.00".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PriceReason {
    /// An effective-dated price of HQ's.
    Listed {
        /// The price.
        price_id: PriceId,
        /// What it was for.
        price_kind: PriceKind,
        /// Its reason, in HQ's words.
        reason: String,
    },
    /// Somebody who may keyed it; what it takes off counts against their limit.
    Override {
        /// The price that it replaced.
        instead_of: UnitPrice,
        /// Why.
        reason: String,
    },
    /// A standing price rule of HQ's whose conditions held; the last one that changed the price.
    Rule {
        /// The rule.
        rule_id: uuid::Uuid,
        /// Its name, as it was.
        name: String,
        /// What one would have cost without rules.
        instead_of: UnitPrice,
    },
    /// The label bore the amount.
    Label,
    /// Keyed for an open-price product.
    Keyed,
    /// What was paid for what comes back.
    Refund,
}

/// Something taken off a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AppliedReduction {
    /// A percentage by hand.
    Percent {
        /// How much.
        percent: Percent,
        /// Why.
        reason: String,
        /// What it came to.
        amount: Amount,
    },
    /// An amount by hand.
    Amount {
        /// Why.
        reason: String,
        /// How much.
        amount: Amount,
    },
    /// The line's share of a promotion's saving.
    Promotion {
        /// The promotion.
        promotion_id: PromotionId,
        /// Its name, as it was.
        name: String,
        /// The share.
        amount: Amount,
    },
    /// The line's share of a reduction by hand of the whole sale.
    Sale {
        /// Why.
        reason: String,
        /// The share.
        amount: Amount,
    },
    /// The share of what was taken off the line that comes back (negative as the line is).
    Refund {
        /// The share.
        amount: Amount,
    },
}

impl AppliedReduction {
    /// What it took off: an amount in label prices (tax included where the price has it inside), negative on a line that
    /// comes back.
    ///
    /// ```
    /// use shared_model::selling::AppliedReduction;
    ///
    /// let dented = AppliedReduction::Percent {
    ///     percent: "10".parse()?,
    ///     reason: "dented".to_owned(),
    ///     amount: "0.30".parse()?,
    /// };
    /// assert_eq!(dented.amount(), "0.30".parse()?);
    /// # Ok::<(), shared_model::MoneyError>(())
    /// ```
    #[must_use]
    pub const fn amount(&self) -> Amount {
        match self {
            Self::Percent { amount, .. }
            | Self::Amount { amount, .. }
            | Self::Promotion { amount, .. }
            | Self::Sale { amount, .. }
            | Self::Refund { amount } => *amount,
        }
    }
}

/// A tax of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LineTax {
    /// The tax.
    pub tax_id: TaxId,
    /// Its code, as it was.
    pub code: String,
    /// Its name, as it was.
    pub name: String,
    /// How it was computed.
    #[serde(default = "percent_kind")]
    pub kind: TaxKind,
    /// Its rate, as it was: percent, or an amount per unit where it is fixed.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub rate: Decimal,
    /// Whether the price had it inside.
    pub price_included: bool,
    /// What it was computed on.
    pub base: Amount,
    /// What it came to.
    pub amount: Amount,
}

/// A tax of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DocumentTax {
    /// The tax.
    pub tax_id: TaxId,
    /// Its code, as it was.
    pub code: String,
    /// Its name, as it was.
    pub name: String,
    /// How it was computed.
    #[serde(default = "percent_kind")]
    pub kind: TaxKind,
    /// Its rate, as it was: percent, or an amount per unit where it is fixed.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub rate: Decimal,
    /// Whether prices had it inside.
    pub price_included: bool,
    /// The sum of its bases.
    pub base: Amount,
    /// The sum of its amounts.
    pub amount: Amount,
}

/// One use of a tender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Payment {
    /// The payment.
    pub id: PaymentId,
    /// The tender.
    pub tender_id: TenderId,
    /// Its code, as it was.
    pub tender_code: String,
    /// Its name, as it was.
    pub tender_name: String,
    /// What it is.
    pub tender_kind: TenderKind,
    /// Handed over.
    pub amount: Amount,
    /// Given back of it.
    pub change: Amount,
    /// What the customer's card or voucher says, never a card number.
    pub reference: Option<String>,
    /// The earlier payment that this one (whose amount is negative) gives back of; none: it is taken in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunds: Option<PaymentId>,
}
