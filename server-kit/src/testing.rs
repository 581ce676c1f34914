//! A database per test: made from a template that has the schema, used under the application's role, gone at the end.
//!
//! The cluster is the one that `TEST_DATABASE_URL` names (as a superuser), else a private one for this process. Under a
//! runner with a process per test, name one: `private-postgres run <folder> -- cargo nextest run` does.

pub mod bad_input;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context;
use private_postgres::{Cluster, Profile, Settings};
use sha2::{Digest, Sha256};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgPool};
use tokio::sync::{mpsc, oneshot};

use crate::database::{self, APPLICATION_ROLE, quoted};
use crate::{AppState, Clock, Ids, Keys, Wake};

/// One test's database. Dropped with the value, whoever is still connected.
pub struct Database {
    name: String,
    owner: PgPool,
    application: PgPool,
}

impl Database {
    /// A database with the schema of these migrations, such as `concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations-hq")`.
    ///
    /// # Panics
    /// Where there is none to be had: a test cannot go on without.
    #[expect(clippy::panic, reason = "a test that has no database has failed")]
    pub async fn new(migrations: impl AsRef<Path>) -> Self {
        match Self::make(migrations.as_ref()).await {
            Ok(database) => database,
            Err(error) => panic!("no database for this test: {error:#}"),
        }
    }

    async fn make(migrations: &Path) -> anyhow::Result<Self> {
        let (answer, made) = oneshot::channel();
        keeper().send(Order::Make { migrations: migrations.to_owned(), answer })?;
        let Made { name, owner, application } = made.await??;
        let few = |connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(10))
                .test_before_acquire(false)
        };
        Ok(Self {
            name,
            owner: few(4).connect_lazy_with(owner),
            application: few(10).connect_lazy_with(database::limited(application)),
        })
    }

    /// What a server over this database would hand to its operations: the application's role, a clock that ticks and can
    /// be moved, keys in memory.
    #[must_use]
    pub fn state(&self) -> AppState {
        self.state_at(Clock::settable())
    }

    /// The same by another clock.
    #[must_use]
    pub fn state_at(&self, clock: Clock) -> AppState {
        AppState {
            pool: self.application.clone(),
            clock,
            ids: Ids::random(),
            keys: Keys::in_memory(),
            wake: Wake::new(),
        }
    }

    /// Connections of a superuser, who sees past every policy: to lay out a world and to look at what became of it.
    #[must_use]
    pub fn owner(&self) -> &PgPool {
        &self.owner
    }

    /// The address of this database for a process of its own, as the application's role.
    #[must_use]
    pub fn url(&self) -> String {
        address(&self.application.connect_options())
    }

    /// The same as its owner.
    #[must_use]
    pub fn owner_url(&self) -> String {
        address(&self.owner.connect_options())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Another thread's runtime does it, as this one's may be ending.
        let (answer, done) = std::sync::mpsc::channel();
        if keeper().send(Order::Drop { name: std::mem::take(&mut self.name), answer }).is_ok() {
            let _ = done.recv_timeout(Duration::from_secs(30));
        }
    }
}

fn address(options: &PgConnectOptions) -> String {
    options.to_url_lossy().to_string()
}

enum Order {
    Make { migrations: PathBuf, answer: oneshot::Sender<anyhow::Result<Made>> },
    Drop { name: String, answer: std::sync::mpsc::Sender<()> },
}

struct Made {
    name: String,
    owner: PgConnectOptions,
    application: PgConnectOptions,
}

/// The thread that makes and drops databases for all tests of this process. It outlives their runtimes.
fn keeper() -> &'static mpsc::UnboundedSender<Order> {
    static KEEPER: OnceLock<mpsc::UnboundedSender<Order>> = OnceLock::new();
    KEEPER.get_or_init(|| {
        let (orders, received) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            // Without it the orders are dropped, and each test says that it has no database.
            if let Ok(runtime) = runtime {
                runtime.block_on(keep(received));
            }
        });
        orders
    })
}

async fn keep(mut orders: mpsc::UnboundedReceiver<Order>) {
    let mut cluster = None;
    while let Some(order) = orders.recv().await {
        if cluster.is_none() {
            cluster = Some(cluster_for_tests().await);
        }
        let url = match &cluster {
            Some(Ok(cluster)) => Ok(cluster.url.clone()),
            Some(Err(error)) => Err(format!("{error:#}")),
            None => Err("no cluster".to_owned()),
        };
        tokio::spawn(async move {
            match order {
                Order::Make { migrations, answer } => {
                    let made = match url {
                        Ok(url) => make(&url, &migrations).await,
                        Err(error) => Err(anyhow::anyhow!(error)),
                    };
                    let _ = answer.send(made);
                }
                Order::Drop { name, answer } => {
                    if let Ok(url) = url {
                        let _ = drop_database(&url, &name).await;
                    }
                    let _ = answer.send(());
                }
            }
        });
    }
}

struct TestCluster {
    url: String,
    // Ends with this process: the guard sees to that, and the sweeper to its folder.
    _cluster: Option<(Cluster, std::process::Child)>,
}

async fn cluster_for_tests() -> anyhow::Result<TestCluster> {
    if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
        return Ok(TestCluster { url, _cluster: None });
    }
    let folder = std::env::temp_dir().join(format!("tradepost-tests-{}", std::process::id()));
    let cluster =
        Cluster::start(&folder, Settings { profile: Profile::Testing, ..Settings::default() }).await?;
    let sweeper = std::process::Command::new("/bin/sh")
        .args([
            "-c",
            "read -r nothing; while [ -e \"$1/data/postmaster.pid\" ]; do sleep 0.1; done; rm -rf \"$1\"",
            "sweep",
        ])
        .arg(&folder)
        .stdin(Stdio::piped())
        .spawn()
        .context("starting what clears the tests' folder away")?;
    Ok(TestCluster { url: cluster.owner_url(), _cluster: Some((cluster, sweeper)) })
}

async fn make(url: &str, migrations: &Path) -> anyhow::Result<Made> {
    let owner = PgConnectOptions::from_str(url).context("TEST_DATABASE_URL is not an address")?;
    let template = template(&owner, url, migrations).await?;
    let name = new_name();
    let mut connection = owner.clone().connect().await.context("connecting to the tests' cluster")?;
    let create = format!("create database {} template {}", quoted(&name), quoted(&template));
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.context("copying the template")?;
    connection.close().await?;
    let mut application = owner.clone().database(&name).username(APPLICATION_ROLE);
    if let Some(password) = database::password_of(url) {
        application = application.password(&password);
    }
    Ok(Made { owner: owner.database(&name), name, application })
}

fn new_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("t_{}_{count}_{:08x}", std::process::id(), rand::random::<u32>())
}

/// The template with these migrations; made by whoever comes first, in whichever process.
async fn template(owner: &PgConnectOptions, url: &str, migrations: &Path) -> anyhow::Result<String> {
    let migrator =
        Migrator::new(migrations).await.with_context(|| format!("reading {}", migrations.display()))?;
    let mut hash = Sha256::new();
    for migration in migrator.iter() {
        hash.update(migration.version.to_be_bytes());
        hash.update(&migration.checksum);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let key = i64::from_be_bytes(*hash.first_chunk().context("a hash has 32 bytes")?);
    let name = format!("template_{:016x}", key.cast_unsigned());

    let mut connection = owner.clone().connect().await.context("connecting to the tests' cluster")?;
    if !exists(&mut connection, &name).await? {
        sqlx::query("select pg_advisory_lock($1)").bind(key).execute(&mut connection).await?;
        if !exists(&mut connection, &name).await? {
            let fresh = format!("{name}_new");
            drop_database(url, &fresh).await?;
            let create = format!("create database {}", quoted(&fresh));
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await?;
            let password = database::password_of(url);
            database::migrate_as(owner.clone().database(&fresh), password.as_deref(), &migrator).await?;
            let rename = format!("alter database {} rename to {}", quoted(&fresh), quoted(&name));
            sqlx::raw_sql(AssertSqlSafe(rename)).execute(&mut connection).await?;
        }
    }
    // Closing gives the lock back.
    connection.close().await?;
    Ok(name)
}

async fn exists(connection: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(connection)
        .await
}

async fn drop_database(url: &str, name: &str) -> anyhow::Result<()> {
    let mut connection = PgConnectOptions::from_str(url)?.connect().await?;
    let drop = format!("drop database if exists {} with (force)", quoted(name));
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
