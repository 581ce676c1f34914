//! Opening a database that is there: only with the program's own schema, and only as a role that owns nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::str::FromStr;

use axum::response::IntoResponse;
use server_kit::config::DataArgs;
use server_kit::testing::Database;
use server_kit::{Actor, AppState, Problem, database, transact};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::Barrier;
use uuid::Uuid;

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations-store");

async fn migrator() -> Migrator {
    Migrator::new(Path::new(MIGRATIONS)).await.unwrap()
}

fn data(database: &Database) -> DataArgs {
    DataArgs {
        data_dir: PathBuf::from("/nonexistent"),
        database_url: Some(database.url().into()),
        database_owner_url: Some(database.owner_url().into()),
        database_connections: 4,
    }
}

async fn refusal(database: &Database) -> String {
    database::open(&data(database), "store", &migrator().await).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_schema_of_this_program_is_opened_and_migrating_again_changes_nothing() {
    let database = Database::new(MIGRATIONS).await;
    database::migrate(&data(&database), &migrator().await).await.unwrap();
    let open = database::open(&data(&database), "store", &migrator().await).await.unwrap();
    open.close().await.unwrap();
}

#[tokio::test]
async fn a_schema_that_is_older_newer_other_or_missing_is_refused_in_words() {
    let database = Database::new(MIGRATIONS).await;
    let change = async |sql: &'static str| {
        sqlx::raw_sql(sql).execute(database.owner()).await.unwrap();
    };
    change("insert into _sqlx_migrations values (9999, 'of tomorrow', now(), true, '', 0)").await;
    assert!(refusal(&database).await.contains("newer than this program"));
    change("delete from _sqlx_migrations where version = 9999; update _sqlx_migrations set checksum = '' where version = 1").await;
    assert!(refusal(&database).await.contains("in another form"));
    change("delete from _sqlx_migrations where version = 1").await;
    assert!(refusal(&database).await.contains("older than this program"));
    change("drop table _sqlx_migrations").await;
    assert!(refusal(&database).await.contains("no schema yet"));
}

#[tokio::test]
async fn migrating_needs_the_owner() {
    let database = Database::new(MIGRATIONS).await;
    let without = DataArgs { database_owner_url: None, ..data(&database) };
    let refused = database::migrate(&without, &migrator().await).await.unwrap_err();
    assert!(refused.to_string().contains("DATABASE_OWNER_URL"));
}

#[tokio::test]
async fn the_servers_role_owns_nothing_and_sees_past_no_policy() {
    let database = Database::new(MIGRATIONS).await;
    let state = database.state();
    let (me, owned): (String, i64) = sqlx::query_as(
        "select current_user::text, (select count(*) from pg_class where relowner = current_user::regrole)
            + (select count(*) from pg_proc where proowner = current_user::regrole)
            + (select count(*) from pg_namespace where nspowner = current_user::regrole)
            + (select count(*) from pg_database where datdba = current_user::regrole)",
    )
    .fetch_one(&state.pool)
    .await
    .unwrap();
    assert_eq!((me.as_str(), owned), (database::APPLICATION_ROLE, 0));
    let strong: bool = sqlx::query_scalar(
        "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user",
    )
    .fetch_one(&state.pool)
    .await
    .unwrap();
    assert!(!strong);
    for forbidden in ["create table mine (id int)", "drop table sign_in", "alter table sign_in add x int"] {
        let refused = sqlx::raw_sql(forbidden).execute(&state.pool).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501", "{forbidden}");
    }
}

#[tokio::test]
async fn when_every_connection_is_busy_the_next_request_is_turned_away_and_does_not_hang() {
    let database = Database::new(MIGRATIONS).await;
    let options = PgConnectOptions::from_str(&database.url()).unwrap();
    let pool = database::connect(options, 1).await.unwrap();
    let state = AppState { pool, ..database.state() };
    let actor = Actor::System { company_id: Uuid::now_v7() };
    let held = std::sync::Arc::new(Barrier::new(2));
    let release = std::sync::Arc::new(Barrier::new(2));
    let holder = {
        let (state, actor, held, release) = (state.clone(), actor.clone(), held.clone(), release.clone());
        tokio::spawn(async move {
            transact(&state, &actor, move |_, _| {
                Box::pin(async move {
                    held.wait().await;
                    release.wait().await;
                    Ok::<_, sqlx::Error>(())
                })
            })
            .await
        })
    };
    held.wait().await;
    let refused: Result<(), Problem> = transact(&state, &actor, |_, _| Box::pin(async { Ok(()) })).await;
    let answer = refused.unwrap_err().into_response();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    release.wait().await;
    holder.await.unwrap().unwrap();
    transact(&state, &actor, |_, _| Box::pin(async { Ok::<_, sqlx::Error>(()) })).await.unwrap();
}
