//! Finding sales again.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use server_kit::{Actor, AppState, Context, Problem, Tx, read, transact};
use shared_model::Amount;
use shared_model::ids::{RegisterSessionId, SaleId, UserId};
use shared_model::selling::SaleCompleted;
use utoipa::{IntoParams, ToSchema};

use crate::locks;
use crate::this_store::{self, NotReady};

/// Which sales.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SalesQuery {
    /// At most so many; 50 where nothing is said.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// Those after this one: `next` of the answer before.
    pub after: Option<SaleId>,
    /// Those of this session.
    pub register_session_id: Option<RegisterSessionId>,
    /// Those of this business date.
    pub business_date: Option<NaiveDate>,
    /// The one with this receipt number.
    pub receipt_number: Option<String>,
}

/// How a sale is asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SaleQuery {
    /// Its total, as the receipt in somebody's hand says it: shows a sale of an open session to who may not see all of them.
    /// A few wrong ones, and it does not count any more.
    pub total: Option<Amount>,
}

/// A sale in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SaleSummary {
    /// The sale.
    pub id: SaleId,
    /// What people see.
    pub receipt_number: String,
    /// Its session.
    pub register_session_id: RegisterSessionId,
    /// The register.
    pub register_code: String,
    /// The day that it counts for.
    pub business_date: NaiveDate,
    /// When.
    pub completed_at: DateTime<Utc>,
    /// Who rang it up.
    pub cashier_id: UserId,
    /// Their name, as it was.
    pub cashier_name: String,
    /// How many lines.
    pub line_count: i32,
    /// What was owed; hidden while the session is open from who may not see what is expected in its drawer.
    pub total: Option<Amount>,
}

/// A page of sales, the latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct SalesPage {
    /// The sales.
    pub items: Vec<SaleSummary>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<SaleId>,
}

/// Why a sale is not shown.
#[derive(Debug, thiserror::Error)]
pub enum LookUpError {
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// No store yet.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// What was kept does not read.
    #[error("the sale cannot be read")]
    Facts(#[from] facts::FactsError),
    /// No such sale.
    #[error("there is no such sale")]
    Unknown,
    /// It would give away what is expected in an open drawer.
    #[error("the sale is of an open session")]
    Withheld,
    /// The receipt in somebody's hand is another one.
    #[error("the sale has another total")]
    OtherTotal,
}

impl From<LookUpError> for Problem {
    fn from(error: LookUpError) -> Self {
        match error {
            LookUpError::Database(error) | LookUpError::Facts(facts::FactsError::Database(error)) => {
                error.into()
            }
            LookUpError::NotReady(error) => error.into(),
            LookUpError::Facts(error) => Self::internal(error),
            LookUpError::Unknown => Self::not_found("sale"),
            LookUpError::OtherTotal => {
                Self::invalid("/total", "differs", "The receipt of this sale says another total.")
            }
            LookUpError::Withheld => Self::forbidden("session.see_expected").detail(
                "The sale is of a session that is still open: who counts its drawer does not see what should be in it. Who holds the \
                 receipt says its total.",
            ),
        }
    }
}

/// How long after it a sale is shown to who rang it up, as its receipt may have to be printed again.
const JUST_RUNG_UP: TimeDelta = TimeDelta::minutes(15);
/// How many other sales of one open session somebody may look up who may not see what is expected in its drawer; and never
/// more than half of its sales, but for the first few.
const MOST_LOOK_UPS: i64 = 10;
/// So many always, or the first customer of a day who comes back finds nobody to print their receipt again.
const FIRST_LOOK_UPS: i64 = 2;
/// How many wrong totals somebody may say for sales of one open session, until none that they say counts.
const MOST_WRONG_TOTALS: i64 = 5;

/// One sale whole.
///
/// All sales of an open session together are what is expected in its drawer, which is counted blind. So who may not see that
/// is shown the sales that they have just rung up, those whose total they can say as they hold the receipt, and a few others: each is
/// kept with who looked.
pub(crate) async fn show(
    state: &AppState,
    who: &Actor,
    id: SaleId,
    query: SaleQuery,
) -> Result<SaleCompleted, Problem> {
    let shown = read(state, who, move |tx, cx| Box::pin(async move { in_the_open(tx, cx, id).await })).await;
    let shown = match shown {
        Ok(Some(sale)) => Ok(sale),
        Ok(None) => {
            // A wrong total is kept, so it is no error before the commit.
            let looked_up = transact(state, who, move |tx, cx| {
                Box::pin(async move { looked_up(tx, cx, id, query.total).await })
            });
            looked_up.await.and_then(|shown| shown.ok_or(LookUpError::OtherTotal))
        }
        Err(error) => Err(error),
    };
    shown.map_err(|error: LookUpError| Problem::from(error))
}

/// The sale, where it gives nothing away; none where it must be looked up.
async fn in_the_open(tx: &mut Tx, cx: &Context, id: SaleId) -> Result<Option<SaleCompleted>, LookUpError> {
    let store = this_store::load(tx).await?;
    let sale = facts::sales::read(tx, store.place, id).await?.ok_or(LookUpError::Unknown)?;
    if cx.actor.may("session.see_expected") {
        return Ok(Some(sale));
    }
    let is_theirs = cx.actor.user_id() == Some(sale.cashier_id.uuid());
    if is_theirs && cx.now - sale.completed_at < JUST_RUNG_UP {
        return Ok(Some(sale));
    }
    let is_closed = sqlx::query_scalar!(
        r#"select exists (select from register_session_close
               where company_id = $1 and store_id = $2 and register_session_id = $3) as "is_closed!""#,
        store.place.company_id.uuid(),
        store.place.store_id.uuid(),
        sale.register_session_id.uuid()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(is_closed.then_some(sale))
}

/// The sale, and that it was looked up; none where it has another total than was said.
async fn looked_up(
    tx: &mut Tx,
    cx: &Context,
    id: SaleId,
    total: Option<Amount>,
) -> Result<Option<SaleCompleted>, LookUpError> {
    let user_id = cx.actor.user_id().unwrap_or_default();
    let user_name = cx.actor.person().map(|person| person.name.to_string()).unwrap_or_default();
    locks::look_ups(tx, user_id).await?;
    let store = this_store::load(tx).await?;
    let sale = facts::sales::read(tx, store.place, id).await?.ok_or(LookUpError::Unknown)?;
    let session = sale.register_session_id.uuid();
    let counted = sqlx::query!(
        r#"select (select count(*) from sale where company_id = $1 and store_id = $2 and register_session_id = $3) as "sales!",
               (select count(*) from sale_look_up where register_session_id = $3 and user_id = $4 and sale_id <> $5) as "others!",
               (select count(*) from sale_total_said where register_session_id = $3 and user_id = $4 and not was_right) as "wrong!""#,
        store.place.company_id.uuid(),
        store.place.store_id.uuid(),
        session,
        user_id,
        id.uuid()
    )
    .fetch_one(&mut **tx)
    .await?;
    if let Some(total) = total.filter(|_| counted.wrong < MOST_WRONG_TOTALS) {
        let is_right = total == sale.total;
        sqlx::query!(
            "insert into sale_total_said (register_session_id, user_id, sale_id, user_name, total, was_right, said_at)
             values ($1, $2, $3, $4, $5, $6, $7)",
            session,
            user_id,
            id.uuid(),
            user_name,
            total.decimal(),
            is_right,
            cx.now
        )
        .execute(&mut **tx)
        .await?;
        return Ok(is_right.then_some(sale));
    }
    let is_half = (counted.others + 1) * 2 > counted.sales;
    if counted.others >= MOST_LOOK_UPS || (counted.others >= FIRST_LOOK_UPS && is_half) {
        return Err(LookUpError::Withheld);
    }
    sqlx::query!(
        "insert into sale_look_up (register_session_id, user_id, sale_id, user_name, looked_up_at) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
        session,
        user_id,
        id.uuid(),
        user_name,
        cx.now
    )
    .execute(&mut **tx)
    .await?;
    Ok(Some(sale))
}

/// A page of them, the latest first.
pub(crate) async fn sales(tx: &mut Tx, cx: &Context, query: &SalesQuery) -> Result<SalesPage, LookUpError> {
    let store = this_store::load(tx).await?;
    let limit = query.limit.unwrap_or(50).clamp(1, 500);
    let sees_expected = cx.actor.may("session.see_expected");
    let mut items = sqlx::query!(
        r#"select s.id, s.receipt_number, s.register_session_id, s.register_code, s.business_date, s.completed_at, s.cashier_id,
               s.cashier_name, s.line_count, s.gross as "gross: Amount",
               exists (select from register_session_close c where c.company_id = s.company_id and c.store_id = s.store_id
                   and c.register_session_id = s.register_session_id) as "is_closed!"
           from sale s left join sale a on a.company_id = s.company_id and a.store_id = s.store_id and a.id = $3
           where s.company_id = $1 and s.store_id = $2 and ($3::uuid is null or (s.completed_at, s.id) < (a.completed_at, a.id))
             and ($4::uuid is null or s.register_session_id = $4) and ($5::date is null or s.business_date = $5)
             and ($6::text is null or s.receipt_number = $6)
           order by s.completed_at desc, s.id desc limit $7"#,
        store.place.company_id.uuid(),
        store.place.store_id.uuid(),
        query.after.map(SaleId::uuid),
        query.register_session_id.map(RegisterSessionId::uuid),
        query.business_date,
        query.receipt_number,
        i64::from(limit) + 1
    )
    .fetch_all(&mut **tx)
    .await?
    .into_iter()
    .map(|row| {
        let total = row.gross.with_decimals(store.currency.exponent()).unwrap_or(row.gross);
        SaleSummary {
            id: row.id.into(),
            receipt_number: row.receipt_number,
            register_session_id: row.register_session_id.into(),
            register_code: row.register_code,
            business_date: row.business_date,
            completed_at: row.completed_at,
            cashier_id: row.cashier_id.into(),
            cashier_name: row.cashier_name,
            line_count: row.line_count,
            total: (sees_expected || row.is_closed).then_some(total),
        }
    })
    .collect::<Vec<_>>();
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = if has_more { items.last().map(|sale| sale.id) } else { None };
    Ok(SalesPage { items, next })
}
