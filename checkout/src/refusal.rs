//! Why a cart or its payments are not taken, in the words of the domain.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared_model::ids::{SaleLineId, TaxGroupId, TaxId, TenderId, VariantId};
use shared_model::{Amount, MoneyError, Percent, Quantity, UnitPrice};
use thiserror::Error;

/// One thing that is wrong, and where. Both are for people (it displays a sentence) and for programs
/// ([`RefusalReason::code`]); [`RefusalRecord`] is the two as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{pointer}: {reason}")]
pub struct Refusal {
    /// A JSON pointer to the field of the cart or the payments: `/lines/0/quantity`.
    pub pointer: String,
    /// What is wrong with it.
    #[source]
    pub reason: RefusalReason,
}

impl Refusal {
    pub(crate) fn new(pointer: impl Into<String>, reason: RefusalReason) -> Self {
        Self { pointer: pointer.into(), reason }
    }

    /// At a field of the line at this place.
    pub(crate) fn line(at: usize, field: &str, reason: impl Into<RefusalReason>) -> Self {
        let slash = if field.is_empty() { "" } else { "/" };
        Self { pointer: format!("/lines/{at}{slash}{field}"), reason: reason.into() }
    }

    /// At a field of the payment at this place.
    pub(crate) fn payment(at: usize, field: &str, reason: impl Into<RefusalReason>) -> Self {
        Self { pointer: format!("/payments/{at}/{field}"), reason: reason.into() }
    }
}

/// Everything that is wrong; at least one thing.
///
/// ```
/// use checkout::RefusalRecord;
/// use checkout::worlds::World;
/// use serde_json::json;
///
/// let world = World::of(json!({"items": [], "lines": [{"sku": "NOWHERE"}]}));
/// let refusals = world.compute().unwrap_err();
/// let first = refusals.iter().next().map(RefusalRecord::from).ok_or("none")?;
/// assert_eq!((first.pointer.as_str(), first.code.as_str()), ("/lines/0/variant_id", "unknown_variant"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals(Vec<Refusal>);

impl Refusals {
    /// `Ok` when nothing is wrong.
    pub(crate) fn unless_empty(refusals: Vec<Refusal>) -> Result<(), Self> {
        if refusals.is_empty() { Ok(()) } else { Err(Self(refusals)) }
    }

    /// Each of them, in the order of the lines or payments.
    pub fn iter(&self) -> std::slice::Iter<'_, Refusal> {
        self.0.iter()
    }
}

impl From<Refusal> for Refusals {
    fn from(refusal: Refusal) -> Self {
        Self(vec![refusal])
    }
}

impl IntoIterator for Refusals {
    type Item = Refusal;
    type IntoIter = std::vec::IntoIter<Refusal>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Refusals {
    type Item = &'a Refusal;
    type IntoIter = std::slice::Iter<'a, Refusal>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, refusal) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            refusal.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusals {}

/// What is wrong with a cart or its payments. A reason of the tax engine or of a number has that one's code.
///
/// ```
/// use checkout::RefusalReason;
/// use shared_model::MoneyError;
///
/// let reason = RefusalReason::NotCovered { owed: "8.95".parse()?, missing: "0.95".parse()? };
/// assert_eq!((reason.code(), reason.to_string()), ("not_covered", "0.95 is missing of 8.95".to_owned()));
/// assert_eq!(RefusalReason::from(MoneyError::OutOfBounds).code(), "out_of_bounds");
/// # Ok::<(), MoneyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RefusalReason {
    /// A cart without lines.
    #[error("a sale has at least one line")]
    NoLines,
    /// More than a document can have.
    #[error("there can be at most {most}")]
    TooMany {
        /// How many there can be.
        most: usize,
    },
    /// A text longer than a document keeps.
    #[error("a text here has at most {most} bytes")]
    TextTooLong {
        /// How long it can be.
        most: usize,
    },
    /// An id that another line or payment has.
    #[error("this id is already that of another one")]
    DuplicateId,
    /// Nothing is known of the variant.
    #[error("there is no variant {0}")]
    UnknownVariant(VariantId),
    /// The product or variant is no longer sold.
    #[error("{sku} is no longer sold")]
    NoLongerSold {
        /// Which.
        sku: String,
    },
    /// A quantity of nothing, or less.
    #[error("a quantity is above zero")]
    QuantityNotPositive,
    /// No price is in force.
    #[error("{sku} has no price here and now")]
    NoPrice {
        /// What.
        sku: String,
    },
    /// A keyed price that is below zero.
    #[error("a price is not below zero")]
    NegativePrice,
    /// A keyed price outside what the product allows.
    #[error("the price of this product is keyed between {} and {}", show(.min.as_ref()), show(.max.as_ref()))]
    OutsideOpenPrice {
        /// The least.
        min: Option<UnitPrice>,
        /// The most.
        max: Option<UnitPrice>,
    },
    /// A keyed price on a label's line.
    #[error("a label that bears its price is not priced by hand")]
    LabelWithPrice,
    /// A label that says that nothing, or less, is owed.
    #[error("a label bears a price above zero")]
    LabelOfNothing,
    /// Less is left of a price than the fixed taxes inside it.
    #[error("after what is taken off, less is left than the fixed taxes inside the price")]
    BelowItsTaxes,
    /// An override, or reduction, without a reason.
    #[error("a reason is needed")]
    NoReason,
    /// Both, or neither.
    #[error("a reduction is a percentage or an amount, one of the two")]
    ReductionUnclear,
    /// Below nothing, or above all of it.
    #[error("a percentage taken off is above 0 and at most 100")]
    ReductionOutOfRange,
    /// Nothing or less taken off.
    #[error("an amount taken off is above zero")]
    ReductionNotPositive,
    /// More taken off than it costs.
    #[error("only {most} is left to take off")]
    ReductionBeyondPrice {
        /// What it costs before that.
        most: Amount,
    },
    /// The product does not allow it.
    #[error("{sku} takes no reduction")]
    NotDiscountable {
        /// Which.
        sku: String,
    },
    /// Nothing of the sale may be reduced.
    #[error("no line of this sale takes a reduction")]
    NothingToReduce,
    /// The person may not.
    #[error("this person may take nothing off")]
    MayNotReduce,
    /// The person may not.
    #[error("this person may not key another price")]
    MayNotOverridePrice,
    /// Beyond what the person may take off.
    #[error("this person may take off at most {max} %, that is {most}; this takes off {asked}")]
    BeyondLimit {
        /// Their limit.
        max: Percent,
        /// What that comes to.
        most: Amount,
        /// What is taken off.
        asked: Amount,
    },
    /// The item names a tax group that the catalogue does not have.
    #[error("there is no tax group {0}")]
    UnknownTaxGroup(TaxGroupId),
    /// The group names a tax that the catalogue does not have.
    #[error("there is no tax {0}")]
    UnknownTax(TaxId),
    /// Taxes that cannot be computed together.
    #[error("the taxes cannot be computed: {0}")]
    Tax(tax_engine::Reason),
    /// A number beyond its bounds, or with too many decimals.
    #[error(transparent)]
    Number(#[from] MoneyError),
    /// Nothing is known of the tender.
    #[error("there is no tender {0}")]
    UnknownTender(TenderId),
    /// The tender is no longer taken.
    #[error("{code} is no longer taken")]
    TenderNotTaken {
        /// Which.
        code: String,
    },
    /// An amount below zero, or zero where there is nothing to round.
    #[error("a payment is above zero")]
    PaymentNotPositive,
    /// Coins that do not exist.
    #[error("{code} is paid in multiples of {coin}")]
    NotInCoins {
        /// The tender.
        code: String,
        /// Its smallest coin.
        coin: Amount,
    },
    /// The payments do not cover what is owed.
    #[error("{missing} is missing of {owed}")]
    NotCovered {
        /// What is owed, cash rounding included.
        owed: Amount,
        /// What is missing.
        missing: Amount,
    },
    /// More than is owed by a tender that gives no change.
    #[error("{code} gives no change: at most {most} can be paid with it")]
    NoChange {
        /// The tender.
        code: String,
        /// What is owed of it.
        most: Amount,
    },
    /// A line that the receipt does not have.
    #[error("the receipt has no line {0}")]
    UnknownLine(SaleLineId),
    /// More given back than is left of what was sold.
    #[error("only {left} of it can still come back")]
    MoreThanSold {
        /// What is left.
        left: Quantity,
    },
    /// A line that was itself a return.
    #[error("what came back before is not sold")]
    NotSold,
    /// Something of the sale has come back before: it is not undone any more.
    #[error("something of this sale has come back already")]
    AlreadyReturned,
    /// Two documents in different currencies.
    #[error("both parts are in one currency")]
    OtherCurrency,
    /// A document in which nothing is owed to the customer.
    #[error("nothing is owed back")]
    NothingOwedBack,
    /// A document in which something is owed to the customer.
    #[error("{0} is owed back: it is given back, not paid")]
    OwedBack(Amount),
    /// No tender takes what is to be given back.
    #[error("{0} is more than was paid")]
    MoreThanPaid(Amount),
    /// Tips are off.
    #[error("tips are not taken here")]
    NoTips,
    /// A kit that is part of itself.
    #[error("the kit is part of itself")]
    CircularKit,
}

impl RefusalReason {
    /// A stable word for programs, as in the type's example: it never changes, sentences may.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoLines => "no_lines",
            Self::TooMany { .. } => "too_many",
            Self::TextTooLong { .. } => "text_too_long",
            Self::DuplicateId => "duplicate_id",
            Self::UnknownVariant(_) => "unknown_variant",
            Self::NoLongerSold { .. } => "no_longer_sold",
            Self::QuantityNotPositive => "quantity_not_positive",
            Self::NoPrice { .. } => "no_price",
            Self::NegativePrice => "negative_price",
            Self::OutsideOpenPrice { .. } => "outside_open_price",
            Self::LabelWithPrice => "label_with_price",
            Self::BelowItsTaxes => "below_its_taxes",
            Self::LabelOfNothing => "label_of_nothing",
            Self::NoReason => "no_reason",
            Self::ReductionUnclear => "reduction_unclear",
            Self::ReductionOutOfRange => "reduction_out_of_range",
            Self::ReductionNotPositive => "reduction_not_positive",
            Self::ReductionBeyondPrice { .. } => "reduction_beyond_price",
            Self::NotDiscountable { .. } => "not_discountable",
            Self::NothingToReduce => "nothing_to_reduce",
            Self::MayNotReduce => "may_not_reduce",
            Self::MayNotOverridePrice => "may_not_override_price",
            Self::BeyondLimit { .. } => "beyond_limit",
            Self::UnknownTaxGroup(_) => "unknown_tax_group",
            Self::UnknownTax(_) => "unknown_tax",
            Self::Tax(reason) => reason.code(),
            Self::Number(error) => error.code(),
            Self::UnknownTender(_) => "unknown_tender",
            Self::TenderNotTaken { .. } => "tender_not_taken",
            Self::PaymentNotPositive => "payment_not_positive",
            Self::NotInCoins { .. } => "not_in_coins",
            Self::NotCovered { .. } => "not_covered",
            Self::NoChange { .. } => "no_change",
            Self::UnknownLine(_) => "unknown_line",
            Self::MoreThanSold { .. } => "more_than_sold",
            Self::NotSold => "not_sold",
            Self::AlreadyReturned => "already_returned",
            Self::OtherCurrency => "other_currency",
            Self::NothingOwedBack => "nothing_owed_back",
            Self::OwedBack(_) => "owed_back",
            Self::MoreThanPaid(_) => "more_than_paid",
            Self::NoTips => "no_tips",
            Self::CircularKit => "circular_kit",
        }
    }
}

fn show(price: Option<&UnitPrice>) -> String {
    price.map_or_else(|| "any price".to_owned(), ToString::to_string)
}

/// A refusal as problem+json's `errors` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusalRecord {
    /// Where.
    pub pointer: String,
    /// What, for programs.
    pub code: String,
    /// What, for people, in English.
    pub detail: String,
}

impl From<&Refusal> for RefusalRecord {
    fn from(refusal: &Refusal) -> Self {
        Self {
            pointer: refusal.pointer.clone(),
            code: refusal.reason.code().to_owned(),
            detail: refusal.reason.to_string(),
        }
    }
}
