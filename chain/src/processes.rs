//! The servers as processes: started, waited for, stopped, killed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// How long a server may take to become ready: a first start makes a database.
const READY_WITHIN: Duration = Duration::from_mins(2);
/// How long it may take to drain and stop.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// Where a program of ours is: beside this one, or in the folder above (tests run from `deps`).
pub fn binary(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe().context("finding this program's own place")?;
    here.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| anyhow!("{name} is not built beside {}: run `cargo build -p {name}`", here.display()))
}

/// A server process with what it needs to be started again.
#[derive(Debug)]
pub struct Server {
    /// What people call it: `HQ`, `ST01`.
    pub name: String,
    /// Its own folder.
    pub data_dir: PathBuf,
    /// Where it answers.
    pub address: String,
    program: PathBuf,
    environment: Vec<(String, String)>,
    child: Option<Child>,
}

impl Server {
    /// Describes a server; [`Server::start`] starts it.
    #[must_use]
    pub fn new(
        name: &str,
        program: PathBuf,
        data_dir: PathBuf,
        port: u16,
        environment: Vec<(String, String)>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            data_dir,
            address: format!("http://127.0.0.1:{port}"),
            program,
            environment,
            child: None,
        }
    }

    /// Starts it; its log goes to `<data_dir>.log`.
    pub fn start(&mut self) -> Result<()> {
        // Made here, open to be walked through: PostgreSQL, which never runs as root, keeps its data inside.
        std::fs::create_dir_all(&self.data_dir)
            .with_context(|| format!("making {}", self.data_dir.display()))?;
        let log =
            File::options().create(true).append(true).open(self.log()).context("opening a server's log")?;
        let mut command = Command::new(&self.program);
        command.arg("serve").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // In a group of its own: Ctrl-C is for the chain, which then stops its servers in order.
        command.process_group(0).kill_on_drop(true);
        command
            .env("DATA_DIR", &self.data_dir)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        self.child = Some(command.spawn().with_context(|| format!("starting {}", self.program.display()))?);
        Ok(())
    }

    /// Runs another command of the same program with the same environment, with `input` on its standard input.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Result<String> {
        use tokio::io::AsyncWriteExt;
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
            .env("DATA_DIR", &self.data_dir)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.spawn().with_context(|| format!("starting {}", self.program.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            bail!(
                "{} {}: {}",
                self.name,
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Waits until it answers `/health/live` (or `/health/ready`).
    pub async fn wait(&mut self, what: &str) -> Result<()> {
        let http = crate::api::http()?;
        let until = Instant::now() + READY_WITHIN;
        while Instant::now() < until {
            let asked = http
                .get(format!("{}/health/{what}", self.address))
                .timeout(Duration::from_secs(2))
                .send()
                .await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!(
                    "{} ended before it was {what} ({status}); the end of its log:\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!(
            "{} was not {what} within {READY_WITHIN:?}; the end of its log:\n{}",
            self.name,
            self.log_tail()
        )
    }

    /// The process's id while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Asks it to stop, waits, and kills it when it does not.
    pub async fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        if let Some(pid) = child.id().and_then(pid_of) {
            let _ = kill_process(pid, Signal::TERM);
        }
        if tokio::time::timeout(STOPPED_WITHIN, child.wait()).await.is_err() {
            child.kill().await?;
            bail!("{} did not stop within {STOPPED_WITHIN:?} and was killed", self.name);
        }
        Ok(())
    }

    /// `kill -9`, as a power cut of the program would be.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Lets it stand still (SIGSTOP), as an overloaded machine would, or go on (SIGCONT).
    pub fn stall(&self, still: bool) -> Result<()> {
        let pid = self.pid().and_then(pid_of).ok_or_else(|| anyhow!("{} does not run", self.name))?;
        kill_process(pid, if still { Signal::STOP } else { Signal::CONT })?;
        Ok(())
    }

    /// `kill -9` of its PostgreSQL; false when there is none to kill.
    pub fn kill_postgres(&self) -> Result<bool> {
        let Some(file) = postmaster_pid(&self.data_dir, 4) else { return Ok(false) };
        let text = std::fs::read_to_string(file)?;
        let pid = text.lines().next().and_then(|line| line.trim().parse().ok()).and_then(pid_of);
        Ok(pid.is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok()))
    }

    /// The address of a database of its private cluster as the cluster's owner, to look at what is kept past every wall.
    pub fn owner_url(&self, database: &str) -> Result<String> {
        let file = postmaster_pid(&self.data_dir, 4).ok_or_else(|| {
            anyhow!("{} has no running PostgreSQL under {}", self.name, self.data_dir.display())
        })?;
        let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let mut lines = text.lines().skip(3).map(str::trim);
        match (lines.next(), lines.next()) {
            (Some(port), Some(socket)) => {
                Ok(format!("postgresql:///{database}?host={socket}&port={port}&user=postgres"))
            }
            _ => bail!("{} is not whole: {text}", file.display()),
        }
    }

    /// Where its log is.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.data_dir.with_extension("log")
    }

    fn log_tail(&self) -> String {
        let read = || -> Result<String> {
            let mut file = File::open(self.log())?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(4_000)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_default()
    }
}

fn pid_of(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

fn postmaster_pid(folder: &Path, depth: u8) -> Option<PathBuf> {
    let here = folder.join("postmaster.pid");
    if here.is_file() {
        return Some(here);
    }
    if depth == 0 {
        return None;
    }
    let inside =
        std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    inside.into_iter().find_map(|path| postmaster_pid(&path, depth - 1))
}
