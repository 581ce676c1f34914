//! A register session as it is shown.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use server_kit::{Context, Tx};
use shared_model::ids::{RegisterId, RegisterSessionId, UserId};
use shared_model::{Amount, Currency};
use utoipa::{IntoParams, ToSchema};

use super::SessionError;
use crate::this_store::{self, ThisStore};

/// A session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Session {
    /// The session.
    pub id: RegisterSessionId,
    /// The register.
    pub register_id: RegisterId,
    /// Its code.
    pub register: String,
    /// The receipt series.
    pub series: String,
    /// The day that its sales count for.
    pub business_date: NaiveDate,
    /// The currency of the drawer.
    pub currency: Currency,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// By whom.
    pub opened_by: UserId,
    /// Their name, as it was.
    pub opened_by_name: String,
    /// What lay in the drawer; for who opened the session, as they counted it, and with `session.see_expected`.
    pub opening_float: Option<Amount>,
    /// Whether sales can be rung up in it.
    pub is_open: bool,
    /// Whether it was open over the end of its day.
    pub is_overdue: bool,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// Its Z.
    pub z_number: Option<i32>,
}

/// Which sessions.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SessionsQuery {
    /// Those of this register.
    pub register: Option<String>,
    /// Those that are open, or those that are not.
    pub open: Option<bool>,
    /// At most so many; 50 where nothing is said.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// Those after this one: `next` of the answer before.
    pub after: Option<RegisterSessionId>,
}

/// A page of sessions, the latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionsPage {
    /// The sessions.
    pub items: Vec<Session>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<RegisterSessionId>,
}

/// One session.
pub(crate) async fn one(
    tx: &mut Tx,
    store: &ThisStore,
    id: RegisterSessionId,
    cx: &Context,
) -> Result<Session, SessionError> {
    let query = SessionsQuery { limit: Some(1), ..SessionsQuery::default() };
    select(tx, store, &query, Some(id), cx).await?.into_iter().next().ok_or(SessionError::Unknown)
}

/// A page of them.
pub(crate) async fn page(
    tx: &mut Tx,
    query: &SessionsQuery,
    cx: &Context,
) -> Result<SessionsPage, SessionError> {
    let store = this_store::load(tx).await?;
    let limit = query.limit.unwrap_or(50).clamp(1, 500) as usize;
    let mut items = select(tx, &store, query, None, cx).await?;
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = if has_more { items.last().map(|session| session.id) } else { None };
    Ok(SessionsPage { items, next })
}

async fn select(
    tx: &mut Tx,
    store: &ThisStore,
    query: &SessionsQuery,
    id: Option<RegisterSessionId>,
    cx: &Context,
) -> Result<Vec<Session>, SessionError> {
    let today = store.business_date(cx.now);
    let sees_expected = cx.actor.may("session.see_expected");
    let rows = sqlx::query!(
        r#"select s.id, s.register_id, s.register_code, s.series, s.business_date, s.currency as "currency: Currency", s.opened_at,
               s.opened_by, s.opened_by_name, s.opening_float as "opening_float: Amount", c.closed_at as "closed_at?", c.z_number as "z_number?"
           from register_session s
           left join register_session_close c on c.company_id = s.company_id and c.store_id = s.store_id and c.register_session_id = s.id
           left join register_session a on a.company_id = s.company_id and a.store_id = s.store_id and a.id = $6
           where s.company_id = $1 and s.store_id = $2 and ($3::uuid is null or s.id = $3) and ($4::text is null or s.register_code = $4)
             and ($5::bool is null or (c.register_session_id is null) = $5)
             and ($6::uuid is null or (s.opened_at, s.id) < (a.opened_at, a.id))
           order by s.opened_at desc, s.id desc limit $7"#,
        store.place.company_id.uuid(),
        store.place.store_id.uuid(),
        id.map(RegisterSessionId::uuid),
        query.register,
        query.open,
        query.after.map(RegisterSessionId::uuid),
        i64::from(query.limit.unwrap_or(50).clamp(1, 500)) + 1
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Session {
            id: row.id.into(),
            register_id: row.register_id.into(),
            register: row.register_code,
            series: row.series,
            business_date: row.business_date,
            currency: row.currency,
            opened_at: row.opened_at,
            opened_by: row.opened_by.into(),
            opened_by_name: row.opened_by_name,
            opening_float: (sees_expected || cx.actor.user_id() == Some(row.opened_by)).then(|| {
                row.opening_float.with_decimals(row.currency.exponent()).unwrap_or(row.opening_float)
            }),
            is_open: row.closed_at.is_none(),
            is_overdue: row.closed_at.is_none() && row.business_date < today,
            closed_at: row.closed_at,
            z_number: row.z_number,
        })
        .collect())
}
