//! The products and the days of the whole chain, added up a month at a time when the month is over: what a report over
//! years reads instead of each day of each store.
//!
//! Nobody waits for it. A store's late sales make a month stale, which its number of receipts tells; reports then read
//! the days of that month until it is added up anew. So figures are exact at every instant, and ingest never touches a
//! row that two stores share.

use chrono::{Days, Months, NaiveDate};
use shared_model::ids::CompanyId;
use sqlx::PgConnection;

use crate::rollups::{RollupDifference, written};
use crate::{FactsError, locks};

/// The months that are not added up, or not any more, of those that were over before that day; the latest
/// first.
pub async fn outstanding(
    conn: &mut PgConnection,
    company: CompanyId,
    day: NaiveDate,
    most: u32,
) -> Result<Vec<NaiveDate>, FactsError> {
    // A month was over before a day when the day before that lies in a later one.
    let Some(last) =
        day.checked_sub_days(Days::new(1)).and_then(|day| day.checked_sub_months(Months::new(1)))
    else {
        return Ok(Vec::new());
    };
    Ok(sqlx::query_scalar!(
        r#"with heard as (
               select month, sum(sales) as sales from monthly_sales
               where company_id = $1 and dimension = 'register' and month <= date_trunc('month', $2::date)
               group by month
           )
           select heard.month as "month!" from heard
           left join chain_month as added on added.company_id = $1 and added.month = heard.month
           where added.sales is distinct from heard.sales
           order by heard.month desc limit $3"#,
        company.uuid(),
        last,
        i64::from(most),
    )
    .fetch_all(conn)
    .await?)
}

/// Adds up the products and the days of a month, anew where it was done before.
pub async fn add_up(conn: &mut PgConnection, company: CompanyId, month: NaiveDate) -> Result<(), FactsError> {
    locks::chain_months(conn, company).await?;
    remove(conn, company, &[month]).await?;
    // One statement, so one snapshot: the number of receipts is that of the very days that are added up.
    sqlx::query!(
        "with heard as (
             select store_id, sum(sales) as sales from monthly_sales
             where company_id = $1 and dimension = 'register' and month = $2 group by store_id
         ), added as (
             insert into chain_month (company_id, month, sales)
             select $1, $2, coalesce(sum(sales), 0) from heard
         ), days as (
             insert into chain_day (company_id, business_date, sales, quantity, net, tax, gross, rounding)
             select $1, day.business_date, sum(day.sales), sum(day.quantity), sum(day.net), sum(day.tax), sum(day.gross),
                 sum(day.rounding)
             from heard, lateral (
                 select * from daily_totals as daily
                 where daily.company_id = $1 and daily.store_id = heard.store_id
                     and daily.business_date >= $2 and daily.business_date < $2 + interval '1 month'
                 offset 0) as day -- so that each store's days are found by the key
             group by day.business_date
         )
         insert into chain_month_product (company_id, month, product_id, label, sales, quantity, net, tax, gross)
         select $1, $2, day.key::uuid, substr(max(day.business_date::text || day.label), 11), sum(day.sales),
             sum(day.quantity), sum(day.net), sum(day.tax), sum(day.gross)
         from heard, lateral (
             select * from daily_sales as daily
             where daily.company_id = $1 and daily.dimension = 'product' and daily.store_id = heard.store_id
                 and daily.business_date >= $2 and daily.business_date < $2 + interval '1 month'
             offset 0) as day
         group by day.key order by day.key",
        company.uuid(),
        month,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what was added up of these months: their days were put right.
pub async fn forget(
    conn: &mut PgConnection,
    company: CompanyId,
    months: &[NaiveDate],
) -> Result<(), FactsError> {
    if months.is_empty() {
        return Ok(());
    }
    locks::chain_months(conn, company).await?;
    remove(conn, company, months).await
}

async fn remove(conn: &mut PgConnection, company: CompanyId, months: &[NaiveDate]) -> Result<(), FactsError> {
    for statement in [
        sqlx::query!(
            "delete from chain_day using unnest($2::date[]) as month (first)
             where company_id = $1 and business_date >= first and business_date < first + interval '1 month'",
            company.uuid(),
            months
        ),
        sqlx::query!(
            "delete from chain_month_product where company_id = $1 and month = any($2)",
            company.uuid(),
            months
        ),
        sqlx::query!(
            "delete from chain_month where company_id = $1 and month = any($2)",
            company.uuid(),
            months
        ),
    ] {
        statement.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Every product and every day of a month that reports read, and that is not what the stores' days come to.
pub async fn differences(
    conn: &mut PgConnection,
    company: CompanyId,
) -> Result<Vec<RollupDifference>, FactsError> {
    let rows = sqlx::query!(
        r#"with heard as (
               select month, sum(sales) as sales from monthly_sales
               where company_id = $1 and dimension = 'register' group by month
           ), valid as (
               select added.month from chain_month as added
               join heard on heard.month = added.month and heard.sales = added.sales
               where added.company_id = $1
           ), fresh as (
               select 'product' as what, date_trunc('month', business_date)::date as at, key, sum(sales) as sales,
                   sum(quantity) as quantity, sum(net) as net, sum(tax) as tax, sum(gross) as gross, 0 as rounding
               from daily_sales where company_id = $1 and dimension = 'product'
                   and date_trunc('month', business_date)::date in (select month from valid)
               group by 1, 2, 3
               union all
               select 'day', business_date, '', sum(sales), sum(quantity), sum(net), sum(tax), sum(gross), sum(rounding)
               from daily_totals where company_id = $1
                   and date_trunc('month', business_date)::date in (select month from valid)
               group by 2
           ), kept as (
               select 'product' as what, month as at, product_id::text as key, sales, quantity, net, tax, gross, 0 as rounding
               from chain_month_product where company_id = $1 and month in (select month from valid)
               union all
               select 'day', business_date, '', sales, quantity, net, tax, gross, rounding from chain_day
               where company_id = $1 and date_trunc('month', business_date)::date in (select month from valid)
           )
           select what as "what!", at as "at!", key as "key!",
               coalesce(kept.sales, 0)::bigint as "kept_sales!", coalesce(kept.quantity, 0) as "kept_quantity!",
               coalesce(kept.net, 0) as "kept_net!", coalesce(kept.tax, 0) as "kept_tax!",
               coalesce(kept.gross, 0) as "kept_gross!", coalesce(kept.rounding, 0) as "kept_rounding!",
               coalesce(fresh.sales, 0)::bigint as "sales!", coalesce(fresh.quantity, 0) as "quantity!",
               coalesce(fresh.net, 0) as "net!", coalesce(fresh.tax, 0) as "tax!",
               coalesce(fresh.gross, 0) as "gross!", coalesce(fresh.rounding, 0) as "rounding!"
           from fresh full outer join kept using (what, at, key)
           where (coalesce(kept.sales, 0), coalesce(kept.quantity, 0), coalesce(kept.net, 0),
                  coalesce(kept.tax, 0), coalesce(kept.gross, 0), coalesce(kept.rounding, 0))
               is distinct from (coalesce(fresh.sales, 0), coalesce(fresh.quantity, 0), coalesce(fresh.net, 0),
                  coalesce(fresh.tax, 0), coalesce(fresh.gross, 0), coalesce(fresh.rounding, 0))
           order by what, at, key"#,
        company.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let kept = [row.kept_quantity, row.kept_net, row.kept_tax, row.kept_gross, row.kept_rounding];
            let fresh = [row.quantity, row.net, row.tax, row.gross, row.rounding];
            RollupDifference {
                dimension: format!("the chain's month by {}", row.what),
                business_date: row.at,
                key: row.key,
                kept: written(row.kept_sales, &kept),
                recomputed: written(row.sales, &fresh),
            }
        })
        .collect())
}
