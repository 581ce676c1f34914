//! The receipt's table of taxes by rate.

use std::collections::BTreeMap;

use shared_model::{Amount, MoneyError};

use crate::document::{Computed, Levy, Tax};

/// One row of the table: all taxes of one rate together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateTotal {
    /// The kind and rate.
    pub levy: Levy,
    /// Whether prices had it inside.
    pub price_included: bool,
    /// What it was computed on.
    pub base: Amount,
    /// What it came to.
    pub amount: Amount,
}

/// The document's taxes by kind and rate, in the order of the rates: what a receipt must say (EU VAT directive 2006/112,
/// article 226b (d); Japan's qualified invoices: one sum per rate). `taxes` are those that the document was computed with;
/// a sum of a tax that is not among them is left out.
///
/// # Errors
/// [`MoneyError::OutOfBounds`] when a row is beyond [`Amount`]'s bounds.
///
/// ```
/// use shared_model::taxes::TaxRounding;
/// use shared_model::{Percent, Quantity, Rounding};
/// use tax_engine::{Document, Line, LinePrice, RateTotal, Tax, breakdown, compute};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let line = |id, amount: &str, tax| -> Result<_, shared_model::MoneyError> {
///     let price = LinePrice::Extension(amount.parse()?);
///     Ok(Line { id, quantity: Quantity::ONE, price, tax_ids: vec![tax], spared: Vec::new() })
/// };
/// let document = Document {
///     decimals: 2,
///     rounding: TaxRounding::PerDocument,
///     rounding_mode: Rounding::HalfUp,
///     cash_rounding: None,
///     taxes: vec![Tax::percent("food", "5".parse::<Percent>()?), Tax::percent("books", "5".parse::<Percent>()?)],
///     lines: vec![line(1, "10.00", "food")?, line(2, "20.00", "books")?],
/// };
/// let rows: Vec<RateTotal> = breakdown(&document.taxes, &compute(&document)?)?;
/// assert_eq!(rows.len(), 1);
/// assert_eq!(rows[0].base, "30.00".parse()?);
/// assert_eq!(rows[0].amount, "1.50".parse()?);
/// # Ok(())
/// # }
/// ```
pub fn breakdown<T: Ord, L>(
    taxes: &[Tax<T>],
    computed: &Computed<T, L>,
) -> Result<Vec<RateTotal>, MoneyError> {
    let by_id: BTreeMap<&T, &Tax<T>> = taxes.iter().map(|tax| (&tax.id, tax)).collect();
    let mut rows: BTreeMap<(Levy, bool), (Amount, Amount)> = BTreeMap::new();
    for total in &computed.document.taxes {
        let Some(tax) = by_id.get(&total.tax_id) else { continue };
        let row = rows.entry((tax.levy, tax.price_included)).or_default();
        row.0 = row.0.plus(total.base)?;
        row.1 = row.1.plus(total.amount)?;
    }
    Ok(rows
        .into_iter()
        .map(|((levy, price_included), (base, amount))| RateTotal { levy, price_included, base, amount })
        .collect())
}
