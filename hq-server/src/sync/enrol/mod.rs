//! Enrolment: how a box becomes a store, stops being one, and learns what time it is. No secret is shared; a person
//! decides each time.

mod code;
mod enrolment;
mod locks;
pub(crate) mod secrets;

use axum::Extension;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use server_kit::serve::Source;
use server_kit::{AppState, Json, Path, Problem, Query, transact};
use sign_in::SignedIn;
use sync_protocol::wire::{Bytes, EnrolAnswer, EnrolRequest, TimeAnswer};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

pub use self::code::{MadeCode, make_code};
use super::hub::{Ask, Hub};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(make_enrol_code)).routes(routes!(revoke_store_key))
}

/// A code to enrol a store with.
#[derive(Debug, Serialize, ToSchema)]
struct EnrolCode {
    /// What to type at the box; it is shown once.
    code: String,
    /// Until when it is good.
    expires_at: DateTime<Utc>,
}

/// Make a one-time code for a store
///
/// Whoever uses it ends the store's former key: the box that had it delivers nothing more.
#[utoipa::path(post, path = "/stores/{id}/enrol-code", tag = "sync", operation_id = "make_enrol_code", params(("id" = Uuid, Path)),
    responses((status = 200, body = EnrolCode)))]
async fn make_enrol_code(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Path(store_id): Path<Uuid>,
) -> Result<Json<EnrolCode>, Problem> {
    actor.require("store.enrol")?;
    let keys = state.keys.clone();
    let made = transact(&state, &actor, move |tx, cx| {
        Box::pin(async move {
            let made = make_code(tx, cx, &keys, store_id).await?;
            crate::audit::noted(tx, cx, "store", "make_enrol_code", store_id, None).await?;
            Ok::<_, Problem>(made)
        })
    })
    .await?;
    Ok(Json(EnrolCode { code: made.code, expires_at: made.expires_at }))
}

/// End a store's key at once
///
/// The box that has it reads and delivers nothing more, and goes on selling. A new code lets it in again.
#[utoipa::path(post, path = "/stores/{id}/revoke-key", tag = "sync", operation_id = "revoke_store_key", params(("id" = Uuid, Path)),
    responses((status = 204)))]
async fn revoke_store_key(
    State(state): State<AppState>,
    Extension(hub): Extension<Hub>,
    SignedIn(actor): SignedIn,
    Path(store_id): Path<Uuid>,
) -> Result<axum::http::StatusCode, Problem> {
    actor.require("store.enrol")?;
    let company_id = actor.company_id().unwrap_or_default();
    transact(&state, &actor, move |tx, cx| {
        Box::pin(async move {
            let ended = sqlx::query!(
                "update store_key set ended_at = $2, ended_because = 'revoked'
                 where company_id = current_company() and store_id = $1 and ended_at is null",
                store_id,
                cx.now
            )
            .execute(&mut **tx)
            .await?;
            if ended.rows_affected() == 0 {
                return Err(Problem::not_found("store with a key in force"));
            }
            crate::audit::noted(tx, cx, "store", "revoke_key", store_id, None).await
        })
    })
    .await?;
    super::bell::ask_everywhere(&state, &hub, company_id, store_id, Ask::HangUp).await;
    Ok(axum::http::StatusCode::NO_CONTENT)
}

/// `POST /sync/v1/enrol`
pub(crate) async fn post_enrol(
    State(state): State<AppState>,
    Extension(hub): Extension<Hub>,
    Source(source): Source,
    Json(request): Json<EnrolRequest>,
) -> Result<Json<EnrolAnswer>, Problem> {
    enrolment::enrol(&state, &hub, source, request).await.map(Json)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimeQuery {
    nonce: String,
}

/// `GET /sync/v1/time`: for a store whose clock is so wrong that its tokens are refused.
pub(crate) async fn get_time(
    State(state): State<AppState>,
    Query(query): Query<TimeQuery>,
) -> Result<Json<TimeAnswer>, Problem> {
    if !(16..=128).contains(&query.nonce.len()) {
        return Err(Problem::invalid("/nonce", "length", "It has 16 to 128 characters."));
    }
    let now = state.clock.now();
    let signature = Bytes(secrets::sign_time(&state.keys, now, &query.nonce)?);
    Ok(Json(TimeAnswer { now, nonce: query.nonce, signature }))
}
