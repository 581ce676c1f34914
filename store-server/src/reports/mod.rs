//! What this store sold, from its own facts: it knows at once, HQ or no HQ.

mod routes;
mod sales;

use server_kit::{Capability, Problem};

use crate::this_store::NotReady;

/// Reports.
#[must_use]
pub fn capability() -> Capability {
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
    #[error("{asked} is not this store, which is {here}")]
    AnotherStore { asked: String, here: String },
    #[error(transparent)]
    AskedWrongly(#[from] facts::reports::AskedWrongly),
    #[error(transparent)]
    NotReady(#[from] NotReady),
    #[error("the figures cannot be read")]
    Facts(#[from] facts::FactsError),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::AnotherStore { asked, here } => Self::invalid(
                "/store",
                "unknown_store",
                format!("This store is {here} and knows of no store {asked}; HQ does."),
            ),
            ReportError::AskedWrongly(wrong) => {
                Self::invalid(wrong.pointer(), wrong.code(), wrong.to_string())
            }
            ReportError::NotReady(error) => error.into(),
            ReportError::Facts(facts::FactsError::Database(error)) | ReportError::Database(error) => {
                error.into()
            }
            ReportError::Facts(error) => Self::internal(error),
        }
    }
}
