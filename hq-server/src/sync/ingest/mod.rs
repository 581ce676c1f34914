//! Ingest: what stores push is taken, once in effect. What a fact means is `facts`' business; what is kept here is its
//! envelope, how far each journal is, and what waits.

mod apply;
pub(crate) mod locks;
pub(crate) mod replay;
pub(crate) mod take;

use std::io::Read as _;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use server_kit::{AppState, Json, Problem, transact};
use sync_protocol::wire::{
    FeedRecord, MAX_BATCH_BYTES, MAX_DEPTH, PROBLEM_BATCH, PROBLEM_FORKED, PROBLEM_GAP, is_within_depth,
};
use sync_protocol::{PushAnswer, PushRequest, Watermark};

use self::take::{Taken, take};
use super::hub::Hub;
use super::problem_name;
use super::token::Caller;

/// The envelope around payloads: the batch, its list of entries, an entry.
const ENVELOPE_DEPTH: usize = 3;
/// The most records that are kept of what a store offers after HQ's history has gone back; the rest is counted.
const MOST_OFFERED: usize = 5_000;

/// `POST /sync/v1/journal`
pub(crate) async fn post_journal(
    State(state): State<AppState>,
    Extension(hub): Extension<Hub>,
    caller: Caller,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Json<PushAnswer>, Problem> {
    let body = body.map_err(server_kit::extract::body_refused)?;
    let _permit = hub.batch_permit().await?;
    let is_zstd = is_zstd(&headers)?;
    // Megabytes of JSON and hashes would hold up a thread that answers others.
    let request = tokio::task::spawn_blocking(move || read_batch(&body, is_zstd))
        .await
        .map_err(Problem::internal)??;
    match take(&state, &caller, request).await? {
        Taken::Accepted { watermark } => {
            Ok(Json(PushAnswer { accepted_through: watermark.sequence, watermark }))
        }
        Taken::Gap { expected, watermark } => {
            Err(Problem::conflict(problem_name(PROBLEM_GAP), "Entries are missing before these")
                .with("expected", expected)
                .with("watermark", json(watermark)?))
        }
        Taken::Forked { watermark, why } => Err(Problem::conflict(
            problem_name(PROBLEM_FORKED),
            "This is another journal than the one that is here",
        )
        .detail(why)
        .with("watermark", json(watermark)?)),
        Taken::Invalid { entry, why } => {
            let pointer = entry.map_or_else(String::new, |entry| format!("/entries/{entry}"));
            Err(bad_batch("The batch is not one that a store writes").field(
                pointer,
                "invalid",
                why.to_string(),
            ))
        }
    }
}

/// `POST /sync/v1/offer`: what a store has of a history that HQ has lost. A person decides about it.
pub(crate) async fn post_offer(
    State(state): State<AppState>,
    Extension(hub): Extension<Hub>,
    caller: Caller,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<StatusCode, Problem> {
    let body = body.map_err(server_kit::extract::body_refused)?;
    let _permit = hub.batch_permit().await?;
    let is_zstd = is_zstd(&headers)?;
    let lines =
        tokio::task::spawn_blocking(move || plain(&body, is_zstd)).await.map_err(Problem::internal)??;
    let (mut records, mut count) = (Vec::new(), 0_u64);
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        count += 1;
        if records.len() >= MOST_OFFERED {
            continue;
        }
        if !is_within_depth(line, MAX_DEPTH) {
            return Err(bad_batch("A record is nested too deep"));
        }
        let record: FeedRecord = server_kit::extract::from_json(line)?;
        records.push(serde_json::to_value(record).map_err(Problem::internal)?);
    }
    if records.is_empty() {
        return Ok(StatusCode::NO_CONTENT);
    }
    let actor = caller.actor();
    transact(&state, &actor, move |tx, cx| {
        Box::pin(async move {
            let reason = format!("the store has {count} records that this server has lost");
            let records = serde_json::Value::Array(records);
            // An answer that was lost is asked for again: that is the same incident.
            let known = sqlx::query!(
                "update incident set reason = $3, detail = jsonb_build_object('count', $4::bigint, 'records', $5::jsonb)
                 where company_id = current_company() and store_id = $1 and incarnation = $2 and kind = 'feed_offered' and state = 'open'",
                caller.store_id,
                caller.incarnation,
                reason,
                i64::try_from(count).unwrap_or(i64::MAX),
                records,
            )
            .execute(&mut **tx)
            .await?;
            if known.rows_affected() == 0 {
                sqlx::query!(
                    "insert into incident (id, store_id, kind, reason, incarnation, detail, opened_at)
                     values ($1, $2, 'feed_offered', $3, $4, jsonb_build_object('count', $5::bigint, 'records', $6::jsonb), $7)",
                    cx.new_id(),
                    caller.store_id,
                    reason,
                    caller.incarnation,
                    i64::try_from(count).unwrap_or(i64::MAX),
                    records,
                    cx.now,
                )
                .execute(&mut **tx)
                .await?;
            }
            Ok::<_, sqlx::Error>(StatusCode::NO_CONTENT)
        })
    })
    .await
    .map_err(Problem::from)
}

fn is_zstd(headers: &HeaderMap) -> Result<bool, Problem> {
    match headers.get(header::CONTENT_ENCODING).map(axum::http::HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(false),
        Some(b"zstd") => Ok(true),
        Some(_) => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-content-encoding",
            "The body is compressed in a way that is not known here",
        )),
    }
}

/// The body's bytes, never more than a batch may have: a small body may claim to be a huge one.
fn plain(body: &Bytes, is_zstd: bool) -> Result<Bytes, Problem> {
    if !is_zstd {
        return Ok(body.clone());
    }
    let decoder = zstd::stream::read::Decoder::new(body.as_ref())
        .and_then(|mut decoder| decoder.window_log_max(27).map(|()| decoder))
        .map_err(Problem::internal)?;
    let mut bytes = Vec::new();
    decoder
        .take(MAX_BATCH_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| bad_batch("The body cannot be decompressed").detail(error.to_string()))?;
    Ok(bytes.into())
}

fn read_batch(body: &Bytes, is_zstd: bool) -> Result<PushRequest, Problem> {
    let bytes = plain(body, is_zstd)?;
    if bytes.len() > MAX_BATCH_BYTES {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The batch is too large"));
    }
    if !is_within_depth(&bytes, MAX_DEPTH + ENVELOPE_DEPTH) {
        return Err(bad_batch("The batch is nested too deep"));
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| bad_batch("The batch cannot be read").field("", "unreadable", error.to_string()))
}

fn bad_batch(title: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, problem_name(PROBLEM_BATCH), title)
}

fn json(watermark: Watermark) -> Result<serde_json::Value, Problem> {
    serde_json::to_value(watermark).map_err(Problem::internal)
}
