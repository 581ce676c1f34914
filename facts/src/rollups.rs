//! HQ's figures by hour, day and month, kept in the transaction that takes the facts.
//!
//! A receipt adds one to `sales` of every row that it touches. It has one business date and one store, so the sum
//! of a row's counts over days and stores still counts distinct receipts.
//!
//! A month's rows are all but the products': of those a batch touches as many as it has lines, and each more rollup of
//! them would cost ingest as much again. [`crate::chain_months`] adds theirs up when the month is over.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use shared_model::ids::RegisterId;
use shared_model::selling::SaleCompleted;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::sales::quantity_of;
use crate::{FactsError, Place, chain_months, locks};

/// A row of a rollup that is not what the facts come to. Figures are written as
/// `sales quantity net tax gross [rounding]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupDifference {
    /// `hour`, `day`, the dimension of the daily row, or `month by` and that of the monthly one.
    pub dimension: String,
    /// The day; of a month's row, the first.
    pub business_date: NaiveDate,
    /// The row: hour and register, or the dimension's key; empty for a whole day.
    pub key: String,
    /// What is kept.
    pub kept: String,
    /// What the facts come to.
    pub recomputed: String,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    sales: i64,
    quantity: Decimal,
    net: Decimal,
    tax: Decimal,
    gross: Decimal,
    rounding: Decimal,
}

impl Sums {
    fn add(
        &mut self,
        quantity: Decimal,
        net: Decimal,
        tax: Decimal,
        gross: Decimal,
    ) -> Result<(), FactsError> {
        self.quantity = plus(self.quantity, quantity)?;
        self.net = plus(self.net, net)?;
        self.tax = plus(self.tax, tax)?;
        self.gross = plus(self.gross, gross)?;
        Ok(())
    }
}

fn plus(one: Decimal, other: Decimal) -> Result<Decimal, FactsError> {
    one.checked_add(other).ok_or(FactsError::OutOfBounds)
}

/// A day's or a month's row: dimension, first day, key. In the order of the primary key behind company and store.
type RowKey = (&'static str, NaiveDate, String);

/// A month's row: what it is called, since which business date, and its figures.
#[derive(Debug, Clone, Copy, Default)]
struct Month<'a> {
    label: &'a str,
    labelled_on: NaiveDate,
    sums: Sums,
}

impl<'a> Month<'a> {
    fn add(&mut self, label: &'a str, heard_on: NaiveDate, more: &Sums) -> Result<(), FactsError> {
        if heard_on >= self.labelled_on {
            (self.label, self.labelled_on) = (label, heard_on);
        }
        self.sums.sales += more.sales;
        self.sums.add(more.quantity, more.net, more.tax, more.gross)?;
        self.sums.rounding = plus(self.sums.rounding, more.rounding)?;
        Ok(())
    }
}

/// The first day of a date's month.
pub(crate) fn month_of(date: NaiveDate) -> NaiveDate {
    // Every month has a first day.
    date.with_day(1).unwrap_or(date)
}

/// Adds completed sales to the figures. Each row is touched once per call, in the order of its key.
pub async fn add(conn: &mut PgConnection, place: Place, sales: &[SaleCompleted]) -> Result<(), FactsError> {
    if sales.is_empty() {
        return Ok(());
    }
    let mut hours: BTreeMap<(NaiveDate, i16, RegisterId), (&str, Sums)> = BTreeMap::new();
    let mut totals: BTreeMap<NaiveDate, Sums> = BTreeMap::new();
    let mut days: BTreeMap<RowKey, (&str, Sums)> = BTreeMap::new();
    for sale in sales {
        let (code, sums) = hours.entry((sale.business_date, sale.local_hour, sale.register_id)).or_default();
        *code = &sale.register_code;
        sums.sales += 1;
        sums.add(quantity_of(sale)?, sale.net.decimal(), sale.tax.decimal(), sale.total.decimal())?;
        sums.rounding = plus(sums.rounding, sale.rounding.decimal())?;
        add_to_days(&mut days, sale)?;
    }
    let hour_labels: Vec<String> = (0..24).map(|hour| format!("{hour:02}:00")).collect();
    let mut months: BTreeMap<RowKey, Month<'_>> = BTreeMap::new();
    for ((date, hour, _), (code, sums)) in &hours {
        let month = month_of(*date);
        let day = totals.entry(*date).or_default();
        day.sales += sums.sales;
        day.add(sums.quantity, sums.net, sums.tax, sums.gross)?;
        day.rounding = plus(day.rounding, sums.rounding)?;
        months.entry(("register", month, (*code).to_owned())).or_default().add(code, *date, sums)?;
        let label = usize::try_from(*hour).ok().and_then(|hour| hour_labels.get(hour));
        let label = label.ok_or(FactsError::OutOfBounds)?;
        months.entry(("hour", month, format!("{hour:02}"))).or_default().add(label, *date, sums)?;
    }
    for ((dimension, date, key), (label, sums)) in &days {
        if *dimension != "product" {
            months.entry((dimension, month_of(*date), key.clone())).or_default().add(label, *date, sums)?;
        }
    }
    write_hours(conn, place, &hours).await?;
    write_totals(conn, place, &totals).await?;
    write_days(conn, place, &days).await?;
    write_months(conn, place, &months).await
}

fn add_to_days<'a>(
    days: &mut BTreeMap<RowKey, (&'a str, Sums)>,
    sale: &'a SaleCompleted,
) -> Result<(), FactsError> {
    let date = sale.business_date;
    let mut touched: BTreeSet<RowKey> = BTreeSet::new();
    let mut touch = |dimension: &'static str, key: String, label: &'a str, figures: [Decimal; 4]| {
        let key = (dimension, date, key);
        let (known_as, sums) = days.entry(key.clone()).or_default();
        *known_as = label;
        if touched.insert(key) {
            sums.sales += 1;
        }
        let [quantity, net, tax, gross] = figures;
        sums.add(quantity, net, tax, gross)
    };
    for line in &sale.lines {
        let quantity = line.quantity.decimal();
        let figures = [quantity, line.net.decimal(), line.tax.decimal(), line.gross.decimal()];
        touch("department", line.department_id.to_string(), &line.department_name, figures)?;
        touch("product", line.product_id.to_string(), &line.name, figures)?;
        let sales_rep = line.sales_rep_id.map(|id| id.to_string()).unwrap_or_default();
        touch("sales_rep", sales_rep, "", figures)?;
        for tax in &line.taxes {
            let (base, amount) = (tax.base.decimal(), tax.amount.decimal());
            touch("tax", tax.tax_id.to_string(), &tax.name, [quantity, base, amount, plus(base, amount)?])?;
        }
    }
    for payment in &sale.payments {
        let kept = payment.amount.decimal() - payment.change.decimal();
        let figures = [Decimal::ZERO, Decimal::ZERO, Decimal::ZERO, kept];
        touch("tender", payment.tender_id.to_string(), &payment.tender_name, figures)?;
    }
    Ok(())
}

async fn write_hours(
    conn: &mut PgConnection,
    place: Place,
    hours: &BTreeMap<(NaiveDate, i16, RegisterId), (&str, Sums)>,
) -> Result<(), FactsError> {
    let dates: Vec<NaiveDate> = hours.keys().map(|(date, _, _)| *date).collect();
    let local_hours: Vec<i16> = hours.keys().map(|(_, hour, _)| *hour).collect();
    let registers: Vec<Uuid> = hours.keys().map(|(_, _, register)| register.uuid()).collect();
    let codes: Vec<&str> = hours.values().map(|(code, _)| *code).collect();
    let figures = Columns::of(hours.values().map(|(_, sums)| sums));
    sqlx::query!(
        "insert into hourly_sales as kept (company_id, store_id, business_date, local_hour, register_id,
             register_code, sales, quantity, net, tax, gross, rounding)
         select $1, $2, added.* from unnest($3::date[], $4::smallint[], $5::uuid[], $6::text[], $7::bigint[],
             $8::numeric[], $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[])
             as added (business_date, local_hour, register_id, register_code, sales, quantity, net, tax, gross,
                 rounding)
         order by business_date, local_hour, register_id
         on conflict (company_id, store_id, business_date, local_hour, register_id) do update set
             register_code = excluded.register_code, sales = kept.sales + excluded.sales,
             quantity = kept.quantity + excluded.quantity, net = kept.net + excluded.net,
             tax = kept.tax + excluded.tax, gross = kept.gross + excluded.gross,
             rounding = kept.rounding + excluded.rounding",
        place.company_id.uuid(),
        place.store_id.uuid(),
        &dates,
        &local_hours,
        &registers,
        &codes as _,
        &figures.sales,
        &figures.quantities,
        &figures.nets,
        &figures.taxes,
        &figures.grosses,
        &figures.roundings,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_days(
    conn: &mut PgConnection,
    place: Place,
    days: &BTreeMap<RowKey, (&str, Sums)>,
) -> Result<(), FactsError> {
    let dimensions: Vec<&str> = days.keys().map(|(dimension, _, _)| *dimension).collect();
    let dates: Vec<NaiveDate> = days.keys().map(|(_, date, _)| *date).collect();
    let keys: Vec<&str> = days.keys().map(|(_, _, key)| key.as_str()).collect();
    let labels: Vec<&str> = days.values().map(|(label, _)| *label).collect();
    let figures = Columns::of(days.values().map(|(_, sums)| sums));
    sqlx::query!(
        "insert into daily_sales as kept (company_id, store_id, dimension, business_date, key, label, sales,
             quantity, net, tax, gross)
         select $1, $2, added.* from unnest($3::text[], $4::date[], $5::text[], $6::text[], $7::bigint[],
             $8::numeric[], $9::numeric[], $10::numeric[], $11::numeric[])
             as added (dimension, business_date, key, label, sales, quantity, net, tax, gross)
         order by dimension, business_date, key
         on conflict (company_id, dimension, store_id, business_date, key) do update set
             label = case when excluded.label = '' then kept.label else excluded.label end,
             sales = kept.sales + excluded.sales, quantity = kept.quantity + excluded.quantity,
             net = kept.net + excluded.net, tax = kept.tax + excluded.tax, gross = kept.gross + excluded.gross",
        place.company_id.uuid(),
        place.store_id.uuid(),
        &dimensions as _,
        &dates,
        &keys as _,
        &labels as _,
        &figures.sales,
        &figures.quantities,
        &figures.nets,
        &figures.taxes,
        &figures.grosses,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_totals(
    conn: &mut PgConnection,
    place: Place,
    totals: &BTreeMap<NaiveDate, Sums>,
) -> Result<(), FactsError> {
    let dates: Vec<NaiveDate> = totals.keys().copied().collect();
    let figures = Columns::of(totals.values());
    sqlx::query!(
        "insert into daily_totals as kept (company_id, store_id, business_date, sales, quantity, net, tax, gross,
             rounding)
         select $1, $2, added.* from unnest($3::date[], $4::bigint[], $5::numeric[], $6::numeric[], $7::numeric[],
             $8::numeric[], $9::numeric[])
             as added (business_date, sales, quantity, net, tax, gross, rounding)
         order by business_date
         on conflict (company_id, store_id, business_date) do update set
             sales = kept.sales + excluded.sales, quantity = kept.quantity + excluded.quantity,
             net = kept.net + excluded.net, tax = kept.tax + excluded.tax, gross = kept.gross + excluded.gross,
             rounding = kept.rounding + excluded.rounding",
        place.company_id.uuid(),
        place.store_id.uuid(),
        &dates,
        &figures.sales,
        &figures.quantities,
        &figures.nets,
        &figures.taxes,
        &figures.grosses,
        &figures.roundings,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_months(
    conn: &mut PgConnection,
    place: Place,
    months: &BTreeMap<RowKey, Month<'_>>,
) -> Result<(), FactsError> {
    let dimensions: Vec<&str> = months.keys().map(|(dimension, _, _)| *dimension).collect();
    let firsts: Vec<NaiveDate> = months.keys().map(|(_, month, _)| *month).collect();
    let keys: Vec<&str> = months.keys().map(|(_, _, key)| key.as_str()).collect();
    let labels: Vec<&str> = months.values().map(|month| month.label).collect();
    let labelled_on: Vec<NaiveDate> = months.values().map(|month| month.labelled_on).collect();
    let figures = Columns::of(months.values().map(|month| &month.sums));
    sqlx::query!(
        "insert into monthly_sales as kept (company_id, store_id, dimension, month, key, label, labelled_on, sales,
             quantity, net, tax, gross, rounding)
         select $1, $2, added.* from unnest($3::text[], $4::date[], $5::text[], $6::text[], $7::date[], $8::bigint[],
             $9::numeric[], $10::numeric[], $11::numeric[], $12::numeric[], $13::numeric[])
             as added (dimension, month, key, label, labelled_on, sales, quantity, net, tax, gross, rounding)
         order by dimension, month, key
         on conflict (company_id, dimension, store_id, month, key) do update set
             label = case when excluded.labelled_on >= kept.labelled_on then excluded.label else kept.label end,
             labelled_on = greatest(excluded.labelled_on, kept.labelled_on),
             sales = kept.sales + excluded.sales, quantity = kept.quantity + excluded.quantity,
             net = kept.net + excluded.net, tax = kept.tax + excluded.tax, gross = kept.gross + excluded.gross,
             rounding = kept.rounding + excluded.rounding",
        place.company_id.uuid(),
        place.store_id.uuid(),
        &dimensions as _,
        &firsts,
        &keys as _,
        &labels as _,
        &labelled_on,
        &figures.sales,
        &figures.quantities,
        &figures.nets,
        &figures.taxes,
        &figures.grosses,
        &figures.roundings,
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct Columns {
    sales: Vec<i64>,
    quantities: Vec<Decimal>,
    nets: Vec<Decimal>,
    taxes: Vec<Decimal>,
    grosses: Vec<Decimal>,
    roundings: Vec<Decimal>,
}

impl Columns {
    fn of<'a>(sums: impl Iterator<Item = &'a Sums> + Clone) -> Self {
        Self {
            sales: sums.clone().map(|sums| sums.sales).collect(),
            quantities: sums.clone().map(|sums| sums.quantity).collect(),
            nets: sums.clone().map(|sums| sums.net).collect(),
            taxes: sums.clone().map(|sums| sums.tax).collect(),
            grosses: sums.clone().map(|sums| sums.gross).collect(),
            roundings: sums.map(|sums| sums.rounding).collect(),
        }
    }
}

/// A row of a rollup that is not what the facts come to, as numbers.
struct Differing {
    dimension: String,
    /// The day; of a month's row, the first.
    business_date: NaiveDate,
    key: String,
    local_hour: i16,
    register_id: Uuid,
    label: String,
    /// The business date of the label; a month's row alone has another than its own.
    labelled_on: NaiveDate,
    kept: Sums,
    fresh: Sums,
}

impl Differing {
    fn missing(&self) -> Sums {
        Sums {
            sales: self.fresh.sales - self.kept.sales,
            quantity: self.fresh.quantity - self.kept.quantity,
            net: self.fresh.net - self.kept.net,
            tax: self.fresh.tax - self.kept.tax,
            gross: self.fresh.gross - self.kept.gross,
            rounding: self.fresh.rounding - self.kept.rounding,
        }
    }
}

/// Figures as a person compares them.
pub(crate) fn written(sales: i64, numbers: &[Decimal]) -> String {
    numbers.iter().fold(sales.to_string(), |text, number| format!("{text} {}", number.normalize()))
}

/// Every row of the store's rollups that is not what its facts come to.
pub async fn differences(conn: &mut PgConnection, place: Place) -> Result<Vec<RollupDifference>, FactsError> {
    let tell = |sums: Sums| {
        let Sums { sales, quantity, net, tax, gross, rounding } = sums;
        written(sales, &[quantity, net, tax, gross, rounding])
    };
    let mut told = Vec::new();
    let mut add = |rows: Vec<Differing>, prefix: &str| {
        told.extend(rows.into_iter().map(|row| RollupDifference {
            kept: tell(row.kept),
            recomputed: tell(row.fresh),
            key: if row.dimension == "hour" && prefix.is_empty() {
                format!("{:02} {}", row.local_hour, row.register_id)
            } else {
                row.key
            },
            dimension: format!("{prefix}{}", row.dimension),
            business_date: row.business_date,
        }));
    };
    add(differing_hours(conn, place).await?, "");
    add(differing_totals(conn, place).await?, "");
    add(differing_days(conn, place).await?, "");
    add(differing_months(conn, place).await?, "month by ");
    Ok(told)
}

/// Adds what is missing from the store's rollups, and says how many rows that were. It adds instead of setting, so
/// that a batch committed in between is not lost. The chain's months whose products or days change are
/// added up anew later.
pub async fn recompute(conn: &mut PgConnection, place: Place) -> Result<u64, FactsError> {
    locks::putting_right(conn, place).await?;
    let hours = differing_hours(conn, place).await?;
    let totals = differing_totals(conn, place).await?;
    let days = differing_days(conn, place).await?;
    let months = differing_months(conn, place).await?;
    let count = hours.len() + totals.len() + days.len() + months.len();
    let count = u64::try_from(count).map_err(|_| FactsError::OutOfBounds)?;
    let touched: BTreeSet<NaiveDate> =
        totals.iter().chain(&days).map(|row| month_of(row.business_date)).collect();
    let hours: BTreeMap<_, _> = hours
        .iter()
        .map(|row| {
            let key = (row.business_date, row.local_hour, RegisterId::new(row.register_id));
            (key, (row.label.as_str(), row.missing()))
        })
        .collect();
    let totals: BTreeMap<_, _> = totals.iter().map(|row| (row.business_date, row.missing())).collect();
    let key_of = |row: &Differing| {
        let dimension = DIMENSIONS.iter().find(|dimension| **dimension == row.dimension)?;
        Some((*dimension, row.business_date, row.key.clone()))
    };
    let days: BTreeMap<_, _> =
        days.iter().filter_map(|row| Some((key_of(row)?, (row.label.as_str(), row.missing())))).collect();
    let months: BTreeMap<_, _> = months
        .iter()
        .filter_map(|row| {
            let month = Month { label: &row.label, labelled_on: row.labelled_on, sums: row.missing() };
            Some((key_of(row)?, month))
        })
        .collect();
    write_hours(conn, place, &hours).await?;
    write_totals(conn, place, &totals).await?;
    write_days(conn, place, &days).await?;
    write_months(conn, place, &months).await?;
    let touched: Vec<NaiveDate> = touched.into_iter().collect();
    chain_months::forget(conn, place.company_id, &touched).await?;
    Ok(count)
}

const DIMENSIONS: [&str; 7] = ["department", "hour", "product", "register", "sales_rep", "tax", "tender"];

async fn differing_hours(conn: &mut PgConnection, place: Place) -> Result<Vec<Differing>, FactsError> {
    let rows = sqlx::query!(
        r#"with fresh as (
               select business_date, local_hour, register_id, max(register_code) as label, count(*) as sales,
                   sum(quantity) as quantity, sum(net) as net, sum(tax) as tax, sum(gross) as gross,
                   sum(rounding) as rounding
               from sale where company_id = $1 and store_id = $2
               group by business_date, local_hour, register_id
           ), kept as (
               select * from hourly_sales where company_id = $1 and store_id = $2
           )
           select business_date as "business_date!", local_hour as "local_hour!", register_id as "register_id!",
               coalesce(kept.register_code, fresh.label) as "label!",
               coalesce(kept.sales, 0) as "kept_sales!", coalesce(kept.quantity, 0) as "kept_quantity!",
               coalesce(kept.net, 0) as "kept_net!", coalesce(kept.tax, 0) as "kept_tax!",
               coalesce(kept.gross, 0) as "kept_gross!", coalesce(kept.rounding, 0) as "kept_rounding!",
               coalesce(fresh.sales, 0) as "sales!", coalesce(fresh.quantity, 0) as "quantity!",
               coalesce(fresh.net, 0) as "net!", coalesce(fresh.tax, 0) as "tax!",
               coalesce(fresh.gross, 0) as "gross!", coalesce(fresh.rounding, 0) as "rounding!"
           from fresh full outer join kept using (business_date, local_hour, register_id)
           where (coalesce(kept.sales, 0), coalesce(kept.quantity, 0), coalesce(kept.net, 0),
                  coalesce(kept.tax, 0), coalesce(kept.gross, 0), coalesce(kept.rounding, 0))
               is distinct from (coalesce(fresh.sales, 0), coalesce(fresh.quantity, 0), coalesce(fresh.net, 0),
                  coalesce(fresh.tax, 0), coalesce(fresh.gross, 0), coalesce(fresh.rounding, 0))
           order by business_date, local_hour, register_id"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Differing {
            dimension: "hour".to_owned(),
            business_date: row.business_date,
            key: String::new(),
            local_hour: row.local_hour,
            register_id: row.register_id,
            label: row.label,
            labelled_on: row.business_date,
            kept: Sums {
                sales: row.kept_sales,
                quantity: row.kept_quantity,
                net: row.kept_net,
                tax: row.kept_tax,
                gross: row.kept_gross,
                rounding: row.kept_rounding,
            },
            fresh: Sums {
                sales: row.sales,
                quantity: row.quantity,
                net: row.net,
                tax: row.tax,
                gross: row.gross,
                rounding: row.rounding,
            },
        })
        .collect())
}

async fn differing_days(conn: &mut PgConnection, place: Place) -> Result<Vec<Differing>, FactsError> {
    let rows = sqlx::query!(
        r#"with touched as (
               select business_date, each.dimension, each.key, each.label, sale_id, quantity, net, tax, gross
               from sale_line, lateral (values
                   ('department', department_id::text, department_name),
                   ('product', product_id::text, name),
                   ('sales_rep', coalesce(sales_rep_id::text, ''), '')) as each (dimension, key, label)
               where company_id = $1 and store_id = $2
               union all
               select tax.business_date, 'tax', tax.tax_id::text, tax.tax_name, tax.sale_id, line.quantity,
                   tax.base, tax.amount, tax.base + tax.amount
               from sale_line_tax as tax
               join sale_line as line on line.company_id = tax.company_id and line.store_id = tax.store_id
                   and line.sale_id = tax.sale_id and line.id = tax.sale_line_id
               where tax.company_id = $1 and tax.store_id = $2
               union all
               select business_date, 'tender', tender_id::text, tender_name, sale_id, 0, 0, 0, amount - change
               from payment where company_id = $1 and store_id = $2
           ), fresh as (
               select business_date, dimension, key, max(label) as label, count(distinct sale_id) as sales,
                   sum(quantity) as quantity, sum(net) as net, sum(tax) as tax, sum(gross) as gross
               from touched group by business_date, dimension, key
           ), kept as (
               select * from daily_sales where company_id = $1 and store_id = $2
           )
           select business_date as "business_date!", dimension as "dimension!", key as "key!",
               coalesce(kept.label, fresh.label) as "label!",
               coalesce(kept.sales, 0) as "kept_sales!", coalesce(kept.quantity, 0) as "kept_quantity!",
               coalesce(kept.net, 0) as "kept_net!", coalesce(kept.tax, 0) as "kept_tax!",
               coalesce(kept.gross, 0) as "kept_gross!",
               coalesce(fresh.sales, 0) as "sales!", coalesce(fresh.quantity, 0) as "quantity!",
               coalesce(fresh.net, 0) as "net!", coalesce(fresh.tax, 0) as "tax!",
               coalesce(fresh.gross, 0) as "gross!"
           from fresh full outer join kept using (business_date, dimension, key)
           where (coalesce(kept.sales, 0), coalesce(kept.quantity, 0), coalesce(kept.net, 0),
                  coalesce(kept.tax, 0), coalesce(kept.gross, 0))
               is distinct from (coalesce(fresh.sales, 0), coalesce(fresh.quantity, 0), coalesce(fresh.net, 0),
                  coalesce(fresh.tax, 0), coalesce(fresh.gross, 0))
           order by business_date, dimension, key"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Differing {
            dimension: row.dimension,
            business_date: row.business_date,
            key: row.key,
            local_hour: 0,
            register_id: Uuid::nil(),
            label: row.label,
            labelled_on: row.business_date,
            kept: Sums {
                sales: row.kept_sales,
                quantity: row.kept_quantity,
                net: row.kept_net,
                tax: row.kept_tax,
                gross: row.kept_gross,
                rounding: Decimal::ZERO,
            },
            fresh: Sums {
                sales: row.sales,
                quantity: row.quantity,
                net: row.net,
                tax: row.tax,
                gross: row.gross,
                rounding: Decimal::ZERO,
            },
        })
        .collect())
}

async fn differing_totals(conn: &mut PgConnection, place: Place) -> Result<Vec<Differing>, FactsError> {
    let rows = sqlx::query!(
        r#"with fresh as (
               select business_date, count(*) as sales, sum(quantity) as quantity, sum(net) as net, sum(tax) as tax,
                   sum(gross) as gross, sum(rounding) as rounding
               from sale where company_id = $1 and store_id = $2 group by business_date
           ), kept as (
               select * from daily_totals where company_id = $1 and store_id = $2
           )
           select business_date as "business_date!",
               coalesce(kept.sales, 0) as "kept_sales!", coalesce(kept.quantity, 0) as "kept_quantity!",
               coalesce(kept.net, 0) as "kept_net!", coalesce(kept.tax, 0) as "kept_tax!",
               coalesce(kept.gross, 0) as "kept_gross!", coalesce(kept.rounding, 0) as "kept_rounding!",
               coalesce(fresh.sales, 0) as "sales!", coalesce(fresh.quantity, 0) as "quantity!",
               coalesce(fresh.net, 0) as "net!", coalesce(fresh.tax, 0) as "tax!",
               coalesce(fresh.gross, 0) as "gross!", coalesce(fresh.rounding, 0) as "rounding!"
           from fresh full outer join kept using (business_date)
           where (coalesce(kept.sales, 0), coalesce(kept.quantity, 0), coalesce(kept.net, 0),
                  coalesce(kept.tax, 0), coalesce(kept.gross, 0), coalesce(kept.rounding, 0))
               is distinct from (coalesce(fresh.sales, 0), coalesce(fresh.quantity, 0), coalesce(fresh.net, 0),
                  coalesce(fresh.tax, 0), coalesce(fresh.gross, 0), coalesce(fresh.rounding, 0))
           order by business_date"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Differing {
            dimension: "day".to_owned(),
            business_date: row.business_date,
            key: String::new(),
            local_hour: 0,
            register_id: Uuid::nil(),
            label: String::new(),
            labelled_on: row.business_date,
            kept: Sums {
                sales: row.kept_sales,
                quantity: row.kept_quantity,
                net: row.kept_net,
                tax: row.kept_tax,
                gross: row.kept_gross,
                rounding: row.kept_rounding,
            },
            fresh: Sums {
                sales: row.sales,
                quantity: row.quantity,
                net: row.net,
                tax: row.tax,
                gross: row.gross,
                rounding: row.rounding,
            },
        })
        .collect())
}

async fn differing_months(conn: &mut PgConnection, place: Place) -> Result<Vec<Differing>, FactsError> {
    let rows = sqlx::query!(
        r#"with touched as (
               select business_date, each.dimension, each.key, each.label, id as sale_id, quantity, net, tax, gross,
                   rounding
               from sale, lateral (values
                   ('register', register_code, register_code),
                   ('hour', lpad(local_hour::text, 2, '0'), lpad(local_hour::text, 2, '0') || ':00'))
                   as each (dimension, key, label)
               where company_id = $1 and store_id = $2
               union all
               select business_date, each.dimension, each.key, each.label, sale_id, quantity, net, tax, gross, 0
               from sale_line, lateral (values
                   ('department', department_id::text, department_name),
                   ('sales_rep', coalesce(sales_rep_id::text, ''), '')) as each (dimension, key, label)
               where company_id = $1 and store_id = $2
               union all
               select tax.business_date, 'tax', tax.tax_id::text, tax.tax_name, tax.sale_id, line.quantity,
                   tax.base, tax.amount, tax.base + tax.amount, 0
               from sale_line_tax as tax
               join sale_line as line on line.company_id = tax.company_id and line.store_id = tax.store_id
                   and line.sale_id = tax.sale_id and line.id = tax.sale_line_id
               where tax.company_id = $1 and tax.store_id = $2
               union all
               select business_date, 'tender', tender_id::text, tender_name, sale_id, 0, 0, 0, amount - change, 0
               from payment where company_id = $1 and store_id = $2
           ), fresh as (
               select date_trunc('month', business_date)::date as month, dimension, key,
                   (max(array[business_date::text, label]))[2] as label, max(business_date) as labelled_on,
                   count(distinct sale_id) as sales, sum(quantity) as quantity, sum(net) as net, sum(tax) as tax,
                   sum(gross) as gross, sum(rounding) as rounding
               from touched group by 1, 2, 3
           ), kept as (
               select * from monthly_sales where company_id = $1 and store_id = $2
           )
           select month as "month!", dimension as "dimension!", key as "key!",
               coalesce(kept.label, fresh.label) as "label!",
               coalesce(kept.labelled_on, fresh.labelled_on) as "labelled_on!",
               coalesce(kept.sales, 0) as "kept_sales!", coalesce(kept.quantity, 0) as "kept_quantity!",
               coalesce(kept.net, 0) as "kept_net!", coalesce(kept.tax, 0) as "kept_tax!",
               coalesce(kept.gross, 0) as "kept_gross!", coalesce(kept.rounding, 0) as "kept_rounding!",
               coalesce(fresh.sales, 0) as "sales!", coalesce(fresh.quantity, 0) as "quantity!",
               coalesce(fresh.net, 0) as "net!", coalesce(fresh.tax, 0) as "tax!",
               coalesce(fresh.gross, 0) as "gross!", coalesce(fresh.rounding, 0) as "rounding!"
           from fresh full outer join kept using (month, dimension, key)
           where (coalesce(kept.sales, 0), coalesce(kept.quantity, 0), coalesce(kept.net, 0),
                  coalesce(kept.tax, 0), coalesce(kept.gross, 0), coalesce(kept.rounding, 0))
               is distinct from (coalesce(fresh.sales, 0), coalesce(fresh.quantity, 0), coalesce(fresh.net, 0),
                  coalesce(fresh.tax, 0), coalesce(fresh.gross, 0), coalesce(fresh.rounding, 0))
           order by month, dimension, key"#,
        place.company_id.uuid(),
        place.store_id.uuid(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Differing {
            dimension: row.dimension,
            business_date: row.month,
            key: row.key,
            local_hour: 0,
            register_id: Uuid::nil(),
            label: row.label,
            labelled_on: row.labelled_on,
            kept: Sums {
                sales: row.kept_sales,
                quantity: row.kept_quantity,
                net: row.kept_net,
                tax: row.kept_tax,
                gross: row.kept_gross,
                rounding: row.kept_rounding,
            },
            fresh: Sums {
                sales: row.sales,
                quantity: row.quantity,
                net: row.net,
                tax: row.tax,
                gross: row.gross,
                rounding: row.rounding,
            },
        })
        .collect())
}
