//! What people sign in with: a password at HQ, a PIN in their stores. Neither is ever shown, in the audit neither.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use server_kit::{AppState, Context, Json, OpenApiRouter, Path, Problem, Tx, routes, transact};
use sign_in::{HashedPassword, SignedIn, hash_password, pins};
use utoipa::ToSchema;
use uuid::Uuid;

use super::rights::refuse_above_own;
use crate::{audit, locks};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(put_password)).routes(routes!(put_pin, delete_pin))
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// 8 characters or more.
    #[schema(min_length = 8, max_length = 256, format = Password)]
    password: String,
}

/// A new PIN.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPin {
    /// 4 to 8 digits.
    #[schema(pattern = "^[0-9]{4,8}$", format = Password)]
    pin: String,
}

/// Gives a person a password for HQ, and ends what they are signed in to
#[utoipa::path(put, path = "/users/{id}/password", operation_id = "set_password", params(("id" = Uuid, Path)),
    description = "Needs `user.write`, and no less than the person may do.", request_body = NewPassword, responses((status = 204)))]
async fn put_password(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Path(id): Path<Uuid>,
    Json(new): Json<NewPassword>,
) -> Result<StatusCode, Problem> {
    actor.require("user.write")?;
    let password = hash_password(new.password).await?;
    transact(&state, &actor, move |tx, cx| Box::pin(async move { set_password(tx, cx, id, &password).await }))
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// Gives a person a PIN for the stores that they work in
#[utoipa::path(put, path = "/users/{id}/pin", operation_id = "set_pin", params(("id" = Uuid, Path)),
    description = "Needs `user.write`, and no less than the person may do.", request_body = NewPin, responses((status = 204)))]
async fn put_pin(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Path(id): Path<Uuid>,
    Json(new): Json<NewPin>,
) -> Result<StatusCode, Problem> {
    actor.require("user.write")?;
    let key = state.keys.secret(pins::HQ_KEY).map_err(Problem::internal)?;
    let sealed = tokio::task::spawn_blocking(move || {
        let hash = pins::hash(&new.pin)?;
        pins::seal(&key, &hash, id).map_err(Problem::internal)
    })
    .await
    .map_err(Problem::internal)??;
    transact(&state, &actor, move |tx, cx| Box::pin(async move { set_pin(tx, cx, id, Some(sealed)).await }))
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// Takes a person's PIN away
#[utoipa::path(delete, path = "/users/{id}/pin", operation_id = "delete_pin", params(("id" = Uuid, Path)),
    description = "Needs `user.write`, and no less than the person may do.", responses((status = 204)))]
async fn delete_pin(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    actor.require("user.write")?;
    transact(&state, &actor, move |tx, cx| Box::pin(async move { set_pin(tx, cx, id, None).await }))
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// Gives a person a password.
pub(crate) async fn set_password(
    tx: &mut Tx,
    cx: &Context,
    user: Uuid,
    password: &HashedPassword,
) -> Result<(), Problem> {
    locks::master_record(tx, "app_user", user).await?.ok_or_else(|| Problem::not_found("user"))?;
    refuse_above_own(tx, cx, user).await?;
    sign_in::set_password(tx, cx, user, password).await?;
    audit::noted(tx, cx, "user", "set_password", user, None).await
}

/// Gives a person a PIN, or takes it away. The feed carries it to their stores.
async fn set_pin(tx: &mut Tx, cx: &Context, user: Uuid, sealed: Option<Vec<u8>>) -> Result<(), Problem> {
    locks::master_record(tx, "app_user", user).await?.ok_or_else(|| Problem::not_found("user"))?;
    refuse_above_own(tx, cx, user).await?;
    sqlx::query!("update app_user set pin = $2 where id = $1", user, sealed).execute(&mut **tx).await?;
    let action = if sealed.is_some() { "set_pin" } else { "delete_pin" };
    audit::noted(tx, cx, "user", action, user, None).await
}

/// Ends everything that a person is signed in to.
pub(super) async fn end_sign_ins(tx: &mut Tx, cx: &Context, user: Uuid) -> Result<(), Problem> {
    Ok(sign_in::end_sign_ins(tx, cx, user, "revoked").await?)
}
