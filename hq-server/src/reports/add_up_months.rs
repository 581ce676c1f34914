//! The worker that adds up each chain's months once they are over, and anew where sales came late.
//! Reports are exact without it, and slower.

use std::time::Duration;

use chrono::TimeDelta;
use facts::chain_months;
use server_kit::{Actor, AppState, Patience, read, transact_within};
use shared_model::ids::CompanyId;
use tokio_util::sync::CancellationToken;

use super::ReportError;

/// How often to look: a store that catches up makes the same months stale again and again.
const LOOK_EVERY: Duration = Duration::from_mins(5);
/// How many months of one company at a time, the latest first; the next look goes on.
const MOST_MONTHS: u32 = 24;
const PATIENCE: Patience = Patience::long(Duration::from_mins(10));

/// Until `stop`.
pub(crate) async fn run(state: AppState, stop: CancellationToken) {
    let work = async {
        loop {
            if let Err(error) = add_up_all(&state).await {
                tracing::warn!(%error, "the chain's months could not be added up");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

async fn add_up_all(state: &AppState) -> Result<(), ReportError> {
    let companies = read(state, &Actor::Nobody, |tx, _| {
        Box::pin(async move {
            Ok::<_, ReportError>(
                sqlx::query_scalar!(r#"select company_id as "id!" from every_company()"#)
                    .fetch_all(&mut **tx)
                    .await?,
            )
        })
    })
    .await?;
    for company_id in companies {
        let actor = Actor::System { company_id };
        let company = CompanyId::new(company_id);
        // The date that it is where it is earliest.
        let today = (state.clock.now() - TimeDelta::hours(12)).date_naive();
        let months = read(state, &actor, move |tx, _| {
            Box::pin(async move {
                Ok::<_, ReportError>(chain_months::outstanding(tx, company, today, MOST_MONTHS).await?)
            })
        })
        .await?;
        for month in months {
            transact_within(state, &actor, PATIENCE, move |tx, _| {
                Box::pin(async move { Ok::<_, ReportError>(chain_months::add_up(tx, company, month).await?) })
            })
            .await?;
            tracing::debug!(%company_id, %month, "a month was added up");
        }
    }
    Ok(())
}
