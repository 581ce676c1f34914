//! The nouns of a chain of shops: money, quantities, ids, and one module per capability with the records that HQ sends
//! down (`…Record`) and the facts that stores send up. Pure: no clock, no randomness, no I/O.
//!
//! | you want | look at |
//! | --- | --- |
//! | to compute with money | the types at this page's foot; their rules are under "Numbers" |
//! | to round, or to share an amount out | [`Rounding`], [`divide`], [`allocate`], [`allocate_within`] |
//! | to name a record | [`ids`] |
//! | to read what HQ sent down | [`catalogue`], [`prices`], [`taxes`], [`tax_areas`], [`tenders`], [`customers`], [`people`], [`stores`] |
//! | to read what a store sent up | [`selling`], [`registers`] |
//!
//! # Numbers
//!
//! No amount is ever a float. In the database a number is `numeric`, in JSON a string:
//!
//! | type | decimals | bound | what it is |
//! | --- | --- | --- | --- |
//! | [`Amount`] | up to 6 | below 10¹³ either way | money whose currency the surroundings know |
//! | [`Money`] | the currency's | as `Amount` | an amount that names its [`Currency`] |
//! | [`UnitPrice`] | up to 6 | as `Amount` | a price or cost of one unit; only its extension is rounded |
//! | [`Quantity`] | up to 3 | below 10⁹ either way | how many, or how much, of a unit |
//! | [`Percent`] | up to 4 | below 10⁶ either way | a rate |
//!
//! Beyond a bound, or with more decimals than a type has, there is no value: an operation answers a
//! [`MoneyError`] and never rounds in silence. Rounding happens where a caller says so, with a [`Rounding`]. How many
//! decimals an amount has at last is the currency's to say ([`Currency::exponent`], ISO 4217).
//!
//! 375 g of cheese at 1.990 for the kilogram:
//!
//! ```
//! use shared_model::{Amount, Currency, MoneyError, Quantity, Rounding, UnitPrice};
//!
//! # fn main() -> Result<(), MoneyError> {
//! let price: UnitPrice = "1.990".parse()?;
//! let weight: Quantity = "0.375".parse()?;
//! let euro: Currency = "EUR".parse()?;
//! let extension = price.extend(weight, euro.exponent(), Rounding::HalfUp)?;
//! assert_eq!(extension, "0.75".parse::<Amount>()?);
//! // Nothing is rounded unasked: the cent in thousandths is no amount of euros.
//! assert_eq!("0.746".parse::<Amount>()?.with_decimals(2), Err(MoneyError::TooManyDecimals { most: 2 }));
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! `sqlx`: the newtypes in PostgreSQL. `openapi`: their schemas.

mod allocation;
pub mod catalogue;
mod currency;
pub mod customers;
mod decimal;
pub mod ids;
mod money;
pub mod people;
mod percent;
pub mod prices;
mod quantity;
pub mod registers;
mod rounding;
pub mod selling;
pub mod stores;
pub mod tax_areas;
pub mod taxes;
pub mod tenders;

pub use allocation::{Share, allocate, allocate_within};
pub use currency::Currency;
pub use money::{Amount, Money, MoneyError, UnitPrice};
pub use percent::Percent;
pub use quantity::Quantity;
pub use rounding::{Rounding, divide};
