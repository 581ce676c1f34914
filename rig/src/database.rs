//! Looking into a server's private cluster past every wall, to compare what is kept at both ends.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use chain::processes::Server;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Row};

/// A connection to the one database of a running server's cluster, as its owner.
pub async fn of(server: &Server) -> Result<PgConnection> {
    let file = find(&server.data_dir, 4).ok_or_else(|| {
        anyhow!("{} has no running PostgreSQL under {}", server.name, server.data_dir.display())
    })?;
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let mut lines = text.lines().skip(3);
    let (Some(port), Some(socket)) = (lines.next(), lines.next()) else {
        return Err(anyhow!("{} is not whole: {text}", file.display()));
    };
    let cluster = PgConnectOptions::new_without_pgpass()
        .socket(socket.trim())
        .port(port.trim().parse().context("the port of a cluster")?)
        .username("postgres");
    let mut conn = PgConnection::connect_with(&cluster.clone().database("postgres")).await?;
    let databases = sqlx::query(
        "select datname::text from pg_database where not datistemplate and datname <> 'postgres' order by datname",
    )
    .fetch_all(&mut conn)
    .await?;
    conn.close().await?;
    let [database] = databases.as_slice() else {
        return Err(anyhow!("{} has {} databases where one should be", server.name, databases.len()));
    };
    let name: String = database.try_get(0)?;
    Ok(PgConnection::connect_with(&cluster.database(&name)).await?)
}

fn find(folder: &Path, depth: u8) -> Option<PathBuf> {
    let here = folder.join("postmaster.pid");
    if here.is_file() {
        return Some(here);
    }
    if depth == 0 {
        return None;
    }
    let inside =
        std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    inside.into_iter().find_map(|path| find(&path, depth - 1))
}
