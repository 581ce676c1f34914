//! People and what they may do, as HQ sends them down. A limit that is not there is no limit; a permission that is not
//! there is not given.
//!
//! ```
//! use shared_model::people::{RoleRecord, StaffRecord};
//!
//! let cashier: RoleRecord = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "code": "cashier", "name": "Cashier",
//!     "permissions": ["sale.ring_up", "sale.reduce"], "max_reduction_percent": "10", "max_refund": null
//! }"#)?;
//! assert_eq!(cashier.max_reduction_percent, Some("10".parse()?));
//! assert!(!cashier.permissions.iter().any(|word| word == "price.publish"));
//!
//! let person: StaffRecord = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b12", "login": "till2", "name": "Till 2", "language": "es",
//!     "role_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "pin": null, "active": true
//! }"#)?;
//! assert_eq!(person.role_id, cashier.id);
//! assert!(person.pin.is_none(), "nobody signs in by it");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use serde::{Deserialize, Serialize};

use crate::ids::{RoleId, UserId};
use crate::money::Amount;
use crate::percent::Percent;

/// A set of permissions with limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleRecord {
    /// The role.
    pub id: RoleId,
    /// Its short code: `cashier`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What it may do: words like `sale.reduce`.
    pub permissions: Vec<String>,
    /// The most that it may take off a line by hand, in percent of the price after promotions, an override included; none: no
    /// limit.
    pub max_reduction_percent: Option<Percent>,
    /// The most that it may give back on one receipt, in the store's currency; none: no limit.
    pub max_refund: Option<Amount>,
}

/// Somebody who works in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StaffRecord {
    /// The person.
    pub id: UserId,
    /// What they sign in with.
    pub login: String,
    /// Their name.
    pub name: String,
    /// The language they read: `en`, `es`.
    pub language: String,
    /// What they may do in this store.
    pub role_id: RoleId,
    /// base64 of argon2id(PIN), sealed under the store's pepper; none: no PIN.
    pub pin: Option<String>,
    /// False: switched off.
    pub active: bool,
}
