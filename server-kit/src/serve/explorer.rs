//! The OpenAPI document, and a page to read and try it with. Everything comes from here: no script of anybody else's.

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::openapi::OpenApi;

use super::web::with_policy;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("../../explorer/index.html");
const SCRIPT: &str = include_str!("../../explorer/explorer.js");
const STYLE: &str = include_str!("../../explorer/explorer.css");

pub(super) fn routes(document: &OpenApi) -> Router {
    let document = document.to_json().unwrap_or_default();
    Router::new()
        .route(
            "/api/openapi.json",
            get(move || {
                let document = document.clone();
                async move { file("application/json", document) }
            }),
        )
        .route("/api/docs", get(|| async { file("text/html; charset=utf-8", PAGE) }))
        .route("/api/docs/explorer.js", get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/api/docs/explorer.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
}

fn file(kind: &'static str, body: impl IntoResponse) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
    with_policy((headers, body).into_response(), POLICY)
}
