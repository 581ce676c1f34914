//! HTTP of selling.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use server_kit::{AppState, Json, Path, Problem, Query, read, transact};
use shared_model::ids::SaleId;
use shared_model::selling::SaleCompleted;
use sign_in::SignedIn;
use sync_protocol::RawJson;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::look_up::{self, LookUpError, SaleQuery, SalesPage, SalesQuery};
use super::ring_up::{self, RingUp, RingUpBody, RingUpError};
use super::shelf::Shelf;

pub(super) fn routes(shelf: Shelf) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(put_sale, get_sale))
        .routes(routes!(list_sales))
        .layer(Extension(shelf))
}

/// Ring up a sale.
///
/// The same id and body again: the same answer. The same id with another body: 409.
#[utoipa::path(put, path = "/sales/{id}", tag = "selling", params(("id" = SaleId, Path)), request_body = RingUpBody,
    responses((status = 200, body = SaleCompleted), (status = 409, description = "total-differs, insufficient-stock, session-closed, register-leased, different-body, id-taken"), (status = 422)))]
async fn put_sale(
    State(state): State<AppState>,
    Extension(shelf): Extension<Shelf>,
    who: SignedIn,
    Path(id): Path<SaleId>,
    Json(body): Json<RingUpBody>,
) -> Result<Json<RawJson>, Problem> {
    who.require("sale.ring_up")?;
    let command = RingUp::new(id, body)?;
    let command = Arc::new(command);
    let again = Arc::clone(&command);
    let done = transact(&state, &who, move |tx, cx| {
        Box::pin(async move { ring_up::ring_up(tx, cx, &shelf, &command).await })
    })
    .await;
    let sale = match done {
        // The other request has committed, or this one would not know of it.
        Err(RingUpError::RungUpMeanwhile) => {
            read(&state, &who, move |tx, _| Box::pin(async move { ring_up::answer(tx, &again).await })).await
        }
        done => done,
    };
    Ok(Json(sale.map_err(|error: RingUpError| Problem::from(error))?))
}

/// One sale.
///
/// Of an open session, without `session.see_expected`: those that one has just rung up, those whose `total` is said as the
/// receipt has it, and a few others.
#[utoipa::path(get, path = "/sales/{id}", tag = "selling", params(("id" = SaleId, Path), SaleQuery),
    responses((status = 200, body = SaleCompleted), (status = 403), (status = 404), (status = 422)))]
async fn get_sale(
    State(state): State<AppState>,
    who: SignedIn,
    Path(id): Path<SaleId>,
    Query(query): Query<SaleQuery>,
) -> Result<Json<SaleCompleted>, Problem> {
    who.require("sale.ring_up")?;
    Ok(Json(look_up::show(&state, &who, id, query).await?))
}

/// Sales, the latest first.
#[utoipa::path(get, path = "/sales", tag = "selling", params(SalesQuery), responses((status = 200, body = SalesPage)))]
async fn list_sales(
    State(state): State<AppState>,
    who: SignedIn,
    Query(query): Query<SalesQuery>,
) -> Result<Json<SalesPage>, Problem> {
    who.require("sale.ring_up")?;
    let page =
        read(&state, &who, move |tx, cx| Box::pin(async move { look_up::sales(tx, cx, &query).await }))
            .await
            .map_err(|error: LookUpError| Problem::from(error))?;
    Ok(Json(page))
}
