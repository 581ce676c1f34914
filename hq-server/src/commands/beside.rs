//! Opening the database for a command, also while a server runs on the same data directory.

use std::path::Path;

use anyhow::Context;
use server_kit::config::DataArgs;
use server_kit::database::{self, APPLICATION_ROLE, Database};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use crate::{DATABASE, MIGRATOR};

/// An open database.
pub(super) enum Opened {
    /// Opened for this command alone.
    Ours(Database),
    /// That of a private cluster that a server runs.
    Beside(PgPool),
}

impl Opened {
    pub(super) const fn pool(&self) -> &PgPool {
        match self {
            Self::Ours(database) => &database.pool,
            Self::Beside(pool) => pool,
        }
    }

    pub(super) async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Ours(database) => database.close().await,
            Self::Beside(pool) => {
                pool.close().await;
                Ok(())
            }
        }
    }
}

pub(super) async fn open(data: &DataArgs) -> anyhow::Result<Opened> {
    if data.database_url.is_none()
        && let Some(options) = running(&data.data_dir.join("postgres/data/postmaster.pid"))
        && let Ok(pool) = database::connect(options, 4).await
    {
        return Ok(Opened::Beside(pool));
    }
    database::open(data, DATABASE, &MIGRATOR).await.map(Opened::Ours).context("opening the database")
}

/// Where a cluster listens that runs, as PostgreSQL notes it: the fourth line is the port, the fifth the socket's folder.
fn running(note: &Path) -> Option<PgConnectOptions> {
    let text = std::fs::read_to_string(note).ok()?;
    let mut lines = text.lines().skip(3);
    let port = lines.next()?.trim().parse().ok()?;
    let folder = lines.next()?.trim().split(',').next()?;
    Some(
        PgConnectOptions::new_without_pgpass()
            .socket(folder)
            .port(port)
            .username(APPLICATION_ROLE)
            .database(DATABASE),
    )
}
