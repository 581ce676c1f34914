//! Effective-dated prices, as HQ sends them down.
//!
//! A price is sent long before it begins, so a store that is cut off changes it in time. Its moments are those of the
//! store's own clock, without a zone: one row begins at six in the morning in every store of the chain. Which of several
//! rows counts is for the pricing engine to say.
//!
//! ```
//! use shared_model::prices::{PriceKind, PriceRecord};
//!
//! let winter_sale: PriceRecord = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "variant_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b12",
//!     "price_level_id": null, "store_id": null, "kind": "sale", "min_quantity": "0",
//!     "valid_from": "2027-01-02T06:00:00", "valid_until": "2027-01-31T20:00:00",
//!     "amount": "7.90", "reason": "winter sale"
//! }"#)?;
//! assert_eq!(winter_sale.kind, PriceKind::Sale);
//! assert!(winter_sale.store_id.is_none(), "for every store");
//! // A moment with a zone is none of the store's own, and refused.
//! assert!(serde_json::from_str::<chrono::NaiveDateTime>(r#""2027-01-02T06:00:00Z""#).is_err());
//! # Ok::<(), serde_json::Error>(())
//! ```

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
    /// The price of one unit, in the store's currency, tax included where its taxes are.
    pub amount: UnitPrice,
    /// Why it is so.
    pub reason: String,
}
