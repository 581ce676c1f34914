//! Why a document is not computed.

use shared_model::MoneyError;
use thiserror::Error;

/// What is wrong, and where.
///
/// ```
/// use shared_model::taxes::TaxRounding;
/// use shared_model::{Percent, Quantity, Rounding};
/// use tax_engine::{Document, Line, LinePrice, Reason, Tax, compute};
///
/// // Two taxes of one place in the order, each on the other: which is first?
/// let tax = |id, rate: &str| Ok::<_, shared_model::MoneyError>(Tax {
///     include_base_amount: true,
///     ..Tax::percent(id, rate.parse::<Percent>()?)
/// });
/// let error = compute(&Document {
///     decimals: 2,
///     rounding: TaxRounding::PerLine,
///     rounding_mode: Rounding::HalfUp,
///     cash_rounding: None,
///     taxes: vec![tax("gst", "5")?, tax("pst", "7")?],
///     lines: vec![Line {
///         id: 1,
///         quantity: Quantity::ONE,
///         price: LinePrice::Extension("100.00".parse()?),
///         tax_ids: vec!["gst", "pst"],
///         spared: Vec::new(),
///     }],
/// })
/// .unwrap_err();
/// assert_eq!(error.pointer, "/lines/0/tax_ids");
/// assert_eq!(error.reason.code(), "tax_cycle");
/// assert!(matches!(error.reason, Reason::Cycle { .. }));
/// # Ok::<(), shared_model::MoneyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct TaxError {
    /// Where: a JSON pointer into the document, such as `/lines/0/tax_ids/1`.
    pub pointer: String,
    /// What.
    pub reason: Reason,
}

impl TaxError {
    pub(crate) fn new(pointer: impl Into<String>, reason: Reason) -> Self {
        Self { pointer: pointer.into(), reason }
    }
}

/// What is wrong with a document. What it displays is a sentence for people; [`code`](Self::code) is for programs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Reason {
    /// A number that there is not, or a sum beyond the bound.
    #[error(transparent)]
    Number(#[from] MoneyError),
    /// A line names a tax that the document does not have.
    #[error("the document has no tax {tax}")]
    UnknownTax {
        /// The name.
        tax: String,
    },
    /// Two taxes of one name.
    #[error("the tax {tax} is there twice")]
    DuplicateTax {
        /// The name.
        tax: String,
    },
    /// Two lines of one name.
    #[error("the line {line} is there twice")]
    DuplicateLine {
        /// The name.
        line: String,
    },
    /// A line names a tax twice.
    #[error("the line bears the tax {tax} twice")]
    RepeatedTax {
        /// The name.
        tax: String,
    },
    /// Two taxes of one place in the order, each in the other's base.
    #[error(
        "the taxes {one} and {other} would each be computed on the other: give them an order by sequence"
    )]
    Cycle {
        /// One.
        one: String,
        /// The other.
        other: String,
    },
    /// Two taxes of one place in the order, one of them in the other's base.
    #[error("whether the tax {one} is in the base of {other} is open: give them an order by sequence")]
    AmbiguousOrder {
        /// The one that would be in the base.
        one: String,
        /// The one whose base it is.
        other: String,
    },
    /// A rate that its kind cannot have: see [`Levy`](crate::Levy).
    #[error("the rate is out of range: {range}")]
    RateOutOfRange {
        /// What there can be.
        range: &'static str,
    },
    /// Neighbouring division taxes that leave nothing of the price.
    #[error("the division taxes of the line come to 100 % or more of its price")]
    DivisionsTakeAll,
    /// A threshold below zero.
    #[error("a threshold is not negative")]
    NegativeThreshold,
    /// `part_up_to` that ends where `part_above` has not begun.
    #[error("part_up_to is above part_above where both are given")]
    EmptyPart,
    /// A threshold that leaves a part of a price, on an amount that is no part of any.
    #[error("a fixed tax is no part of a price: it has no part_above and no part_up_to")]
    PartOfFixed,
    /// A discount that is no part of the price.
    #[error("a discount is from 0 to 100 percent")]
    DiscountOutOfRange,
    /// More decimals than any currency.
    #[error("a currency has at most {most} decimals")]
    TooManyCurrencyDecimals {
        /// How many there could be.
        most: u32,
    },
    /// Too much of something: a bound of this crate.
    #[error("there are at most {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there could be.
        most: usize,
    },
    /// A tax area that knows one rounding per rate and document.
    #[error("the tax area demands one rounding per rate and document: per_line is not allowed in it")]
    PerLineForbidden,
    /// Not JSON at all.
    #[error("not JSON: {detail}")]
    NotJson {
        /// The parser's words.
        detail: String,
    },
    /// A field that must be there.
    #[error("the field is missing")]
    Missing,
    /// A field that the format does not have.
    #[error("the format has no such field")]
    UnknownField,
    /// Another type than the format's.
    #[error("expected {expected}")]
    WrongType {
        /// What it should be.
        expected: &'static str,
    },
    /// A word that is none of the format's.
    #[error("one of {allowed}")]
    UnknownWord {
        /// Those that there are.
        allowed: &'static str,
    },
    /// A name that nobody can have meant.
    #[error("a name has 1 to {most} characters")]
    BadName {
        /// How many there could be.
        most: usize,
    },
}

impl Reason {
    /// The stable code for a problem's `errors`. A number's reason has the code of its
    /// [`MoneyError`](shared_model::MoneyError).
    ///
    /// ```
    /// use shared_model::MoneyError;
    /// use tax_engine::Reason;
    ///
    /// assert_eq!(Reason::UnknownTax { tax: "vat".to_owned() }.code(), "unknown_tax");
    /// assert_eq!(Reason::from(MoneyError::OutOfBounds).code(), "out_of_bounds");
    /// ```
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Number(error) => error.code(),
            Self::UnknownTax { .. } => "unknown_tax",
            Self::DuplicateTax { .. } => "duplicate_tax",
            Self::DuplicateLine { .. } => "duplicate_line",
            Self::RepeatedTax { .. } => "repeated_tax",
            Self::Cycle { .. } => "tax_cycle",
            Self::AmbiguousOrder { .. } => "ambiguous_tax_order",
            Self::RateOutOfRange { .. } => "rate_out_of_range",
            Self::DivisionsTakeAll => "division_taxes_take_all",
            Self::NegativeThreshold => "negative_threshold",
            Self::EmptyPart => "empty_part",
            Self::PartOfFixed => "part_of_fixed",
            Self::DiscountOutOfRange => "discount_out_of_range",
            Self::TooManyCurrencyDecimals { .. } => "too_many_currency_decimals",
            Self::TooMany { .. } => "too_many",
            Self::PerLineForbidden => "per_line_forbidden",
            Self::NotJson { .. } => "not_json",
            Self::Missing => "missing",
            Self::UnknownField => "unknown_field",
            Self::WrongType { .. } => "wrong_type",
            Self::UnknownWord { .. } => "unknown_word",
            Self::BadName { .. } => "bad_name",
        }
    }
}
