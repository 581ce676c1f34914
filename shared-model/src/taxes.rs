//! Taxes and the sets of them that a product bears, as HQ sends them down.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{TaxGroupId, TaxId};
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
    /// Percent (to 4 decimals), or an amount per unit for `Fixed`.
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

/// The set of taxes that a product or department bears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxGroupRecord {
    /// The group.
    pub id: TaxGroupId,
    /// Its short code.
    pub code: String,
    /// Its name.
    pub name: String,
}
