//! HTTP of sync's state.

use axum::extract::State;
use axum::{Extension, http::StatusCode};
use server_kit::{AppState, Json, Problem};
use sign_in::SignedIn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::SyncStatus;
use crate::sync::SyncHandle;

pub(super) fn routes(handle: &SyncHandle) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_status))
        .routes(routes!(sync_now))
        .layer(Extension(handle.clone()))
}

/// How the store stands with HQ.
#[utoipa::path(get, path = "/sync/status", tag = "sync", responses((status = 200, body = SyncStatus)))]
async fn get_status(
    State(state): State<AppState>,
    Extension(handle): Extension<SyncHandle>,
    who: SignedIn,
) -> Result<Json<SyncStatus>, Problem> {
    who.require("sync.read")?;
    Ok(Json(super::status(&state.pool, &handle).await?))
}

/// Pull and push now, without waiting for the timer.
#[utoipa::path(post, path = "/sync/now", tag = "sync", responses((status = 202)))]
async fn sync_now(Extension(handle): Extension<SyncHandle>, who: SignedIn) -> Result<StatusCode, Problem> {
    who.require("sync.now")?;
    handle.pull_and_push();
    Ok(StatusCode::ACCEPTED)
}
