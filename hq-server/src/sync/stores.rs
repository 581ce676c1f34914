//! What HQ can see of every store, and what it can ask of one.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Serialize;
use server_kit::{AppState, Json, Path, Problem, read};
use sign_in::SignedIn;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::bell::ask_everywhere;
use super::hub::{Ask, Hub};

/// Counting further would read the whole feed to say "very far behind".
const MOST_BEHIND: i64 = 10_000;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_sync_stores))
        .routes(routes!(ask_store_to_pull))
        .routes(routes!(ask_store_to_resync))
}

/// How one store is, as far as HQ knows.
#[derive(Debug, Serialize, ToSchema)]
struct SyncStore {
    /// The store.
    store_id: Uuid,
    /// Its code.
    store_code: String,
    /// Its name.
    store_name: String,
    /// Its time zone.
    time_zone: String,
    /// Whether a box was enrolled whose key is in force.
    enrolled: bool,
    /// Whether its bell is up.
    online: bool,
    /// Since when; null: it is not.
    online_since: Option<DateTime<Utc>>,
    /// When it was last heard; null: never.
    last_seen_at: Option<DateTime<Utc>>,
    /// The checkpoint that it said it sells at.
    feed_position: i64,
    /// HQ's last position.
    feed_head: i64,
    /// How many records it lacks (counted up to 10,000).
    feed_behind: i64,
    /// Since when it lacks the oldest of them; null: it lacks none.
    feed_behind_since: Option<DateTime<Utc>>,
    /// How many entries of its journal are here.
    journal_received: i64,
    /// How many it said that it has besides.
    journal_pending: i64,
    /// Since when the oldest of them waits.
    oldest_pending_at: Option<DateTime<Utc>>,
    /// When the last entry that is here happened.
    last_event_at: Option<DateTime<Utc>>,
    /// How far its clock is ahead.
    clock_skew_ms: Option<i64>,
    /// How many of its registers have an open session, as it said.
    registers: i64,
    /// Free bytes where its data is, as it said.
    disk: Option<i64>,
    /// What it runs.
    versions: Option<serde_json::Value>,
    /// How many incidents wait for a person.
    open_incidents: i64,
    /// Whether its journal has forked: it needs a new enrolment code.
    forked: bool,
}

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
struct SyncStores {
    /// The stores, by code.
    items: Vec<SyncStore>,
}

/// How every store is
#[utoipa::path(get, path = "/sync/stores", tag = "sync", operation_id = "list_sync_stores",
    responses((status = 200, body = SyncStores)))]
async fn list_sync_stores(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
) -> Result<Json<SyncStores>, Problem> {
    actor.require("sync.read")?;
    let items = read(&state, &actor, |tx, cx| {
        Box::pin(async move {
            sqlx::query_as!(
                SyncStore,
                r#"select s.id as store_id, s.code as store_code, s.name as store_name, s.time_zone,
                       k.id is not null as "enrolled!",
                       coalesce(t.online_since is not null and t.online_until > $1, false) as "online!",
                       case when t.online_until > $1 then t.online_since end as online_since,
                       t.last_seen_at as "last_seen_at?",
                       coalesce(t.position, 0) as "feed_position!",
                       coalesce(h.position, 0) as "feed_head!",
                       lacks.count as "feed_behind!",
                       case when lacks.count > 0 then (select c.at from feed_commit c where c.company_id = s.company_id and c.position = lacks.first) end
                           as feed_behind_since,
                       coalesce(w.sequence, 0) as "journal_received!",
                       coalesce(t.pending, 0) as "journal_pending!",
                       t.oldest_pending_at as "oldest_pending_at?",
                       (select max(j.last_event_at) from journal_watermark j where j.company_id = s.company_id and j.store_id = s.id) as last_event_at,
                       t.clock_skew_ms as "clock_skew_ms?",
                       coalesce(t.registers, 0) as "registers!",
                       t.disk as "disk?",
                       t.versions as "versions?",
                       (select count(*) from incident i where i.company_id = s.company_id and i.store_id = s.id and i.state = 'open')
                           as "open_incidents!",
                       w.forked_at is not null as "forked!"
                   from store s
                   left join store_key k on k.company_id = s.company_id and k.store_id = s.id and k.ended_at is null
                   left join store_status t on t.company_id = s.company_id and t.store_id = s.id
                   left join journal_watermark w on w.company_id = s.company_id and w.store_id = s.id and w.incarnation = k.incarnation
                   left join feed_head h on h.company_id = s.company_id
                   cross join lateral (
                       select count(*) as count, min(e.position) as first from (
                           select position from feed_entry f
                           where f.company_id = s.company_id and f.position > coalesce(t.position, 0) and (f.store_id is null or f.store_id = s.id)
                           order by f.position limit $2
                       ) as e
                   ) as lacks
                   where s.company_id = current_company() and (s.archived_at is null or t.last_seen_at is not null)
                   order by s.code"#,
                cx.now,
                MOST_BEHIND,
            )
            .fetch_all(&mut **tx)
            .await
        })
    })
    .await?;
    Ok(Json(SyncStores { items }))
}

/// Ask a store to pull and push now
#[utoipa::path(post, path = "/stores/{id}/pull", tag = "sync", operation_id = "ask_store_to_pull", params(("id" = Uuid, Path)),
    responses((status = 202)))]
async fn ask_store_to_pull(
    State(state): State<AppState>,
    Extension(hub): Extension<Hub>,
    SignedIn(actor): SignedIn,
    Path(store_id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    ask(&state, &hub, &actor, store_id, &[Ask::Pull, Ask::Push]).await
}

/// Ask a store to pull everything again
#[utoipa::path(post, path = "/stores/{id}/resync", tag = "sync", operation_id = "ask_store_to_resync", params(("id" = Uuid, Path)),
    responses((status = 202)))]
async fn ask_store_to_resync(
    State(state): State<AppState>,
    Extension(hub): Extension<Hub>,
    SignedIn(actor): SignedIn,
    Path(store_id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    ask(&state, &hub, &actor, store_id, &[Ask::Resync]).await
}

async fn ask(
    state: &AppState,
    hub: &Hub,
    actor: &server_kit::Actor,
    store_id: Uuid,
    asks: &[Ask],
) -> Result<StatusCode, Problem> {
    actor.require("sync.manage")?;
    let is_there = read(state, actor, move |tx, _| {
        Box::pin(async move {
            sqlx::query_scalar!(
                r#"select exists (select from store where company_id = current_company() and id = $1) as "is_there!""#,
                store_id
            )
            .fetch_one(&mut **tx)
            .await
        })
    })
    .await?;
    if !is_there {
        return Err(Problem::not_found("store"));
    }
    for ask in asks {
        ask_everywhere(state, hub, actor.company_id().unwrap_or_default(), store_id, *ask).await;
    }
    Ok(StatusCode::ACCEPTED)
}
