//! The feed: HQ's master data as it is now, sent down in pages. What a store is sent is decided here and nowhere else.

pub(crate) mod entities;
pub(crate) mod page;
mod staff;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use server_kit::{AppState, Problem, Query};
use sync_protocol::wire::{Cursor, FEED_SCHEMA, PROBLEM_REWOUND, PROBLEM_TOO_OLD};

use self::page::{PageLimits, Served, page};
use super::hub::Hub;
use super::problem_name;
use super::token::Caller;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedQuery {
    after: Option<String>,
    schema: Option<u32>,
}

/// `GET /sync/v1/feed`
pub(crate) async fn get_feed(
    State(state): State<AppState>,
    Extension(hub): Extension<Hub>,
    caller: Caller,
    headers: HeaderMap,
    Query(query): Query<FeedQuery>,
) -> Result<Response, Problem> {
    let cursor = query
        .after
        .map(|text| Cursor::decode(&text))
        .transpose()
        .map_err(|bad| Problem::invalid("/after", "cursor", bad.to_string()))?;
    if let Some(whole) = cursor.as_ref().filter(|cursor| cursor.record.is_none()) {
        hub.heard_position(&caller, state.clock.now(), whole.position);
    }
    // A page is held whole while it is sent: so many at once, and the others come again.
    let permit = hub.page_permit().await?;
    let served =
        page(&state, &caller, cursor, query.schema.unwrap_or(FEED_SCHEMA), PageLimits::USUAL).await?;
    let lines = match served {
        Served::Page(lines) => lines,
        Served::Rewound { head, tag } => {
            return Err(Problem::conflict(problem_name(PROBLEM_REWOUND), "The feed has gone back")
                .detail("This server does not have the history that the cursor is of.")
                .with("head", head)
                .with("tag", tag.0.to_string()));
        }
        Served::TooOld { needed } => {
            return Err(Problem::new(
                StatusCode::UPGRADE_REQUIRED,
                problem_name(PROBLEM_TOO_OLD),
                "The store's release is too old",
            )
            .with("needed", needed));
        }
    };
    let wants_zstd = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|coding| coding.trim().split(';').next() == Some("zstd")));
    let plain = (
        [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")],
        Body::empty(),
    );
    let mut response = plain.into_response();
    let body = if wants_zstd && lines.len() > 1024 {
        response.headers_mut().insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("zstd"));
        // Compressing megabytes would hold up a thread that answers others.
        tokio::task::spawn_blocking(move || zstd::bulk::compress(&lines, 1))
            .await
            .map_err(Problem::internal)?
            .map_err(Problem::internal)?
    } else {
        lines
    };
    *response.body_mut() = Body::from(body);
    drop(permit);
    Ok(response)
}
