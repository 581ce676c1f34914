//! Numbers as they come back from the database, which writes each with all the decimals of its column.

use rust_decimal::Decimal;
use shared_model::{Amount, Currency};

use crate::FactsError;

/// The number with so many decimals, or with the more that it has: no digit is dropped.
pub(crate) fn in_decimals(value: Decimal, decimals: u32) -> Decimal {
    let mut value = value.normalize();
    if value.scale() < decimals {
        value.rescale(decimals);
    }
    value
}

/// The amount with the currency's decimals, or with the more that it has.
pub(crate) fn in_currency(value: Decimal, currency: Currency) -> Result<Amount, FactsError> {
    Ok(Amount::new(in_decimals(value, currency.exponent()))?)
}
