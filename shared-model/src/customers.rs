//! Customers, as HQ sends them down. A text that HQ does not know is empty, not missing.
//!
//! ```
//! use shared_model::customers::CustomerRecord;
//!
//! let school: CustomerRecord = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "code": "C-0042", "name": "Riverside School", "phone": "",
//!     "email": "", "price_level_id": null, "customer_group": "schools", "tax_number": "",
//!     "exemption_certificate": "ST-119.1 4711", "exemption_expires_on": "2026-12-31"
//! }"#)?;
//! // The last day still counts.
//! assert!(school.exemption_expires_on.is_some_and(|last| last.to_string() == "2026-12-31"));
//! # Ok::<(), serde_json::Error>(())
//! ```

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ids::{CustomerId, PriceLevelId, TaxId};

/// Somebody who buys and is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CustomerRecord {
    /// The customer.
    pub id: CustomerId,
    /// Their number, unique in the company.
    pub code: String,
    /// Their name.
    pub name: String,
    /// Their telephone number, or nothing.
    pub phone: String,
    /// Their e-mail address, or nothing.
    pub email: String,
    /// Their price level, which goes before the store's; none: they have none.
    pub price_level_id: Option<PriceLevelId>,
    /// The group that promotions know them by; none: they are in none.
    pub customer_group: Option<String>,
    /// Their tax number, on receipts.
    pub tax_number: String,
    /// The certificate by which they bear no tax, or not those that it names; empty: they bear all.
    pub exemption_certificate: String,
    /// The last day that it holds, in the store's zone.
    pub exemption_expires_on: Option<NaiveDate>,
    /// The taxes that it names; none: all.
    #[serde(default)]
    pub exemption_taxes: Option<Vec<TaxId>>,
}
