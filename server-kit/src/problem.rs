//! How a request that could not be done is answered: problem+json of RFC 9457, and how errors become one.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::request;

/// Why a request was refused, as its answer.
///
/// The type is stable and documented; clients go by it and by the errors' codes, never by the texts.
pub struct Problem(Box<Content>);

struct Content {
    status: StatusCode,
    name: Cow<'static, str>,
    title: Cow<'static, str>,
    detail: Option<String>,
    errors: Vec<FieldError>,
    more: Map<String, Value>,
    retry_after: Option<u64>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What is wrong with one part of the input.
#[derive(Clone, Debug, Serialize, ToSchema, PartialEq, Eq)]
pub struct FieldError {
    /// Where: a JSON pointer into the body, such as `/lines/0/quantity`; for the address, the parameter's name after a slash.
    pub pointer: String,
    /// What kind of mistake, stable.
    pub code: Cow<'static, str>,
    /// The same in words.
    pub detail: String,
}

/// The document that every refusal answers, as `application/problem+json`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument<'a> {
    /// Which problem: `/problems/…`, stable and documented.
    #[serde(rename = "type")]
    #[schema(rename = "type", example = "/problems/invalid-input")]
    kind: String,
    /// The problem in a few words.
    title: &'a str,
    /// The HTTP status once more.
    status: u16,
    /// What was wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    /// For input: what is wrong where.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// The request, as the server's log names it.
    request_id: Option<String>,
    /// What a problem of this type tells besides.
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

/// What to say when a constraint of the database refuses what was asked.
#[derive(Clone, Copy, Debug)]
pub struct Constraint {
    /// The constraint's name in the database.
    pub name: &'static str,
    /// The field that it is about.
    pub pointer: &'static str,
    /// What kind of mistake, stable.
    pub code: &'static str,
    /// The same in words.
    pub detail: &'static str,
}

impl Problem {
    /// A problem `/problems/{name}`.
    #[must_use]
    pub fn new(
        status: StatusCode,
        name: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Content {
            status,
            name: name.into(),
            title: title.into(),
            detail: None,
            errors: Vec::new(),
            more: Map::new(),
            retry_after: None,
            source: None,
        }))
    }

    /// The input makes no sense in one place: 422 `/problems/invalid-input`.
    #[must_use]
    pub fn invalid(
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-input", "The input is not valid")
            .field(pointer, code, detail)
    }

    /// The input makes no sense in these places: 422 `/problems/invalid-input`.
    #[must_use]
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let mut problem =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-input", "The input is not valid");
        problem.0.errors = errors;
        problem
    }

    /// There is no such thing (or not for this caller): 404 `/problems/not-found`.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found").detail(format!("There is no such {what}."))
    }

    /// The state of things does not allow it: 409.
    #[must_use]
    pub fn conflict(name: impl Into<Cow<'static, str>>, title: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, name, title)
    }

    /// What is changed has changed since it was read: 412 `/problems/stale`.
    #[must_use]
    pub fn stale() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "stale", "It has changed since you read it")
    }

    /// Nobody is signed in, or not any more: 401 `/problems/not-signed-in`.
    #[must_use]
    pub fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not-signed-in", "Sign in first")
    }

    /// Who asks lacks this permission: 403 `/problems/forbidden`.
    #[must_use]
    pub fn forbidden(permission: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "You may not do this").with("permission", permission)
    }

    /// The server cannot do it just now: 503 with `Retry-After`.
    #[must_use]
    pub fn unavailable(
        name: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
        seconds: u64,
    ) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, name, title).retry_after(seconds)
    }

    /// Something went wrong that is nobody's input: 500. The error goes to the log, nothing of it to the caller.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut problem =
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on the server");
        problem.0.source = Some(source.into());
        problem
    }

    /// What the database says when a constraint refuses: these are the caller's mistakes, all else as `From` has it.
    #[must_use]
    pub fn from_database(error: sqlx::Error, constraints: &[Constraint]) -> Self {
        let refused = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::constraint)
            .and_then(|name| constraints.iter().find(|constraint| constraint.name == name));
        match refused {
            None => Self::from(error),
            Some(constraint) => {
                let status =
                    match error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() {
                        Some("23505" | "23P01") => StatusCode::CONFLICT,
                        _ => StatusCode::UNPROCESSABLE_ENTITY,
                    };
                let (name, title) = if status == StatusCode::CONFLICT {
                    ("already-exists", "There is one already")
                } else {
                    ("invalid-input", "The input is not valid")
                };
                Self::new(status, name, title).field(constraint.pointer, constraint.code, constraint.detail)
            }
        }
    }

    /// Says what was wrong this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds what is wrong with one part of the input.
    #[must_use]
    pub fn field(
        mut self,
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        self.0.errors.push(FieldError { pointer: pointer.into(), code: code.into(), detail: detail.into() });
        self
    }

    /// Adds a member that problems of this type have.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Keeps the error that led here, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The last part of its type.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What is wrong where.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Problem")
            .field("name", &self.0.name)
            .field("status", &self.0.status.as_u16())
            .field("detail", &self.0.detail)
            .field("errors", &self.0.errors)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.title)?;
        if let Some(detail) = &self.0.detail {
            write!(formatter, ": {detail}")?;
        }
        Ok(())
    }
}

impl StdError for Problem {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| -> &(dyn StdError + 'static) { source.as_ref() })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let content = self.0;
        if content.status.is_server_error() {
            let chain = content.source.as_deref().map(|source| chain_of(source)).unwrap_or_default();
            if content.status == StatusCode::INTERNAL_SERVER_ERROR {
                tracing::error!(problem = %content.name, error = chain, "request failed");
            } else {
                tracing::warn!(problem = %content.name, error = chain, "request turned away");
            }
        }
        let document = ProblemDocument {
            kind: format!("/problems/{}", content.name),
            title: &content.title,
            status: content.status.as_u16(),
            detail: content.detail.as_deref(),
            errors: &content.errors,
            request_id: request::request_id(),
            more: &content.more,
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response =
            (content.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = content.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if content.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// An error and what led to it, in one line for the log.
pub(crate) fn chain_of(error: &(dyn StdError + 'static)) -> String {
    let mut chain = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let text = source.to_string();
        if !chain.ends_with(&text) {
            chain.push_str(": ");
            chain.push_str(&text);
        }
        next = source.source();
    }
    chain
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        let problem = match &error {
            sqlx::Error::RowNotFound => {
                return Self::new(StatusCode::NOT_FOUND, "not-found", "Not found");
            }
            sqlx::Error::PoolTimedOut => {
                Self::unavailable("overloaded", "The server has too much to do just now", 1)
            }
            sqlx::Error::PoolClosed => Self::unavailable("shutting-down", "The server is being stopped", 5),
            sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed => {
                Self::unavailable("database-away", "The database cannot be reached just now", 2)
            }
            sqlx::Error::Database(refusal) => {
                let code = refusal.code();
                match code.as_deref().unwrap_or_default() {
                    "40001" | "40P01" | "55P03" => {
                        Self::unavailable("busy", "Others are changing the same thing just now", 1)
                    }
                    "57014" | "25P03" | "25P04" => Self::unavailable("took-too-long", "It took too long", 1),
                    "53300" => Self::unavailable("overloaded", "The server has too much to do just now", 1),
                    "53100" => Self::unavailable("storage-full", "The server's storage is full", 60),
                    code if code.starts_with("57P") || code.starts_with("08") => {
                        Self::unavailable("database-away", "The database cannot be reached just now", 2)
                    }
                    "23505" | "23P01" => Self::conflict("already-exists", "There is one already"),
                    "23503" => Self::new(
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "unknown-reference",
                        "It refers to something that does not exist, or is still referred to",
                    ),
                    "23514" | "23502" | "22001" | "22003" | "22008" | "22P02" => {
                        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-input", "The input is not valid")
                    }
                    // A NUL character in a text: PostgreSQL has none.
                    "22021" | "22P05" => Self::new(
                        StatusCode::BAD_REQUEST,
                        "malformed",
                        "The input has a character that cannot be kept",
                    ),
                    _ => return Self::internal(error),
                }
            }
            _ => return Self::internal(error),
        };
        if problem.status().is_client_error() {
            // Which constraint it was is for the developer's log: a route that lets this happen should name it.
            tracing::info!(error = %error, problem = problem.name(), "refused by the database");
        }
        problem.caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn document(problem: Problem) -> (StatusCode, Value) {
        let response = problem.into_response();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_problem_names_the_field_and_what_is_wrong_with_it() {
        let (status, body) =
            document(Problem::invalid("/lines/0/quantity", "not_positive", "At least one.")).await;
        assert_eq!(status, 422);
        assert_eq!(body["type"], "/problems/invalid-input");
        assert_eq!(body["errors"][0]["pointer"], "/lines/0/quantity");
        assert_eq!(body["errors"][0]["code"], "not_positive");
    }

    #[tokio::test]
    async fn an_internal_error_tells_the_caller_nothing() {
        let (status, body) = document(Problem::internal("password=hunter2")).await;
        assert_eq!(status, 500);
        assert!(!body.to_string().contains("hunter2"));
    }

    #[tokio::test]
    async fn an_exhausted_pool_says_when_to_come_again() {
        let response = Problem::from(sqlx::Error::PoolTimedOut).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
