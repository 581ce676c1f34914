//! The tax of a document: percent, fixed and division taxes, inside the price or on top of it, in every order.
//! Pure: a [`Document`] in, a [`Computed`] out; no clock, no I/O, no float.
//!
//! Most callers go this way: the taxes of a product as records, [`FiscalMapping::map`] for the place, [`in_force`] for the
//! day and [`Exemption::spares`] for the customer, which gives each [`Line`]'s taxes; [`Tax::try_from`] for what they are;
//! [`compute`]; and [`breakdown`] for the receipt's table by rate. Programs in other languages use the binary.
//!
//! # What is computed
//!
//! A line is asked quantity × unit price × (1 − discount), rounded once to the currency's decimals. Of that, the base B
//! is what solves
//!
//! > asked = B + the included taxes
//!
//! where the taxes are taken in the order of [`Tax::sequence`], each on B plus those before it that have
//! [`Tax::include_base_amount`], if it [`Tax::is_base_affected`]. Taxes that are not included come on top; where one of
//! them is in the base of an included tax, it is in the equation too. [`Levy`] says what each kind takes.
//!
//! * **Exact until rounded.** A line's taxes are exact fractions of integers, however many taxes stand on one another;
//!   nothing is rounded on the way. Then [`TaxRounding::PerLine`](shared_model::taxes::TaxRounding) rounds each tax of
//!   each line, and `PerDocument` rounds each tax's sum once and gives the smallest units back to the lines by largest
//!   remainder; ties go to the larger amount of tax, then to the smaller line id, never by position.
//! * **The label stands.** What is asked is never changed: a line without tax is what is asked less its rounded
//!   included taxes, to the smallest unit.
//! * **Mirrors.** A document with all quantities negated has all amounts negated: a refund gives back what was taken.
//! * **Thresholds** look at the unit, after reductions: [`Tax::exempt_below`] at its price as asked, which is what such laws
//!   name; [`Tax::part_above`] and [`Tax::part_up_to`] leave a part of its price without tax, and are for percent and
//!   division taxes. The taxes before it that a tax
//!   listens to are borne whole.
//! * **Exemption.** For somebody who is spared a tax ([`Line::spared`], decided by [`Exemption::spares`]) the price without
//!   tax is what it is for anybody else; the other taxes are computed on it as if the spared one were not there.
//! * **Refused**, with the place and a word for programs ([`Reason::code`]): what cannot be computed or is open, such as
//!   two taxes of one place in the order of which one would be in the other's base.
//!
//! # Units and bounds
//!
//! Amounts are in the document's one currency, which is not named but by its decimals, 0 to [`MAX_DECIMALS`]; rates are
//! percent (21 is 21 %) or an amount per unit. [`MAX_LINES`], [`MAX_TAXES`], [`MAX_TAXES_ON_A_LINE`], [`MAX_STACKS`];
//! amounts, prices, quantities and rates as in [`shared_model`]. Within them every document is computed exactly; beyond
//! them it is refused.
//!
//! # Where the rules come from
//!
//! That an included tax leaves the label as it is: price indication law, such as the EU's directive 98/6, article 2. One
//! rounding per rate and document, or per line: the law of the place, such as Japan's ([`TaxArea`]); the EU leaves it to
//! its members (Court of Justice, C-484/06, Ahold). The worked examples beside this crate name the law of each.
//!
//! # The binary's JSON
//!
//! `tax-engine` reads what [`json::answer`] takes. Decimals are strings; whole numbers may be numbers too. May be left
//! out (or be null): `rounding_mode` (`half_up`), `cash_rounding`, thresholds, `discount_percent` (`0`), `include_base_amount`
//! (false), `is_base_affected` (true), `sequence` (0). Taxes of the same `sequence` are taken in the order in which the
//! document lists them, so there no order is open, and no cycle possible. Cents that are left over by equal remainders of
//! equal amounts go to the line whose id comes first as a text: `10` before `2`.
//!
//! A document that is wrong is answered by a problem (`type`, `title`, `status`, `detail`, `errors` with `pointer`, `code`
//! and `detail`), in an array in the document's place and with its `id`; the program then ends with 2.
//!
//! ```
//! let input = br#"{
//!     "id": "receipt", "currency_decimals": 2, "rounding": "per_line",
//!     "taxes": [{"id": "vat", "kind": "percent", "rate": "20", "price_included": true, "sequence": 1}],
//!     "lines": [{"id": "1", "quantity": "3", "unit_price": "1.99", "tax_ids": ["vat"]}]
//! }"#;
//! let answer = serde_json::to_value(tax_engine::json::answer(input).map_err(|problem| problem.detail().to_owned())?)?;
//! assert_eq!(answer["lines"][0]["total_excluded"], "4.97");
//! assert_eq!(answer["document"]["tax"], "1.00");
//! assert_eq!(answer["document"]["payable"], "5.97");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod area;
mod breakdown;
mod compute;
mod document;
mod exact;
pub mod json;
mod refusal;
mod stack;

pub use area::{Exemption, FiscalMapping, TaxArea, in_force};
pub use breakdown::{RateTotal, breakdown};
pub use compute::{MAX_DECIMALS, MAX_LINES, MAX_STACKS, MAX_TAXES, MAX_TAXES_ON_A_LINE, compute};
pub use document::{Computed, ComputedLine, Document, Levy, Line, LinePrice, Tax, TaxAmount, Totals};
pub use refusal::{Reason, TaxError};
