//! What the decimal types share: strict reading and writing, bounds, and their places in JSON, the
//! database and the OpenAPI document.

use rust_decimal::Decimal;

use crate::MoneyError;

/// The longest text that is looked at: 13 digits before the point, 6 after it, sign and point, and room
/// for leading zeros.
const LONGEST: usize = 32;

/// The powers of 10 that an `i128` holds.
#[expect(
    clippy::indexing_slicing,
    reason = "computed when this is compiled: beyond the end it does not compile"
)]
const POWERS_OF_TEN: [i128; 39] = {
    let mut powers = [1; 39];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// 10 to the power of `exponent`.
pub(crate) fn pow10(exponent: u32) -> Result<i128, MoneyError> {
    POWERS_OF_TEN.get(exponent as usize).copied().ok_or(MoneyError::OutOfBounds)
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
    if scale == decimals {
        return Ok(value.mantissa());
    }
    if scale < decimals {
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
            /// How many decimals there can be; a number with more is [refused](crate::MoneyError::TooManyDecimals).
            pub const MAX_DECIMALS: u32 = $decimals;

            /// Nothing, written without decimals.
            pub const ZERO: Self = Self(rust_decimal::Decimal::ZERO);

            /// The value, if the type has it. Zeros beyond the type's decimals are dropped, other digits never.
            ///
            /// # Errors
            /// [`TooManyDecimals`](crate::MoneyError::TooManyDecimals) and
            /// [`OutOfBounds`](crate::MoneyError::OutOfBounds), by the type's own decimals and bounds.
            ///
            /// ```
            /// use rust_decimal::Decimal;
            #[doc = concat!("use shared_model::{MoneyError, ", stringify!($name), "};")]
            ///
            #[doc = concat!("let finest = ", stringify!($name), "::MAX_DECIMALS;")]
            #[doc = concat!("assert!(", stringify!($name), "::new(Decimal::new(1, finest)).is_ok());")]
            #[doc = concat!("let finer = ", stringify!($name), "::new(Decimal::new(1, finest + 1));")]
            /// assert_eq!(finer, Err(MoneyError::TooManyDecimals { most: finest }));
            /// ```
            pub fn new(value: rust_decimal::Decimal) -> Result<Self, $crate::MoneyError> {
                $crate::decimal::within(value, $decimals, $whole).map(Self)
            }

            /// The value that is so many units of 10^-`decimals`, written with that many: whole cents to an amount. The
            /// way back is [`units`](Self::units).
            ///
            /// # Errors
            /// As [`new`](Self::new).
            ///
            /// ```
            #[doc = concat!("use shared_model::", stringify!($name), ";")]
            ///
            #[doc = concat!("assert_eq!(", stringify!($name), "::from_units(1250, 2)?.to_string(), \"12.50\");")]
            /// # Ok::<(), shared_model::MoneyError>(())
            /// ```
            pub fn from_units(units: i128, decimals: u32) -> Result<Self, $crate::MoneyError> {
                Self::new($crate::decimal::from_units(units, decimals)?)
            }

            /// How many units of 10^-`decimals` this is: what arithmetic that must be exact is done with.
            ///
            /// # Errors
            /// [`TooManyDecimals`](crate::MoneyError::TooManyDecimals) when it is no whole number of them.
            ///
            /// ```
            #[doc = concat!("use shared_model::{MoneyError, ", stringify!($name), "};")]
            ///
            #[doc = concat!("let value: ", stringify!($name), " = \"12.50\".parse()?;")]
            /// assert_eq!(value.units(3)?, 12_500);
            /// assert_eq!(value.units(1)?, 125);
            /// assert_eq!(value.units(0), Err(MoneyError::TooManyDecimals { most: 0 }));
            /// # Ok::<(), shared_model::MoneyError>(())
            /// ```
            pub fn units(self, decimals: u32) -> Result<i128, $crate::MoneyError> {
                $crate::decimal::units(self.0, decimals)
            }

            /// The number alone.
            ///
            /// ```
            #[doc = concat!("use shared_model::", stringify!($name), ";")]
            ///
            #[doc = concat!("let value: ", stringify!($name), " = \"12.50\".parse()?;")]
            /// assert_eq!(value.decimal(), rust_decimal::Decimal::new(1250, 2));
            /// # Ok::<(), shared_model::MoneyError>(())
            /// ```
            #[must_use]
            pub const fn decimal(self) -> rust_decimal::Decimal {
                self.0
            }

            /// With how many decimals it is written: 2 for 12.50. Equal values may be written differently.
            ///
            /// ```
            #[doc = concat!("use shared_model::", stringify!($name), ";")]
            ///
            #[doc = concat!("let (one, other): (", stringify!($name), ", ", stringify!($name), ") = (\"12.5\".parse()?, \"12.50\".parse()?);")]
            /// assert_eq!((one.decimals(), other.decimals()), (1, 2));
            /// assert_eq!(one, other);
            /// # Ok::<(), shared_model::MoneyError>(())
            /// ```
            #[must_use]
            pub const fn decimals(self) -> u32 {
                self.0.scale()
            }

            /// The same value written with exactly so many decimals. It never rounds: that is
            /// [`Rounding::to_decimals`](crate::Rounding::to_decimals).
            ///
            /// # Errors
            /// [`TooManyDecimals`](crate::MoneyError::TooManyDecimals) when that would lose some, or when there cannot
            /// be so many.
            ///
            /// ```
            #[doc = concat!("use shared_model::", stringify!($name), ";")]
            ///
            #[doc = concat!("let value: ", stringify!($name), " = \"12.5\".parse()?;")]
            /// assert_eq!(value.with_decimals(2)?.to_string(), "12.50");
            /// assert!(value.with_decimals(0).is_err());
            /// # Ok::<(), shared_model::MoneyError>(())
            /// ```
            pub fn with_decimals(self, decimals: u32) -> Result<Self, $crate::MoneyError> {
                Self::from_units(self.units(decimals)?, decimals)
            }

            /// The same value written without trailing zeros.
            ///
            /// ```
            #[doc = concat!("use shared_model::", stringify!($name), ";")]
            ///
            #[doc = concat!("let value: ", stringify!($name), " = \"12.50\".parse()?;")]
            /// assert_eq!(value.normalized().to_string(), "12.5");
            /// assert_eq!(value.normalized(), value);
            /// # Ok::<(), shared_model::MoneyError>(())
            /// ```
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
            ///
            /// ```
            #[doc = concat!("use shared_model::", stringify!($name), ";")]
            ///
            #[doc = concat!("let (more, nothing): (", stringify!($name), ", ", stringify!($name), ") = (\"0.01\".parse()?, \"0.00\".parse()?);")]
            /// assert!(more.is_positive() && !more.is_zero());
            /// assert!(nothing.is_zero() && !nothing.is_positive() && !nothing.is_negative());
            /// # Ok::<(), shared_model::MoneyError>(())
            /// ```
            #[must_use]
            pub const fn is_positive(self) -> bool {
                self.0.is_sign_positive() && !self.0.is_zero()
            }

            /// The same size, the other way. Zero stays zero: there is no "-0.00".
            #[must_use]
            pub fn negate(self) -> Self {
                if self.is_zero() { self } else { Self(-self.0) }
            }

            /// The size without the sign.
            #[must_use]
            pub fn abs(self) -> Self {
                if self.is_negative() { self.negate() } else { self }
            }

            /// The sum, exactly, written with the more decimals of the two.
            ///
            /// # Errors
            /// [`OutOfBounds`](crate::MoneyError::OutOfBounds).
            ///
            /// ```
            #[doc = concat!("use shared_model::", stringify!($name), ";")]
            ///
            #[doc = concat!("let value: ", stringify!($name), " = \"12.5\".parse()?;")]
            /// assert_eq!(value.plus("0.25".parse()?)?.to_string(), "12.75");
            /// # Ok::<(), shared_model::MoneyError>(())
            /// ```
            pub fn plus(self, other: Self) -> Result<Self, $crate::MoneyError> {
                Self::new(self.0.checked_add(other.0).ok_or($crate::MoneyError::OutOfBounds)?)
            }

            /// The difference, exactly; it may be below zero.
            ///
            /// # Errors
            /// [`OutOfBounds`](crate::MoneyError::OutOfBounds).
            ///
            /// ```
            #[doc = concat!("use shared_model::", stringify!($name), ";")]
            ///
            #[doc = concat!("let value: ", stringify!($name), " = \"1.50\".parse()?;")]
            /// let below = value.minus("2".parse()?)?;
            /// assert!(below.is_negative());
            /// assert_eq!(below.abs().to_string(), "0.50");
            /// assert_eq!(below.negate(), below.abs());
            /// # Ok::<(), shared_model::MoneyError>(())
            /// ```
            pub fn minus(self, other: Self) -> Result<Self, $crate::MoneyError> {
                self.plus(other.negate())
            }

            /// The sum of all; of none, [`ZERO`](Self::ZERO).
            ///
            /// # Errors
            /// [`OutOfBounds`](crate::MoneyError::OutOfBounds) when it, or a sum on the way, is beyond the bounds.
            ///
            /// ```
            #[doc = concat!("use shared_model::", stringify!($name), ";")]
            ///
            #[doc = concat!("let tenth: ", stringify!($name), " = \"0.1\".parse()?;")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::sum([tenth; 3])?.to_string(), \"0.3\");")]
            #[doc = concat!("assert!(", stringify!($name), "::sum([])?.is_zero());")]
            /// # Ok::<(), shared_model::MoneyError>(())
            /// ```
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
