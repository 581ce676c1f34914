//! What goes in and what comes out.

use rust_decimal::Decimal;
use serde::Serialize;
use shared_model::ids::TaxId;
use shared_model::taxes::{TaxKind, TaxRecord, TaxRounding};
use shared_model::{Amount, Percent, Quantity, Rounding, UnitPrice};

use crate::TaxError;

/// A document to be taxed. `T` names taxes and `L` names lines: ids in a sale, texts in the binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<T, L> {
    /// The decimals of the currency's smallest unit, 0 to 6.
    pub decimals: u32,
    /// Whether tax is rounded on each line or once per tax.
    pub rounding: TaxRounding,
    /// Which way every rounding in the document goes: extensions, taxes, cash.
    pub rounding_mode: Rounding,
    /// The coin that [`Totals::payable`] is a multiple of (0.05 in Switzerland); none: it is the total.
    pub cash_rounding: Option<Amount>,
    /// The taxes that lines may name, at most [`MAX_TAXES`](crate::MAX_TAXES).
    pub taxes: Vec<Tax<T>>,
    /// The lines, at most [`MAX_LINES`](crate::MAX_LINES). Their order changes no amount.
    pub lines: Vec<Line<T, L>>,
}

impl<T, L> Document<T, L> {
    /// Lets the order in which the taxes are listed settle that of those of one sequence, as whoever writes a document
    /// means it; [`compute`](crate::compute) refuses what is open otherwise.
    ///
    /// ```
    /// use shared_model::taxes::TaxRounding;
    /// use shared_model::{Percent, Rounding};
    /// use tax_engine::{Document, Tax};
    ///
    /// let tax = |id| Tax { include_base_amount: true, ..Tax::percent(id, Percent::HUNDRED) };
    /// let mut document = Document::<_, u8> {
    ///     decimals: 2,
    ///     rounding: TaxRounding::PerLine,
    ///     rounding_mode: Rounding::HalfUp,
    ///     cash_rounding: None,
    ///     taxes: vec![tax("b"), tax("a"), Tax { sequence: -1, ..tax("first") }],
    ///     lines: Vec::new(),
    /// };
    /// document.order_as_listed();
    /// assert_eq!(document.taxes.iter().map(|tax| tax.sequence).collect::<Vec<_>>(), [1, 2, 0]);
    /// ```
    pub fn order_as_listed(&mut self) {
        let mut order: Vec<&mut Tax<T>> = self.taxes.iter_mut().collect();
        order.sort_by_key(|tax| tax.sequence);
        for (place, tax) in (0..).zip(order) {
            tax.sequence = place;
        }
    }
}

/// What a tax takes.
///
/// ```
/// use shared_model::taxes::TaxRounding;
/// use shared_model::{Quantity, Rounding};
/// use tax_engine::{Document, Levy, Line, LinePrice, Tax, Totals, compute};
///
/// # fn on_one(tax: Tax<&'static str>, asked: &str) -> Result<Totals<&'static str>, Box<dyn std::error::Error>> {
/// #     let tax_ids = vec![tax.id];
/// #     Ok(compute(&Document {
/// #         decimals: 2, rounding: TaxRounding::PerLine, rounding_mode: Rounding::HalfUp, cash_rounding: None,
/// #         taxes: vec![tax],
/// #         lines: vec![Line {
/// #             id: 1, quantity: Quantity::ONE, price: LinePrice::Extension(asked.parse()?), tax_ids,
/// #             spared: Vec::new(),
/// #         }],
/// #     })?.document)
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let on_top = Tax::percent("tax", "20".parse()?);
/// assert_eq!(on_one(on_top.clone(), "80.00")?.tax, "16.00".parse()?);
/// // The same 20 % of the price that has the tax in it, as Brazil's ICMS is reckoned.
/// let division = Tax { levy: Levy::Division("20".parse()?), ..on_top.clone() };
/// assert_eq!(on_one(division, "80.00")?.tax, "20.00".parse()?);
/// // A deposit hangs on the number of bottles, not on the price.
/// let fixed = Tax { levy: Levy::Fixed("0.25".parse()?), ..on_top };
/// assert_eq!(on_one(fixed, "80.00")?.tax, "0.25".parse()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Levy {
    /// A part of the price without the tax: 21 % of 100.00 is 21.00. From 0 to 1000 %.
    Percent(Percent),
    /// So much per unit, with the sign of the quantity (deposit, eco-fee). Not negative.
    Fixed(UnitPrice),
    /// A part of the price with the tax in it: 20 % on a net price of 80.00 is 20.00. Below 100 %. Division taxes
    /// that are neighbours are each a part of the price with all of them in it.
    Division(Percent),
}

impl Levy {
    /// The kind alone, as records name it.
    ///
    /// ```
    /// use shared_model::taxes::TaxKind;
    /// use tax_engine::Levy;
    ///
    /// let deposit = Levy::Fixed("0.25".parse()?);
    /// assert_eq!((deposit.kind(), deposit.rate().to_string()), (TaxKind::Fixed, "0.25".to_owned()));
    /// # Ok::<(), shared_model::MoneyError>(())
    /// ```
    #[must_use]
    pub const fn kind(self) -> TaxKind {
        match self {
            Self::Percent(_) => TaxKind::Percent,
            Self::Fixed(_) => TaxKind::Fixed,
            Self::Division(_) => TaxKind::Division,
        }
    }

    /// The rate alone: percent (21 is 21 %), or an amount per unit; [`kind`](Self::kind) tells which.
    #[must_use]
    pub const fn rate(self) -> Decimal {
        match self {
            Self::Percent(rate) | Self::Division(rate) => rate.decimal(),
            Self::Fixed(amount) => amount.decimal(),
        }
    }
}

/// One levy, as it is on the day of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tax<T> {
    /// How lines name it.
    pub id: T,
    /// What it takes.
    pub levy: Levy,
    /// Whether prices have it inside.
    pub price_included: bool,
    /// Whether taxes after it are computed on base plus this tax.
    pub include_base_amount: bool,
    /// Whether it listens to taxes before it that say so.
    pub is_base_affected: bool,
    /// Its place in the order. Taxes of one place stand side by side, and none of them may be in another's base.
    pub sequence: i32,
    /// A unit whose price, as asked and after reductions, is below this bears nothing (New York: clothing under 110).
    pub exempt_below: Option<UnitPrice>,
    /// Only the part of a unit's price without tax above this bears it (Rhode Island: clothing above 250).
    pub part_above: Option<UnitPrice>,
    /// Only the part of a unit's price without tax up to this bears it (Florida's surtax: the first 5,000).
    pub part_up_to: Option<UnitPrice>,
}

impl<T> Tax<T> {
    /// A percentage on top of prices, without thresholds, first in the order: the start for any other. New York takes
    /// nothing of clothing under 110 for the piece (Tax Law § 1115(a)(30)):
    ///
    /// ```
    /// use shared_model::taxes::TaxRounding;
    /// use shared_model::{Quantity, Rounding};
    /// use tax_engine::{Document, Line, LinePrice, Tax, Totals, compute};
    ///
    /// # fn on_one(tax: Tax<&'static str>, asked: &str) -> Result<Totals<&'static str>, Box<dyn std::error::Error>> {
    /// #     let tax_ids = vec![tax.id];
    /// #     Ok(compute(&Document {
    /// #         decimals: 2, rounding: TaxRounding::PerLine, rounding_mode: Rounding::HalfUp, cash_rounding: None,
    /// #         taxes: vec![tax],
    /// #         lines: vec![Line {
    /// #             id: 1, quantity: Quantity::ONE, price: LinePrice::Extension(asked.parse()?), tax_ids,
    /// #             spared: Vec::new(),
    /// #         }],
    /// #     })?.document)
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let clothing = Tax { exempt_below: Some("110".parse()?), ..Tax::percent("state", "4".parse()?) };
    /// assert!(on_one(clothing.clone(), "109.99")?.tax.is_zero());
    /// assert_eq!(on_one(clothing, "110.00")?.tax, "4.40".parse()?);
    /// // Florida's county surtax ends at 5,000 for the piece (§ 212.054(2)(b)).
    /// let surtax = Tax { part_up_to: Some("5000".parse()?), ..Tax::percent("county", "1".parse()?) };
    /// assert_eq!(on_one(surtax, "8000.00")?.tax, "50.00".parse()?);
    /// # Ok(())
    /// # }
    /// ```
    pub const fn percent(id: T, rate: Percent) -> Self {
        Self {
            id,
            levy: Levy::Percent(rate),
            price_included: false,
            include_base_amount: false,
            is_base_affected: true,
            sequence: 1,
            exempt_below: None,
            part_above: None,
            part_up_to: None,
        }
    }
}

impl TryFrom<&TaxRecord> for Tax<TaxId> {
    type Error = TaxError;

    /// The tax of a record of HQ's, whatever its dates: [`in_force`](crate::in_force) looks at those.
    ///
    /// # Errors
    /// At `/rate`, when the rate has more decimals than its kind (4 for a percentage, 6 for an amount) or is beyond its
    /// bounds. Whether it is in range, [`compute`](crate::compute) says.
    fn try_from(record: &TaxRecord) -> Result<Self, TaxError> {
        let rate = |error| TaxError::new("/rate", error);
        let percent = || Percent::new(record.rate).map_err(|error| rate(error.into()));
        Ok(Self {
            id: record.id,
            levy: match record.kind {
                TaxKind::Percent => Levy::Percent(percent()?),
                TaxKind::Division => Levy::Division(percent()?),
                TaxKind::Fixed => {
                    Levy::Fixed(UnitPrice::new(record.rate).map_err(|error| rate(error.into()))?)
                }
            },
            price_included: record.price_included,
            include_base_amount: record.include_base_amount,
            is_base_affected: record.is_base_affected,
            sequence: record.sequence,
            exempt_below: record.exempt_below,
            part_above: record.part_above,
            part_up_to: record.part_up_to,
        })
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<T, L> {
    /// Its name. Cents that are left over go to lines by amount and then by this.
    pub id: L,
    /// How many, to 3 decimals; negative for what comes back.
    pub quantity: Quantity,
    /// What is asked.
    pub price: LinePrice,
    /// The taxes that it bears, in any order, at most [`MAX_TAXES_ON_A_LINE`](crate::MAX_TAXES_ON_A_LINE).
    pub tax_ids: Vec<T>,
    /// Those of them that whoever buys is spared ([`Exemption`](crate::Exemption)). The price without tax stays what it
    /// is for anybody else; the other taxes are computed on it as if there were no such tax, and what is inside the price
    /// and not paid is [`ComputedLine::relief`].
    pub spared: Vec<T>,
}

/// What is asked for a line, included taxes inside.
///
/// ```
/// use shared_model::taxes::TaxRounding;
/// use shared_model::{Percent, Rounding};
/// use tax_engine::{Document, Line, LinePrice, Tax, compute};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Three at 3.333 less 5 % come to 9.50, rounded once.
/// let price = LinePrice::Unit { unit_price: "3.333".parse()?, discount_percent: "5".parse()? };
/// let line = |id, price| Ok::<_, shared_model::MoneyError>(Line {
///     id, quantity: "3".parse()?, price, tax_ids: vec!["vat"], spared: Vec::new(),
/// });
/// let computed = compute(&Document {
///     decimals: 2,
///     rounding: TaxRounding::PerLine,
///     rounding_mode: Rounding::HalfUp,
///     cash_rounding: None,
///     taxes: vec![Tax { price_included: true, ..Tax::percent("vat", "25".parse::<Percent>()?) }],
///     lines: vec![line(1, price)?, line(2, LinePrice::Extension("9.50".parse()?))?],
/// })?;
/// assert_eq!(computed.lines[0].total_included, "9.50".parse()?);
/// assert_eq!(computed.lines[0].taxes, computed.lines[1].taxes);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinePrice {
    /// A price per unit, less a percentage (0 to 100). The line comes to quantity × price, rounded once.
    Unit {
        /// The price of one.
        unit_price: UnitPrice,
        /// What is taken off.
        discount_percent: Percent,
    },
    /// What the line comes to, with its sign, computed elsewhere (a label's amount, a price after shared reductions).
    /// A unit's price, for thresholds, is this divided by the quantity.
    Extension(Amount),
}

/// A taxed document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Computed<T, L> {
    /// The lines, in the document's order.
    pub lines: Vec<ComputedLine<T, L>>,
    /// The sums.
    pub document: Totals<T>,
}

/// A taxed line. `total_excluded` + its taxes = `total_included`; `total_excluded` + its included taxes + `relief` is what
/// was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComputedLine<T, L> {
    /// The line.
    pub id: L,
    /// Without tax.
    pub total_excluded: Amount,
    /// With all taxes: what was asked, and the taxes on top of it.
    pub total_included: Amount,
    /// Its taxes, in their order, without those that are spared.
    pub taxes: Vec<TaxAmount<T>>,
    /// What is inside the price and not paid, because a tax is spared; never written by the binary, which knows nobody
    /// who buys.
    #[serde(skip)]
    pub relief: Amount,
}

/// A tax of a line or of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaxAmount<T> {
    /// The tax.
    pub tax_id: T,
    /// What it was computed on; zero where the line is exempt.
    pub base: Amount,
    /// What it comes to.
    pub amount: Amount,
}

/// The sums of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Totals<T> {
    /// Sum of the lines without tax.
    pub base: Amount,
    /// Sum of their taxes.
    pub tax: Amount,
    /// Sum of the lines with tax: `base` + `tax`.
    pub total: Amount,
    /// `total`, rounded to the coin where there is one: what is owed in cash.
    pub payable: Amount,
    /// Each tax that a line names, in the taxes' order: the sums over lines.
    pub taxes: Vec<TaxAmount<T>>,
}
