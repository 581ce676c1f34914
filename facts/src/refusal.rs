//! Why a fact is not written: by the fact's own fault, or by the database's.

use thiserror::Error;

/// What the writers and figures answer when they cannot.
#[derive(Debug, Error)]
pub enum FactsError {
    /// A sale with this id is there.
    #[error("a sale with this id is recorded already")]
    SaleKnown,
    /// The number of the series has been used.
    #[error("the receipt number has been used in this series")]
    NumberTaken,
    /// A line, payment or movement of another document has this id.
    #[error("an id in {table} has been used by another document")]
    IdTaken {
        /// Where.
        table: &'static str,
    },
    /// A register session with this id is there.
    #[error("a register session with this id is recorded already")]
    SessionKnown,
    /// The session was never opened here.
    #[error("the register session is not known")]
    SessionUnknown,
    /// The session has its Z already.
    #[error("the register session is closed already")]
    SessionClosedAlready,
    /// The Z number of the series has been used.
    #[error("the Z number has been used in this series")]
    ZNumberTaken,
    /// A number that no column holds, or one that a column refuses (a count of zero).
    #[error("a number is out of bounds")]
    OutOfBounds,
    /// Text that the database has no characters for (NUL).
    #[error("a text has a character that cannot be kept")]
    BadText,
    /// The database itself.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl FactsError {
    /// Whether the same facts would fail again, whenever and wherever they are tried.
    #[must_use]
    pub const fn is_the_facts_own_fault(&self) -> bool {
        !matches!(self, Self::Database(_))
    }
}

impl From<shared_model::MoneyError> for FactsError {
    fn from(_: shared_model::MoneyError) -> Self {
        Self::OutOfBounds
    }
}

impl From<sqlx::Error> for FactsError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else { return Self::Database(error) };
        let constraint = database.constraint().unwrap_or_default();
        match database.code().as_deref() {
            Some("23505") => match constraint {
                "sale_pkey" => Self::SaleKnown,
                "sale_company_id_store_id_series_number_key" => Self::NumberTaken,
                "sale_line_pkey" => Self::IdTaken { table: "sale_line" },
                "sale_line_tax_pkey" => Self::IdTaken { table: "sale_line_tax" },
                "payment_pkey" => Self::IdTaken { table: "payment" },
                "stock_movement_pkey" => Self::IdTaken { table: "stock_movement" },
                "register_session_pkey" => Self::SessionKnown,
                "register_session_close_pkey" | "register_session_tender_pkey" => Self::SessionClosedAlready,
                "register_session_close_company_id_store_id_series_z_number_key" => Self::ZNumberTaken,
                _ => Self::Database(error),
            },
            Some("23503") if constraint.contains("register_session_id") => Self::SessionUnknown,
            // numeric_value_out_of_range, check_violation
            Some("22003" | "23514") => Self::OutOfBounds,
            // character_not_in_repertoire, untranslatable_character
            Some("22021" | "22P05") => Self::BadText,
            _ => Self::Database(error),
        }
    }
}
