//! What happens once although it is asked for twice: the kept answer of a request whose identity the client made.

use std::error::Error as StdError;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::problem::Problem;
use crate::transact::{Context, Patience, Tx, transact_within};
use crate::{Actor, AppState};

/// A request that has its identity from the client, and what it asks for.
#[derive(Clone, Copy, Debug)]
pub struct Once {
    /// The identity.
    pub key: Uuid,
    /// A hash over what is asked for: the same identity with another one is refused.
    pub request_hash: [u8; 32],
}

impl Once {
    /// Of an operation's name (two routes do not answer for each other) and its command.
    pub fn of(key: Uuid, operation: &str, command: &impl Serialize) -> Result<Self, Problem> {
        let bytes = serde_json::to_vec(command).map_err(Problem::internal)?;
        Ok(Self::of_bytes(key, operation, &bytes))
    }

    /// Of an operation's name and the very bytes that were sent.
    #[must_use]
    pub fn of_bytes(key: Uuid, operation: &str, bytes: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(operation.as_bytes());
        hash.update([0]);
        hash.update(bytes);
        Self { key, request_hash: hash.finalize().into() }
    }
}

/// An answer as it was given the first time, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Its status.
    pub status: StatusCode,
    /// Its body, JSON.
    pub body: Bytes,
    /// Whether it was kept from an earlier request.
    pub replayed: bool,
}

impl IntoResponse for KeptAnswer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// `transact` for a request that has its identity from the client: done once, answered each time alike.
///
/// The identity is written first, in the same transaction as the work and the answer. A second request under it waits there
/// until the first one commits, and then gets its answer; or, the first one having failed, does the work itself. Refusals
/// are not kept. A kept answer can be pruned once nobody repeats the request any more; operations whose record has the same
/// identity stay safe by that record's own key.
pub async fn transact_once<T, E, F>(
    state: &AppState,
    actor: &Actor,
    once: Once,
    work: F,
) -> Result<KeptAnswer, Problem>
where
    F: for<'a> FnOnce(&'a mut Tx, &'a Context) -> BoxFuture<'a, Result<(StatusCode, T), E>>
        + Clone
        + Send
        + 'static,
    T: Serialize + Send + 'static,
    E: Into<Problem> + StdError + Send + Sync + 'static,
{
    let done = transact_within(state, actor, Patience::REQUEST, move |tx, cx| {
        Box::pin(async move {
            if let Some(kept) = claim(tx, cx, once).await? {
                return Ok(kept);
            }
            let (status, answer) = work(tx, cx).await.map_err(OnceError::Work)?;
            let body = serde_json::to_string(&answer).map_err(OnceError::Unserialisable)?;
            keep(tx, cx, once, status, &body).await?;
            Ok(KeptAnswer { status, body: Bytes::from(body), replayed: false })
        })
    })
    .await;
    done.map_err(|error: OnceError<E>| match error {
        OnceError::Database(error) => error.into(),
        OnceError::Work(error) => error.into(),
        OnceError::Unserialisable(error) => Problem::internal(error),
        OnceError::DifferentBody => {
            Problem::conflict("different-body", "This identity was used for something else")
                .with("id", once.key.to_string())
        }
    })
}

#[derive(Debug, thiserror::Error)]
enum OnceError<E: StdError + 'static> {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("the work failed")]
    Work(#[source] E),
    #[error("the answer cannot be written as JSON")]
    Unserialisable(#[source] serde_json::Error),
    #[error("this identity was used for something else")]
    DifferentBody,
}

/// Claims the identity; where it was claimed before, the answer that was kept under it.
async fn claim<E: StdError + 'static>(
    tx: &mut Tx,
    cx: &Context,
    once: Once,
) -> Result<Option<KeptAnswer>, OnceError<E>> {
    // Waits while another transaction holds the same identity.
    let claimed = sqlx::query(
        "insert into kept_answer (company_id, key, request_hash, kept_at) values ($1, $2, $3, $4)
         on conflict (company_id, key) do nothing",
    )
    .bind(cx.company_id())
    .bind(once.key)
    .bind(once.request_hash.as_slice())
    .bind(cx.now)
    .execute(&mut **tx)
    .await?;
    if claimed.rows_affected() == 1 {
        return Ok(None);
    }
    let (request_hash, status, body): (Vec<u8>, i16, String) = sqlx::query_as(
        "select request_hash, status, body from kept_answer where company_id = $1 and key = $2",
    )
    .bind(cx.company_id())
    .bind(once.key)
    .fetch_one(&mut **tx)
    .await?;
    if request_hash != once.request_hash {
        return Err(OnceError::DifferentBody);
    }
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    Ok(Some(KeptAnswer { status: status.unwrap_or(StatusCode::OK), body: Bytes::from(body), replayed: true }))
}

async fn keep(
    tx: &mut Tx,
    cx: &Context,
    once: Once,
    status: StatusCode,
    body: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("update kept_answer set status = $3, body = $4 where company_id = $1 and key = $2")
        .bind(cx.company_id())
        .bind(once.key)
        .bind(i16::try_from(status.as_u16()).unwrap_or(200))
        .bind(body)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
