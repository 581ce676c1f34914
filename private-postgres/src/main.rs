//! Runs a command beside a PostgreSQL cluster of its own, or keeps one running for developers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use private_postgres::{Cluster, Profile, Settings};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
usage: private-postgres run <folder> -- <command> [argument…]
           starts a cluster for tests in the folder, runs the command with TEST_DATABASE_URL, stops the cluster,
           and ends with the command's status
       private-postgres dev <folder>
           keeps a cluster running until it is interrupted, and prints its address";

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(tracing::Level::WARN).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["run", folder, "--", command, rest @ ..] => run(Path::new(folder), command, rest).await,
        ["dev", folder] => dev(&PathBuf::from(folder)).await,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("private-postgres: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(folder: &Path, command: &str, arguments: &[&str]) -> anyhow::Result<ExitCode> {
    let cluster =
        Cluster::start(folder, Settings { profile: Profile::Testing, ..Settings::default() }).await?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let started = tokio::process::Command::new(command)
        .args(arguments)
        .env("TEST_DATABASE_URL", cluster.owner_url())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            cluster.stop().await?;
            return Err(error).with_context(|| format!("running {command}"));
        }
    };
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            // The terminal tells the command too; it is waited for.
            _ = interrupted.recv() => {}
            _ = terminated.recv() => child.start_kill()?,
        }
    };
    cluster.stop().await?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

async fn dev(folder: &Path) -> anyhow::Result<ExitCode> {
    let cluster =
        Cluster::start(folder, Settings { profile: Profile::Testing, ..Settings::default() }).await?;
    println!("{}", cluster.owner_url());
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
        () = cluster.given_up() => bail!("the cluster does not hold; see postgres.log in its folder"),
    }
    cluster.stop().await?;
    Ok(ExitCode::SUCCESS)
}
