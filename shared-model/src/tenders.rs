//! Ways of paying, as HQ sends them down.

use serde::{Deserialize, Serialize};

use crate::ids::TenderId;
use crate::money::Amount;

/// What a tender is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(type_name = "text", rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum TenderKind {
    /// Coins and notes in the store's currency.
    Cash,
    /// A card by a terminal that the till speaks to.
    CardTerminal,
    /// A card by a terminal that stands by itself.
    CardStandalone,
    /// A gift card.
    GiftCard,
    /// What the store owes the customer.
    StoreCredit,
    /// What the customer will owe.
    OnAccount,
    /// Coins and notes of another currency.
    ForeignCash,
    /// Anything else (vouchers).
    Other,
}

/// A way of paying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenderRecord {
    /// The tender.
    pub id: TenderId,
    /// Its short code: `cash`, `card`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TenderKind,
    /// Whether change is given on it.
    pub allows_change: bool,
    /// The smallest coin that what is paid with it is rounded to; none: exact.
    pub cash_rounding: Option<Amount>,
    /// Its place on the screen.
    pub position: i32,
    /// No longer taken.
    pub archived: bool,
}
