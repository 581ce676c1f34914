//! The facts of register sessions: opened with a float, closed with a count (the Z).
//!
//! Amounts are in the session's currency. What is expected of a tender is what came in less what went out, the float with
//! the cash; over or short is counted − expected, which is not kept, as it follows:
//!
//! ```
//! use shared_model::registers::{RegisterSessionOpened, TenderCount};
//!
//! let cash: TenderCount = serde_json::from_str(r#"{
//!     "tender_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "tender_code": "cash", "tender_name": "Cash",
//!     "payments": 31, "expected": "412.35", "counted": "412.00"
//! }"#)?;
//! let counted = cash.counted.ok_or("not counted")?;
//! assert_eq!(counted.minus(cash.expected)?.to_string(), "-0.35");
//!
//! let opened: RegisterSessionOpened = serde_json::from_str(r#"{
//!     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b12", "register_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b13",
//!     "register_code": "R02", "series": "R02B", "business_date": "2026-11-23", "currency": "EUR",
//!     "opened_at": "2026-11-23T08:55:00Z", "opened_by": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b14",
//!     "opened_by_name": "Till 2", "opening_float": "100.00"
//! }"#)?;
//! // What its sales put into the drawer, without the float.
//! assert_eq!(cash.expected.minus(opened.opening_float)?.to_string(), "312.35");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::ids::{RegisterId, RegisterSessionId, TenderId, UserId};
use crate::money::Amount;

/// The fact that a register session was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterSessionOpened {
    /// The session.
    pub id: RegisterSessionId,
    /// The register.
    pub register_id: RegisterId,
    /// Its code, as it was.
    pub register_code: String,
    /// The receipt series: `R02`, `R02B`.
    pub series: String,
    /// The day that its sales count for, in the store's zone.
    pub business_date: NaiveDate,
    /// The currency of the drawer.
    pub currency: Currency,
    /// When.
    pub opened_at: DateTime<Utc>,
    /// By whom.
    pub opened_by: UserId,
    /// Their name, as it was.
    pub opened_by_name: String,
    /// What lay in the drawer.
    pub opening_float: Amount,
}

/// The fact that a register session was counted and closed: the Z.
///
/// ```
/// use shared_model::registers::RegisterSessionClosed;
///
/// let z: RegisterSessionClosed = serde_json::from_str(r#"{
///     "register_session_id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b12", "series": "R02", "z_number": 17,
///     "business_date": "2026-11-23", "closed_at": "2026-11-23T19:05:00Z",
///     "closed_by": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b14", "closed_by_name": "Till 2", "sales": 1,
///     "net": "7.47", "tax": "1.50", "gross": "8.97", "rounding": "-0.02", "tenders": []
/// }"#)?;
/// assert_eq!(z.gross, z.net.plus(z.tax)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterSessionClosed {
    /// The session.
    pub register_session_id: RegisterSessionId,
    /// The receipt series.
    pub series: String,
    /// Z numbers run without gaps per series, from 1.
    pub z_number: i32,
    /// The session's business date.
    pub business_date: NaiveDate,
    /// When.
    pub closed_at: DateTime<Utc>,
    /// By whom.
    pub closed_by: UserId,
    /// Their name, as it was.
    pub closed_by_name: String,
    /// How many receipts.
    pub sales: i32,
    /// Their net.
    pub net: Amount,
    /// Their tax.
    pub tax: Amount,
    /// Net and tax.
    pub gross: Amount,
    /// Rounding of cash, in all: what came in beyond what was owed; below zero where less did.
    pub rounding: Amount,
    /// Each tender that was used or counted.
    pub tenders: Vec<TenderCount>,
}

/// What a session holds of one tender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenderCount {
    /// The tender.
    pub tender_id: TenderId,
    /// Its code, as first used in the session.
    pub tender_code: String,
    /// Its name, likewise.
    pub tender_name: String,
    /// How many payments.
    pub payments: i32,
    /// What should be there, the float included in the cash tender's.
    pub expected: Amount,
    /// What was counted; none: not counted.
    pub counted: Option<Amount>,
}
