//! How stores and HQ agree: the feed goes down, journals come up, the bell rings. Nothing of what a record or a fact
//! means is decided here: `feed::entities` lists the records, `ingest::apply` hands facts to the `facts` crate.

pub mod bell;
pub mod enrol;
pub(crate) mod feed;
pub(crate) mod hub;
mod incidents;
pub(crate) mod ingest;
mod stores;
mod token;

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use server_kit::{AppState, Capability, Problem};
use sync_protocol::wire::MAX_BATCH_BYTES_COMPRESSED;
use utoipa_axum::router::OpenApiRouter;

pub use hub::Hub;

/// What stores talk to, below `/sync/v1`: `Router::nest("/sync/v1", sync::wire(hub))`.
pub fn wire(hub: Hub) -> Router<AppState> {
    let bounded = Router::new()
        .route("/feed", get(feed::get_feed))
        .route(
            "/journal",
            post(ingest::post_journal).layer(DefaultBodyLimit::max(MAX_BATCH_BYTES_COMPRESSED)),
        )
        .route("/offer", post(ingest::post_offer).layer(DefaultBodyLimit::max(MAX_BATCH_BYTES_COMPRESSED)))
        .route("/enrol", post(enrol::post_enrol).layer(DefaultBodyLimit::max(16 * 1024)))
        .route("/time", get(enrol::get_time))
        .layer(from_fn(within_time));
    Router::new().merge(bounded).route("/live", get(bell::get_live)).layer(axum::Extension(hub))
}

/// How long an exchange may take, a slow line's megabytes included.
const LONGEST_EXCHANGE: Duration = Duration::from_mins(2);

async fn within_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LONGEST_EXCHANGE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("too-slow", "It took too long", 5).into_response(),
    }
}

/// What people use of it, below `/api/v1`.
#[must_use]
pub fn capability(hub: Hub) -> Capability {
    let routes = OpenApiRouter::new()
        .merge(stores::routes())
        .merge(incidents::routes())
        .merge(enrol::routes())
        .layer(axum::Extension(hub));
    Capability {
        name: "sync",
        routes,
        permissions: &["sync.read", "sync.manage", "store.enrol"],
        entities: &[],
        facts: &[],
    }
}

/// The part of a problem's type that `Problem` takes.
fn problem_name(of_type: &'static str) -> &'static str {
    of_type.strip_prefix("/problems/").unwrap_or(of_type)
}
