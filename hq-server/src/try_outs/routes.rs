//! HTTP of the try-outs.

use axum::extract::State;
use serde_json::{Map, Value};
use server_kit::{AppState, Json, Problem, read};
use sign_in::SignedIn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::cart::{self, CartToTry, TriedCart};
use super::tax::{self, TaxDocument, TriedTax};
use crate::master::object_of;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(try_tax)).routes(routes!(try_cart))
}

/// The tax of a document
///
/// The document and the result are those of the `tax-engine` program. Needs `try_out.run`.
#[utoipa::path(post, path = "/try-outs/tax", tag = "try_outs", operation_id = "try_tax", request_body = TaxDocument,
    responses((status = 200, body = TriedTax), (status = "default", body = inline(server_kit::problem::ProblemDocument<'static>), content_type = "application/problem+json")))]
async fn try_tax(
    SignedIn(actor): SignedIn,
    Json(members): Json<Map<String, Value>>,
) -> Result<Json<TriedTax>, Problem> {
    actor.require("try_out.run")?;
    tax::compute(object_of::<TaxDocument>(members)?).map(Json)
}

/// A cart, as a store would compute it
///
/// With HQ's master data as that store has it, and the reason of every line, rule and promotion. Needs `try_out.run`.
#[utoipa::path(post, path = "/try-outs/cart", tag = "try_outs", operation_id = "try_cart", request_body = CartToTry,
    responses((status = 200, body = TriedCart), (status = "default", body = inline(server_kit::problem::ProblemDocument<'static>), content_type = "application/problem+json")))]
async fn try_cart(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Json(members): Json<Map<String, Value>>,
) -> Result<Json<TriedCart>, Problem> {
    actor.require("try_out.run")?;
    let asked: CartToTry = object_of(members)?;
    asked.check()?;
    read(&state, &actor, move |tx, cx| Box::pin(async move { cart::compute(tx, cx, &asked).await }))
        .await
        .map(Json)
}
