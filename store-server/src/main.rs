//! The store server's command line.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand};
use server_kit::config::{self, CommonArgs, DataArgs, HttpArgs};
use server_kit::{AppState, Clock, Ids, Keys, Wake, database, serve, telemetry};
use sign_in::Pins;
use sqlx::PgPool;
use store_server::sync::identity;
use store_server::sync::{SyncHandle, driver, enrol};
use store_server::{MIGRATOR, doctor, people, server};

/// A store's own server: registers, selling, and the sync with HQ
#[derive(Parser, Debug)]
#[command(name = "store-server", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the server until it is told to stop
    Serve(ServeArgs),
    /// Bring the database's schema up to date, as its owner
    Migrate {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Recompute what is kept beside the facts and compare: stock, chains, numbers, sessions
    Doctor {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Make this database the store that a code of HQ's is for
    Enrol {
        #[command(flatten)]
        data: DataArgs,
        #[command(flatten)]
        hq: EnrolArgs,
    },
    /// Give somebody who works here a password for this store
    Password {
        #[command(flatten)]
        data: DataArgs,
        /// What they sign in with
        #[arg(long)]
        login: String,
        /// Read the password from standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Print the OpenAPI document
    Openapi,
}

#[derive(Args, Debug)]
struct ServeArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    http: HttpArgs,
    /// HQ's address: for a first start with a code, and later where HQ has moved (its key stays the one of the enrolment)
    #[arg(long, env = "HQ_URL", value_name = "URL")]
    hq_url: Option<String>,
    /// A code of HQ's, for a first start
    #[arg(long, env = "STORE_CODE", value_name = "CODE", hide_env_values = true)]
    store_code: Option<String>,
    /// How often to ask HQ without being told that there is something new, in milliseconds
    #[arg(long, env = "SYNC_INTERVAL_MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(100..=86_400_000))]
    sync_interval_ms: u64,
    /// Let PINs count without a paired device; on loopback only
    #[arg(long, env = "PIN_WITHOUT_DEVICE", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", default_value = "false")]
    pin_without_device: bool,
}

#[derive(Args, Debug)]
struct EnrolArgs {
    /// The code that HQ gave
    #[arg(long, env = "STORE_CODE", value_name = "CODE", hide_env_values = true)]
    code: String,
    /// HQ's address
    #[arg(long, env = "HQ_URL", value_name = "URL")]
    hq_url: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("store-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<ExitCode> {
    let cli: Cli = config::parse()?;
    telemetry::init(&cli.common.log)?;
    match cli.command {
        Command::Serve(args) => serve_until_stopped(args).await?,
        Command::Migrate { data } => database::migrate(&data, &MIGRATOR).await?,
        Command::Doctor { data } => return examine(&data).await,
        Command::Enrol { data, hq } => {
            let database = database::open_beside(&data, "store", &MIGRATOR).await?;
            if let Some(identity) = identity::load(&database.pool).await? {
                database.close().await?;
                bail!(
                    "this box is {} ({}) already, and the code was not used; a new life begins with an empty data directory",
                    identity.store_code,
                    identity.store_name
                );
            }
            let enrolled = enrol::enrol(&state(&data, database.pool.clone())?, &hq.hq_url, &hq.code).await;
            database.close().await?;
            let identity = enrolled?;
            println!("This is {} ({}).", identity.store_code, identity.store_name);
        }
        Command::Password { data, login, password_stdin: _ } => {
            let mut password = String::new();
            std::io::stdin().read_to_string(&mut password).context("reading the password")?;
            let database = database::open_beside(&data, "store", &MIGRATOR).await?;
            let state = state(&data, database.pool.clone())?;
            let set = people::set_password(&state, &login, password.trim_end_matches(['\r', '\n'])).await;
            database.close().await?;
            set?;
        }
        Command::Openapi => {
            let (handle, _end) = SyncHandle::new();
            let document = serve::openapi(server::surface(&handle, Pins::OnPairedDevices, None));
            println!("{}", document.to_pretty_json()?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn state(data: &DataArgs, pool: PgPool) -> anyhow::Result<AppState> {
    Ok(AppState {
        pool,
        clock: Clock::system(),
        ids: Ids::random(),
        keys: Keys::open(&data.data_dir.join("keys")).context("opening the key files")?,
        wake: Wake::new(),
    })
}

async fn examine(data: &DataArgs) -> anyhow::Result<ExitCode> {
    let database = database::open_beside(data, "store", &MIGRATOR).await?;
    let found = doctor::examine(&database.pool).await;
    database.close().await?;
    let found = found?;
    for sentence in &found {
        println!("{sentence}");
    }
    if found.is_empty() {
        println!("Stock, chains, numbers and sessions agree with the facts.");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

async fn serve_until_stopped(args: ServeArgs) -> anyhow::Result<()> {
    if args.pin_without_device && !args.http.host.is_loopback() {
        bail!(
            "--pin-without-device lets anybody on the network try PINs: it is refused but on a loopback address"
        );
    }
    let stop = serve::shutdown_signal()?;
    let database = database::open(&args.data, "store", &MIGRATOR).await?;
    let mut state = state(&args.data, database.pool.clone())?;
    if args.http.allow_clock_header {
        state.clock = Clock::settable();
    }
    if let (Some(code), Some(hq_url)) = (&args.store_code, &args.hq_url) {
        tokio::select! {
            enrolled = enrol::enrol_when_hq_answers(&state, hq_url, code) => { enrolled?; }
            () = stop.cancelled() => return database.close().await,
        }
    }
    let identity = identity::load(&state.pool).await?;
    let (handle, end) = SyncHandle::new();
    let sync =
        tokio::spawn(driver::run(state.clone(), args.hq_url, args.sync_interval_ms, end, stop.clone()));
    let pins = if args.pin_without_device { Pins::OnAnyMachine } else { Pins::OnPairedDevices };
    let surface = server::surface(&handle, pins, identity.as_ref());
    let serving = serve::serve(&args.http, surface, state, stop.clone());
    let served = tokio::select! {
        served = serving => served,
        () = database.given_up() => Err(anyhow::anyhow!("the private PostgreSQL does not come back")),
    };
    stop.cancel();
    // It ends at its next await; whatever it had open is rolled back.
    let _ = sync.await;
    database.close().await?;
    served
}
