//! What the decimal types share: strict reading and writing, bounds, and their places in JSON, the
//! database and the OpenAPI document.

use rust_decimal::Decimal;

use crate::MoneyError;

/// The longest text that is looked at: 13 digits before the point, 6 after it, sign and point, and room
/// for leading zeros.
const LONGEST: usize = 32;

/// 10 to the power of `exponent`.
pub(crate) fn pow10(exponent: u32) -> Result<i128, MoneyError> {
    10_i128.checked_pow(exponent).ok_or(MoneyError::OutOfBounds)
}

/// A decimal as people write it: a sign, digits, a point and digits. No exponent, no `+`, no spaces, no
/// `NaN`, no bare point.
pub(crate) fn parse(text: &str, decimals: u32, whole_digits: u32) -> Result<Decimal, MoneyError> {
    if text.len() > LONGEST {
        return Err(MoneyError::NotANumber);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !fraction.is_none_or(are_digits) {
        return Err(MoneyError::NotANumber);
    }
    if fraction.is_some_and(|fraction| fraction.len() > decimals as usize) {
        return Err(MoneyError::TooManyDecimals { most: decimals });
    }
    let value = Decimal::from_str_exact(text).map_err(|_| MoneyError::OutOfBounds)?;
    within(value, decimals, whole_digits)
}

/// `value`, if the type has it. Zeros beyond the type's decimals are dropped, other digits are not.
pub(crate) fn within(value: Decimal, decimals: u32, whole_digits: u32) -> Result<Decimal, MoneyError> {
    let mut value = if value.scale() > decimals { value.normalize() } else { value };
    if value.scale() > decimals {
        return Err(MoneyError::TooManyDecimals { most: decimals });
    }
    if value.mantissa().unsigned_abs() >= pow10(whole_digits + value.scale())?.unsigned_abs() {
        return Err(MoneyError::OutOfBounds);
    }
    if value.is_zero() {
        // There is no negative zero on a receipt.
        value.set_sign_positive(true);
    }
    Ok(value)
}

/// `value` as a whole number of units of 10^-`decimals`.
pub(crate) fn units(value: Decimal, decimals: u32) -> Result<i128, MoneyError> {
    let scale = value.scale();
    if scale <= decimals {
        return value.mantissa().checked_mul(pow10(decimals - scale)?).ok_or(MoneyError::OutOfBounds);
    }
    let step = pow10(scale - decimals)?;
    if value.mantissa() % step != 0 {
        return Err(MoneyError::TooManyDecimals { most: decimals });
    }
    Ok(value.mantissa() / step)
}

/// The decimal that is `units` of 10^-`decimals`.
pub(crate) fn from_units(units: i128, decimals: u32) -> Result<Decimal, MoneyError> {
    Decimal::try_from_i128_with_scale(units, decimals).map_err(|_| MoneyError::OutOfBounds)
}

/// Everything that the decimal newtypes have alike.
macro_rules! decimal_type {
    ($name:ident, decimals: $decimals:literal, whole_digits: $whole:literal, pattern: $pattern:literal, example: $example:literal) => {
        impl $name {
            /// How many decimals there can be.
            pub const MAX_DECIMALS: u32 = $decimals;

            /// Nothing.
            pub const ZERO: Self = Self(rust_decimal::Decimal::ZERO);

            /// The value, if it is within the type's bounds and has no more decimals than the type.
            pub fn new(value: rust_decimal::Decimal) -> Result<Self, $crate::MoneyError> {
                $crate::decimal::within(value, $decimals, $whole).map(Self)
            }

            /// The value that is so many units of 10^-`decimals`: 1250 units of 2 decimals are 12.50.
            pub fn from_units(units: i128, decimals: u32) -> Result<Self, $crate::MoneyError> {
                Self::new($crate::decimal::from_units(units, decimals)?)
            }

            /// How many units of 10^-`decimals` this is; an error when it has more decimals than that.
            pub fn units(self, decimals: u32) -> Result<i128, $crate::MoneyError> {
                $crate::decimal::units(self.0, decimals)
            }

            /// The number alone.
            #[must_use]
            pub const fn decimal(self) -> rust_decimal::Decimal {
                self.0
            }

            /// With how many decimals it is written.
            #[must_use]
            pub const fn decimals(self) -> u32 {
                self.0.scale()
            }

            /// The same value written with exactly so many decimals; an error when that would lose some.
            pub fn with_decimals(self, decimals: u32) -> Result<Self, $crate::MoneyError> {
                Self::from_units(self.units(decimals)?, decimals)
            }

            /// The same value written without trailing zeros.
            #[must_use]
            pub fn normalized(self) -> Self {
                Self(self.0.normalize())
            }

            /// Whether it is zero.
            #[must_use]
            pub const fn is_zero(self) -> bool {
                self.0.is_zero()
            }

            /// Whether it is below zero.
            #[must_use]
            pub const fn is_negative(self) -> bool {
                self.0.is_sign_negative() && !self.0.is_zero()
            }

            /// Whether it is above zero.
            #[must_use]
            pub const fn is_positive(self) -> bool {
                self.0.is_sign_positive() && !self.0.is_zero()
            }

            /// The same size, the other way.
            #[must_use]
            pub fn negate(self) -> Self {
                if self.is_zero() { self } else { Self(-self.0) }
            }

            /// The size without the sign.
            #[must_use]
            pub fn abs(self) -> Self {
                if self.is_negative() { self.negate() } else { self }
            }

            /// The sum, if it is within the bounds.
            pub fn plus(self, other: Self) -> Result<Self, $crate::MoneyError> {
                Self::new(self.0.checked_add(other.0).ok_or($crate::MoneyError::OutOfBounds)?)
            }

            /// The difference, if it is within the bounds.
            pub fn minus(self, other: Self) -> Result<Self, $crate::MoneyError> {
                self.plus(other.negate())
            }

            /// The sum of all, if it and every sum on the way is within the bounds.
            pub fn sum(values: impl IntoIterator<Item = Self>) -> Result<Self, $crate::MoneyError> {
                values.into_iter().try_fold(Self::ZERO, Self::plus)
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::ZERO
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::MoneyError;

            fn from_str(text: &str) -> Result<Self, $crate::MoneyError> {
                $crate::decimal::parse(text, $decimals, $whole).map(Self)
            }
        }

        impl TryFrom<rust_decimal::Decimal> for $name {
            type Error = $crate::MoneyError;

            fn try_from(value: rust_decimal::Decimal) -> Result<Self, $crate::MoneyError> {
                Self::new(value)
            }
        }

        impl From<$name> for rust_decimal::Decimal {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a decimal as a string, such as \"", $example, "\""))
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                // A JSON number has already been a float somewhere: only strings are read.
                deserializer.deserialize_str(Text)
            }
        }

        #[cfg(feature = "sqlx")]
        impl sqlx::Type<sqlx::Postgres> for $name {
            fn type_info() -> sqlx::postgres::PgTypeInfo {
                <rust_decimal::Decimal as sqlx::Type<sqlx::Postgres>>::type_info()
            }

            fn compatible(ty: &sqlx::postgres::PgTypeInfo) -> bool {
                <rust_decimal::Decimal as sqlx::Type<sqlx::Postgres>>::compatible(ty)
            }
        }

        #[cfg(feature = "sqlx")]
        impl sqlx::postgres::PgHasArrayType for $name {
            fn array_type_info() -> sqlx::postgres::PgTypeInfo {
                <rust_decimal::Decimal as sqlx::postgres::PgHasArrayType>::array_type_info()
            }
        }

        #[cfg(feature = "sqlx")]
        impl sqlx::Encode<'_, sqlx::Postgres> for $name {
            fn encode_by_ref(
                &self,
                buffer: &mut sqlx::postgres::PgArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <rust_decimal::Decimal as sqlx::Encode<'_, sqlx::Postgres>>::encode_by_ref(&self.0, buffer)
            }
        }

        #[cfg(feature = "sqlx")]
        impl<'r> sqlx::Decode<'r, sqlx::Postgres> for $name {
            fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                let value = <rust_decimal::Decimal as sqlx::Decode<'r, sqlx::Postgres>>::decode(value)?;
                Ok(Self::new(value)?)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some($pattern))
                    .examples([$example])
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

pub(crate) use decimal_type;
