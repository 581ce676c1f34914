//! Amounts, with and without their currency, and unit prices.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::decimal::{decimal_type, pow10};
use crate::{Currency, Quantity, Rounding, divide};

/// Why there is no such amount, quantity or rate. Nothing here is rounded, cut or wrapped round: what cannot be exact is
/// one of these.
///
/// ```
/// use shared_model::{Amount, MoneyError, UnitPrice};
///
/// let error = "12,50".parse::<Amount>().unwrap_err();
/// assert_eq!(error, MoneyError::NotANumber);
/// assert_eq!(error.code(), "not_a_number");
/// assert_eq!(error.to_string(), "a number is digits with an optional sign and point, such as -12.50");
/// assert_eq!("0.0000001".parse::<UnitPrice>().unwrap_err().code(), "too_many_decimals");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// Not digits with a point: a comma, a `+`, an exponent, a space, or nothing at all.
    #[error("a number is digits with an optional sign and point, such as -12.50")]
    NotANumber,
    /// Finer than the type, the unit or the currency: half a yen, a tenth of a piece.
    #[error("at most {most} decimals are possible here")]
    TooManyDecimals {
        /// How many there could be.
        most: u32,
    },
    /// Beyond what the type can hold, or a division by zero.
    #[error("the number is beyond the largest that can be handled")]
    OutOfBounds,
    /// Beyond what one document may come to.
    #[error("one document, and one payment, comes to less than 10000000000")]
    BeyondDocument,
    /// Two currencies in one sum. Nothing is converted here.
    #[error("amounts in {one} and {other} do not add")]
    MixedCurrencies {
        /// One currency.
        one: Currency,
        /// The other.
        other: Currency,
    },
    /// A text that is no code of ISO 4217, or that of a fund, a metal or a test.
    #[error("not a currency code of ISO 4217")]
    UnknownCurrency,
    /// A coin to round to that is zero or negative.
    #[error("the step to round to is more than zero")]
    StepNotPositive,
    /// An amount to be shared in proportion to nothing: no shares, only weights of zero, or caps that are too low.
    #[error("there is nothing to share the amount over")]
    NothingToShareOver,
    /// A negative weight in a share.
    #[error("a share's weight is not negative")]
    NegativeWeight,
}

impl MoneyError {
    /// The stable code for a problem's `errors`, as in the type's example. The text for people is what it displays.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::TooManyDecimals { .. } => "too_many_decimals",
            Self::OutOfBounds => "out_of_bounds",
            Self::BeyondDocument => "beyond_document",
            Self::MixedCurrencies { .. } => "mixed_currencies",
            Self::UnknownCurrency => "unknown_currency",
            Self::StepNotPositive => "step_not_positive",
            Self::NothingToShareOver => "nothing_to_share_over",
            Self::NegativeWeight => "negative_weight",
        }
    }
}

/// Money whose currency the surroundings know: a line of a document, a row of a report.
///
/// At most 13 digits before the point and 6 after it. In JSON a string; a JSON number is refused, as it has been a float
/// in somebody's hands. Amounts compare by value: 12.5 equals 12.50.
///
/// ```
/// use shared_model::{Amount, MoneyError};
///
/// let paid: Amount = serde_json::from_str("\"12.50\"")?;
/// assert_eq!(paid.plus("0.05".parse()?)?.to_string(), "12.55");
/// assert!(serde_json::from_str::<Amount>("12.5").is_err());
/// assert_eq!("1e3".parse::<Amount>(), Err(MoneyError::NotANumber));
/// assert_eq!("10000000000000".parse::<Amount>(), Err(MoneyError::OutOfBounds));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(Decimal);

decimal_type!(Amount, decimals: 6, whole_digits: 13, pattern: r"^-?[0-9]{1,13}(\.[0-9]{1,6})?$", example: "12.50");

impl Amount {
    /// What one document comes to, and each of its payments, is below this: 10¹⁰. An amount has 13 digits before its point,
    /// so the figures of a register session hold at least 1,000 of the greatest documents, and none makes them
    /// unreadable.
    pub const DOCUMENT_BOUND: Self = Self(Decimal::from_parts(0x540B_E400, 2, 0, false, 0));

    /// The amount, if one document can come to it, either way.
    ///
    /// # Errors
    /// [`MoneyError::BeyondDocument`] from [`DOCUMENT_BOUND`](Self::DOCUMENT_BOUND) on.
    ///
    /// ```
    /// use shared_model::{Amount, MoneyError};
    ///
    /// let most: Amount = "-9999999999.99".parse()?;
    /// assert_eq!(most.in_document(), Ok(most));
    /// assert_eq!(Amount::DOCUMENT_BOUND.in_document(), Err(MoneyError::BeyondDocument));
    /// assert_eq!(Amount::DOCUMENT_BOUND.to_string(), "10000000000");
    /// # Ok::<(), MoneyError>(())
    /// ```
    pub fn in_document(self) -> Result<Self, MoneyError> {
        if self.abs() < Self::DOCUMENT_BOUND { Ok(self) } else { Err(MoneyError::BeyondDocument) }
    }
}

/// The price or cost of one unit, in the currency of its surroundings. At most 13 digits before the point and 6 after it.
///
/// It is never rounded itself; what it comes to for a quantity is ([`UnitPrice::extend`]). That is why screws can cost
/// 0.4375 each, and prices of fuel have a third decimal.
///
/// ```
/// use shared_model::{Rounding, UnitPrice};
///
/// let screw: UnitPrice = "0.4375".parse()?;
/// assert_eq!(screw.extend("1".parse()?, 2, Rounding::HalfUp)?.to_string(), "0.44");
/// assert_eq!(screw.extend("100".parse()?, 2, Rounding::HalfUp)?.to_string(), "43.75");
/// # Ok::<(), shared_model::MoneyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPrice(Decimal);

decimal_type!(UnitPrice, decimals: 6, whole_digits: 13, pattern: r"^-?[0-9]{1,13}(\.[0-9]{1,6})?$", example: "0.4375");

impl UnitPrice {
    /// Price × quantity, rounded to so many decimals (at most 6): the line extension, the first of the places where
    /// rounding happens. The product is exact before that. A negative quantity gives the mirrored amount.
    ///
    /// # Errors
    /// [`MoneyError::OutOfBounds`] when it comes to 10¹³ or more either way, [`MoneyError::TooManyDecimals`] for more
    /// than 6 decimals.
    ///
    /// ```
    /// use shared_model::{Rounding, UnitPrice};
    ///
    /// let price: UnitPrice = "0.3333".parse()?;
    /// assert_eq!(price.extend("3".parse()?, 2, Rounding::HalfUp)?.to_string(), "1.00");
    /// assert_eq!(price.extend("-3".parse()?, 2, Rounding::HalfUp)?.to_string(), "-1.00");
    /// # Ok::<(), shared_model::MoneyError>(())
    /// ```
    pub fn extend(self, quantity: Quantity, decimals: u32, rounding: Rounding) -> Result<Amount, MoneyError> {
        // 19 digits times 12: within i128, not within a Decimal.
        let product = self.units(6)?.checked_mul(quantity.units(3)?).ok_or(MoneyError::OutOfBounds)?;
        let step = pow10(9_u32.checked_sub(decimals).ok_or(MoneyError::TooManyDecimals { most: 6 })?)?;
        Amount::from_units(divide(product, step, rounding)?, decimals)
    }
}

impl From<Amount> for UnitPrice {
    fn from(amount: Amount) -> Self {
        // The same bounds and decimals.
        Self(amount.0)
    }
}

impl From<UnitPrice> for Amount {
    fn from(price: UnitPrice) -> Self {
        Self(price.0)
    }
}

/// An amount and its currency, with exactly the currency's decimals (ISO 4217: EUR 2, JPY 0, KWD 3). In JSON
/// `{"amount": "12.50", "currency": "EUR"}`.
///
/// ```
/// use shared_model::{Money, MoneyError};
///
/// let euros = Money::new("12.5".parse()?, "EUR".parse()?)?;
/// assert_eq!(euros.to_string(), "12.50 EUR");
/// let yen = Money::new("100".parse()?, "JPY".parse()?)?;
/// assert!(matches!(euros.plus(yen), Err(MoneyError::MixedCurrencies { .. })));
/// assert_eq!(Money::new("0.5".parse()?, "JPY".parse()?), Err(MoneyError::TooManyDecimals { most: 0 }));
/// # Ok::<(), MoneyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "WireMoney")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Money {
    amount: Amount,
    currency: Currency,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireMoney {
    amount: Amount,
    currency: Currency,
}

impl TryFrom<WireMoney> for Money {
    type Error = MoneyError;

    fn try_from(wire: WireMoney) -> Result<Self, MoneyError> {
        Self::new(wire.amount, wire.currency)
    }
}

impl Money {
    /// The amount in the currency, written with the currency's decimals.
    ///
    /// # Errors
    /// [`MoneyError::TooManyDecimals`] when it is finer than the currency's smallest unit.
    pub fn new(amount: Amount, currency: Currency) -> Result<Self, MoneyError> {
        Ok(Self { amount: amount.with_decimals(currency.exponent())?, currency })
    }

    /// No money, in the currency: where a sum begins.
    ///
    /// # Errors
    /// None for any currency that there is: as [`new`](Self::new).
    ///
    /// ```
    /// use shared_model::Money;
    ///
    /// assert_eq!(Money::zero("KWD".parse()?)?.to_string(), "0.000 KWD");
    /// # Ok::<(), shared_model::MoneyError>(())
    /// ```
    pub fn zero(currency: Currency) -> Result<Self, MoneyError> {
        Self::new(Amount::ZERO, currency)
    }

    /// The amount alone.
    #[must_use]
    pub const fn amount(self) -> Amount {
        self.amount
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::MixedCurrencies`] for another currency, [`MoneyError::OutOfBounds`] beyond [`Amount`]'s bounds.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::MixedCurrencies { one: self.currency, other: other.currency });
        }
        Self::new(self.amount.plus(other.amount)?, self.currency)
    }

    /// The difference, which may be below zero.
    ///
    /// # Errors
    /// As [`plus`](Self::plus).
    ///
    /// ```
    /// use shared_model::Money;
    ///
    /// let paid = Money::new("10".parse()?, "CHF".parse()?)?;
    /// let owed = Money::new("12.35".parse()?, "CHF".parse()?)?;
    /// assert_eq!(paid.minus(owed)?.to_string(), "-2.35 CHF");
    /// assert_eq!(paid.minus(owed)?.negate(), owed.minus(paid)?);
    /// # Ok::<(), shared_model::MoneyError>(())
    /// ```
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.plus(other.negate())
    }

    /// The same size, the other way.
    #[must_use]
    pub fn negate(self) -> Self {
        Self { amount: self.amount.negate(), ..self }
    }
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_decimals_are_amounts() {
        for text in [
            "", "-", ".", "1.", ".5", "+1", " 1", "1 ", "1e2", "NaN", "inf", "0x1", "1_000", "1,5", "--1",
            "1.2.3", "١",
        ] {
            assert_eq!(text.parse::<Amount>(), Err(MoneyError::NotANumber), "{text:?}");
        }
        assert_eq!("0.1234567".parse::<Amount>(), Err(MoneyError::TooManyDecimals { most: 6 }));
        assert_eq!("0.1000000".parse::<Amount>(), Err(MoneyError::TooManyDecimals { most: 6 }));
        assert_eq!("10000000000000".parse::<Amount>(), Err(MoneyError::OutOfBounds));
        assert_eq!("9999999999999.999999".parse::<Amount>().unwrap().to_string(), "9999999999999.999999");
        assert_eq!("-0.00".parse::<Amount>().unwrap().to_string(), "0.00");
        assert_eq!("9".repeat(1000).parse::<Amount>(), Err(MoneyError::NotANumber));
    }

    #[test]
    fn a_json_number_is_no_amount() {
        assert!(serde_json::from_str::<Amount>("1").is_err());
        assert!(serde_json::from_str::<Amount>("1.5").is_err());
        assert!(serde_json::from_str::<Amount>("null").is_err());
        let amount: Amount = serde_json::from_str("\"1.50\"").unwrap();
        assert_eq!(serde_json::to_string(&amount).unwrap(), "\"1.50\"");
    }

    #[test]
    fn a_sum_beyond_the_bound_is_an_error() {
        let most: Amount = "9999999999999.99".parse().unwrap();
        assert_eq!(most.plus("0.01".parse().unwrap()), Err(MoneyError::OutOfBounds));
        assert_eq!(most.negate().minus("0.01".parse().unwrap()), Err(MoneyError::OutOfBounds));
        assert_eq!(most.minus(most).unwrap(), Amount::ZERO);
    }

    #[test]
    fn an_extension_is_exact_before_it_is_rounded() {
        let price: UnitPrice = "9999999999.999999".parse().unwrap();
        let extended = price.extend("999.999".parse().unwrap(), 6, Rounding::HalfUp).unwrap();
        // 9999999999.999999 × 999.999 = 9999989999999.998999000…001
        assert_eq!(extended.to_string(), "9999989999999.999000");
        let one_cent_and_a_half: UnitPrice = "0.015".parse().unwrap();
        for (rounding, want) in
            [(Rounding::HalfUp, "0.02"), (Rounding::HalfEven, "0.02"), (Rounding::Down, "0.01")]
        {
            let extended = one_cent_and_a_half.extend("1".parse().unwrap(), 2, rounding).unwrap();
            assert_eq!(extended.to_string(), want);
        }
    }

    #[test]
    fn money_has_its_currencys_decimals() {
        let dinar = Money::new("1.5".parse().unwrap(), "KWD".parse().unwrap()).unwrap();
        assert_eq!(dinar.to_string(), "1.500 KWD");
        let json = serde_json::to_string(&dinar).unwrap();
        assert_eq!(json, r#"{"amount":"1.500","currency":"KWD"}"#);
        assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), dinar);
        assert!(serde_json::from_str::<Money>(r#"{"amount":"1.5","currency":"JPY"}"#).is_err());
    }
}
