//! Registers and their sessions: opened with a float, counted, closed with a Z. What is expected in a drawer is shown to
//! those who may see it, and to nobody by another way.

mod clock;
pub mod close;
pub mod count;
pub mod open;
pub mod report;
mod routes;
pub mod session;

use chrono::NaiveDateTime;
use server_kit::{Capability, Problem};

use crate::journal::JournalError;
use crate::this_store::NotReady;

/// Registers.
#[must_use]
pub fn capability() -> Capability {
    Capability {
        name: "registers",
        routes: routes::routes(),
        permissions: &["session.open", "session.close", "session.see_expected", "session.x"],
        entities: &[],
        facts: &[],
    }
}

/// Why a session does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("there is no such register session")]
    Unknown,
    #[error("there is no register {0}")]
    UnknownRegister(String),
    #[error("the register has an open session")]
    AlreadyOpen(uuid::Uuid),
    #[error("the session's id was used for another session")]
    OtherBody,
    #[error("the session is closed")]
    Closed,
    #[error("{detail}")]
    Invalid { pointer: String, code: &'static str, detail: String },
    #[error("the session was counted twice")]
    CountedTwice,
    #[error("the clock says {now}, and what was written last is of {last}")]
    ClockInDoubt { now: NaiveDateTime, last: NaiveDateTime },
    #[error(transparent)]
    NotReady(#[from] NotReady),
    #[error("the facts cannot be written")]
    Facts(#[from] facts::FactsError),
    #[error("the journal cannot be written")]
    Journal(#[from] JournalError),
    #[error("a count cannot be kept")]
    Json(#[from] serde_json::Error),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl SessionError {
    fn invalid(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid { pointer: pointer.into(), code, detail: detail.into() }
    }
}

impl From<shared_model::MoneyError> for SessionError {
    fn from(error: shared_model::MoneyError) -> Self {
        Self::invalid("", "out_of_bounds", error.to_string())
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Unknown => Self::not_found("register session"),
            SessionError::UnknownRegister(code) => {
                Self::invalid("/register", "unknown", format!("There is no register {code} in this store."))
            }
            SessionError::AlreadyOpen(id) => {
                Self::conflict("register-already-open", "The register has an open session")
                    .with("register_session_id", id.to_string())
            }
            SessionError::OtherBody => Self::conflict("different-body", "This id is that of another session"),
            SessionError::Closed => Self::conflict("session-closed", "The register session is closed"),
            SessionError::Invalid { pointer, code, detail } => Self::invalid(pointer, code, detail),
            SessionError::CountedTwice => {
                Self::conflict("counted-twice", "The session has been counted twice; close it")
            }
            SessionError::ClockInDoubt { now, last } => {
                let (now, last) = (now.format("%Y-%m-%d %H:%M"), last.format("%Y-%m-%d %H:%M"));
                Self::conflict("clock-in-doubt", "The store is not sure what day it is")
                    .detail(format!(
                        "The clock of the store's server says {now}, and what was written here last is of {last}. If it is another \
                         day than the clock says, set that machine's clock. If it is that day, open the session again and say so with `today`."
                    ))
                    .with("now", now.to_string())
                    .with("last", last.to_string())
            }
            SessionError::NotReady(error) => error.into(),
            SessionError::Facts(facts::FactsError::Database(error))
            | SessionError::Journal(JournalError::Database(error))
            | SessionError::Database(error) => error.into(),
            SessionError::Facts(facts::FactsError::OutOfBounds) => {
                Self::invalid("", "out_of_bounds", "A number is beyond what a session can hold.")
            }
            error @ (SessionError::Facts(_) | SessionError::Journal(_) | SessionError::Json(_)) => {
                Self::internal(error)
            }
        }
    }
}
