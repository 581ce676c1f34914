//! What needs a person's answer: entries that do not apply, journals that have forked, records that HQ has lost.

use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use server_kit::{AppState, Context, Json, Path, Problem, Query, Tx, read, transact};
use sign_in::SignedIn;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::ingest::replay::{A_PERSON_WAITS, Asked, Replayed, replay};

/// The most on one page.
const MOST_PER_PAGE: i64 = 200;
/// What is on a page when nothing is asked.
const USUAL_PER_PAGE: i64 = 50;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_incidents))
        .routes(routes!(replay_incident))
        .routes(routes!(drop_incident))
}

/// Which incidents to list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct IncidentQuery {
    /// How many on a page.
    limit: Option<i64>,
    /// The page after the one that gave this as `next`.
    after: Option<Uuid>,
    /// Only those in this state: `open`, `replayed`, `dropped`.
    state: Option<String>,
    /// Only this store's.
    store_id: Option<Uuid>,
}

/// Something that needs a person's answer.
#[derive(Debug, Serialize, ToSchema)]
struct Incident {
    /// The incident.
    id: Uuid,
    /// The store.
    store_id: Uuid,
    /// Its code.
    store_code: String,
    /// `poison` (an entry that does not apply), `unknown_kind` (one that waits for an upgrade), `forked` (a journal that is
    /// not continued), `feed_offered` (records that this server has lost), `apply_failed`.
    kind: String,
    /// `open`, `replayed`, `dropped`.
    state: String,
    /// In words.
    reason: String,
    /// The life of the store's database that it is about.
    incarnation: Option<Uuid>,
    /// The number of the entry that it is about.
    sequence: Option<i64>,
    /// What kind of fact that is.
    entry_kind: Option<String>,
    /// The entry as the store wrote it, its first 4,000 characters; for who may manage sync.
    payload: Option<String>,
    /// What else is known.
    detail: serde_json::Value,
    /// Since when.
    opened_at: DateTime<Utc>,
    /// Until when.
    closed_at: Option<DateTime<Utc>>,
}

/// A page of them, the latest first.
#[derive(Debug, Serialize, ToSchema)]
struct IncidentPage {
    /// The incidents.
    items: Vec<Incident>,
    /// What to pass as `after` for the next page; null: this was the last.
    next: Option<Uuid>,
}

/// What needs a person's answer, the latest first
#[utoipa::path(get, path = "/sync/incidents", tag = "sync", operation_id = "list_sync_incidents", params(IncidentQuery),
    responses((status = 200, body = IncidentPage)))]
async fn list_incidents(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Query(query): Query<IncidentQuery>,
) -> Result<Json<IncidentPage>, Problem> {
    actor.require("sync.read")?;
    let limit = query.limit.unwrap_or(USUAL_PER_PAGE);
    if !(1..=MOST_PER_PAGE).contains(&limit) {
        return Err(Problem::invalid(
            "/limit",
            "out_of_range",
            format!("It is a number from 1 to {MOST_PER_PAGE}."),
        ));
    }
    if query.state.as_deref().is_some_and(|state| !["open", "replayed", "dropped"].contains(&state)) {
        return Err(Problem::invalid("/state", "unknown", "It is open, replayed or dropped."));
    }
    // Payloads are whole sales; who only watches does not need them.
    let may_see_payloads = actor.may("sync.manage");
    read(&state, &actor, move |tx, _| {
        Box::pin(async move {
            let mut items = sqlx::query_as!(
                Incident,
                r#"select i.id, i.store_id, s.code as store_code, i.kind, i.state, i.reason, i.incarnation, i.sequence, i.entry_kind,
                       case when $5 then left(e.payload, 4000) end as payload, i.detail - 'records' as "detail!", i.opened_at, i.closed_at
                   from incident i
                   join store s on s.company_id = i.company_id and s.id = i.store_id
                   left join received_entry e on e.company_id = i.company_id and e.store_id = i.store_id
                       and e.incarnation = i.incarnation and e.sequence = i.sequence and i.kind in ('poison', 'unknown_kind')
                   where i.company_id = current_company()
                     and ($1::uuid is null or (i.opened_at, i.id) < (select p.opened_at, p.id from incident p where p.company_id = current_company() and p.id = $1))
                     and ($2::text is null or i.state = $2) and ($3::uuid is null or i.store_id = $3)
                   order by i.opened_at desc, i.id desc limit $4"#,
                query.after,
                query.state,
                query.store_id,
                limit + 1,
                may_see_payloads,
            )
            .fetch_all(&mut **tx)
            .await?;
            let limit = usize::try_from(limit).unwrap_or(1);
            let has_more = items.len() > limit;
            items.truncate(limit);
            let next = if has_more { items.last().map(|last| last.id) } else { None };
            Ok::<_, Problem>(Json(IncidentPage { items, next }))
        })
    })
    .await
}

/// How to try again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplayIncident {
    /// Whether the dates of what counts for the business date of the incident's entry are taken as they are: a clock was wrong,
    /// and somebody has looked. Everything else must still be right.
    #[serde(default)]
    accept_dates: bool,
}

/// Try the entries of the incident's store again
///
/// The one that the incident is about, and those of the same store that wait: one may need another's effect. A long queue is
/// tried for a while, from the incident's entry on; `finished` says whether all of it was. The server tries all of it by itself too.
#[utoipa::path(post, path = "/sync/incidents/{id}/replay", tag = "sync", operation_id = "replay_sync_incident", params(("id" = Uuid, Path)),
    request_body = ReplayIncident, responses((status = 200, body = Replayed)))]
async fn replay_incident(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Path(id): Path<Uuid>,
    Json(how): Json<ReplayIncident>,
) -> Result<Json<Replayed>, Problem> {
    actor.require("sync.manage")?;
    let (store_id, asked) = read(&state, &actor, move |tx, _| {
        Box::pin(async move {
            let incident = open_incident(tx, id).await?;
            let is_an_entry = ["poison", "unknown_kind"].contains(&incident.kind.as_str());
            let (true, Some(place), Some(business_date)) =
                (is_an_entry, incident.incarnation.zip(incident.sequence), incident.business_date)
            else {
                return Err(Problem::conflict("incident-not-an-entry", "There is no entry to try again"));
            };
            let accepted = how.accept_dates.then_some(business_date);
            Ok((incident.store_id, Asked { incident_id: id, place, accepted }))
        })
    })
    .await?;
    Ok(Json(replay(&state, &actor, store_id, Some(asked), A_PERSON_WAITS).await?))
}

/// Close an incident without effect
///
/// The entry stays as it was received, and has no effect.
#[utoipa::path(post, path = "/sync/incidents/{id}/drop", tag = "sync", operation_id = "drop_sync_incident", params(("id" = Uuid, Path)),
    responses((status = 204)))]
async fn drop_incident(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Path(id): Path<Uuid>,
) -> Result<axum::http::StatusCode, Problem> {
    actor.require("sync.manage")?;
    transact(&state, &actor, move |tx, cx| Box::pin(async move { drop_in(tx, cx, id).await })).await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}

async fn drop_in(tx: &mut Tx, cx: &Context, id: Uuid) -> Result<(), Problem> {
    let incident = open_incident(tx, id).await?;
    if let Some(incarnation) = incident.incarnation {
        // Not while somebody else tries the entry.
        super::ingest::locks::journal(tx, incident.store_id, incarnation).await?;
    }
    let closed = sqlx::query!(
        "update incident set state = 'dropped', closed_at = $2, closed_by = $3
         where company_id = current_company() and id = $1 and state = 'open'",
        id,
        cx.now,
        cx.actor.user_id(),
    )
    .execute(&mut **tx)
    .await?;
    if closed.rows_affected() == 0 {
        return Err(closed_already());
    }
    let about = serde_json::json!({ "kind": incident.kind, "store_id": incident.store_id });
    crate::audit::noted(tx, cx, "incident", "drop", id, Some(about)).await
}

/// An incident that waits for an answer.
struct OpenIncident {
    store_id: Uuid,
    kind: String,
    incarnation: Option<Uuid>,
    sequence: Option<i64>,
    /// Of the entry that it is about.
    business_date: Option<NaiveDate>,
}

async fn open_incident(tx: &mut Tx, id: Uuid) -> Result<OpenIncident, Problem> {
    let row = sqlx::query!(
        r#"select i.store_id, i.kind, i.state, i.incarnation, i.sequence, e.business_date as "business_date?"
           from incident i
           left join received_entry e on e.company_id = i.company_id and e.store_id = i.store_id
               and e.incarnation = i.incarnation and e.sequence = i.sequence
           where i.company_id = current_company() and i.id = $1"#,
        id
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or_else(|| Problem::not_found("incident"))?;
    if row.state == "open" {
        Ok(OpenIncident {
            store_id: row.store_id,
            kind: row.kind,
            incarnation: row.incarnation,
            sequence: row.sequence,
            business_date: row.business_date,
        })
    } else {
        Err(closed_already())
    }
}

fn closed_already() -> Problem {
    Problem::conflict("incident-closed", "The incident has been answered already")
}
