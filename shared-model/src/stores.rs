//! The company and the store itself, as HQ sends them down: what stands at the head of a receipt, and the defaults that a
//! sale is computed with.
//!
//! A receipt is a simplified invoice and says who sells (EU VAT directive 2006/112, article 226b): name, address and tax
//! number are on it. Where the store has none of its own they are the company's:
//!
//! ```
//! use shared_model::catalogue::StockPolicy;
//! use shared_model::stores::{CompanyRecord, StoreRecord};
//!
//! let store: StoreRecord = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "code": "ST01", "name": "Harbour Street",
//!     "time_zone": "Europe/Dublin", "currency": "EUR", "price_level_id": null, "tax_rounding": "per_line",
//!     "rounding_mode": "half_up", "stock_policy": "allow", "legal_name": "", "address": "Harbour Street 1, Cork",
//!     "tax_number": "", "archived": false
//! }"#)?;
//! assert!(store.legal_name.is_empty(), "the company's");
//! assert!(store.tax_area_id.is_none(), "taxes are as they are at home");
//! assert_eq!(store.stock_policy, StockPolicy::Allow, "it sells what is not there, and flags it");
//!
//! let company: CompanyRecord = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b12", "code": "mill", "name": "Mill Stores",
//!     "legal_name": "Mill Stores Ltd", "address": "Mill Lane 2, Cork", "tax_number": "IE1234567T", "currency": "EUR"
//! }"#)?;
//! let seller = Some(&store.legal_name).filter(|name| !name.is_empty()).unwrap_or(&company.legal_name);
//! assert_eq!(seller, "Mill Stores Ltd");
//! # Ok::<(), serde_json::Error>(())
//! ```

use serde::{Deserialize, Serialize};

use crate::catalogue::StockPolicy;
use crate::currency::Currency;
use crate::ids::{CompanyId, PriceLevelId, StoreId, TaxAreaId};
use crate::rounding::Rounding;
use crate::taxes::TaxRounding;

/// The chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompanyRecord {
    /// The company.
    pub id: CompanyId,
    /// Its short code: the part of an HQ login behind the `@`.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its name in law, on receipts.
    pub legal_name: String,
    /// Its address, on receipts.
    pub address: String,
    /// Its tax number, on receipts.
    pub tax_number: String,
    /// The currency of its reports.
    pub currency: Currency,
}

/// One shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoreRecord {
    /// The store.
    pub id: StoreId,
    /// Its short code, the head of its receipt numbers.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its IANA time zone.
    pub time_zone: String,
    /// The currency that it sells in.
    pub currency: Currency,
    /// Its price level; none: the default.
    pub price_level_id: Option<PriceLevelId>,
    /// The tax area that it lies in, whose rounding goes before its own; none: taxes are as they are.
    #[serde(default)]
    pub tax_area_id: Option<TaxAreaId>,
    /// Where its tax is rounded.
    pub tax_rounding: TaxRounding,
    /// How its tax is rounded.
    pub rounding_mode: Rounding,
    /// What it does when goods are not available.
    pub stock_policy: StockPolicy,
    /// Its name in law, on receipts; empty: the company's.
    pub legal_name: String,
    /// Its address, on receipts.
    pub address: String,
    /// Its tax number, on receipts; empty: the company's.
    pub tax_number: String,
    /// Closed for good.
    pub archived: bool,
}
