//! The SQL of what both sides keep: set-wise writers from the journal's payloads, stock, rollups, figures, reports.
//!
//! A store writes a set of one, HQ a batch: the same functions, the same columns. Every function takes the
//! connection of the caller's transaction and neither begins nor commits; no function asks row by row. What may
//! not live here: routes, permissions, anything that needs master data (who calls passes the labels in).

pub mod chain_months;
pub mod figures;
pub mod locks;
mod numbers;
pub mod proof;
mod refusal;
pub mod reports;
pub mod rollups;
pub mod sales;
pub mod sessions;
pub mod stock;

pub use refusal::FactsError;
use shared_model::ids::{CompanyId, StoreId};

/// Whose facts: every key begins with these two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The company.
    pub company_id: CompanyId,
    /// Its store.
    pub store_id: StoreId,
}
