//! Opening the database, and bringing its schema up to date with the owner's role.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use private_postgres::{Cluster, Settings};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgPool, Row};

use crate::config::DataArgs;
use crate::transact::Patience;

/// The role that the servers work under. It owns nothing and sees what its policies let it see.
pub const APPLICATION_ROLE: &str = "tradepost_app";
/// The role that owns the look-ups made before anybody is known. Nobody can sign in as it.
pub const LOOKUP_ROLE: &str = "lookup";

/// An open database: yours, or the private cluster, which stops with it.
#[derive(Debug)]
pub struct Database {
    /// Connections under the application's role.
    pub pool: PgPool,
    cluster: Option<Cluster>,
}

impl Database {
    /// Returns once the private cluster has been given up; never for a database that is yours.
    pub async fn given_up(&self) {
        match &self.cluster {
            Some(cluster) => cluster.given_up().await,
            None => std::future::pending().await,
        }
    }

    /// Waits for open transactions (they have deadlines), and stops the private cluster.
    pub async fn close(self) -> anyhow::Result<()> {
        if tokio::time::timeout(Duration::from_secs(15), self.pool.close()).await.is_err() {
            tracing::warn!("connections were still busy when the database was closed");
        }
        if let Some(cluster) = self.cluster {
            cluster.stop().await?;
        }
        Ok(())
    }
}

/// Opens the database that is configured: the one of `DATABASE_URL`; without it the private cluster in the data directory, which is
/// made, and whose schema is brought up to date by a child process (`migrate` of this very program): the server itself
/// never has the owner's connection. Refuses a schema that is older or newer than the program's.
pub async fn open(data: &DataArgs, name: &str, migrator: &Migrator) -> anyhow::Result<Database> {
    if let Some(url) = &data.database_url {
        let options = PgConnectOptions::from_str(url.reveal())
            .map_err(|_| anyhow::anyhow!("DATABASE_URL is not the address of a PostgreSQL database"))?;
        let pool = connect(options, data.database_connections).await.context("connecting to DATABASE_URL")?;
        check_schema(&pool, migrator).await?;
        return Ok(Database { pool, cluster: None });
    }
    let cluster = Cluster::start(&data.data_dir.join("postgres"), Settings::default()).await?;
    let ready = async {
        make_database(&cluster, name).await?;
        migrate_in_child(&cluster, name, &data.data_dir).await?;
        let options = PgConnectOptions::from_str(&cluster.url(APPLICATION_ROLE, name))?;
        let pool = connect(options, data.database_connections)
            .await
            .context("connecting to the private database")?;
        check_schema(&pool, migrator).await?;
        Ok(pool)
    };
    match ready.await {
        Ok(pool) => Ok(Database { pool, cluster: Some(cluster) }),
        Err(error) => {
            cluster.stop().await?;
            Err(error)
        }
    }
}

/// Opens the database for a command beside a server that may be running: it has the private cluster then, and this joins it.
/// Where none runs it is `open`.
pub async fn open_beside(data: &DataArgs, name: &str, migrator: &Migrator) -> anyhow::Result<Database> {
    let beside = match data.database_url {
        Some(_) => None,
        None => Cluster::url_beside(&data.data_dir.join("postgres"), APPLICATION_ROLE, name),
    };
    let Some(url) = beside else { return open(data, name, migrator).await };
    let pool = connect(PgConnectOptions::from_str(&url)?, data.database_connections.min(4))
        .await
        .context("connecting to the running server's database")?;
    check_schema(&pool, migrator).await?;
    Ok(Database { pool, cluster: None })
}

/// Connections for the application's role, with the limits that every statement is under.
pub async fn connect(options: PgConnectOptions, connections: u32) -> sqlx::Result<PgPool> {
    pool_options(connections).connect_with(limited(options)).await
}

pub(crate) fn pool_options(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        // A request that gets no connection within this is answered 503: better than a queue that nobody comes out of.
        .acquire_timeout(Duration::from_secs(3))
        .idle_timeout(Duration::from_mins(5))
        .max_lifetime(Duration::from_mins(30))
        // Each connection is tried when it comes back; `transact` begins again where one broke since.
        .test_before_acquire(false)
}

pub(crate) fn limited(options: PgConnectOptions) -> PgConnectOptions {
    let millis = |duration: Duration| duration.as_millis().to_string();
    options.options([
        ("statement_timeout", millis(Patience::REQUEST.statement)),
        ("lock_timeout", millis(Patience::REQUEST.lock)),
        ("idle_in_transaction_session_timeout", millis(Patience::REQUEST.deadline)),
        ("timezone", "UTC".to_owned()),
        // Which a transaction sets. No row has the nil company: what forgets to say its company sees nothing.
        ("app.company_id", uuid::Uuid::nil().to_string()),
    ])
}

async fn make_database(cluster: &Cluster, name: &str) -> anyhow::Result<()> {
    let mut owner =
        PgConnection::connect(&cluster.owner_url()).await.context("connecting to the private cluster")?;
    let there: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut owner)
        .await?;
    if !there {
        sqlx::query(AssertSqlSafe(format!("create database {}", quoted(name)))).execute(&mut owner).await?;
    }
    owner.close().await?;
    Ok(())
}

async fn migrate_in_child(cluster: &Cluster, name: &str, data_dir: &Path) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("finding this program")?;
    let output = tokio::process::Command::new(program)
        .arg("migrate")
        .env_remove("DATABASE_URL")
        .env_remove("CONFIG")
        .env("DATA_DIR", data_dir)
        .env("DATABASE_OWNER_URL", cluster.url("postgres", name))
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("starting `migrate`")?;
    if !output.status.success() {
        bail!("`migrate` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// The whole of a server's `migrate` command: makes the roles where they are missing, and applies what is new.
pub async fn migrate(data: &DataArgs, migrator: &Migrator) -> anyhow::Result<()> {
    let Some(owner_url) = &data.database_owner_url else {
        bail!(
            "`migrate` needs DATABASE_OWNER_URL: the database as its owner. (A private PostgreSQL is brought up to date by `serve` itself.)"
        );
    };
    let owner = PgConnectOptions::from_str(owner_url.reveal())
        .map_err(|_| anyhow::anyhow!("DATABASE_OWNER_URL is not the address of a PostgreSQL database"))?;
    let password = data.database_url.as_ref().and_then(|url| password_of(url.reveal()));
    migrate_as(owner, password.as_deref(), migrator).await
}

/// Makes the roles and applies the migrations over this connection of the owner's.
pub async fn migrate_as(
    owner: PgConnectOptions,
    password: Option<&str>,
    migrator: &Migrator,
) -> anyhow::Result<()> {
    let mut owner = owner.connect().await.context("connecting as the database's owner")?;
    make_roles(&mut owner, password).await.context("making the roles")?;
    migrator.run_direct(None, &mut owner, false).await.context("applying the migrations")?;
    let grant = format!("grant select on _sqlx_migrations to {APPLICATION_ROLE}");
    sqlx::query(AssertSqlSafe(grant)).execute(&mut owner).await?;
    owner.close().await?;
    Ok(())
}

/// The roles belong to the cluster, so another database's `migrate` may make them at the same time.
async fn make_roles(owner: &mut PgConnection, password: Option<&str>) -> sqlx::Result<()> {
    let make = format!(
        "do $$ begin
            begin
                if not exists (select from pg_roles where rolname = '{APPLICATION_ROLE}') then
                    create role {APPLICATION_ROLE} login nosuperuser nocreatedb nocreaterole nobypassrls;
                end if;
            exception when duplicate_object or unique_violation then null;
            end;
            begin
                if not exists (select from pg_roles where rolname = '{LOOKUP_ROLE}') then
                    create role {LOOKUP_ROLE} nologin nosuperuser nocreatedb nocreaterole nobypassrls;
                end if;
            exception when duplicate_object or unique_violation then null;
            end;
            if exists (select from pg_roles where rolname = '{APPLICATION_ROLE}' and not rolcanlogin) then
                alter role {APPLICATION_ROLE} login;
            end if;
        end $$"
    );
    sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut *owner).await?;
    if let Some(password) = password {
        // Quoted by the server itself; a statement like this takes no parameters.
        let set: String = sqlx::query_scalar("select format('alter role %I password %L', $1, $2)")
            .bind(APPLICATION_ROLE)
            .bind(password)
            .fetch_one(&mut *owner)
            .await?;
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *owner).await?;
    }
    Ok(())
}

/// The password in an address, percent-decoded.
pub(crate) fn password_of(url: &str) -> Option<String> {
    let authority = url.split_once("://")?.1;
    let authority = authority.split(['/', '?']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    let mut bytes = Vec::new();
    let mut rest = password.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Refuses a schema that is not the program's.
async fn check_schema(pool: &PgPool, migrator: &Migrator) -> anyhow::Result<()> {
    let rows = sqlx::query("select version, checksum, success from _sqlx_migrations order by version")
        .fetch_all(pool)
        .await;
    let rows = match rows {
        Ok(rows) => rows,
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42P01" | "42501")) => {
            bail!("the database has no schema yet: run `migrate` with DATABASE_OWNER_URL first")
        }
        Err(error) => return Err(error).context("reading which migrations were applied"),
    };
    let mut applied = Vec::with_capacity(rows.len());
    for row in rows {
        let version: i64 = row.try_get("version")?;
        if !row.try_get::<bool, _>("success")? {
            bail!(
                "migration {version} was applied in part only; restore a backup, or mend it and run `migrate`"
            );
        }
        applied.push((version, row.try_get::<Vec<u8>, _>("checksum")?));
    }
    for migration in migrator.iter() {
        match applied.iter().find(|(version, _)| *version == migration.version) {
            None => bail!(
                "the database's schema is older than this program: migration {} is missing; run `migrate`",
                migration.version
            ),
            Some((_, checksum)) if *checksum != *migration.checksum => {
                bail!("migration {} was applied in another form than this program has", migration.version)
            }
            Some(_) => {}
        }
    }
    if let Some((version, _)) = applied.iter().find(|(version, _)| !migrator.version_exists(*version)) {
        bail!(
            "the database's schema is newer than this program: it has migration {version}; use a newer program"
        );
    }
    Ok(())
}

/// An identifier as PostgreSQL reads it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_in_an_address_is_read_and_decoded() {
        assert_eq!(
            password_of("postgresql://app:p%40ss%2F@db:5432/hq?sslmode=require").as_deref(),
            Some("p@ss/")
        );
        assert_eq!(password_of("postgresql:///hq?host=/run/pg&user=app"), None);
        assert_eq!(password_of("postgresql://app@db/hq"), None);
    }
}
