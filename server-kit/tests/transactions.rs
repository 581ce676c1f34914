//! Transactions against a real PostgreSQL: whole or nothing, once, again after a deadlock, and never left open.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use server_kit::testing::Database;
use server_kit::{Actor, AppState, Patience, Problem, read, transact, transact_within};
use tokio::sync::Barrier;
use uuid::Uuid;

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations-store");

async fn world() -> (Database, AppState, Actor) {
    let database = Database::new(MIGRATIONS).await;
    sqlx::raw_sql(
        "create table jar (id int primary key, coins int not null check (coins >= 0));
         insert into jar values (1, 10), (2, 10);
         grant select, insert, update on jar to tradepost_app",
    )
    .execute(database.owner())
    .await
    .unwrap();
    let state = database.state();
    (database, state, Actor::System { company_id: Uuid::now_v7() })
}

async fn coins(database: &Database, jar: i32) -> i32 {
    sqlx::query_scalar("select coins from jar where id = $1")
        .bind(jar)
        .fetch_one(database.owner())
        .await
        .unwrap()
}

async fn add(tx: &mut server_kit::Tx, jar: i32, by: i32) -> Result<(), sqlx::Error> {
    sqlx::query("update jar set coins = coins + $2 where id = $1")
        .bind(jar)
        .bind(by)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

#[tokio::test]
async fn what_fails_leaves_nothing_behind() {
    let (database, state, actor) = world().await;
    let failed: Result<(), sqlx::Error> = transact(&state, &actor, |tx, _| {
        Box::pin(async move {
            add(tx, 1, 5).await?;
            add(tx, 2, -50).await
        })
    })
    .await;
    assert!(failed.is_err());
    assert_eq!((coins(&database, 1).await, coins(&database, 2).await), (10, 10));
}

#[tokio::test]
async fn a_transaction_knows_its_company_and_actor_and_the_next_one_does_not() {
    let (_database, state, actor) = world().await;
    let told: (String, String) = transact(&state, &actor, |tx, _| {
        Box::pin(async move {
            sqlx::query_as("select current_setting('app.company_id'), current_setting('app.actor')")
                .fetch_one(&mut **tx)
                .await
        })
    })
    .await
    .map_err(|error: sqlx::Error| error)
    .unwrap();
    assert_eq!(told, (actor.company_id().unwrap().to_string(), "system".to_owned()));
    for _ in 0..12 {
        let company: String = sqlx::query_scalar("select current_setting('app.company_id')")
            .fetch_one(&state.pool)
            .await
            .unwrap();
        assert_eq!(company, Uuid::nil().to_string());
    }
}

#[tokio::test]
async fn a_deadlock_is_tried_again_and_both_come_through() {
    let (database, state, actor) = world().await;
    let both_hold_one = Arc::new(Barrier::new(2));
    let attempts = Arc::new(AtomicU32::new(0));
    let move_coin = |from: i32, to: i32| {
        let (state, actor, attempts) = (state.clone(), actor.clone(), attempts.clone());
        let mut barrier = Some(both_hold_one.clone());
        async move {
            transact(&state, &actor, move |tx, _| {
                Box::pin(async move {
                    let first = attempts.fetch_add(1, Ordering::SeqCst) < 2;
                    add(tx, from, -1).await?;
                    if first && let Some(barrier) = barrier.take() {
                        barrier.wait().await;
                    }
                    add(tx, to, 1).await
                })
            })
            .await
        }
    };
    let (one, other): (Result<(), sqlx::Error>, Result<(), sqlx::Error>) =
        tokio::join!(move_coin(1, 2), move_coin(2, 1));
    one.unwrap();
    other.unwrap();
    assert!(attempts.load(Ordering::SeqCst) > 2, "nobody was in anybody's way");
    assert_eq!((coins(&database, 1).await, coins(&database, 2).await), (10, 10));
}

#[tokio::test]
async fn a_shutdown_that_is_told_of_at_the_commit_may_follow_the_commit_and_is_not_tried_again() {
    let (database, state, actor) = world().await;
    sqlx::raw_sql(
        "create function shut_down() returns trigger language plpgsql as $$
         begin raise exception 'terminating connection due to administrator command' using errcode = '57P01'; end $$;
         create constraint trigger shut_down after update on jar deferrable initially deferred
             for each row execute function shut_down()",
    )
    .execute(database.owner())
    .await
    .unwrap();
    let attempts = Arc::new(AtomicU32::new(0));
    let tried = attempts.clone();
    let done: Result<(), sqlx::Error> = transact(&state, &actor, move |tx, _| {
        Box::pin(async move {
            tried.fetch_add(1, Ordering::SeqCst);
            add(tx, 1, 1).await
        })
    })
    .await;
    assert_eq!(done.unwrap_err().as_database_error().unwrap().code().unwrap(), "57P01");
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_neither_stops_the_work_nor_leaves_it_open() {
    let (database, state, actor) = world().await;
    let (entered, may_go_on) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let mut committed = state.wake.listen();
    let caller = {
        let (state, actor, entered, may_go_on) =
            (state.clone(), actor.clone(), entered.clone(), may_go_on.clone());
        tokio::spawn(async move {
            let _: Result<(), sqlx::Error> = transact(&state, &actor, move |tx, _| {
                Box::pin(async move {
                    add(tx, 1, 1).await?;
                    entered.wait().await;
                    may_go_on.wait().await;
                    Ok(())
                })
            })
            .await;
        })
    };
    entered.wait().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    may_go_on.wait().await;
    tokio::time::timeout(Duration::from_secs(10), committed.changed())
        .await
        .expect("it was not committed")
        .unwrap();
    assert_eq!(coins(&database, 1).await, 11);
}

#[tokio::test]
async fn a_transaction_past_its_deadline_is_undone() {
    let (database, state, actor) = world().await;
    let patience = Patience { deadline: Duration::from_millis(200), ..Patience::REQUEST };
    let failed: Result<(), sqlx::Error> = transact_within(&state, &actor, patience, |tx, _| {
        Box::pin(async move {
            add(tx, 1, 1).await?;
            sqlx::query("select pg_sleep(60)").execute(&mut **tx).await?;
            Ok(())
        })
    })
    .await;
    assert_eq!(Problem::from(failed.unwrap_err()).status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(coins(&database, 1).await, 10);
}

#[tokio::test]
async fn a_reader_sees_one_instant_and_cannot_write() {
    let (database, state, actor) = world().await;
    let owner = database.owner().clone();
    let seen: (i32, i32) = read(&state, &actor, move |tx, _| {
        Box::pin(async move {
            let before =
                sqlx::query_scalar("select coins from jar where id = 1").fetch_one(&mut **tx).await?;
            sqlx::query("update jar set coins = 99 where id = 1").execute(&owner).await?;
            let after = sqlx::query_scalar("select coins from jar where id = 1").fetch_one(&mut **tx).await?;
            Ok::<_, sqlx::Error>((before, after))
        })
    })
    .await
    .unwrap();
    assert_eq!(seen, (10, 10));
    let refused: Result<(), sqlx::Error> = read(&state, &actor, |tx, _| Box::pin(add(tx, 1, 1))).await;
    assert_eq!(refused.unwrap_err().as_database_error().unwrap().code().unwrap(), "25006");
}

#[tokio::test]
async fn a_broken_connection_costs_a_retry_and_no_error() {
    let (database, state, actor) = world().await;
    let breaks_once = Arc::new(AtomicU32::new(0));
    let owner = database.owner().clone();
    let done: Result<(), sqlx::Error> = transact(&state, &actor, move |tx, _| {
        Box::pin(async move {
            add(tx, 1, 1).await?;
            if breaks_once.fetch_add(1, Ordering::SeqCst) == 0 {
                let own: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut **tx).await?;
                sqlx::query("select pg_terminate_backend($1)").bind(own).execute(&owner).await?;
            }
            add(tx, 2, 1).await
        })
    })
    .await;
    done.unwrap();
    assert_eq!((coins(&database, 1).await, coins(&database, 2).await), (11, 11));
}
