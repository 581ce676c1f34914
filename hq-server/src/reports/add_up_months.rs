//! The worker that adds up each chain's months once they are over, and anew where sales came late.
//! Reports are exact without it, and slower.

use std::time::Duration;

use chrono::TimeDelta;
use facts::chain_months;
use server_kit::{Actor, AppState, Patience, read, transact_within};
use shared_model::ids::CompanyId;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

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
    let (many, mut failed) = (companies.len(), 0);
    for company_id in companies {
        // What is wrong in one company's figures is no reason to let the others wait.
        if let Err(error) = add_up(state, company_id).await {
            failed += 1;
            tracing::error!(%company_id, %error, "a company's months could not be added up");
        }
    }
    if failed > 0 {
        tracing::warn!(failed, of = many, "the months of some companies were not added up");
    }
    Ok(())
}

async fn add_up(state: &AppState, company_id: Uuid) -> Result<(), ReportError> {
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use server_kit::testing::Database;

    use super::*;

    #[tokio::test]
    async fn a_company_whose_figures_are_broken_holds_up_no_other() {
        let database = Database::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations-hq")).await;
        let (broken, fine) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for (company, key) in [(broken, "no id"), (fine, "00000000-0000-0000-0000-000000000007")] {
            for statement in [
                "insert into company (company_id, code, name, currency) values ($1, 'c' || right($1::text, 1), 'C', 'GBP')",
                "insert into monthly_sales values ($1, $1, 'register', '2026-01-01', 'R01', 'R01', '2026-01-02', 1, 1, 1, 0, 1, 0)",
            ] {
                sqlx::query(statement).bind(company).execute(database.owner()).await.unwrap();
            }
            sqlx::query(
                "insert into daily_sales (company_id, store_id, dimension, business_date, key, label, sales, quantity, net, tax, gross)
                 values ($1, $1, 'product', '2026-01-02', $2, 'A', 1, 1, 1, 0, 1)",
            )
            .bind(company)
            .bind(key)
            .execute(database.owner())
            .await
            .unwrap();
        }
        add_up_all(&database.state()).await.unwrap();
        let added: Vec<Uuid> = sqlx::query_scalar("select company_id from chain_month_product")
            .fetch_all(database.owner())
            .await
            .unwrap();
        assert_eq!(added, [fine]);
        // The broken one fails, and is not passed over.
        assert!(add_up(&database.state(), broken).await.is_err());
    }
}
