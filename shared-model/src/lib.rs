//! The nouns of a chain of shops: money, quantities, ids, and one module per capability with the records that HQ sends
//! down (`…Record`) and the facts that stores send up. Pure: no clock, no randomness, no I/O.
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
//! [`MoneyError`] and never rounds in silence. Rounding happens where a caller says so, with a [`Rounding`].
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
//! # Ok(())
//! # }
//! ```

pub mod allocation;
pub mod catalogue;
pub mod currency;
pub mod customers;
mod decimal;
pub mod ids;
pub mod money;
pub mod people;
pub mod percent;
pub mod prices;
pub mod quantity;
pub mod registers;
pub mod rounding;
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
