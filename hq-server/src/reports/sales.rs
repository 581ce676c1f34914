//! Sales by store, register, day, hour, department, product, tender, sales rep or tax, from the rollups.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use facts::reports::{self, AsOf, SalesQuery, SalesReport, StoreLabel};
use server_kit::{Actor, Context, StoreScope, Tx};
use shared_model::Currency;
use shared_model::ids::CompanyId;
use uuid::Uuid;

use super::ReportError;
use super::routes::SalesParameters;

struct Shop {
    id: Uuid,
    code: String,
    name: String,
    time_zone: String,
    currency: Currency,
}

/// The report, in one snapshot with how far each store has been heard.
pub(super) async fn report(
    tx: &mut Tx,
    cx: &Context,
    parameters: &SalesParameters,
) -> Result<SalesReport, ReportError> {
    let limit = reports::rows(parameters.limit)?;
    let shops = shops(tx, &cx.actor, parameters.store.as_deref()).await?;
    let (from, to) = reports::period(parameters.from, parameters.to, today(cx.now, &shops))?;
    let currency = currency(tx, &shops).await?;
    let query = SalesQuery {
        from,
        to,
        stores: shops
            .iter()
            .map(|shop| StoreLabel { id: shop.id.into(), code: shop.code.clone(), name: shop.name.clone() })
            .collect(),
        group_by: parameters.group_by,
        currency,
        limit,
    };
    let mut report = reports::from_rollups(tx, CompanyId::new(cx.company_id()), &query).await?;
    report.as_of = heard(tx, &shops).await?;
    Ok(report)
}

/// The stores that were asked for, all of them within the asker's reach.
async fn shops(tx: &mut Tx, actor: &Actor, asked: Option<&str>) -> Result<Vec<Shop>, ReportError> {
    let shops = sqlx::query_as!(
        Shop,
        r#"select id, code, name, time_zone, currency as "currency: Currency" from store order by code"#
    )
    .fetch_all(&mut **tx)
    .await?;
    let in_reach = |shop: &Shop| match actor.person().map(|person| &person.stores) {
        Some(StoreScope::Only(stores)) => stores.contains(&shop.id),
        Some(StoreScope::All) | None => true,
    };
    let mut shops: Vec<Shop> = shops.into_iter().filter(in_reach).collect();
    if let Some(asked) = asked {
        let codes: Vec<&str> = asked.split(',').map(str::trim).collect();
        if let Some(unknown) = codes.iter().find(|code| !shops.iter().any(|shop| shop.code == **code)) {
            return Err(ReportError::UnknownStore((*unknown).chars().take(20).collect()));
        }
        shops.retain(|shop| codes.contains(&shop.code.as_str()));
    }
    Ok(shops)
}

/// The first and the last date that it is now in the stores.
fn today(now: DateTime<Utc>, shops: &[Shop]) -> (NaiveDate, NaiveDate) {
    let dates = || {
        shops
            .iter()
            .filter_map(|shop| shop.time_zone.parse::<Tz>().ok())
            .map(|zone| now.with_timezone(&zone).date_naive())
    };
    (dates().min().unwrap_or_else(|| now.date_naive()), dates().max().unwrap_or_else(|| now.date_naive()))
}

/// The one currency of these stores; the company's where there is no store.
async fn currency(tx: &mut Tx, shops: &[Shop]) -> Result<Currency, ReportError> {
    let mut currencies: Vec<Currency> = shops.iter().map(|shop| shop.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    match currencies.as_slice() {
        [one] => Ok(*one),
        [] => Ok(sqlx::query_scalar!(r#"select currency as "currency: Currency" from company"#)
            .fetch_one(&mut **tx)
            .await?),
        several => {
            let codes: Vec<&str> = several.iter().map(|currency| currency.code()).collect();
            Err(ReportError::SeveralCurrencies(codes.join(", ")))
        }
    }
}

/// How far each store's journal has arrived: in its latest life.
async fn heard(tx: &mut Tx, shops: &[Shop]) -> Result<Vec<AsOf>, ReportError> {
    let stores: Vec<Uuid> = shops.iter().map(|shop| shop.id).collect();
    let heard = sqlx::query!(
        r#"select distinct on (store_id) store_id, sequence, last_event_at
           from journal_watermark where store_id = any($1)
           order by store_id, received_at desc nulls last"#,
        &stores,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(shops
        .iter()
        .filter_map(|shop| {
            let row = heard.iter().find(|row| row.store_id == shop.id && row.sequence > 0)?;
            Some(AsOf { store: shop.code.clone(), watermark: row.sequence, last_event_at: row.last_event_at })
        })
        .collect())
}
