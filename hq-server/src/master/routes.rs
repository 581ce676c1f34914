//! The routes that every entity has.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value};
use server_kit::{AppState, Json, Path, Problem, Query, read, transact};
use sign_in::SignedIn;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::archive::set_archived;
use super::describe::describe;
use super::list::Listing;
use super::record::{Count, Page, Patch};
use super::{Created, Master, New, Record, change, create, load};

/// Mounts the routes of `T`.
pub(crate) fn routes<T: Master>() -> OpenApiRouter<AppState> {
    let mut one = get(one::<T>).patch(patch::<T>);
    let mut router = OpenApiRouter::with_openapi(describe::<T>())
        .route(T::PATH, get(list::<T>).post(make::<T>))
        .route(&format!("{}/count", T::PATH), get(count::<T>));
    if T::ARCHIVES {
        one = one.delete(archive::<T>);
        router = router.route(&format!("{}/{{id}}/restore", T::PATH), post(restore::<T>));
    }
    router.route(&format!("{}/{{id}}", T::PATH), one)
}

async fn list<T: Master>(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Json<Page<Record<T>>>, Problem> {
    actor.require(T::READ)?;
    let listing = Listing::read::<T>(&parameters)?;
    let listing = std::sync::Arc::new(listing);
    read(&state, &actor, move |tx, _| Box::pin(async move { listing.page::<T>(tx).await })).await.map(Json)
}

async fn count<T: Master>(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Json<Count>, Problem> {
    actor.require(T::READ)?;
    let listing = std::sync::Arc::new(Listing::read::<T>(&parameters)?);
    read(&state, &actor, move |tx, _| Box::pin(async move { listing.count::<T>(tx).await })).await.map(Json)
}

async fn make<T: Master>(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Json(members): Json<Map<String, Value>>,
) -> Result<Response, Problem> {
    actor.require(T::WRITE)?;
    let new = New::<T>::read(members)?;
    match transact(&state, &actor, move |tx, cx| Box::pin(async move { create(tx, cx, new).await })).await? {
        Created::Now(record) => Ok((StatusCode::CREATED, answer(record)).into_response()),
        Created::Before(record) => Ok(answer(record)),
    }
}

async fn one<T: Master>(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    actor.require(T::READ)?;
    read(&state, &actor, move |tx, _| Box::pin(async move { load::<T>(tx, id).await })).await.map(answer)
}

async fn patch<T: Master>(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Json(members): Json<Map<String, Value>>,
) -> Result<Response, Problem> {
    actor.require(T::WRITE)?;
    let read_version = read_version(&headers)?.ok_or_else(version_missing)?;
    let wanted = Patch::<T>::new(members);
    transact(&state, &actor, move |tx, cx| {
        Box::pin(async move { change(tx, cx, id, read_version, &wanted).await })
    })
    .await
    .map(answer)
}

async fn archive<T: Master>(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    set::<T>(&state, &actor, id, true, read_version(&headers)?).await
}

async fn restore<T: Master>(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    set::<T>(&state, &actor, id, false, read_version(&headers)?).await
}

async fn set<T: Master>(
    state: &AppState,
    actor: &server_kit::Actor,
    id: Uuid,
    archived: bool,
    read_version: Option<i64>,
) -> Result<Response, Problem> {
    actor.require(T::WRITE)?;
    transact(state, actor, move |tx, cx| {
        Box::pin(async move { set_archived::<T>(tx, cx, id, archived, read_version).await })
    })
    .await
    .map(answer)
}

/// A record, with its version beside it for the next change.
pub(crate) fn answer<T: Master>(record: Record<T>) -> Response {
    let etag = HeaderValue::try_from(format!("\"{}\"", record.version));
    let mut response = Json(record).into_response();
    if let Ok(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

/// The version that `If-Match` names.
pub(crate) fn read_version(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    value
        .to_str()
        .ok()
        .map(|text| text.trim().trim_start_matches("W/").trim_matches('"'))
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or_else(|| {
            Problem::new(StatusCode::BAD_REQUEST, "malformed", "If-Match is not an ETag of a record")
        })
}

fn version_missing() -> Problem {
    Problem::new(StatusCode::PRECONDITION_REQUIRED, "version-required", "Say which version you have read")
        .detail("Send the record's ETag as If-Match.")
}
