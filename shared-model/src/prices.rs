//! Effective-dated prices, as HQ sends them down.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use crate::ids::{PriceId, PriceLevelId, StoreId, VariantId};
use crate::money::UnitPrice;
use crate::quantity::Quantity;

/// What a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(type_name = "text", rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum PriceKind {
    /// The usual price.
    Regular,
    /// A price for a time, taken where it is lower.
    Sale,
    /// A price from a quantity on, taken where it is lower.
    Break,
}

/// A named list of prices (trade, members).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PriceLevelRecord {
    /// The level.
    pub id: PriceLevelId,
    /// Its short code.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// An amount for a variant, for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PriceRecord {
    /// The price.
    pub id: PriceId,
    /// What it is the price of.
    pub variant_id: VariantId,
    /// The level that it is for; none: every level.
    pub price_level_id: Option<PriceLevelId>,
    /// The store that it is for; none: every store.
    pub store_id: Option<StoreId>,
    /// What it is for.
    pub kind: PriceKind,
    /// From which quantity of the variant on; zero but for breaks.
    pub min_quantity: Quantity,
    /// Since when (none: always was), in the store's time zone.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub valid_from: Option<NaiveDateTime>,
    /// Until when, not included (none: until further notice), in the store's time zone.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub valid_until: Option<NaiveDateTime>,
    /// The price of one unit.
    pub amount: UnitPrice,
    /// Why it is so.
    pub reason: String,
}
