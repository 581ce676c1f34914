//! Finding sales again.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use server_kit::{Context, Problem, Tx};
use shared_model::Amount;
use shared_model::ids::{RegisterSessionId, SaleId, UserId};
use shared_model::selling::SaleCompleted;
use utoipa::{IntoParams, ToSchema};

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
        }
    }
}

/// One sale whole.
pub(crate) async fn sale(tx: &mut Tx, id: SaleId) -> Result<SaleCompleted, LookUpError> {
    let store = this_store::load(tx).await?;
    facts::sales::read(tx, store.place, id).await?.ok_or(LookUpError::Unknown)
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
