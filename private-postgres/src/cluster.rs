//! The cluster: its folder, its life.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::process::{Child, ChildStdin};
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::binaries::{self, Binaries};
use crate::process::{self, run_as};
use crate::user::{self, User};

/// A name for the socket's file; no port of the network is ever opened.
const PORT: u16 = 5432;
/// Most systems allow 107 bytes for a socket's path, some 103.
const LONGEST_SOCKET_PATH: usize = 100;
/// Tells where the data is, where it could not be in the folder itself.
const ELSEWHERE: &str = "data-is-elsewhere";
const START_WITHIN: Duration = Duration::from_mins(2);
const STOP_WITHIN: Duration = Duration::from_mins(1);
/// After this many starts, one after the other, that failed, the cluster is given up.
const MOST_RESTARTS: u32 = 12;
/// One that ran this long is started again without a pause.
const HELD: Duration = Duration::from_secs(2);
const LONGEST_LOG: u64 = 16 * 1024 * 1024;

/// What the cluster is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Data that matters: what was committed is on the disk.
    #[default]
    Durable,
    /// Tests: fast, and worth nothing after a crash of the machine.
    Testing,
}

/// How to run a cluster.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What it is for.
    pub profile: Profile,
    /// Further settings of PostgreSQL, as `name=value`; they win over the profile's.
    pub options: Vec<String>,
}

/// Why a cluster does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has this folder.
    #[error("{0} is in use by another server; two servers cannot share a data directory")]
    InUse(PathBuf),
    /// Nothing to run it with.
    #[error("no PostgreSQL {wanted} was found{}; install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17), or say with PG_BIN where its programs are, or use a database of yours with DATABASE_URL", only(.found))]
    NoBinaries {
        /// Which version was looked for.
        wanted: String,
        /// Which versions there are.
        found: Vec<String>,
    },
    /// A program of PostgreSQL said no.
    #[error("{program} failed: {said}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it said.
        said: String,
    },
    /// It did not come up.
    #[error("PostgreSQL did not start: {0}")]
    DidNotStart(String),
    /// The folder or a process could not be handled.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        source: io::Error,
    },
}

fn only(found: &[String]) -> String {
    if found.is_empty() { String::new() } else { format!(" (only {})", found.join(", ")) }
}

trait Doing<T> {
    fn doing(self, what: impl Into<String>) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl Into<String>) -> Result<T, Error> {
        self.map_err(|source| Error::Io { what: what.into(), source })
    }
}

/// A running cluster. Stops when it is told to; dropped (or its process killed), its guard stops it.
#[derive(Debug)]
pub struct Cluster {
    place: Place,
    state: watch::Receiver<State>,
    stop: Option<oneshot::Sender<()>>,
    watcher: Option<tokio::task::JoinHandle<()>>,
    // Held until the end: two servers in one folder would destroy it.
    _lock: File,
}

/// Where a cluster is and who runs it.
#[derive(Clone, Debug)]
struct Place {
    folder: PathBuf,
    data: PathBuf,
    socket: PathBuf,
    user: Option<User>,
    binaries: Binaries,
    options: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Restarting,
    Stopped,
    GivenUp,
}

impl Cluster {
    /// Starts the cluster in this folder; makes it first where there is none. Returns once it takes connections.
    pub async fn start(folder: &Path, settings: Settings) -> Result<Self, Error> {
        let user = user::to_become().doing("looking for a user to run PostgreSQL as")?;
        let folder = own_folder(folder, user)?;
        let lock = lock(&folder)?;
        let folder = within_reach(&folder, user)?;
        let data = folder.join("data");
        let binaries = choose_binaries(&data)?;
        let socket = socket_folder(&folder, user)?;
        let mut options = options(&settings, &socket);
        options.extend(settings.options);
        let place = Place { folder, data, socket, user, binaries, options };

        if !place.data.join("PG_VERSION").is_file() {
            init(&place).await?;
        }
        clear_former(&place).await?;
        let child = launch(&place).await?;

        let (say, state) = watch::channel(State::Running);
        let (stop, told_to_stop) = oneshot::channel();
        let watcher = tokio::spawn(watch_over(place.clone(), child, say, told_to_stop));
        Ok(Self { place, state, stop: Some(stop), watcher: Some(watcher), _lock: lock })
    }

    /// The address of a database for a role of the cluster.
    #[must_use]
    pub fn url(&self, role: &str, database: &str) -> String {
        url(&self.place.socket, role, database)
    }

    /// The same of a cluster that another process runs in this folder; none where none runs there. For a command beside a
    /// running server.
    #[must_use]
    pub fn url_beside(folder: &Path, role: &str, database: &str) -> Option<String> {
        let folder = fs::canonicalize(folder).ok()?;
        let folder = match fs::read_to_string(folder.join(ELSEWHERE)) {
            Ok(elsewhere) => PathBuf::from(elsewhere.trim()),
            Err(_) => folder,
        };
        let data = folder.join("data");
        let postmaster = process::postmaster(&data)?;
        (postmaster.ready && process::is_postgres_on(postmaster.pid, &data))
            .then(|| url(&postmaster.socket, role, database))
    }

    /// The address of the cluster's owner, a superuser, who alone makes roles and databases.
    #[must_use]
    pub fn owner_url(&self) -> String {
        self.url("postgres", "postgres")
    }

    /// The process that is PostgreSQL now.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        process::postmaster(&self.place.data).map(|postmaster| postmaster.pid)
    }

    /// Returns once the cluster has been given up: it was restarted again and again and did not hold.
    pub async fn given_up(&self) {
        let mut state = self.state.clone();
        // An error means that the watcher ended with the cluster.
        if state.wait_for(|state| *state == State::GivenUp).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Stops the cluster cleanly. Connections that are open are ended.
    pub async fn stop(mut self) -> Result<(), Error> {
        if let Some(stop) = self.stop.take() {
            // An error means that it was given up.
            let _ = stop.send(());
        }
        if let Some(watcher) = self.watcher.take() {
            watcher.await.map_err(io::Error::other).doing("waiting for PostgreSQL to stop")?;
        }
        match *self.state.borrow() {
            State::Stopped | State::GivenUp => Ok(()),
            State::Running | State::Restarting => {
                Err(Error::Program { program: "postgres", said: "it did not stop in time".to_owned() })
            }
        }
    }
}

fn url(socket: &Path, role: &str, database: &str) -> String {
    let mut host = String::new();
    for byte in socket.to_string_lossy().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            host.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(host, "%{byte:02X}");
        }
    }
    format!("postgresql:///{database}?host={host}&port={PORT}&user={role}")
}

fn own_folder(folder: &Path, user: Option<User>) -> Result<PathBuf, Error> {
    let what = || format!("making {}", folder.display());
    if !folder.is_dir() {
        // Only the folder itself is closed: PostgreSQL's user must be able to pass through those above it.
        if let Some(above) = folder.parent() {
            fs::create_dir_all(above).doing(what())?;
        }
        DirBuilder::new().recursive(true).mode(0o700).create(folder).doing(what())?;
    }
    user::give(folder, user).doing(what())?;
    fs::canonicalize(folder).doing(what())
}

fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("LOCK");
    let what = || format!("locking {}", path.display());
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).doing(what())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::InUse(folder.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(error).doing(what()),
    }
}

/// The folder itself; or, where the user that PostgreSQL runs as cannot reach it (below root's home), one that it can reach,
/// named after it.
fn within_reach(folder: &Path, user: Option<User>) -> Result<PathBuf, Error> {
    let Some(user) = user else { return Ok(folder.to_owned()) };
    if user::can_reach(folder, user) {
        return Ok(folder.to_owned());
    }
    let elsewhere = Path::new("/var/lib/tradepost-clusters").join(short_name(folder));
    let what = || format!("making {}", elsewhere.display());
    DirBuilder::new().recursive(true).mode(0o755).create(&elsewhere).doing(what())?;
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o700)).doing(what())?;
    user::give(&elsewhere, Some(user)).doing(what())?;
    // Whoever clears the folder away takes the data with it: the next start sees that the mark is gone.
    let mark = folder.join(ELSEWHERE);
    if !mark.exists() {
        let data = elsewhere.join("data");
        if data.exists() {
            fs::remove_dir_all(&data).doing(format!("clearing {}", data.display()))?;
        }
        fs::write(&mark, format!("{}\n", elsewhere.display()))
            .doing(format!("writing {}", mark.display()))?;
    }
    Ok(elsewhere)
}

fn short_name(folder: &Path) -> String {
    let hash = Sha256::digest(folder.to_string_lossy().as_bytes());
    hash.iter().take(8).fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

fn choose_binaries(data: &Path) -> Result<Binaries, Error> {
    // A cluster keeps to the major version that made it.
    let major = fs::read_to_string(data.join("PG_VERSION")).ok().and_then(|text| text.trim().parse().ok());
    binaries::find(major).map_err(|found| Error::NoBinaries {
        wanted: major.map_or_else(|| "15 or newer".to_owned(), |major| major.to_string()),
        found: found
            .iter()
            .map(|binaries| format!("{}.{}", binaries.version.0, binaries.version.1))
            .collect(),
    })
}

fn socket_folder(folder: &Path, user: Option<User>) -> Result<PathBuf, Error> {
    let beside = folder.join("socket");
    let file = format!("/.s.PGSQL.{PORT}.lock");
    let socket = if beside.as_os_str().len() + file.len() <= LONGEST_SOCKET_PATH {
        beside
    } else {
        PathBuf::from(format!("/tmp/pg-{}", short_name(folder)))
    };
    let what = || format!("making {}", socket.display());
    match DirBuilder::new().mode(0o700).create(&socket) {
        Ok(()) => {}
        // Never one that somebody else laid there.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let there = fs::symlink_metadata(&socket).doing(what())?;
            if !there.is_dir() {
                return Err(error).doing(what());
            }
        }
        Err(error) => return Err(error).doing(what()),
    }
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o700)).doing(what())?;
    user::give(&socket, user).doing(what())?;
    Ok(socket)
}

fn options(settings: &Settings, socket: &Path) -> Vec<String> {
    let mut options = vec![
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories={}", socket.display()),
        "unix_socket_permissions=0700".to_owned(),
        format!("port={PORT}"),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "log_destination=stderr".to_owned(),
        "logging_collector=off".to_owned(),
        "log_line_prefix=%m [%p] ".to_owned(),
        // Short statements on few rows: compiling them costs more than it gives.
        "jit=off".to_owned(),
        "shared_buffers=128MB".to_owned(),
        // Solid-state disks are what tills have.
        "random_page_cost=1.1".to_owned(),
        "huge_pages=off".to_owned(),
    ];
    match settings.profile {
        Profile::Durable => options.extend(
            [
                "max_connections=100",
                "fsync=on",
                "synchronous_commit=on",
                "full_page_writes=on",
                "wal_compression=on",
            ]
            .map(str::to_owned),
        ),
        Profile::Testing => options.extend(
            [
                "max_connections=300",
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
                "max_wal_size=4GB",
                "autovacuum_naptime=10s",
            ]
            .map(str::to_owned),
        ),
    }
    options
}

/// Makes the cluster beside its place and moves it there, so that it is whole or absent.
async fn init(place: &Place) -> Result<(), Error> {
    let fresh = place.folder.join("data.new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).doing(format!("clearing {}", fresh.display()))?;
    }
    let mut command = std::process::Command::new(place.binaries.program("initdb"));
    command.arg("-D").arg(&fresh).args([
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        // A new C library sorts other than the one before; C always sorts alike, so no index breaks.
        "--locale=C",
        "--data-checksums",
    ]);
    command.current_dir("/").stdin(Stdio::null());
    run_as(&mut command, place.user);
    let output = tokio::process::Command::from(command).output().await.doing("running initdb")?;
    if !output.status.success() {
        return Err(Error::Program {
            program: "initdb",
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    fs::rename(&fresh, &place.data).doing(format!("moving {}", fresh.display()))
}

/// Stops a PostgreSQL that a former owner left behind, and clears away what it left.
async fn clear_former(place: &Place) -> Result<(), Error> {
    let deadline = Instant::now() + STOP_WITHIN;
    let mut asked = false;
    while let Some(former) = process::postmaster(&place.data) {
        if !process::is_postgres_on(former.pid, &place.data) {
            // Killed, and its number may be another process's by now, which PostgreSQL would take for itself.
            let stale = place.data.join("postmaster.pid");
            return fs::remove_file(&stale).doing(format!("removing {}", stale.display()));
        }
        if Instant::now() > deadline {
            return Err(Error::DidNotStart(format!(
                "a former PostgreSQL (process {}) still runs on {}",
                former.pid,
                place.data.display()
            )));
        }
        if !asked {
            tracing::info!(pid = former.pid, "stopping the PostgreSQL that a former server left");
            process::signal("INT", former.pid, place.user).await.doing("stopping a former PostgreSQL")?;
            asked = true;
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// The guard, and the pipe whose end makes it stop PostgreSQL. Apart, as `Child::wait` closes the child's own.
struct Guarded {
    child: Child,
    pipe: Option<ChildStdin>,
}

async fn launch(place: &Place) -> Result<Guarded, Error> {
    let log_path = place.folder.join("postgres.log");
    let log = open_log(&log_path).doing(format!("opening {}", log_path.display()))?;
    let log_begins = log.metadata().map(|log| log.len()).unwrap_or_default();
    let mut child = process::guarded(&place.binaries, &place.data, &place.options, log, place.user)
        .and_then(|mut command| command.spawn())
        .doing("starting PostgreSQL")?;
    let pipe = child.stdin.take();
    let deadline = Instant::now() + START_WITHIN;
    loop {
        if process::postmaster(&place.data).is_some_and(|postmaster| postmaster.ready) {
            return Ok(Guarded { child, pipe });
        }
        if let Some(status) = child.try_wait().doing("starting PostgreSQL")? {
            return Err(Error::DidNotStart(format!("{status}; {}", tail(&log_path, log_begins))));
        }
        if Instant::now() > deadline {
            // Dropping the child closes the pipe, and the guard ends what there is.
            return Err(Error::DidNotStart(format!(
                "not ready within {} s; {}",
                START_WITHIN.as_secs(),
                tail(&log_path, log_begins)
            )));
        }
        sleep(Duration::from_millis(5)).await;
    }
}

fn open_log(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|log| log.len() > LONGEST_LOG) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// What was logged since, its end only.
fn tail(path: &Path, since: u64) -> String {
    let read = || -> io::Result<String> {
        let mut log = File::open(path)?;
        let length = log.metadata()?.len();
        log.seek(SeekFrom::Start(since.max(length.saturating_sub(2_000))))?;
        let mut bytes = Vec::new();
        log.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_default()
}

async fn watch_over(
    place: Place,
    first: Guarded,
    say: watch::Sender<State>,
    mut told_to_stop: oneshot::Receiver<()>,
) {
    let mut guarded = first;
    let mut failures = 0;
    loop {
        let since = Instant::now();
        let ended = tokio::select! {
            biased;
            // Told to, or the cluster was dropped.
            _ = &mut told_to_stop => None,
            status = guarded.child.wait() => Some(status),
        };
        let Some(status) = ended else {
            if stop_guarded(&place, guarded).await {
                say.send_replace(State::Stopped);
            }
            return;
        };
        tracing::warn!(?status, "PostgreSQL has ended by itself; starting it again");
        say.send_replace(State::Restarting);
        failures = if since.elapsed() > HELD { 0 } else { failures };
        // One that comes up is never given up, however often it is killed; it only waits a little longer each time.
        let mut unstarted = 0;
        guarded = loop {
            failures += 1;
            if unstarted >= MOST_RESTARTS {
                tracing::error!("PostgreSQL does not hold; giving up");
                say.send_replace(State::GivenUp);
                return;
            }
            if failures > 1 {
                let pause = Duration::from_millis(50).saturating_mul(1 << failures.min(5));
                tokio::select! {
                    biased;
                    _ = &mut told_to_stop => {
                        say.send_replace(State::Stopped);
                        return;
                    }
                    () = sleep(pause) => {}
                }
            }
            // Its workers notice that their parent has gone, but may take a moment; it refuses to start before.
            let started = match clear_former(&place).await {
                Ok(()) => launch(&place).await,
                Err(error) => Err(error),
            };
            match started {
                Ok(guarded) => break guarded,
                Err(error) => {
                    unstarted += 1;
                    tracing::warn!(%error, "PostgreSQL does not start");
                }
            }
        };
        say.send_replace(State::Running);
    }
}

/// Fast, then hard. Whether it has ended.
async fn stop_guarded(place: &Place, guarded: Guarded) -> bool {
    let Guarded { mut child, pipe } = guarded;
    // The guard sends SIGINT when its pipe closes.
    drop(pipe);
    if timeout(STOP_WITHIN, child.wait()).await.is_ok() {
        return true;
    }
    tracing::warn!("PostgreSQL does not stop; it recovers at the next start");
    if let Some(postmaster) = process::postmaster(&place.data)
        && process::is_postgres_on(postmaster.pid, &place.data)
    {
        let _ = process::signal("QUIT", postmaster.pid, place.user).await;
    }
    timeout(Duration::from_secs(10), child.wait()).await.is_ok()
}
