//! A database beside a server's own, in the same cluster, with the same schema: what the bare database can do.

use anyhow::{Context, Result};
use chain::processes::Server;
use futures_util::TryStreamExt;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

/// HQ's schema.
pub(crate) static HQ: Migrator = sqlx::migrate!("../migrations-hq");
/// A store's.
pub(crate) static STORE: Migrator = sqlx::migrate!("../migrations-store");

/// A connection to a database of a server's cluster, as the cluster's owner.
pub(crate) async fn connect(server: &Server, database: &str) -> Result<PgConnection> {
    let options: PgConnectOptions = server.owner_url(database)?.parse()?;
    options.connect().await.with_context(|| format!("connecting to {database} of {}", server.name))
}

/// Makes the database `name` with that schema, anew.
pub(crate) async fn make(server: &Server, name: &str, schema: &Migrator) -> Result<PgConnection> {
    let mut conn = connect(server, "postgres").await?;
    conn.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await?;
    conn.execute(AssertSqlSafe(format!("create database {name}"))).await?;
    conn.close().await?;
    let mut conn = connect(server, name).await?;
    schema.run(&mut conn).await?;
    Ok(conn)
}

/// The rows of a table as COPY writes them.
pub(crate) async fn rows(conn: &mut PgConnection, table: &str) -> Result<Vec<u8>> {
    let mut chunks = conn.copy_out_raw(&format!("copy {table} to stdout (format binary)")).await?;
    let mut rows = Vec::new();
    while let Some(chunk) = chunks.try_next().await? {
        rows.extend_from_slice(&chunk);
    }
    Ok(rows)
}

/// Puts such rows into a table.
pub(crate) async fn put(conn: &mut PgConnection, table: &str, rows: &[u8]) -> Result<()> {
    let mut copy = conn.copy_in_raw(&format!("copy {table} from stdin (format binary)")).await?;
    for chunk in rows.chunks(1 << 20) {
        copy.send(chunk).await?;
    }
    copy.finish().await?;
    Ok(())
}
