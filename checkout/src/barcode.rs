//! What a scanned code says: a variant's code, or a label that bears a price or a weight.
//!
//! Labels are in-store numbers (GS1 General Specifications, section 2.1.9: "restricted circulation"): prefix, item,
//! value and check digit. What stands where is the chain's to say, by [`PrefixRule`]. A UPC-A of 12 digits is read as
//! the EAN-13 with a leading zero.

use serde::{Deserialize, Serialize};
use shared_model::{Amount, MoneyError, Quantity};
use thiserror::Error;

/// What codes with a prefix bear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PrefixRule {
    /// The first digits of the 13: `21`, `02`.
    pub prefix: String,
    /// What is embedded.
    pub bears: Bears,
    /// How many digits the item has.
    pub item_digits: usize,
    /// How many digits the value has.
    pub value_digits: usize,
    /// How many of those stand behind the point.
    pub value_decimals: u32,
    /// Whether a digit before the value proves it (values of 4 and 5 digits).
    #[serde(default)]
    pub value_check_digit: bool,
}

/// What a label bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Bears {
    /// The price of all of it.
    Price,
    /// Its weight, or another quantity.
    Weight,
}

/// What was scanned.
///
/// ```
/// use checkout::barcode::{Scanned, read};
///
/// // A UPC-A of 12 digits is told as it was scanned; what the chain has no rule for stands for a variant by itself.
/// let upc = read("036000291452", &[])?;
/// assert_eq!(upc, Scanned::Code { code: "036000291452".to_owned() });
/// assert_eq!(serde_json::to_value(upc)?["kind"], "code");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Scanned {
    /// A code that stands for a variant by itself.
    Code {
        /// The code.
        code: String,
    },
    /// A label with what is owed.
    Price {
        /// The item's digits, prefix before them, zeros behind: what the variant's barcode is recorded as.
        item: String,
        /// What is owed.
        amount: Amount,
    },
    /// A label with a quantity.
    Weight {
        /// The item's digits, likewise.
        item: String,
        /// How much.
        quantity: Quantity,
    },
}

/// Why a code is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BarcodeError {
    /// Nothing, or longer than any code.
    #[error("a code has 1 to 48 characters")]
    NoCode,
    /// A last digit that does not prove the others: misread.
    #[error("the check digit is wrong: scan it again")]
    CheckDigit,
    /// A digit before the value that does not prove it.
    #[error("the check digit of the value is wrong: scan it again")]
    ValueCheckDigit,
    /// A rule whose digits are not 12 in all.
    #[error("prefix, item, value and its check digit have 12 digits together")]
    RuleLength,
    /// A value that is no amount or quantity.
    #[error(transparent)]
    Value(#[from] MoneyError),
}

impl PrefixRule {
    /// Whether the rule can be: 12 digits and the check digit.
    ///
    /// # Errors
    /// [`BarcodeError::RuleLength`]: prefix, item, value and its check digit are not 12 digits together, the prefix is not
    /// digits, there is no item, more decimals than digits, or a value check digit where there is none to compute (it is
    /// for values of 4 and 5 digits).
    ///
    /// ```
    /// use checkout::barcode::{BarcodeError, Bears, PrefixRule};
    ///
    /// let mut rule = PrefixRule {
    ///     prefix: "02".to_owned(), bears: Bears::Weight, item_digits: 5, value_digits: 5, value_decimals: 3,
    ///     value_check_digit: false,
    /// };
    /// assert_eq!(rule.validate(), Ok(()));
    /// rule.value_check_digit = true;
    /// assert_eq!(rule.validate(), Err(BarcodeError::RuleLength));
    /// ```
    pub fn validate(&self) -> Result<(), BarcodeError> {
        let digits =
            self.prefix.len() + self.item_digits + self.value_digits + usize::from(self.value_check_digit);
        let is_numeric = !self.prefix.is_empty() && self.prefix.bytes().all(|byte| byte.is_ascii_digit());
        let is_provable = !self.value_check_digit || matches!(self.value_digits, 4 | 5);
        let decimals = usize::try_from(self.value_decimals).unwrap_or(usize::MAX);
        if digits == 12 && is_numeric && is_provable && self.item_digits > 0 && decimals <= self.value_digits
        {
            Ok(())
        } else {
            Err(BarcodeError::RuleLength)
        }
    }
}

/// The last digit of a GS1 number (GTIN-8, -12, -13, -14) whose other digits are these: weights 3 and 1 from the right (GS1
/// General Specifications, section 7.9.1). None where one of them is no digit.
///
/// ```
/// assert_eq!(checkout::barcode::check_digit("400638133393"), Some(1));
/// assert_eq!(checkout::barcode::check_digit("4006x"), None);
/// ```
#[must_use]
pub fn check_digit(digits: &str) -> Option<u32> {
    let mut sum = 0;
    for (at, digit) in digits.chars().rev().enumerate() {
        sum += digit.to_digit(10)? * if at % 2 == 0 { 3 } else { 1 };
    }
    Some((10 - sum % 10) % 10)
}

/// The digit that proves a price of 4 or 5 digits (GS1 General Specifications, section 7.9). None for another length, or
/// where one of them is no digit.
///
/// ```
/// use checkout::barcode::value_check_digit;
///
/// assert_eq!(value_check_digit("2875"), Some(9));
/// assert_eq!(value_check_digit("14685"), Some(6));
/// ```
#[must_use]
pub fn value_check_digit(value: &str) -> Option<u32> {
    const TWO_MINUS: [u32; 10] = [0, 2, 4, 6, 8, 9, 1, 3, 5, 7];
    const THREE: [u32; 10] = [0, 3, 6, 9, 2, 5, 8, 1, 4, 7];
    const FIVE_PLUS: [u32; 10] = [0, 5, 1, 6, 2, 7, 3, 8, 4, 9];
    const FIVE_MINUS: [u32; 10] = [0, 5, 9, 4, 8, 3, 7, 2, 6, 1];
    let weights: &[[u32; 10]] = match value.len() {
        4 => &[TWO_MINUS, TWO_MINUS, THREE, FIVE_MINUS],
        5 => &[FIVE_PLUS, TWO_MINUS, FIVE_MINUS, FIVE_PLUS, TWO_MINUS],
        _ => return None,
    };
    let mut sum = 0;
    for (digit, weights) in value.chars().zip(weights) {
        sum += weights.get(usize::try_from(digit.to_digit(10)?).ok()?)?;
    }
    if value.len() == 4 {
        return Some(sum * 3 % 10);
    }
    let rest = (10 - sum % 10) % 10;
    FIVE_MINUS.iter().position(|product| *product == rest).and_then(|digit| u32::try_from(digit).ok())
}

/// Reads a code. Codes of GS1's lengths (8, 12, 13, 14 digits) prove their check digit; anything else is a code of the
/// house's own. The longest prefix counts; a rule that does not [`validate`](PrefixRule::validate) does not count.
///
/// # Errors
/// [`BarcodeError::NoCode`] for nothing or more than 48 bytes; [`BarcodeError::CheckDigit`] and
/// [`BarcodeError::ValueCheckDigit`] for a misread code, which is scanned again.
///
/// ```
/// use checkout::barcode::{Bears, PrefixRule, Scanned, read};
///
/// let rules = [PrefixRule {
///     prefix: "22".to_owned(), bears: Bears::Price, item_digits: 5, value_digits: 5, value_decimals: 2,
///     value_check_digit: false,
/// }];
/// let Scanned::Price { item, amount } = read("2212345004461", &rules)? else { panic!() };
/// assert_eq!((item.as_str(), amount), ("2212345000005", "4.46".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read(code: &str, rules: &[PrefixRule]) -> Result<Scanned, BarcodeError> {
    let code = code.trim();
    if code.is_empty() || code.len() > 48 {
        return Err(BarcodeError::NoCode);
    }
    let is_numeric = code.bytes().all(|byte| byte.is_ascii_digit());
    let plain = || Scanned::Code { code: code.to_owned() };
    if !is_numeric || !matches!(code.len(), 8 | 12 | 13 | 14) {
        return Ok(plain());
    }
    let Some((digits, last)) = code.split_at_checked(code.len() - 1) else { return Ok(plain()) };
    if check_digit(digits) != last.parse().ok() {
        return Err(BarcodeError::CheckDigit);
    }
    let full = match code.len() {
        12 => format!("0{digits}"),
        13 => digits.to_owned(),
        _ => return Ok(plain()),
    };
    let rule = rules
        .iter()
        .filter(|rule| rule.validate().is_ok() && full.starts_with(&rule.prefix))
        .max_by_key(|rule| rule.prefix.len());
    let Some(rule) = rule else { return Ok(plain()) };
    let item_end = rule.prefix.len() + rule.item_digits;
    let (item, rest) = full.split_at_checked(item_end).ok_or(BarcodeError::RuleLength)?;
    let (proof, value) =
        rest.split_at_checked(usize::from(rule.value_check_digit)).ok_or(BarcodeError::RuleLength)?;
    if rule.value_check_digit && value_check_digit(value) != proof.parse().ok() {
        return Err(BarcodeError::ValueCheckDigit);
    }
    let units: i128 = value.parse().map_err(|_| BarcodeError::RuleLength)?;
    let padded = format!("{item:0<12}");
    let last = check_digit(&padded).ok_or(BarcodeError::RuleLength)?;
    let item = format!("{padded}{last}");
    Ok(match rule.bears {
        Bears::Price => Scanned::Price { item, amount: Amount::from_units(units, rule.value_decimals)? },
        Bears::Weight => {
            Scanned::Weight { item, quantity: Quantity::from_units(units, rule.value_decimals)?.normalized() }
        }
    })
}
