//! `hq-server doctor`: what is kept beside the facts is computed anew and compared, and every journal's chain is followed.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use facts::Place;
use facts::rollups::RollupDifference;
use futures_util::TryStreamExt;
use server_kit::config::DataArgs;
use server_kit::{Actor, AppState, Patience, Problem, Tx, read_within, transact_within};
use shared_model::ids::{CompanyId, StoreId};
use sync_protocol::Hash;
use sync_protocol::chain::{self, Link};
use uuid::Uuid;

const PATIENCE: Patience = Patience::long(Duration::from_hours(1));
/// The most differences of one kind that are printed for one store.
const MOST_TOLD: usize = 20;

#[derive(Args, Debug)]
pub(super) struct Doctor {
    #[command(flatten)]
    data: DataArgs,
    /// Put right what is kept beside the facts (stock, rollups); facts and chains are never touched
    #[arg(long)]
    mend: bool,
}

#[derive(Debug, Default)]
struct Findings {
    told: Vec<String>,
    count: usize,
}

impl Findings {
    fn add(&mut self, lines: impl ExactSizeIterator<Item = String>) {
        let all = lines.len();
        self.count += all;
        self.told.extend(lines.take(MOST_TOLD));
        if all > MOST_TOLD {
            self.told.push(format!("… and {} more", all - MOST_TOLD));
        }
    }
}

impl Doctor {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let (database, state) = super::open(&self.data).await?;
        let looked = look(&state, self.mend).await;
        database.close().await?;
        let (stores, findings) = looked.map_err(|problem| super::told(&problem))?;
        for line in &findings.told {
            println!("{line}");
        }
        if findings.count == 0 {
            println!("{stores} stores: stock, figures, sessions and chains agree with the facts");
            return Ok(ExitCode::SUCCESS);
        }
        println!(
            "{stores} stores: {} differences{}",
            findings.count,
            if self.mend { "; stock and figures were put right" } else { "" }
        );
        Ok(ExitCode::FAILURE)
    }
}

async fn look(state: &AppState, mend: bool) -> Result<(usize, Findings), Problem> {
    let companies = read_within(state, &Actor::Nobody, PATIENCE, |tx, _| {
        Box::pin(async move {
            Ok::<_, Problem>(
                sqlx::query!(r#"select company_id as "id!", code as "code!" from every_company()"#)
                    .fetch_all(&mut **tx)
                    .await?,
            )
        })
    })
    .await?;
    let mut stores_seen = 0;
    let mut findings = Findings::default();
    for company in companies {
        let actor = Actor::System { company_id: company.id };
        let stores = read_within(state, &actor, PATIENCE, |tx, _| {
            Box::pin(async move {
                Ok::<_, Problem>(
                    sqlx::query!("select id, code from store order by code").fetch_all(&mut **tx).await?,
                )
            })
        })
        .await?;
        // Before the stores': what is put right of a store makes the chain's months be added up anew anyway.
        let chain = CompanyId::new(company.id);
        let found = read_within(state, &actor, PATIENCE, move |tx, _| {
            Box::pin(
                async move { facts::chain_months::differences(tx, chain).await.map_err(Problem::internal) },
            )
        })
        .await?;
        findings.add(found.iter().map(|row| tell_figures(&company.code, row)));
        if mend {
            let mut months: Vec<_> = found.iter().map(|row| row.business_date).collect();
            months.dedup();
            transact_within(state, &actor, PATIENCE, move |tx, _| {
                let months = months.clone();
                Box::pin(async move {
                    facts::chain_months::forget(tx, chain, &months).await.map_err(Problem::internal)
                })
            })
            .await?;
        }
        for store in stores {
            stores_seen += 1;
            let place = Place { company_id: CompanyId::new(company.id), store_id: StoreId::new(store.id) };
            let name = format!("{}/{}", company.code, store.code);
            // One snapshot per store: a batch that arrives meanwhile is in all of it or in none.
            let found = read_within(state, &actor, PATIENCE, move |tx, _| {
                let name = name.clone();
                Box::pin(async move { look_at(tx, place, &name).await })
            })
            .await?;
            findings.count += found.count;
            findings.told.extend(found.told);
            if mend {
                transact_within(state, &actor, PATIENCE, move |tx, _| {
                    Box::pin(async move {
                        facts::stock::recompute(tx, place).await.map_err(Problem::internal)?;
                        facts::rollups::recompute(tx, place).await.map_err(Problem::internal)
                    })
                })
                .await?;
            }
        }
    }
    Ok((stores_seen, findings))
}

fn tell_figures(name: &str, row: &RollupDifference) -> String {
    format!(
        "{name}: figures of {} {} {} are {}, the sales come to {}",
        row.business_date, row.dimension, row.key, row.kept, row.recomputed
    )
}

async fn look_at(tx: &mut Tx, place: Place, name: &str) -> Result<Findings, Problem> {
    let mut findings = Findings::default();
    let stock = facts::stock::differences(tx, place).await.map_err(Problem::internal)?;
    findings.add(stock.iter().map(|row| {
        format!(
            "{name}: stock of variant {} is {}, its movements come to {}",
            row.variant_id, row.kept, row.recomputed
        )
    }));
    let rollups = facts::rollups::differences(tx, place).await.map_err(Problem::internal)?;
    findings.add(rollups.iter().map(|row| tell_figures(name, row)));
    let misfits = facts::proof::misfits(tx, place).await.map_err(Problem::internal)?;
    findings.add(
        misfits.iter().map(|misfit| format!("{name}: sale or session {}: {}", misfit.id, misfit.reason)),
    );
    let breaks = follow_chains(tx, place.store_id.uuid(), name).await?;
    findings.add(breaks.into_iter());
    Ok(findings)
}

/// Follows every stream of a store's journals as they were received.
async fn follow_chains(tx: &mut Tx, store: Uuid, name: &str) -> Result<Vec<String>, Problem> {
    let mut breaks = Vec::new();
    let mut at: Option<(Uuid, String, i64, Hash)> = None;
    let mut entries = sqlx::query!(
        "select incarnation, event_id, stream, stream_sequence, kind, version, occurred_at, business_date, feed_position, payload, hash
         from received_entry where store_id = $1 order by incarnation, stream, stream_sequence",
        store
    )
    .fetch(&mut **tx);
    while let Some(entry) = entries.try_next().await? {
        let goes_on = at.as_ref().is_some_and(|(incarnation, stream, _, _)| {
            *incarnation == entry.incarnation && *stream == entry.stream
        });
        let (sequence, previous) = match &at {
            Some((_, _, sequence, hash)) if goes_on => (*sequence, *hash),
            _ => (0, Hash::ZERO),
        };
        let here = format!(
            "{name}: entry {} of stream {} ({})",
            entry.stream_sequence, entry.stream, entry.incarnation
        );
        if entry.stream_sequence != sequence + 1 {
            breaks.push(format!("{here} follows {sequence}: there is a gap"));
        }
        let link = Link {
            incarnation: entry.incarnation,
            stream: &entry.stream,
            stream_sequence: entry.stream_sequence,
            event_id: entry.event_id,
            kind: &entry.kind,
            version: entry.version,
            occurred_at: entry.occurred_at,
            business_date: entry.business_date,
            feed_position: entry.feed_position,
            payload: &entry.payload,
        };
        let kept = Hash::from_slice(&entry.hash).unwrap_or_default();
        if chain::hash(&link, previous) != kept {
            breaks.push(format!("{here} does not follow from the one before it"));
        }
        at = Some((entry.incarnation, entry.stream, entry.stream_sequence, kept));
    }
    Ok(breaks)
}
