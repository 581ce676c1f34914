//! Ways of paying, as HQ sends them down.
//!
//! The coin that cash is rounded to is the tender's, so that a card pays the same sale to the cent: 0.05 in Switzerland,
//! Canada and Australia, 1 in Sweden, where there are no smaller coins.
//!
//! ```
//! use shared_model::tenders::{TenderKind, TenderRecord};
//!
//! let cash: TenderRecord = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "code": "cash", "name": "Cash", "kind": "cash",
//!     "allows_change": true, "cash_rounding": "0.05", "position": 1, "archived": false
//! }"#)?;
//! assert_eq!(cash.kind, TenderKind::Cash);
//! assert_eq!(cash.cash_rounding, Some("0.05".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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

impl TenderKind {
    /// Whether change can be given on it at all: not on a card or an account.
    ///
    /// ```
    /// use shared_model::tenders::TenderKind;
    ///
    /// assert!(TenderKind::Other.may_give_change(), "a voucher may");
    /// assert!(!TenderKind::CardTerminal.may_give_change());
    /// ```
    #[must_use]
    pub const fn may_give_change(self) -> bool {
        !matches!(self, Self::CardTerminal | Self::CardStandalone | Self::OnAccount)
    }
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
