//! Faults on real programs. Each test has a chain of its own; after the fault everything is as if there had been none.

use std::time::Duration;

use anyhow::{Result, ensure};
use chain::line::Mode;
use rig::{Rig, Rounds, STORE, verify};

/// How many baskets a test rings up at least; faults go on until they are all through.
const fn baskets(rounds: &Rounds) -> usize {
    if rounds.is_short() { 120 } else { 2_000 }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sold_while_the_line_was_down_is_at_hq_to_the_last_digit() -> Result<()> {
    let rounds = Rounds::from_environment("what_was_sold_while_the_line_was_down")?;
    let rig = Rig::start(baskets(&rounds)).await?;
    for line in rig.chain.lines.values() {
        line.set(Mode::Down);
    }
    let printed = rig.replay(&rig.goods.baskets).await?.await??;
    ensure!(usize::try_from(printed.sales)? == rig.goods.baskets.len(), "not every basket was rung up");
    let hq = rig.chain.at_hq().await?;
    let before = hq.get(&format!("/api/v1/reports/sales?store={STORE}")).await?;
    ensure!(before.pointer("/totals/sales") == Some(&0.into()), "the line was not down: {before}");
    for line in rig.chain.lines.values() {
        line.set(Mode::Up);
    }
    rig.agreed().await?;
    verify::everything(&rig, &printed).await?;
    rig.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flapping_line_that_swallows_answers_loses_and_doubles_nothing() -> Result<()> {
    let mut rounds = Rounds::from_environment("a_flapping_line")?;
    let rig = Rig::start(baskets(&rounds)).await?;
    let replay = rig.replay(&rig.goods.baskets).await?;
    let modes = [
        Mode::SwallowAnswers,
        Mode::CutAfter(40),
        Mode::Down,
        Mode::SwallowAnswers,
        Mode::Slow(Duration::from_millis(30)),
        Mode::BlackHole,
    ];
    let mut faults = 0;
    while faults < rounds.count.max(modes.len()) || !replay.is_finished() {
        let Some(mode) = modes.get(faults % modes.len()) else { break };
        faults += 1;
        for line in rig.chain.lines.values() {
            line.set(*mode);
        }
        tokio::time::sleep(rounds.pause(700)).await;
        for line in rig.chain.lines.values() {
            line.set(Mode::Up);
        }
        tokio::time::sleep(rounds.pause(700)).await;
    }
    let printed = replay.await??;
    rig.agreed().await?;
    println!("{faults} faults, {} sales", printed.sales);
    verify::everything(&rig, &printed).await?;
    rig.stop().await
}

#[derive(Debug, Clone, Copy)]
enum Victim {
    StoreServer,
    StorePostgres,
    Hq,
}

/// Kills the victim at random instants while baskets are rung up and sync runs.
async fn killed(victim: Victim, test: &str) -> Result<()> {
    let mut rounds = Rounds::from_environment(test)?;
    let mut rig = Rig::start(baskets(&rounds)).await?;
    let all = rig.goods.baskets.clone();
    // Enough work for every round, each basket in one of as many parts.
    let mut printed = chain::replay::Tally::default();
    let part = all.len().div_ceil(rounds.count.max(1));
    for baskets in all.chunks(part.max(1)) {
        let replay = rig.replay(baskets).await?;
        tokio::time::sleep(rounds.pause(900)).await;
        match victim {
            Victim::StoreServer => {
                let store = rig.chain.store_mut(STORE)?;
                store.kill().await?;
                store.start()?;
                store.wait("ready").await?;
            }
            Victim::StorePostgres => {
                ensure!(rig.chain.store(STORE)?.kill_postgres()?, "the store has no PostgreSQL to kill");
                rig.chain.store_mut(STORE)?.wait("ready").await?;
            }
            Victim::Hq => {
                rig.chain.hq.kill().await?;
                rig.chain.hq.start()?;
                rig.chain.hq.wait("ready").await?;
            }
        }
        printed.add(replay.await??);
    }
    rig.agreed().await?;
    println!("{} kills of {victim:?}, {} sales", rounds.count, printed.sales);
    verify::everything(&rig, &printed).await?;
    rig.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_store_server_loses_and_doubles_nothing() -> Result<()> {
    killed(Victim::StoreServer, "killing_the_store_server").await
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_store_s_postgres_loses_and_doubles_nothing() -> Result<()> {
    killed(Victim::StorePostgres, "killing_the_store_s_postgres").await
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_hq_loses_and_doubles_nothing() -> Result<()> {
    killed(Victim::Hq, "killing_hq").await
}
