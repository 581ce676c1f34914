//! Taxes, as HQ sends them down.
//!
//! Three kinds are enough for the taxes that shops take: a percentage of the price without it (VAT, sales tax), an amount
//! per unit (deposits, eco-fees), and a percentage of the price with the tax itself inside (Brazil's ICMS: "cálculo por
//! dentro", Complementary Law 87/1996, article 13). What each comes to is for the tax engine.
//!
//! ```
//! use shared_model::taxes::{TaxKind, TaxRecord};
//!
//! let vat: TaxRecord = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "code": "B", "name": "VAT 23 %", "kind": "percent", "rate": "23",
//!     "price_included": true, "include_base_amount": false, "is_base_affected": true, "sequence": 1,
//!     "exempt_below": null, "part_above": null, "part_up_to": null, "valid_from": "2012-01-01", "valid_until": null
//! }"#)?;
//! assert_eq!(vat.kind, TaxKind::Percent);
//! assert_eq!(vat.rate.to_string(), "23", "percent, not a fraction");
//! # Ok::<(), serde_json::Error>(())
//! ```

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::TaxId;
use crate::money::UnitPrice;

/// How a tax is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(type_name = "text", rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum TaxKind {
    /// A percentage of the base.
    Percent,
    /// An amount per unit.
    Fixed,
    /// A percentage of the price with the tax in it.
    Division,
}

/// Where tax is rounded.
///
/// ```
/// use shared_model::taxes::TaxRounding;
///
/// assert_eq!(serde_json::from_str::<TaxRounding>("\"per_document\"")?, TaxRounding::PerDocument);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(type_name = "text", rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum TaxRounding {
    /// Line by line.
    PerLine,
    /// Once per tax in a document.
    PerDocument,
}

/// One levy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxRecord {
    /// The tax.
    pub id: TaxId,
    /// Its short code, on receipts.
    pub code: String,
    /// Its name.
    pub name: String,
    /// How it is computed.
    pub kind: TaxKind,
    /// Percent (21 is 21 %, to 4 decimals), or an amount per unit (to 6 decimals) for a fixed tax.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub rate: Decimal,
    /// Whether prices have it inside.
    pub price_included: bool,
    /// Whether later taxes are computed on base plus this tax.
    pub include_base_amount: bool,
    /// Whether this tax listens to earlier ones that say so.
    pub is_base_affected: bool,
    /// Its place in the order.
    pub sequence: i32,
    /// Units below this price bear nothing.
    pub exempt_below: Option<UnitPrice>,
    /// Only the part of a unit's price above this bears it.
    pub part_above: Option<UnitPrice>,
    /// Only the part of a unit's price up to this bears it.
    pub part_up_to: Option<UnitPrice>,
    /// The first day.
    pub valid_from: Option<NaiveDate>,
    /// The day after the last.
    pub valid_until: Option<NaiveDate>,
}
