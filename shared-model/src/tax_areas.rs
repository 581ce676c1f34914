//! Places with their tax rules, as HQ sends them down.

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
