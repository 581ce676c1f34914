//! Facts against each other: a sale against the session that it says it is of, and a Z against the sales and payments of its
//! session. A store writes what it has added up; HQ believes it only where its own facts come to the same, and `doctor`
//! asks again at both ends.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use shared_model::registers::RegisterSessionClosed;
use shared_model::selling::SaleCompleted;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{FactsError, Place};

/// How many differences of one Z are told.
const MOST_TOLD: usize = 6;
/// How many Zs `doctor` compares at a time.
const AT_ONCE: i64 = 500;

/// A fact that does not fit the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The sale, or the register session of the Z.
    pub id: Uuid,
    /// What does not fit, in words.
    pub reason: String,
}

/// For each sale of a set why it does not fit its session: which is not here, or is of another day, series, register or
/// currency.
pub async fn sales(
    conn: &mut PgConnection,
    place: Place,
    set: &[SaleCompleted],
) -> Result<Vec<Option<String>>, FactsError> {
    if set.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids: Vec<Uuid> = set.iter().map(|sale| sale.register_session_id.uuid()).collect();
    ids.sort_unstable();
    ids.dedup();
    let sessions: HashMap<Uuid, _> = sqlx::query!(
        "select id, register_id, series, business_date, currency from register_session
         where company_id = $1 and store_id = $2 and id = any($3)",
        place.company_id.uuid(),
        place.store_id.uuid(),
        &ids,
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| (row.id, row))
    .collect();
    let misfit = |sale: &SaleCompleted| {
        let Some(session) = sessions.get(&sale.register_session_id.uuid()) else {
            return Some("its register session is not known".to_owned());
        };
        let mut differs = Differs::default();
        differs.compare("the business date", &sale.business_date, &session.business_date);
        differs.compare("the series", &sale.series.as_str(), &session.series.as_str());
        differs.compare("the register", &sale.register_id.uuid(), &session.register_id);
        differs.compare("the currency", &sale.currency.code(), &session.currency.as_str());
        differs.told("it", "its session")
    };
    Ok(set.iter().map(misfit).collect())
}

/// For each Z of a set what it and the facts of its session differ in.
pub async fn closes(
    conn: &mut PgConnection,
    place: Place,
    set: &[RegisterSessionClosed],
) -> Result<Vec<Option<String>>, FactsError> {
    let claims: Vec<Claim> = set.iter().map(Claim::of).collect();
    prove(conn, place, &claims).await
}

/// All that does not fit in what is kept of a store: sales against sessions, Zs against sales and payments.
pub async fn misfits(conn: &mut PgConnection, place: Place) -> Result<Vec<Misfit>, FactsError> {
    let strays = sqlx::query_scalar!(
        "select sale.id from sale
         where company_id = $1 and store_id = $2 and not exists (
             select from register_session as session
             where session.company_id = sale.company_id and session.store_id = sale.store_id
                 and session.id = sale.register_session_id and session.register_id = sale.register_id
                 and session.series = sale.series and session.business_date = sale.business_date
                 and session.currency = sale.currency)
         order by sale.id",
        place.company_id.uuid(),
        place.store_id.uuid(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut found: Vec<Misfit> = strays
        .into_iter()
        .map(|id| Misfit {
            id,
            reason: "its register session is not here, or is of another day, series, register or currency"
                .to_owned(),
        })
        .collect();
    let mut after = Uuid::nil();
    loop {
        let claims = kept_after(conn, place, after).await?;
        let Some(last) = claims.last() else { return Ok(found) };
        after = last.session;
        let reasons = prove(conn, place, &claims).await?;
        found.extend(
            claims
                .iter()
                .zip(reasons)
                .filter_map(|(claim, reason)| reason.map(|reason| Misfit { id: claim.session, reason })),
        );
    }
}

/// What a Z says.
struct Claim {
    session: Uuid,
    series: String,
    business_date: Option<NaiveDate>,
    sales: i32,
    /// Net, tax, gross, rounding.
    sums: [Decimal; 4],
    /// Payments and what is expected, by tender; a tender twice shows as one too many.
    tenders: Vec<(Uuid, i32, Decimal)>,
}

impl Claim {
    fn of(closed: &RegisterSessionClosed) -> Self {
        Self {
            session: closed.register_session_id.uuid(),
            series: closed.series.clone(),
            business_date: Some(closed.business_date),
            sales: closed.sales,
            sums: [closed.net, closed.tax, closed.gross, closed.rounding].map(shared_model::Amount::decimal),
            tenders: closed
                .tenders
                .iter()
                .map(|tender| (tender.tender_id.uuid(), tender.payments, tender.expected.decimal()))
                .collect(),
        }
    }
}

/// What the facts of a session come to.
struct Come {
    series: String,
    business_date: NaiveDate,
    opening_float: Decimal,
    sales: i32,
    /// How many numbers there are from its first receipt to its last.
    numbers: i32,
    sums: [Decimal; 4],
    tenders: BTreeMap<Uuid, Taken>,
}

#[derive(Clone, Copy, Default)]
struct Taken {
    payments: i32,
    kept: Decimal,
    is_cash: bool,
}

async fn kept_after(conn: &mut PgConnection, place: Place, after: Uuid) -> Result<Vec<Claim>, FactsError> {
    let closes = sqlx::query!(
        "select register_session_id, series, sales, net, tax, gross, rounding from register_session_close
         where company_id = $1 and store_id = $2 and register_session_id > $3
         order by register_session_id limit $4",
        place.company_id.uuid(),
        place.store_id.uuid(),
        after,
        AT_ONCE,
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<Uuid> = closes.iter().map(|row| row.register_session_id).collect();
    let mut tenders: HashMap<Uuid, Vec<(Uuid, i32, Decimal)>> = HashMap::new();
    for row in sqlx::query!(
        "select register_session_id, tender_id, payments, expected from register_session_tender
         where company_id = $1 and store_id = $2 and register_session_id = any($3)",
        place.company_id.uuid(),
        place.store_id.uuid(),
        &ids,
    )
    .fetch_all(conn)
    .await?
    {
        tenders.entry(row.register_session_id).or_default().push((row.tender_id, row.payments, row.expected));
    }
    Ok(closes
        .into_iter()
        .map(|row| Claim {
            session: row.register_session_id,
            series: row.series,
            business_date: None,
            sales: row.sales,
            sums: [row.net, row.tax, row.gross, row.rounding],
            tenders: tenders.remove(&row.register_session_id).unwrap_or_default(),
        })
        .collect())
}

async fn prove(
    conn: &mut PgConnection,
    place: Place,
    claims: &[Claim],
) -> Result<Vec<Option<String>>, FactsError> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = claims.iter().map(|claim| claim.session).collect();
    let mut sessions: HashMap<Uuid, Come> = sqlx::query!(
        r#"select session.id, session.series, session.business_date, session.opening_float, sold.sales as "sales!",
               sold.numbers as "numbers!", sold.net as "net!", sold.tax as "tax!", sold.gross as "gross!",
               sold.rounding as "rounding!"
           from register_session as session, lateral (
               select count(*)::int as sales, coalesce(max(number) - min(number) + 1, 0) as numbers,
                   coalesce(sum(net), 0) as net, coalesce(sum(tax), 0) as tax, coalesce(sum(gross), 0) as gross,
                   coalesce(sum(rounding), 0) as rounding
               from sale where company_id = $1 and store_id = $2 and register_session_id = session.id) as sold
           where session.company_id = $1 and session.store_id = $2 and session.id = any($3)"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
        &ids,
    )
    .fetch_all(&mut *conn)
    .await?
    .into_iter()
    .map(|row| {
        let come = Come {
            series: row.series,
            business_date: row.business_date,
            opening_float: row.opening_float,
            sales: row.sales,
            numbers: row.numbers,
            sums: [row.net, row.tax, row.gross, row.rounding],
            tenders: BTreeMap::new(),
        };
        (row.id, come)
    })
    .collect();
    for row in sqlx::query!(
        r#"select register_session_id, tender_id, count(*)::int as "payments!", sum(amount - change) as "kept!",
               bool_or(tender_kind = 'cash') as "is_cash!"
           from payment where company_id = $1 and store_id = $2 and register_session_id = any($3)
           group by register_session_id, tender_id"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
        &ids,
    )
    .fetch_all(conn)
    .await?
    {
        if let Some(come) = sessions.get_mut(&row.register_session_id) {
            let taken = Taken { payments: row.payments, kept: row.kept, is_cash: row.is_cash };
            come.tenders.insert(row.tender_id, taken);
        }
    }
    Ok(claims
        .iter()
        .map(|claim| match sessions.get(&claim.session) {
            None => Some("its register session is not known".to_owned()),
            Some(come) => compared(claim, come),
        })
        .collect())
}

/// What a Z and the facts of its session differ in.
fn compared(claim: &Claim, come: &Come) -> Option<String> {
    let mut differs = Differs::default();
    differs.compare("the series", &claim.series.as_str(), &come.series.as_str());
    if let Some(date) = claim.business_date {
        differs.compare("the business date", &date, &come.business_date);
    }
    differs.compare("the receipts", &claim.sales, &come.sales);
    // One register, one session: from its first receipt to its last no number is another's.
    differs.compare("the receipt numbers from first to last", &claim.sales, &come.numbers);
    for ((what, said), found) in ["net", "tax", "gross", "rounding"].iter().zip(claim.sums).zip(come.sums) {
        differs.compare(*what, &said.normalize(), &found.normalize());
    }
    let mut tenders = come.tenders.clone();
    let mut has_float = come.opening_float.is_zero();
    for &(tender, payments, expected) in &claim.tenders {
        let taken = tenders.remove(&tender);
        let may_have_float = taken.is_none_or(|taken| taken.is_cash);
        let taken = taken.unwrap_or_default();
        differs.compare(format!("the payments by {tender}"), &payments, &taken.payments);
        let with_float = taken.kept.saturating_add(come.opening_float);
        if !has_float && may_have_float && expected == with_float {
            has_float = true;
        } else {
            let what = format!("what is expected of {tender}");
            differs.compare(what, &expected.normalize(), &taken.kept.normalize());
        }
    }
    for (tender, taken) in &tenders {
        differs.compare(format!("the payments by {tender}"), &0, &taken.payments);
    }
    // A store without any tender for cash has nowhere to expect a float.
    if !has_float && come.tenders.values().any(|taken| taken.is_cash) {
        differs.compare("the float", &"nothing".to_owned(), &come.opening_float.normalize().to_string());
    }
    differs.told("it", "the facts of its session")
}

#[derive(Default)]
struct Differs(Vec<(String, String, String)>);

impl Differs {
    fn compare<T: PartialEq + Display>(&mut self, what: impl Into<String>, said: &T, found: &T) {
        if said != found {
            self.0.push((what.into(), said.to_string(), found.to_string()));
        }
    }

    fn told(&self, who: &str, others: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let told: Vec<String> = self
            .0
            .iter()
            .take(MOST_TOLD)
            .map(|(what, said, found)| format!("{what} is {said} in {who} and {found} in {others}"))
            .collect();
        let more = self.0.len().saturating_sub(MOST_TOLD);
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        Some(format!("{}{more}", told.join("; ")))
    }
}
