//! Hands out the web client, where nothing in front does.

use std::path::Path;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use tower::ServiceExt;
use tower_http::services::{ServeDir, ServeFile};

use crate::problem::Problem;

/// No script, style or request but from here; nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes(folder: Option<&Path>, config: &Value) -> Router {
    let config = config.to_string();
    let routes = Router::new().route(
        "/config.json",
        get(move || {
            let config = config.clone();
            async move {
                ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], config)
            }
        }),
    );
    let Some(folder) = folder else {
        return routes.fallback(|| async { Problem::not_found("address") });
    };
    let files =
        ServeDir::new(folder).precompressed_gzip().precompressed_br().append_index_html_on_directories(true);
    let page = ServeFile::new(folder.join("index.html"));
    let answer = move |request: Request| {
        let (files, page) = (files.clone(), page.clone());
        async move {
            let path = request.uri().path().to_owned();
            // What a browser asks for at an unknown address is the client, which has its own ways; what a program asks
            // for is a mistake.
            let of_a_server = ["/api", "/sync", "/health", "/metrics"].iter().any(|beginning| {
                path.strip_prefix(beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            if of_a_server || !matches!(*request.method(), Method::GET | Method::HEAD) {
                return Problem::not_found("address").into_response();
            }
            let (parts, _) = request.into_parts();
            let again = Request::from_parts(parts.clone(), axum::body::Body::empty());
            let found = match files.oneshot(Request::from_parts(parts, axum::body::Body::empty())).await {
                Ok(found) => found,
                Err(never) => match never {},
            };
            if found.status() != axum::http::StatusCode::NOT_FOUND {
                return kept(found.into_response(), &path);
            }
            if path.starts_with("/assets/") {
                return Problem::not_found("file").into_response();
            }
            match page.oneshot(again).await {
                Ok(page) if page.status().is_success() || page.status().is_redirection() => {
                    kept(page.into_response(), "/index.html")
                }
                Ok(_) => Problem::not_found("file").into_response(),
                Err(never) => match never {},
            }
        }
    };
    routes.merge(Router::new().fallback(answer).layer(from_fn(guarded)))
}

/// Files with a hash in their name never change; all else is asked for again.
fn kept(mut answer: Response, path: &str) -> Response {
    let how = if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(how));
    answer
}

async fn guarded(request: Request, next: Next) -> Response {
    with_policy(next.run(request).await, POLICY)
}

pub(super) fn with_policy(mut answer: Response, policy: &'static str) -> Response {
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    answer
}
