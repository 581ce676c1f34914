//! Sales by store, register, day, hour, department, product, tender, sales rep or tax: from the facts themselves, or
//! from HQ's rollups. The two agree to the last digit.
//!
//! # What a row's `key` is
//!
//! | by | key | label |
//! | --- | --- | --- |
//! | store | the store's code | its name |
//! | register | store code and register code: `ST01-R02` | the register's code |
//! | day | the business date: `2026-11-25` | the same |
//! | hour | the hour of the store's clock, `00` to `23`, all days together | `14:00` |
//! | department, product, tender, tax | its id | its name, as last heard |
//! | `sales_rep` | the id; empty for lines without one | its id |
//!
//! Store, register, day and hour come in the order of their keys, the others by `gross`, largest first. `sales` counts
//! the receipts that touch a row: the rows' counts may come to more than the total's. A tender's row has `gross` =
//! kept, and no net, tax, quantity. A tax's row has `net` = what it was computed on.

use chrono::{Months, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use shared_model::Currency;
use shared_model::ids::{CompanyId, StoreId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::FactsError;
use crate::numbers::in_decimals;
use crate::rollups::month_of;

/// What the rows of a report are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupBy {
    /// A store.
    Store,
    /// A register.
    Register,
    /// A business date.
    #[default]
    Day,
    /// An hour of the day.
    Hour,
    /// A department.
    Department,
    /// A product.
    Product,
    /// A tender.
    Tender,
    /// Who gets the credit.
    SalesRep,
    /// A tax.
    Tax,
}

impl GroupBy {
    /// Every grouping.
    pub const ALL: [Self; 9] = [
        Self::Store,
        Self::Register,
        Self::Day,
        Self::Hour,
        Self::Department,
        Self::Product,
        Self::Tender,
        Self::SalesRep,
        Self::Tax,
    ];

    /// As it is written in a query.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Register => "register",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Department => "department",
            Self::Product => "product",
            Self::Tender => "tender",
            Self::SalesRep => "sales_rep",
            Self::Tax => "tax",
        }
    }
}

/// The longest period of one report.
pub const MOST_DAYS: i64 = 3_660;
/// How many rows a report has where nothing is said.
pub const USUAL_ROWS: u32 = 10_000;
/// The most rows of one report.
pub const MOST_ROWS: u32 = 100_000;

/// A period, or a number of rows, that no report has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskedWrongly {
    /// It ends before it begins.
    #[error("The last day is not before the first.")]
    EndsBeforeItBegins,
    /// It is longer than a report can be.
    #[error("A report is over {MOST_DAYS} days at most.")]
    TooLong,
    /// No rows, or more than there can be.
    #[error("It is a number from 1 to {MOST_ROWS}.")]
    Rows,
}

impl AskedWrongly {
    /// The parameter that is wrong.
    #[must_use]
    pub const fn pointer(self) -> &'static str {
        match self {
            Self::EndsBeforeItBegins | Self::TooLong => "/to",
            Self::Rows => "/limit",
        }
    }

    /// What is wrong with it, stable.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::EndsBeforeItBegins => "before_from",
            Self::TooLong => "too_long",
            Self::Rows => "out_of_range",
        }
    }
}

/// The days that are asked for, both included. What is left out is today, which may be two dates at once in a chain over
/// several zones.
pub fn period(
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    today: (NaiveDate, NaiveDate),
) -> Result<(NaiveDate, NaiveDate), AskedWrongly> {
    let (from, to) = match (from, to) {
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) => (from, today.1.max(from)),
        (None, Some(to)) => (today.0.min(to), to),
        (None, None) => today,
    };
    match to.signed_duration_since(from).num_days() {
        ..0 => Err(AskedWrongly::EndsBeforeItBegins),
        0..MOST_DAYS => Ok((from, to)),
        _ => Err(AskedWrongly::TooLong),
    }
}

/// How many rows are asked for.
pub fn rows(limit: Option<u32>) -> Result<u32, AskedWrongly> {
    match limit.unwrap_or(USUAL_ROWS) {
        rows @ 1..=MOST_ROWS => Ok(rows),
        _ => Err(AskedWrongly::Rows),
    }
}

/// A store as reports name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreLabel {
    /// The store.
    pub id: StoreId,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesQuery {
    /// The first business date.
    pub from: NaiveDate,
    /// The last business date.
    pub to: NaiveDate,
    /// Of which stores; all of one currency.
    pub stores: Vec<StoreLabel>,
    /// What the rows are.
    pub group_by: GroupBy,
    /// The stores' currency.
    pub currency: Currency,
    /// At most so many rows.
    pub limit: u32,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SalesReport {
    /// One row per key that a receipt touched.
    pub rows: Vec<SalesRow>,
    /// Over everything that was asked for, rows beyond the limit included.
    pub totals: SalesTotals,
    /// Up to where each store has been heard.
    pub as_of: Vec<AsOf>,
    /// The currency of every amount.
    pub currency: Currency,
    /// The first business date.
    pub from: NaiveDate,
    /// The last business date.
    pub to: NaiveDate,
    /// How many rows there are beyond the limit; absent when none are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<i64>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SalesRow {
    /// What the row is of.
    pub key: String,
    /// That, for people.
    pub label: String,
    /// The receipts that touch the row.
    pub sales: i64,
    /// Units sold; a tender has none.
    #[serde(default, with = "rust_decimal::serde::str_option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub quantity: Option<Decimal>,
    /// Without tax; a tender has none.
    #[serde(default, with = "rust_decimal::serde::str_option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub net: Option<Decimal>,
    /// Tax; a tender has none.
    #[serde(default, with = "rust_decimal::serde::str_option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tax: Option<Decimal>,
    /// With tax; of a tender, what was kept.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = String)]
    pub gross: Decimal,
}

/// Everything together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SalesTotals {
    /// Distinct receipts.
    pub sales: i64,
    /// Units sold.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = String)]
    pub quantity: Decimal,
    /// Without tax.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = String)]
    pub net: Decimal,
    /// Tax.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = String)]
    pub tax: Decimal,
    /// With tax.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = String)]
    pub gross: Decimal,
    /// Rounding of cash, in none of the others.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = String)]
    pub rounding: Decimal,
    /// Gift cards, deposits and payments on account, outside net and gross.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = String)]
    pub non_sales: Decimal,
}

/// Up to where a store has been heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AsOf {
    /// The store's code.
    pub store: String,
    /// The last entry of its journal that is in the figures.
    pub watermark: i64,
    /// When that entry happened; none while there is none.
    pub last_event_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// What every query of a report finds.
struct Found {
    key: String,
    label: String,
    sales: i64,
    quantity: Decimal,
    net: Decimal,
    tax: Decimal,
    gross: Decimal,
    rounding: Decimal,
    /// How many rows there are without the limit.
    all: i64,
}

/// What every query of a report asks with.
struct Asked<'a> {
    company: Uuid,
    stores: Vec<Uuid>,
    codes: Vec<&'a str>,
    names: Vec<&'a str>,
    from: NaiveDate,
    to: NaiveDate,
    limit: i64,
}

impl<'a> Asked<'a> {
    fn of(company: CompanyId, query: &'a SalesQuery) -> Self {
        Self {
            company: company.uuid(),
            stores: query.stores.iter().map(|store| store.id.uuid()).collect(),
            codes: query.stores.iter().map(|store| store.code.as_str()).collect(),
            names: query.stores.iter().map(|store| store.name.as_str()).collect(),
            from: query.from,
            to: query.to,
            limit: i64::from(query.limit),
        }
    }
}

/// The report from the facts: what a store answers for itself, and what HQ's rollups must equal.
pub async fn from_facts(
    conn: &mut PgConnection,
    company: CompanyId,
    query: &SalesQuery,
) -> Result<SalesReport, FactsError> {
    let asked = Asked::of(company, query);
    let total = sqlx::query_as!(
        Found,
        r#"select '' as "key!", '' as "label!", count(*) as "sales!", coalesce(sum(quantity), 0) as "quantity!",
               coalesce(sum(net), 0) as "net!", coalesce(sum(tax), 0) as "tax!", coalesce(sum(gross), 0) as "gross!",
               coalesce(sum(rounding), 0) as "rounding!", 1::bigint as "all!"
           from sale where company_id = $1 and store_id = any($2) and business_date between $3 and $4"#,
        asked.company,
        &asked.stores,
        asked.from,
        asked.to,
    )
    .fetch_one(&mut *conn)
    .await?;
    let rows = match query.group_by {
        GroupBy::Store | GroupBy::Register | GroupBy::Day | GroupBy::Hour => {
            sqlx::query_as!(
                Found,
                r#"with sold as (
                       select store.code as store_code, store.name as store_name, sale.*
                       from unnest($2::uuid[], $3::text[], $4::text[]) as store (id, code, name)
                       join sale on sale.company_id = $1 and sale.store_id = store.id
                           and sale.business_date between $5 and $6
                   ), keyed as (
                       select case $7::text
                               when 'store' then store_code
                               when 'register' then store_code || '-' || register_code
                               when 'day' then to_char(business_date, 'YYYY-MM-DD')
                               else lpad(local_hour::text, 2, '0')
                           end as key,
                           case $7::text
                               when 'store' then store_name
                               when 'register' then register_code
                               when 'day' then to_char(business_date, 'YYYY-MM-DD')
                               else lpad(local_hour::text, 2, '0') || ':00'
                           end as label,
                           quantity, net, tax, gross, rounding
                       from sold
                   )
                   select key as "key!", max(label) as "label!", count(*) as "sales!", sum(quantity) as "quantity!",
                       sum(net) as "net!", sum(tax) as "tax!", sum(gross) as "gross!", sum(rounding) as "rounding!",
                       count(*) over () as "all!"
                   from keyed group by key order by key limit $8"#,
                asked.company,
                &asked.stores,
                &asked.codes as _,
                &asked.names as _,
                asked.from,
                asked.to,
                query.group_by.as_str(),
                asked.limit,
            )
            .fetch_all(conn)
            .await?
        }
        GroupBy::Department | GroupBy::Product | GroupBy::SalesRep => {
            sqlx::query_as!(
                Found,
                r#"with keyed as (
                       select case $5::text
                               when 'department' then department_id::text
                               when 'product' then product_id::text
                               else coalesce(sales_rep_id::text, '')
                           end as key,
                           case $5::text when 'department' then department_name when 'product' then name else '' end
                               as label,
                           business_date, store_id, sale_id, quantity, net, tax, gross
                       from sale_line
                       where company_id = $1 and store_id = any($2) and business_date between $3 and $4
                   )
                   select key as "key!", (max(array[business_date::text, sale_id::text, label]))[3] as "label!",
                       count(distinct (store_id, sale_id)) as "sales!", sum(quantity) as "quantity!",
                       sum(net) as "net!", sum(tax) as "tax!", sum(gross) as "gross!", 0::numeric as "rounding!",
                       count(*) over () as "all!"
                   from keyed group by key order by sum(gross) desc, key limit $6"#,
                asked.company,
                &asked.stores,
                asked.from,
                asked.to,
                query.group_by.as_str(),
                asked.limit,
            )
            .fetch_all(conn)
            .await?
        }
        GroupBy::Tax => {
            sqlx::query_as!(
                Found,
                r#"select tax.tax_id::text as "key!",
                       (max(array[tax.business_date::text, tax.sale_id::text, tax.tax_name]))[3] as "label!",
                       count(distinct (tax.store_id, tax.sale_id)) as "sales!", sum(line.quantity) as "quantity!",
                       sum(tax.base) as "net!", sum(tax.amount) as "tax!", sum(tax.base + tax.amount) as "gross!",
                       0::numeric as "rounding!", count(*) over () as "all!"
                   from sale_line_tax as tax
                   join sale_line as line on line.company_id = tax.company_id and line.store_id = tax.store_id
                       and line.sale_id = tax.sale_id and line.id = tax.sale_line_id
                   where tax.company_id = $1 and tax.store_id = any($2) and tax.business_date between $3 and $4
                   group by tax.tax_id order by sum(tax.base + tax.amount) desc, tax.tax_id::text limit $5"#,
                asked.company,
                &asked.stores,
                asked.from,
                asked.to,
                asked.limit,
            )
            .fetch_all(conn)
            .await?
        }
        GroupBy::Tender => {
            sqlx::query_as!(
                Found,
                r#"select tender_id::text as "key!",
                       (max(array[business_date::text, sale_id::text, tender_name]))[3] as "label!",
                       count(distinct (store_id, sale_id)) as "sales!", 0::numeric as "quantity!",
                       0::numeric as "net!", 0::numeric as "tax!", sum(amount - change) as "gross!",
                       0::numeric as "rounding!", count(*) over () as "all!"
                   from payment
                   where company_id = $1 and store_id = any($2) and business_date between $3 and $4
                   group by tender_id order by sum(amount - change) desc, tender_id::text limit $5"#,
                asked.company,
                &asked.stores,
                asked.from,
                asked.to,
                asked.limit,
            )
            .fetch_all(conn)
            .await?
        }
    };
    Ok(report(query, rows, &total))
}

/// A period in parts: whole months that are kept as such, and the days around them.
struct Parts {
    months: Vec<NaiveDate>,
    firsts: Vec<NaiveDate>,
    lasts: Vec<NaiveDate>,
}

impl Parts {
    fn of(from: NaiveDate, to: NaiveDate, is_kept: impl Fn(NaiveDate) -> bool) -> Self {
        let mut parts = Self { months: Vec::new(), firsts: Vec::new(), lasts: Vec::new() };
        let mut days_from = None;
        let mut day = from;
        // A period is bounded, so this is.
        while day <= to {
            let next = month_of(day).checked_add_months(Months::new(1));
            let last = next.and_then(|next| next.pred_opt()).unwrap_or(NaiveDate::MAX);
            if day == month_of(day) && last <= to && is_kept(day) {
                if let Some(first) = days_from.take() {
                    parts.firsts.push(first);
                    parts.lasts.extend(day.pred_opt());
                }
                parts.months.push(day);
            } else {
                days_from.get_or_insert(day);
            }
            let Some(next) = next else { break };
            day = next;
        }
        if let Some(first) = days_from {
            parts.firsts.push(first);
            parts.lasts.push(to);
        }
        parts
    }
}

/// The same report from HQ's rollups.
pub async fn from_rollups(
    conn: &mut PgConnection,
    company: CompanyId,
    query: &SalesQuery,
) -> Result<SalesReport, FactsError> {
    let asked = Asked::of(company, query);
    let parts = Parts::of(query.from, query.to, |_| true);
    let rows = match query.group_by {
        GroupBy::Store | GroupBy::Register | GroupBy::Hour => {
            by_place_or_hour(conn, &asked, &parts, query.group_by).await?
        }
        GroupBy::Day => by_day(conn, &asked).await?,
        GroupBy::Product => by_product(conn, &asked).await?,
        GroupBy::Department | GroupBy::SalesRep | GroupBy::Tax | GroupBy::Tender => {
            by_what_was_sold(conn, &asked, &parts, query.group_by).await?
        }
    };
    let total = match query.group_by {
        // A receipt is in one row of these.
        GroupBy::Store | GroupBy::Register | GroupBy::Hour | GroupBy::Day if is_whole(&rows) => sum(&rows)?,
        _ => total_from_rollups(conn, &asked, &parts).await?,
    };
    Ok(report(query, rows, &total))
}

fn is_whole(rows: &[Found]) -> bool {
    rows.first().is_none_or(|row| usize::try_from(row.all).is_ok_and(|all| all == rows.len()))
}

fn sum(rows: &[Found]) -> Result<Found, FactsError> {
    let of = |amount: fn(&Found) -> Decimal| {
        let add = |sum: Decimal, row: &Found| sum.checked_add(amount(row));
        rows.iter().try_fold(Decimal::ZERO, add).ok_or(FactsError::OutOfBounds)
    };
    Ok(Found {
        key: String::new(),
        label: String::new(),
        sales: rows.iter().map(|row| row.sales).sum(),
        quantity: of(|row| row.quantity)?,
        net: of(|row| row.net)?,
        tax: of(|row| row.tax)?,
        gross: of(|row| row.gross)?,
        rounding: of(|row| row.rounding)?,
        all: 1,
    })
}

async fn total_from_rollups(
    conn: &mut PgConnection,
    asked: &Asked<'_>,
    parts: &Parts,
) -> Result<Found, FactsError> {
    // `offset 0`, here and below: each store's rows are found by the key, whatever the planner makes of the parts.
    Ok(sqlx::query_as!(
        Found,
        r#"with sold as (
               select monthly.* from unnest($2::uuid[]) as store (id), lateral (
                   select sales, quantity, net, tax, gross, rounding from monthly_sales
                   where company_id = $1 and dimension = 'register' and store_id = store.id and month = any($3)
                   offset 0) as monthly
               union all
               select daily.* from unnest($2::uuid[]) as store (id),
                   unnest($4::date[], $5::date[]) as part (first, last), lateral (
                   select sales, quantity, net, tax, gross, rounding from daily_totals
                   where company_id = $1 and store_id = store.id and business_date between part.first and part.last
                   offset 0) as daily
           )
           select '' as "key!", '' as "label!", coalesce(sum(sales), 0)::bigint as "sales!",
               coalesce(sum(quantity), 0) as "quantity!", coalesce(sum(net), 0) as "net!",
               coalesce(sum(tax), 0) as "tax!", coalesce(sum(gross), 0) as "gross!",
               coalesce(sum(rounding), 0) as "rounding!", 1::bigint as "all!"
           from sold"#,
        asked.company,
        &asked.stores,
        &parts.months,
        &parts.firsts,
        &parts.lasts,
    )
    .fetch_one(conn)
    .await?)
}

async fn by_place_or_hour(
    conn: &mut PgConnection,
    asked: &Asked<'_>,
    parts: &Parts,
    group_by: GroupBy,
) -> Result<Vec<Found>, FactsError> {
    Ok(sqlx::query_as!(
        Found,
        r#"with store as (
               select * from unnest($2::uuid[], $3::text[], $4::text[]) as store (id, code, name)
           ), sold as (
               select store.code as store_code, store.name as store_name, monthly.*
               from store, lateral (
                   select key, sales, quantity, net, tax, gross, rounding from monthly_sales
                   where company_id = $1 and dimension = case $8::text when 'hour' then 'hour' else 'register' end
                       and store_id = store.id and month = any($5)
                   offset 0) as monthly
               union all
               select store.code, store.name, hourly.*
               from store, unnest($6::date[], $7::date[]) as part (first, last), lateral (
                   select case $8::text when 'hour' then lpad(local_hour::text, 2, '0') else register_code end, sales,
                       quantity, net, tax, gross, rounding
                   from hourly_sales
                   where company_id = $1 and store_id = store.id and business_date between part.first and part.last
                   offset 0) as hourly
           ), keyed as (
               select case $8::text
                       when 'store' then store_code
                       when 'register' then store_code || '-' || key
                       else key
                   end as key,
                   case $8::text
                       when 'store' then store_name
                       when 'register' then key
                       else key || ':00'
                   end as label,
                   sales, quantity, net, tax, gross, rounding
               from sold
           )
           select key as "key!", max(label) as "label!", sum(sales)::bigint as "sales!",
               sum(quantity) as "quantity!", sum(net) as "net!", sum(tax) as "tax!", sum(gross) as "gross!",
               sum(rounding) as "rounding!", count(*) over () as "all!"
           from keyed group by key having sum(sales) > 0 order by key limit $9"#,
        asked.company,
        &asked.stores,
        &asked.codes as _,
        &asked.names as _,
        &parts.months,
        &parts.firsts,
        &parts.lasts,
        group_by.as_str(),
        asked.limit,
    )
    .fetch_all(conn)
    .await?)
}

async fn by_day(conn: &mut PgConnection, asked: &Asked<'_>) -> Result<Vec<Found>, FactsError> {
    let parts = chain_parts(conn, asked).await?;
    Ok(sqlx::query_as!(
        Found,
        r#"with sold as (
               select business_date, sales, quantity, net, tax, gross, rounding from chain_day
               where company_id = $1 and business_date between $6 and $7
                   and business_date - extract(day from business_date)::int + 1 = any($3)
               union all
               select business_date, sum(sales)::bigint, sum(quantity), sum(net), sum(tax), sum(gross), sum(rounding)
               from unnest($2::uuid[]) as store (id), unnest($4::date[], $5::date[]) as part (first, last), lateral (
                   select * from daily_totals
                   where company_id = $1 and store_id = store.id and business_date between part.first and part.last
                   offset 0) as daily
               group by business_date
           )
           select to_char(business_date, 'YYYY-MM-DD') as "key!", to_char(business_date, 'YYYY-MM-DD') as "label!",
               sales as "sales!", quantity as "quantity!", net as "net!", tax as "tax!", gross as "gross!",
               rounding as "rounding!", count(*) over () as "all!"
           from sold where sales > 0 order by business_date limit $8"#,
        asked.company,
        &asked.stores,
        &parts.months,
        &parts.firsts,
        &parts.lasts,
        asked.from,
        asked.to,
        asked.limit,
    )
    .fetch_all(conn)
    .await?)
}

async fn by_what_was_sold(
    conn: &mut PgConnection,
    asked: &Asked<'_>,
    parts: &Parts,
    group_by: GroupBy,
) -> Result<Vec<Found>, FactsError> {
    Ok(sqlx::query_as!(
        Found,
        r#"with sold as (
               select monthly.* from unnest($2::uuid[]) as store (id), lateral (
                   select key, labelled_on, label, sales, quantity, net, tax, gross from monthly_sales
                   where company_id = $1 and dimension = $6 and store_id = store.id and month = any($3)
                   offset 0) as monthly
               union all
               select daily.* from unnest($2::uuid[]) as store (id),
                   unnest($4::date[], $5::date[]) as part (first, last), lateral (
                   select key, business_date, label, sales, quantity, net, tax, gross from daily_sales
                   where company_id = $1 and dimension = $6 and store_id = store.id
                       and business_date between part.first and part.last
                   offset 0) as daily
           )
           select key as "key!", substr(max(labelled_on::text || label), 11) as "label!",
               sum(sales)::bigint as "sales!", sum(quantity) as "quantity!", sum(net) as "net!",
               sum(tax) as "tax!", sum(gross) as "gross!", 0::numeric as "rounding!",
               count(*) over () as "all!"
           from sold group by key having sum(sales) > 0 order by sum(gross) desc, key limit $7"#,
        asked.company,
        &asked.stores,
        &parts.months,
        &parts.firsts,
        &parts.lasts,
        group_by.as_str(),
        asked.limit,
    )
    .fetch_all(conn)
    .await?)
}

/// Of the chain's months that are added up, those are of use to whom all stores were asked for that sold in them.
async fn chain_parts(conn: &mut PgConnection, asked: &Asked<'_>) -> Result<Parts, FactsError> {
    let kept = sqlx::query_scalar!(
        r#"with heard as (
               select month, sum(sales) as sales, bool_and(store_id = any($2)) as is_all_asked_for from monthly_sales
               where company_id = $1 and dimension = 'register' and month between $3 and $4
               group by month
           )
           select added.month from chain_month as added
           join heard on heard.month = added.month and heard.sales = added.sales and heard.is_all_asked_for
           where added.company_id = $1"#,
        asked.company,
        &asked.stores,
        asked.from,
        asked.to,
    )
    .fetch_all(&mut *conn)
    .await?;
    Ok(Parts::of(asked.from, asked.to, |month| kept.contains(&month)))
}

async fn by_product(conn: &mut PgConnection, asked: &Asked<'_>) -> Result<Vec<Found>, FactsError> {
    let parts = chain_parts(conn, asked).await?;
    Ok(sqlx::query_as!(
        Found,
        r#"with sold as (
               select product_id, month as heard_on, label, sales, quantity, net, tax, gross from chain_month_product
               where company_id = $1 and month = any($3)
               union all
               select daily.* from unnest($2::uuid[]) as store (id),
                   unnest($4::date[], $5::date[]) as part (first, last), lateral (
                   select key::uuid, business_date, label, sales, quantity, net, tax, gross from daily_sales
                   where company_id = $1 and dimension = 'product' and store_id = store.id
                       and business_date between part.first and part.last
                   offset 0) as daily
           )
           select product_id::text as "key!", substr(max(heard_on::text || label), 11) as "label!",
               sum(sales)::bigint as "sales!", sum(quantity) as "quantity!", sum(net) as "net!",
               sum(tax) as "tax!", sum(gross) as "gross!", 0::numeric as "rounding!",
               count(*) over () as "all!"
           from sold group by product_id having sum(sales) > 0 order by sum(gross) desc, product_id limit $6"#,
        asked.company,
        &asked.stores,
        &parts.months,
        &parts.firsts,
        &parts.lasts,
        asked.limit,
    )
    .fetch_all(conn)
    .await?)
}

fn report(query: &SalesQuery, found: Vec<Found>, total: &Found) -> SalesReport {
    let all = found.first().map_or(0, |row| row.all);
    let shown = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let decimals = query.currency.exponent();
    let is_of_a_tender = query.group_by == GroupBy::Tender;
    let goods = |value: Decimal| (!is_of_a_tender).then_some(value);
    let rows = found
        .into_iter()
        .map(|row| SalesRow {
            sales: row.sales,
            quantity: goods(row.quantity.normalize()),
            net: goods(in_decimals(row.net, decimals)),
            tax: goods(in_decimals(row.tax, decimals)),
            gross: in_decimals(row.gross, decimals),
            label: if row.label.is_empty() { row.key.clone() } else { row.label },
            key: row.key,
        })
        .collect();
    SalesReport {
        rows,
        totals: SalesTotals {
            sales: total.sales,
            quantity: total.quantity.normalize(),
            net: in_decimals(total.net, decimals),
            tax: in_decimals(total.tax, decimals),
            gross: in_decimals(total.gross, decimals),
            rounding: in_decimals(total.rounding, decimals),
            non_sales: in_decimals(Decimal::ZERO, decimals),
        },
        as_of: Vec::new(),
        currency: query.currency,
        from: query.from,
        to: query.to,
        left_out: (all > shown).then(|| all - shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_left_out_of_a_period_is_today() {
        let today = (day("2026-11-25"), day("2026-11-26"));
        assert_eq!(period(None, None, today), Ok(today));
        assert_eq!(period(Some(day("2026-11-01")), None, today), Ok((day("2026-11-01"), today.1)));
        assert_eq!(period(None, Some(day("2026-11-30")), today), Ok((today.0, day("2026-11-30"))));
        assert_eq!(period(Some(today.1), Some(today.0), today), Err(AskedWrongly::EndsBeforeItBegins));
        assert_eq!(period(Some(day("1900-01-01")), Some(today.0), today), Err(AskedWrongly::TooLong));
        // A day that has not come is empty, not wrong.
        assert_eq!(period(Some(day("2027-01-01")), None, today), Ok((day("2027-01-01"), day("2027-01-01"))));
    }

    #[test]
    fn a_report_has_rows_within_bounds() {
        assert_eq!(rows(None), Ok(USUAL_ROWS));
        assert_eq!(rows(Some(0)), Err(AskedWrongly::Rows));
        assert_eq!(rows(Some(MOST_ROWS + 1)), Err(AskedWrongly::Rows));
    }

    #[test]
    fn a_grouping_is_written_as_it_is_read() {
        for group_by in GroupBy::ALL {
            assert_eq!(serde_json::to_string(&group_by).unwrap(), format!("\"{}\"", group_by.as_str()));
        }
    }
}
