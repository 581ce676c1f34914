//! HTTP of products.

use axum::Extension;
use axum::extract::State;
use server_kit::{AppState, Json, Path, Problem, Query, read};
use sign_in::SignedIn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::selling::shelf::Shelf;

use super::search::{self, ProductFound, ProductsPage, ProductsQuery, SearchError};

pub(super) fn routes(shelf: Shelf) -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_products))
        .routes(routes!(product_by_barcode))
        .layer(Extension(shelf))
}

/// Find products by words of their name, SKU or barcode.
#[utoipa::path(get, path = "/products", tag = "products", params(ProductsQuery), responses((status = 200, body = ProductsPage)))]
async fn list_products(
    State(state): State<AppState>,
    Extension(shelf): Extension<Shelf>,
    who: SignedIn,
    Query(query): Query<ProductsQuery>,
) -> Result<Json<ProductsPage>, Problem> {
    who.require("product.read")?;
    let page = read(&state, &who, move |tx, cx| {
        Box::pin(async move { search::search(tx, cx, &shelf, &query).await })
    })
    .await
    .map_err(|error: SearchError| Problem::from(error))?;
    Ok(Json(page))
}

/// What a barcode stands for.
#[utoipa::path(get, path = "/products/by-barcode/{code}", tag = "products", params(("code" = String, Path)),
    responses((status = 200, body = ProductFound), (status = 404)))]
async fn product_by_barcode(
    State(state): State<AppState>,
    Extension(shelf): Extension<Shelf>,
    who: SignedIn,
    Path(code): Path<String>,
) -> Result<Json<ProductFound>, Problem> {
    who.require("product.read")?;
    let found = read(&state, &who, move |tx, cx| {
        Box::pin(async move { search::by_barcode(tx, cx, &shelf, &code).await })
    })
    .await
    .map_err(|error: SearchError| Problem::from(error))?;
    Ok(Json(found))
}
