//! HTTP of registers.

use axum::extract::State;
use server_kit::{AppState, Json, Path, Problem, Query, read, transact};
use shared_model::ids::RegisterSessionId;
use sign_in::SignedIn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::SessionError;
use super::close::{self, CloseSession};
use super::count::{self, CountSession, Counted};
use super::open::{self, OpenSession};
use super::report::{self, SessionReport};
use super::session::{self, Session, SessionsPage, SessionsQuery};
use crate::this_store;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions))
        .routes(routes!(open_session, get_session))
        .routes(routes!(count_session))
        .routes(routes!(close_session))
        .routes(routes!(get_x, post_x))
        .routes(routes!(get_z, post_z))
}

/// Register sessions, the latest first.
#[utoipa::path(get, path = "/register-sessions", tag = "registers", params(SessionsQuery), responses((status = 200, body = SessionsPage)))]
async fn list_sessions(
    State(state): State<AppState>,
    who: SignedIn,
    Query(query): Query<SessionsQuery>,
) -> Result<Json<SessionsPage>, Problem> {
    who.require("sale.ring_up")?;
    let page = read(&state, &who, move |tx, cx| Box::pin(async move { session::page(tx, &query, cx).await }))
        .await
        .map_err(|error: SessionError| Problem::from(error))?;
    Ok(Json(page))
}

/// Open a register session with a float.
///
/// The same id and body again: the same session. A register has one open session.
#[utoipa::path(put, path = "/register-sessions/{id}", tag = "registers", params(("id" = RegisterSessionId, Path)), request_body = OpenSession,
    responses((status = 200, body = Session), (status = 409, description = "register-already-open, different-body"), (status = 422)))]
async fn open_session(
    State(state): State<AppState>,
    who: SignedIn,
    Path(id): Path<RegisterSessionId>,
    Json(command): Json<OpenSession>,
) -> Result<Json<Session>, Problem> {
    who.require("session.open")?;
    let session =
        transact(&state, &who, move |tx, cx| Box::pin(async move { open::open(tx, cx, id, &command).await }))
            .await
            .map_err(|error: SessionError| Problem::from(error))?;
    Ok(Json(session))
}

/// One register session.
#[utoipa::path(get, path = "/register-sessions/{id}", tag = "registers", params(("id" = RegisterSessionId, Path)),
    responses((status = 200, body = Session), (status = 404)))]
async fn get_session(
    State(state): State<AppState>,
    who: SignedIn,
    Path(id): Path<RegisterSessionId>,
) -> Result<Json<Session>, Problem> {
    who.require("sale.ring_up")?;
    let session = read(&state, &who, move |tx, cx| {
        Box::pin(async move {
            let store = this_store::load(tx).await?;
            session::one(tx, &store, id, cx).await
        })
    })
    .await
    .map_err(|error: SessionError| Problem::from(error))?;
    Ok(Json(session))
}

/// Count a session's drawer. A count that is off may be made once more.
#[utoipa::path(post, path = "/register-sessions/{id}/count", tag = "registers", params(("id" = RegisterSessionId, Path)),
    request_body = CountSession, responses((status = 200, body = Counted), (status = 404), (status = 409, description = "session-closed, counted-twice"), (status = 422)))]
async fn count_session(
    State(state): State<AppState>,
    who: SignedIn,
    Path(id): Path<RegisterSessionId>,
    Json(command): Json<CountSession>,
) -> Result<Json<Counted>, Problem> {
    who.require("session.close")?;
    let counted = transact(&state, &who, move |tx, cx| {
        Box::pin(async move { count::count(tx, cx, id, &command).await })
    })
    .await
    .map_err(|error: SessionError| Problem::from(error))?;
    Ok(Json(counted))
}

/// Close a session: its Z.
#[utoipa::path(post, path = "/register-sessions/{id}/close", tag = "registers", params(("id" = RegisterSessionId, Path)),
    request_body = CloseSession, responses((status = 200, body = SessionReport), (status = 404), (status = 409, description = "session-closed"), (status = 422)))]
async fn close_session(
    State(state): State<AppState>,
    who: SignedIn,
    Path(id): Path<RegisterSessionId>,
    Json(command): Json<CloseSession>,
) -> Result<Json<SessionReport>, Problem> {
    who.require("session.close")?;
    let report = transact(&state, &who, move |tx, cx| {
        Box::pin(async move { close::close(tx, cx, id, &command).await })
    })
    .await
    .map_err(|error: SessionError| Problem::from(error))?;
    Ok(Json(report))
}

/// An open session's figures so far.
#[utoipa::path(get, path = "/register-sessions/{id}/x-report", tag = "registers", params(("id" = RegisterSessionId, Path)),
    responses((status = 200, body = SessionReport), (status = 404), (status = 409, description = "session-closed")))]
async fn get_x(
    state: State<AppState>,
    who: SignedIn,
    id: Path<RegisterSessionId>,
) -> Result<Json<SessionReport>, Problem> {
    x(state, who, id).await
}

/// An open session's figures so far.
#[utoipa::path(post, path = "/register-sessions/{id}/x-report", tag = "registers", params(("id" = RegisterSessionId, Path)),
    responses((status = 200, body = SessionReport), (status = 404), (status = 409, description = "session-closed")))]
async fn post_x(
    state: State<AppState>,
    who: SignedIn,
    id: Path<RegisterSessionId>,
) -> Result<Json<SessionReport>, Problem> {
    x(state, who, id).await
}

async fn x(
    State(state): State<AppState>,
    who: SignedIn,
    Path(id): Path<RegisterSessionId>,
) -> Result<Json<SessionReport>, Problem> {
    who.require("session.x")?;
    let report = read(&state, &who, move |tx, cx| Box::pin(async move { report::x(tx, cx, id).await }))
        .await
        .map_err(|error: SessionError| Problem::from(error))?;
    Ok(Json(report))
}

/// The figures that a session was closed with.
#[utoipa::path(get, path = "/register-sessions/{id}/z-report", tag = "registers", params(("id" = RegisterSessionId, Path)),
    responses((status = 200, body = SessionReport), (status = 404), (status = 422)))]
async fn get_z(
    state: State<AppState>,
    who: SignedIn,
    id: Path<RegisterSessionId>,
) -> Result<Json<SessionReport>, Problem> {
    z(state, who, id).await
}

/// The figures that a session was closed with.
#[utoipa::path(post, path = "/register-sessions/{id}/z-report", tag = "registers", params(("id" = RegisterSessionId, Path)),
    responses((status = 200, body = SessionReport), (status = 404), (status = 422)))]
async fn post_z(
    state: State<AppState>,
    who: SignedIn,
    id: Path<RegisterSessionId>,
) -> Result<Json<SessionReport>, Problem> {
    z(state, who, id).await
}

async fn z(
    State(state): State<AppState>,
    who: SignedIn,
    Path(id): Path<RegisterSessionId>,
) -> Result<Json<SessionReport>, Problem> {
    who.require("session.close")?;
    let report = read(&state, &who, move |tx, cx| Box::pin(async move { report::z(tx, cx, id).await }))
        .await
        .map_err(|error: SessionError| Problem::from(error))?;
    Ok(Json(report))
}
