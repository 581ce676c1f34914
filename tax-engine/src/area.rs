//! Which taxes a line bears: where, for whom, on which day. Pure functions that decide a line's `tax_ids` and `spared`
//! before the document is computed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared_model::Rounding;
use shared_model::ids::TaxId;
use shared_model::taxes::{TaxKind, TaxRecord, TaxRounding};

use crate::refusal::{Reason, TaxError};

/// "This tax there is that tax here": what the taxes of home become in a tax area.
///
/// A tax that is not named stays what it is. One tax may become several (a federal and a local one) or none. The
/// mapping is applied once: what a tax became is not mapped again.
///
/// ```
/// use tax_engine::FiscalMapping;
///
/// let canary_islands =
///     FiscalMapping::new([("vat21", vec!["igic7"]), ("vat10", vec!["igic3"]), ("equivalence", vec![])]);
/// assert_eq!(canary_islands.map(&["vat21", "equivalence", "deposit"]), ["igic7", "deposit"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiscalMapping<T: Ord> {
    becomes: BTreeMap<T, Vec<T>>,
}

impl<T: Ord> Default for FiscalMapping<T> {
    fn default() -> Self {
        Self { becomes: BTreeMap::new() }
    }
}

impl<T: Ord + Clone> FiscalMapping<T> {
    /// The mapping in which each tax becomes those beside it. Of a tax that stands there twice, the last counts.
    pub fn new(becomes: impl IntoIterator<Item = (T, Vec<T>)>) -> Self {
        Self { becomes: becomes.into_iter().collect() }
    }

    /// What these taxes are in the area, each once, in the order in which they are first met.
    ///
    /// ```
    /// use tax_engine::FiscalMapping;
    ///
    /// // In Ontario one harmonised tax stands for the federal and the provincial one.
    /// let ontario = FiscalMapping::new([("gst", vec!["hst"]), ("pst", vec!["hst"])]);
    /// assert_eq!(ontario.map(&["gst", "pst"]), ["hst"]);
    /// assert_eq!(FiscalMapping::default().map(&["gst", "pst"]), ["gst", "pst"]);
    /// ```
    #[must_use]
    pub fn map(&self, tax_ids: &[T]) -> Vec<T> {
        let mut seen = BTreeSet::new();
        let mut here = Vec::with_capacity(tax_ids.len());
        for tax in tax_ids {
            let becomes = self.becomes.get(tax).map_or(std::slice::from_ref(tax), Vec::as_slice);
            for tax in becomes {
                if seen.insert(tax) {
                    here.push(tax.clone());
                }
            }
        }
        here
    }
}

/// A place with its tax rules. A store lies in one; a delivery address may lie in another, which then counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxArea<T: Ord> {
    /// Where tax is rounded.
    pub rounding: TaxRounding,
    /// Which way.
    pub rounding_mode: Rounding,
    /// The country that it lies in, by two letters (ISO 3166-1).
    pub country: String,
    /// The law knows one rounding per rate and document, so that [`TaxRounding::PerLine`] is refused. It is so in Japan
    /// (Consumption Tax Act as of October 2023, Enforcement Order article 70-10), whatever is said here.
    pub one_rounding_per_rate: bool,
    /// What the taxes of home become here.
    pub mapping: FiscalMapping<T>,
}

impl<T: Ord> TaxArea<T> {
    /// Whether the area's rounding is one that it allows.
    ///
    /// # Errors
    /// [`Reason::PerLineForbidden`] at `/rounding`.
    ///
    /// ```
    /// use shared_model::Rounding;
    /// use shared_model::taxes::TaxRounding;
    /// use tax_engine::{FiscalMapping, Reason, TaxArea};
    ///
    /// let japan = TaxArea::<u8> {
    ///     rounding: TaxRounding::PerLine,
    ///     rounding_mode: Rounding::Down,
    ///     country: "JP".to_owned(),
    ///     one_rounding_per_rate: false,
    ///     mapping: FiscalMapping::default(),
    /// };
    /// assert_eq!(japan.check().map_err(|error| error.reason), Err(Reason::PerLineForbidden));
    /// ```
    pub fn check(&self) -> Result<(), TaxError> {
        let one_rounding_per_rate = self.one_rounding_per_rate || self.country.eq_ignore_ascii_case("JP");
        if one_rounding_per_rate && self.rounding == TaxRounding::PerLine {
            return Err(TaxError::new("/rounding", Reason::PerLineForbidden));
        }
        Ok(())
    }
}

/// Why somebody who buys bears no tax, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// The number of the certificate; without one nothing is spared.
    pub certificate: String,
    /// The last day that it holds, in the store's zone; none: until revoked.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub expires_on: Option<NaiveDate>,
    /// The taxes that it is for, as they are called where the sale happens; none: all that are a part of the price. Fixed
    /// amounts (deposits, eco-fees) are spared only where they are named: they are paid for the thing, not by the person.
    #[serde(default)]
    pub taxes: Option<BTreeSet<TaxId>>,
}

impl Exemption {
    /// Whether the certificate holds on the day, which is the store's. One without a number holds never.
    ///
    /// ```
    /// use tax_engine::Exemption;
    ///
    /// let day = "2026-12-31".parse()?;
    /// let embassy = Exemption { certificate: "15.10/4711".to_owned(), expires_on: None, taxes: None };
    /// assert!(embassy.holds(day));
    /// assert!(!Exemption { certificate: String::new(), ..embassy }.holds(day));
    /// # Ok::<(), chrono::ParseError>(())
    /// ```
    #[must_use]
    pub fn holds(&self, day: NaiveDate) -> bool {
        !self.certificate.trim().is_empty() && self.expires_on.is_none_or(|last| day <= last)
    }

    /// Whether it spares this tax on the day, which is the store's: what decides a line's [`spared`](crate::Line::spared).
    ///
    /// ```
    /// use chrono::NaiveDate;
    /// use shared_model::ids::TaxId;
    /// use shared_model::taxes::{TaxKind, TaxRecord};
    /// use tax_engine::Exemption;
    ///
    /// let (state, county) = (tax(1, TaxKind::Percent), tax(2, TaxKind::Percent));
    /// let deposit = tax(3, TaxKind::Fixed);
    /// let day = |text: &str| text.parse::<NaiveDate>();
    /// let school = Exemption {
    ///     certificate: "ST-119.1 4711".to_owned(),
    ///     expires_on: Some(day("2026-12-31")?),
    ///     taxes: Some([state.id].into()),
    /// };
    /// assert!(school.spares(&state, day("2026-12-31")?));
    /// assert!(!school.spares(&state, day("2027-01-01")?));
    /// assert!(!school.spares(&county, day("2026-06-01")?));
    ///
    /// let embassy = Exemption { taxes: None, ..school };
    /// assert!(embassy.spares(&county, day("2026-06-01")?));
    /// assert!(!embassy.spares(&deposit, day("2026-06-01")?));
    /// # fn tax(id: u128, kind: TaxKind) -> TaxRecord {
    /// #     TaxRecord {
    /// #         id: TaxId::new(uuid::Uuid::from_u128(id)), code: String::new(), name: String::new(), kind,
    /// #         rate: rust_decimal::Decimal::ONE, price_included: false, include_base_amount: false,
    /// #         is_base_affected: true, sequence: 1, exempt_below: None, part_above: None, part_up_to: None,
    /// #         valid_from: None, valid_until: None,
    /// #     }
    /// # }
    /// # Ok::<(), chrono::ParseError>(())
    /// ```
    #[must_use]
    pub fn spares(&self, tax: &TaxRecord, day: NaiveDate) -> bool {
        let is_named = match &self.taxes {
            Some(taxes) => taxes.contains(&tax.id),
            None => tax.kind != TaxKind::Fixed,
        };
        is_named && self.holds(day)
    }
}

/// Whether a tax is in force on a day of the store: from `valid_from` on, and before `valid_until`. A rate that changes is
/// two taxes that follow one another.
///
/// ```
/// use shared_model::taxes::TaxRecord;
/// use tax_engine::in_force;
///
/// // Germany's 16 % for the second half of 2020 (UStG § 28).
/// let lowered: TaxRecord = serde_json::from_str(r#"{
///     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "code": "A", "name": "USt 16 %", "kind": "percent", "rate": "16",
///     "price_included": true, "include_base_amount": false, "is_base_affected": true, "sequence": 1,
///     "exempt_below": null, "part_above": null, "part_up_to": null,
///     "valid_from": "2020-07-01", "valid_until": "2021-01-01"
/// }"#)?;
/// assert!(in_force(&lowered, "2020-12-31".parse()?));
/// assert!(!in_force(&lowered, "2021-01-01".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn in_force(tax: &TaxRecord, day: NaiveDate) -> bool {
    tax.valid_from.is_none_or(|first| first <= day) && tax.valid_until.is_none_or(|after| day < after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_taxes_became_is_borne_once() {
        let mapping = FiscalMapping::new([("a", vec!["x"]), ("b", vec!["x", "a"])]);
        assert_eq!(mapping.map(&["a", "b"]), ["x", "a"]);
    }

    #[test]
    fn a_certificate_without_number_spares_nothing() {
        let exemption = Exemption { certificate: " ".to_owned(), expires_on: None, taxes: None };
        assert!(!exemption.holds(NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()));
    }
}
