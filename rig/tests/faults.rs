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
enum Fault {
    KillStoreServer,
    KillStorePostgres,
    /// Both at once: the store's box loses its power.
    KillStore,
    KillHq,
    KillHqPostgres,
    /// Both stand still for a while and go on.
    Stall,
}

/// Injects the fault at random instants while baskets are rung up and sync runs.
async fn survives(fault: Fault, test: &str) -> Result<()> {
    let mut rounds = Rounds::from_environment(test)?;
    let mut rig = Rig::start(baskets(&rounds)).await?;
    let all = rig.goods.baskets.clone();
    let mut printed = chain::replay::Tally::default();
    let mut while_selling = 0;
    // As many parts as rounds, so that every fault finds work in progress.
    let part = all.len().div_ceil(rounds.count.max(1));
    for baskets in all.chunks(part.max(1)) {
        let replay = rig.replay(baskets).await?;
        tokio::time::sleep(rounds.pause(400)).await;
        while_selling += usize::from(!replay.is_finished());
        let server = match fault {
            Fault::KillStoreServer | Fault::KillStorePostgres | Fault::KillStore => {
                rig.chain.store_mut(STORE)?
            }
            Fault::KillHq | Fault::KillHqPostgres | Fault::Stall => &mut rig.chain.hq,
        };
        match fault {
            Fault::KillStoreServer | Fault::KillHq => {
                server.kill().await?;
                server.start()?;
            }
            Fault::KillStorePostgres | Fault::KillHqPostgres => {
                ensure!(server.kill_postgres()?, "{} has no PostgreSQL to kill", server.name);
            }
            Fault::KillStore => {
                ensure!(server.kill_postgres()?, "{} has no PostgreSQL to kill", server.name);
                server.kill().await?;
                server.start()?;
            }
            Fault::Stall => {
                let pause = rounds.pause(3_000);
                rig.chain.hq.stall(true)?;
                rig.chain.store(STORE)?.stall(true)?;
                tokio::time::sleep(pause).await;
                rig.chain.store(STORE)?.stall(false)?;
                tokio::time::sleep(pause).await;
                rig.chain.hq.stall(false)?;
            }
        }
        rig.chain.store_mut(STORE)?.wait("ready").await?;
        rig.chain.hq.wait("ready").await?;
        printed.add(replay.await??);
    }
    rig.agreed().await?;
    println!("{} x {fault:?}, {while_selling} of them while selling, {} sales", rounds.count, printed.sales);
    ensure!(while_selling * 2 > rounds.count, "most faults came after the work was done: too few baskets");
    verify::everything(&rig, &printed).await?;
    rig.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_store_server_loses_and_doubles_nothing() -> Result<()> {
    survives(Fault::KillStoreServer, "killing_the_store_server").await
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_store_s_postgres_loses_and_doubles_nothing() -> Result<()> {
    survives(Fault::KillStorePostgres, "killing_the_store_s_postgres").await
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_all_of_the_store_loses_and_doubles_nothing() -> Result<()> {
    survives(Fault::KillStore, "killing_all_of_the_store").await
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_hq_loses_and_doubles_nothing() -> Result<()> {
    survives(Fault::KillHq, "killing_hq_loses").await
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_hq_s_postgres_loses_and_doubles_nothing() -> Result<()> {
    survives(Fault::KillHqPostgres, "killing_hq_s_postgres").await
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_stand_still_lose_and_double_nothing() -> Result<()> {
    survives(Fault::Stall, "servers_that_stand_still").await
}
