//! What the chain sold: reports over HQ's rollups, each with how far every store has been heard.

pub(crate) mod add_up_months;
mod routes;
mod sales;

use server_kit::{Capability, Problem};

/// What this capability brings.
pub(crate) fn capability() -> Capability {
    Capability {
        name: "reports",
        routes: routes::routes(),
        permissions: &["report.read"],
        entities: &[],
        facts: &[],
    }
}

/// Why there is no such report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    #[error("there is no store {0}")]
    UnknownStore(String),
    #[error("the stores sell in {0}, whose amounts do not add")]
    SeveralCurrencies(String),
    #[error(transparent)]
    AskedWrongly(#[from] facts::reports::AskedWrongly),
    #[error("the figures cannot be read")]
    Facts(#[from] facts::FactsError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::UnknownStore(code) => {
                Self::invalid("/store", "unknown_store", format!("There is no store {code} in your reach."))
            }
            ReportError::SeveralCurrencies(currencies) => Self::invalid(
                "/store",
                "several_currencies",
                format!(
                    "These stores sell in {currencies}, which do not add: ask for stores of one currency."
                ),
            ),
            ReportError::AskedWrongly(wrong) => {
                Self::invalid(wrong.pointer(), wrong.code(), wrong.to_string())
            }
            ReportError::Facts(facts::FactsError::Database(error)) | ReportError::Database(error) => {
                error.into()
            }
            ReportError::Facts(error) => Self::internal(error),
        }
    }
}
