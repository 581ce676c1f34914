//! Sales by register, day, hour, department, product, tender, sales rep or tax.

use facts::reports::{self, AsOf, SalesQuery, SalesReport, StoreLabel};
use server_kit::{Context, Tx};

use super::ReportError;
use super::routes::SalesParameters;
use crate::this_store::{self, ThisStore};

/// The report, in one snapshot with the end of the journal.
pub(super) async fn report(
    tx: &mut Tx,
    cx: &Context,
    parameters: &SalesParameters,
) -> Result<SalesReport, ReportError> {
    let limit = reports::rows(parameters.limit)?;
    let store = this_store::load(tx).await?;
    if let Some(asked) = &parameters.store
        && let Some(other) = asked.split(',').map(str::trim).find(|code| *code != store.code)
    {
        return Err(ReportError::AnotherStore { asked: other.chars().take(20).collect(), here: store.code });
    }
    let today = store.business_date(cx.now);
    let (from, to) = reports::period(parameters.from, parameters.to, (today, today))?;
    let query = SalesQuery {
        from,
        to,
        stores: vec![label(tx, &store).await?],
        group_by: parameters.group_by,
        currency: store.currency,
        limit,
    };
    let mut report = reports::from_facts(tx, store.place.company_id, &query).await?;
    report.as_of = vec![end_of_journal(tx, &store).await?];
    Ok(report)
}

async fn label(tx: &mut Tx, store: &ThisStore) -> Result<StoreLabel, ReportError> {
    let name =
        sqlx::query_scalar!("select name from from_hq.store where id = $1", store.place.store_id.uuid())
            .fetch_one(&mut **tx)
            .await?;
    Ok(StoreLabel { id: store.place.store_id, code: store.code.clone(), name })
}

/// How long the journal of this life is: its streams together, as the heads count them.
async fn end_of_journal(tx: &mut Tx, store: &ThisStore) -> Result<AsOf, ReportError> {
    let end = sqlx::query!(
        r#"select coalesce(sum(stream_sequence), 0)::bigint as "entries!",
               (select occurred_at from journal where incarnation = $1 order by id desc limit 1) as last_event_at
           from receipt_series where incarnation = $1"#,
        store.incarnation,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(AsOf { store: store.code.clone(), watermark: end.entries, last_event_at: end.last_event_at })
}
