//! The commands of `hq-server`.

mod bring_in;
mod doctor;
mod enrol_code;
mod export;
mod found;
mod serve;

use std::io::{Read, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use server_kit::config::{self, CommonArgs, DataArgs};
use server_kit::database::{self, Database};
use server_kit::{Actor, AppState, Clock, Ids, Keys, Wake, telemetry};

use sqlx::PgPool;

use crate::{DATABASE, MIGRATOR, companies};

/// HQ's server of a chain of shops.
#[derive(Parser, Debug)]
#[command(name = "hq-server", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Listens and answers until it is told to stop
    Serve(serve::Serve),
    /// Brings the schema of the database up to date, as its owner
    Migrate(DataArgs),
    /// Recomputes what is kept beside the facts, checks the chains, and says where they differ
    Doctor(doctor::Doctor),
    /// Makes a one-time code with which a box becomes a store
    EnrolCode(enrol_code::EnrolCode),
    /// Founds a company: itself, its ready-made roles and its first admin
    Found(found::Found),
    /// Imports products from a CSV file
    Import(bring_in::BringIn),
    /// Writes a company's products as the CSV that `import` reads
    Export(export::Export),
    /// Prints the OpenAPI document
    Openapi,
}

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            // Logs may be off, or not yet begun.
            let _ = writeln!(std::io::stderr(), "hq-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let cli: Cli = config::parse()?;
    if let Command::Openapi = cli.command {
        println!("{}", openapi_document()?);
        return Ok(ExitCode::SUCCESS);
    }
    telemetry::init(&cli.common.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve(serve) => serve.run().await.map(|()| ExitCode::SUCCESS),
            Command::Migrate(data) => database::migrate(&data, &MIGRATOR).await.map(|()| ExitCode::SUCCESS),
            Command::Doctor(doctor) => doctor.run().await,
            Command::EnrolCode(code) => code.run().await.map(|()| ExitCode::SUCCESS),
            Command::Found(found) => found.run().await.map(|()| ExitCode::SUCCESS),
            Command::Import(import) => import.run().await,
            Command::Export(export) => export.run().await.map(|()| ExitCode::SUCCESS),
            Command::Openapi => Ok(ExitCode::SUCCESS),
        }
    })
}

/// The OpenAPI document, as it is committed for the web client.
pub fn openapi_document() -> anyhow::Result<String> {
    let document = server_kit::serve::openapi(crate::surface(crate::sync::Hub::new()));
    Ok(document.to_pretty_json()?)
}

/// The state that a server or command works with.
fn state(pool: &PgPool, data: &DataArgs, clock: Clock) -> anyhow::Result<AppState> {
    Ok(AppState {
        pool: pool.clone(),
        clock,
        ids: Ids::random(),
        keys: Keys::open(&data.data_dir.join("keys")).context("opening the keys")?,
        wake: Wake::new(),
    })
}

/// Opens the database for a command, also beside a server that runs.
async fn open(data: &DataArgs) -> anyhow::Result<(Database, AppState)> {
    let database = database::open_beside(data, DATABASE, &MIGRATOR).await.context("opening the database")?;
    let state = state(&database.pool, data, Clock::system())?;
    Ok((database, state))
}

/// The server itself, acting for the company of this code.
async fn acting_for(state: &AppState, code: &str) -> anyhow::Result<Actor> {
    match companies::find(state, code).await? {
        Some(company_id) => Ok(Actor::System { company_id }),
        None => bail!("there is no company {code}"),
    }
}

/// A secret from standard input, without the end of its line: on a command line everybody on the machine could read it.
fn secret_from_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .context("reading the password from standard input")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A refusal as a line for a terminal, with what is wrong where.
fn told(problem: &server_kit::Problem) -> anyhow::Error {
    use std::fmt::Write as _;

    let mut text = problem.to_string();
    for mistake in problem.errors() {
        // Writing to a String cannot fail.
        let _ = write!(text, "; {}: {}", mistake.pointer.trim_start_matches('/'), mistake.detail);
    }
    anyhow::anyhow!(text)
}
