//! `GET /audit`.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use server_kit::{AppState, Json, Problem, Query, read};
use sign_in::SignedIn;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::master::{MOST_PER_PAGE, USUAL_PER_PAGE};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_audit))
}

/// What to look for.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// How many on a page.
    limit: Option<i64>,
    /// The page after the one that gave this as `next`.
    after: Option<Uuid>,
    /// Only this kind of thing, such as `product`.
    entity: Option<String>,
    /// Only this one.
    entity_id: Option<Uuid>,
    /// Only what this person did.
    actor_id: Option<Uuid>,
    /// Only from this time on.
    from: Option<DateTime<Utc>>,
    /// Only before this time.
    until: Option<DateTime<Utc>>,
}

/// One thing that somebody did.
#[derive(Debug, Serialize, ToSchema)]
struct AuditEntry {
    /// The entry.
    id: Uuid,
    /// When.
    at: DateTime<Utc>,
    /// Who; null: the system.
    actor_id: Option<Uuid>,
    /// Their name, as it was.
    actor_name: String,
    /// What was done, such as `product.change`.
    action: String,
    /// To what kind of thing.
    entity: String,
    /// To which.
    entity_id: Option<Uuid>,
    /// What it was before.
    before: Option<Value>,
    /// What it was after.
    after: Option<Value>,
    /// In which request.
    request_id: Option<String>,
}

/// A page of them, the latest first.
#[derive(Debug, Serialize, ToSchema)]
struct AuditPage {
    /// The entries.
    items: Vec<AuditEntry>,
    /// What to pass as `after` for the next page; null: this was the last.
    next: Option<Uuid>,
}

/// What was done, the latest first
#[utoipa::path(get, path = "/audit", operation_id = "list_audit", params(AuditQuery),
    responses((status = 200, body = AuditPage)))]
async fn list_audit(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Problem> {
    actor.require("audit.read")?;
    let limit = query.limit.unwrap_or(USUAL_PER_PAGE);
    if !(1..=MOST_PER_PAGE).contains(&limit) {
        return Err(Problem::invalid(
            "/limit",
            "out_of_range",
            format!("It is a number from 1 to {MOST_PER_PAGE}."),
        ));
    }
    read(&state, &actor, move |tx, _| {
        Box::pin(async move {
            // An entry's id is made at its time, so the order of ids is the order of time.
            let mut items = sqlx::query_as!(
                AuditEntry,
                r#"select id, at, actor_id, actor_name, action, entity, entity_id, before, after, request_id
                   from audit
                   where ($1::uuid is null or id < $1) and ($2::text is null or entity = $2)
                     and ($3::uuid is null or entity_id = $3) and ($4::uuid is null or actor_id = $4)
                     and ($5::timestamptz is null or at >= $5) and ($6::timestamptz is null or at < $6)
                   order by id desc
                   limit $7"#,
                query.after,
                query.entity,
                query.entity_id,
                query.actor_id,
                query.from,
                query.until,
                limit + 1,
            )
            .fetch_all(&mut **tx)
            .await?;
            let limit = usize::try_from(limit).unwrap_or(1);
            let next = (items.len() > limit)
                .then(|| {
                    items.truncate(limit);
                    items.last().map(|last| last.id)
                })
                .flatten();
            Ok::<_, Problem>(Json(AuditPage { items, next }))
        })
    })
    .await
}
