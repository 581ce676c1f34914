//! Places with their tax rules, as HQ sends them down: one product bears one tax group, and what that comes to is said
//! here for each place.
//!
//! The VAT of the mainland is another tax, or none, in the Canary Islands (EU VAT directive 2006/112, article 6, has them
//! outside its territory):
//!
//! ```
//! use shared_model::tax_areas::{MappedTax, TaxAreaRecord};
//!
//! let canaries: TaxAreaRecord = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "code": "ES-CN", "name": "Canary Islands", "country": "ES",
//!     "tax_rounding": "per_line", "rounding_mode": "half_up", "mapping": [
//!         {"tax_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b12", "becomes": ["0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b13"]},
//!         {"tax_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b14", "becomes": []}
//!     ]
//! }"#)?;
//! let [vat, MappedTax { becomes: nothing, .. }] = canaries.mapping.as_slice() else { panic!("two taxes") };
//! assert_eq!(vat.becomes.len(), 1);
//! assert!(nothing.is_empty(), "not taken there");
//! # Ok::<(), serde_json::Error>(())
//! ```

use serde::{Deserialize, Serialize};

use crate::ids::{TaxAreaId, TaxId};
use crate::rounding::Rounding;
use crate::taxes::TaxRounding;

/// A place with its tax rules; a store lies in one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaxAreaRecord {
    /// The area.
    pub id: TaxAreaId,
    /// Its short code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The country that it lies in, by two letters (ISO 3166-1).
    pub country: String,
    /// Where tax is rounded there.
    pub tax_rounding: TaxRounding,
    /// Which way.
    pub rounding_mode: Rounding,
    /// What the taxes of home become there; one that is not named stays what it is.
    pub mapping: Vec<MappedTax>,
}

/// "This tax there is that tax here."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MappedTax {
    /// The tax of home.
    pub tax_id: TaxId,
    /// What it becomes; nothing: it is not taken.
    pub becomes: Vec<TaxId>,
}
