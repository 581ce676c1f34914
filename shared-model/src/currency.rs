//! The currencies that goods are sold for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Amount, MoneyError};

/// A currency of ISO 4217, by its code in three capitals. Those in use for paying are known; funds, metals and test codes
/// are not. Amounts of different currencies do not add, and nothing here converts one into another.
///
/// ```
/// use shared_model::{Currency, MoneyError};
///
/// let yen: Currency = "JPY".parse()?;
/// assert_eq!(yen.exponent(), 0);
/// assert_eq!("XXX".parse::<Currency>(), Err(MoneyError::UnknownCurrency));
/// assert_eq!("eur".parse::<Currency>(), Err(MoneyError::UnknownCurrency));
/// # Ok::<(), MoneyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: &'static str,
    exponent: u8,
}

/// The codes in use, by how many decimals their smallest unit has (ISO 4217, table A.1; funds, metals
/// and test codes left out, as nothing is sold for them).
const CODES: [(u8, &[&str]); 3] = [
    (
        0,
        &[
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
            "XOF", "XPF",
        ],
    ),
    (
        2,
        &[
            "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN",
            "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY", "COP",
            "CRC", "CUP", "CVE", "CZK", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP",
            "GEL", "GHS", "GIP", "GMD", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IRR",
            "JMD", "KES", "KGS", "KHR", "KPW", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD", "MDL",
            "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN",
            "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB",
            "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP",
            "SZL", "THB", "TJS", "TMT", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "UYU", "UZS", "VED",
            "VES", "WST", "XCD", "XCG", "YER", "ZAR", "ZMW", "ZWG",
        ],
    ),
    (3, &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]),
];

impl Currency {
    /// The three letters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// How many decimals the smallest unit has (ISO 4217, table A.1: "minor unit"): EUR 2, JPY 0, KWD 3.
    ///
    /// ```
    /// use shared_model::{Amount, Currency};
    ///
    /// let dinar: Currency = "KWD".parse()?;
    /// let smallest = Amount::from_units(1, dinar.exponent())?;
    /// assert_eq!(smallest.to_string(), "0.001");
    /// # Ok::<(), shared_model::MoneyError>(())
    /// ```
    #[must_use]
    pub const fn exponent(self) -> u32 {
        self.exponent as u32
    }

    /// The coarsest coin that cash in this currency is rounded to, in the currency: the bound of a tender's `cash_rounding`,
    /// and twice what a sale may be rounded by. A chain's own coin may be finer.
    ///
    /// ```
    /// use shared_model::{Amount, Currency};
    ///
    /// // The smallest coin of Swiss francs is 0.05; forints are rounded to 5.
    /// assert_eq!("CHF".parse::<Currency>()?.coarsest_coin(), "0.05".parse::<Amount>()?);
    /// assert_eq!("HUF".parse::<Currency>()?.coarsest_coin(), "5.00".parse::<Amount>()?);
    /// # Ok::<(), shared_model::MoneyError>(())
    /// ```
    #[must_use]
    pub fn coarsest_coin(self) -> Amount {
        let listed = COARSEST.iter().find(|(_, codes)| codes.contains(&self.code)).map(|(coin, _)| *coin);
        let hundredths = listed.unwrap_or(if self.exponent == 0 { 1_000 } else { 100 });
        // Hundredths of a small number are always an amount.
        Amount::from_units(i128::from(hundredths), 2).unwrap_or(Amount::ZERO)
    }
}

/// The coarsest coin or note that is the smallest in use where a currency is paid in cash, in hundredths of the currency: what
/// central banks withdrew the coins below, or custom has. Others: one whole, or ten where there are no smaller units.
const COARSEST: [(i64, &[&str]); 7] = [
    (5, &["AUD", "BAM", "BGN", "CAD", "CHF", "EUR", "GBP", "MYR", "PLN", "SGD", "USD"]),
    (10, &["HKD", "ILS", "NZD", "RON", "ZAR"]),
    (500, &["CRC", "HUF"]),
    (1_000, &["ARS", "JMD", "NGN"]),
    (5_000, &["AOA", "COP", "IQD", "MMK", "PYG", "RWF", "SYP", "TZS", "UGX"]),
    (10_000, &["AMD", "BIF", "GNF", "IDR", "KHR", "MGA", "MNT", "UZS", "XAF", "XOF"]),
    (100_000, &["IRR", "LAK", "LBP", "VND"]),
];

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        CODES
            .iter()
            .find_map(|(exponent, codes)| {
                codes.iter().find(|code| **code == text).map(|code| Self { code, exponent: *exponent })
            })
            .ok_or(MoneyError::UnknownCurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({})", self.code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "sqlx")]
impl sqlx::Type<sqlx::Postgres> for Currency {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        <str as sqlx::Type<sqlx::Postgres>>::type_info()
    }

    fn compatible(ty: &sqlx::postgres::PgTypeInfo) -> bool {
        <str as sqlx::Type<sqlx::Postgres>>::compatible(ty)
    }
}

#[cfg(feature = "sqlx")]
impl sqlx::postgres::PgHasArrayType for Currency {
    fn array_type_info() -> sqlx::postgres::PgTypeInfo {
        <String as sqlx::postgres::PgHasArrayType>::array_type_info()
    }
}

#[cfg(feature = "sqlx")]
impl sqlx::Encode<'_, sqlx::Postgres> for Currency {
    fn encode_by_ref(
        &self,
        buffer: &mut sqlx::postgres::PgArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        <&str as sqlx::Encode<'_, sqlx::Postgres>>::encode_by_ref(&self.code, buffer)
    }
}

#[cfg(feature = "sqlx")]
impl<'r> sqlx::Decode<'r, sqlx::Postgres> for Currency {
    fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        Ok(<&str as sqlx::Decode<'r, sqlx::Postgres>>::decode(value)?.parse()?)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::schema::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[A-Z]{3}$"))
            .examples(["EUR"])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Currency {
    fn name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_is_the_currencys() {
        for (code, exponent) in
            [("JPY", 0), ("KRW", 0), ("VND", 0), ("CLP", 0), ("EUR", 2), ("KWD", 3), ("BHD", 3), ("TND", 3)]
        {
            assert_eq!(code.parse::<Currency>().unwrap().exponent(), exponent, "{code}");
        }
    }

    #[test]
    fn an_unknown_code_is_refused() {
        for code in ["", "EU", "eur", "EURO", "XXX", "XTS", "AAA", "EUR "] {
            assert_eq!(code.parse::<Currency>(), Err(MoneyError::UnknownCurrency), "{code:?}");
        }
        assert!(serde_json::from_str::<Currency>("\"eur\"").is_err());
        assert_eq!(serde_json::to_string(&"EUR".parse::<Currency>().unwrap()).unwrap(), "\"EUR\"");
    }

    #[test]
    fn no_code_is_listed_twice() {
        let mut codes: Vec<_> = CODES.iter().flat_map(|(_, codes)| codes.iter()).collect();
        let listed = codes.len();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), listed);
    }
}
