//! The company and the store itself, as HQ sends them down.

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
