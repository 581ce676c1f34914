//! What a server is told when it starts: flags before environment before file.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Command, CommandFactory, FromArgMatches};

/// Text that is not told: shows nothing in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Hidden {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// Where the data is. Every command that touches the database takes these.
#[derive(Args, Clone, Debug)]
pub struct DataArgs {
    /// The folder with this server's keys, and with its private PostgreSQL where no database is given
    #[arg(long, env = "DATA_DIR", value_name = "FOLDER")]
    pub data_dir: PathBuf,

    /// The database, as the application's role; left out, a private PostgreSQL in the data directory
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<Hidden>,

    /// The same database as its owner; only `migrate` reads it
    #[arg(long, env = "DATABASE_OWNER_URL", value_name = "URL", hide_env_values = true)]
    pub database_owner_url: Option<Hidden>,

    /// How many connections to the database this server may hold
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=500))]
    pub database_connections: u32,
}

/// How a server listens and answers.
#[derive(Args, Clone, Debug)]
pub struct HttpArgs {
    /// The address to listen on
    #[arg(long, env = "HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,

    /// The port to listen on
    #[arg(long, env = "PORT", value_name = "PORT")]
    pub port: u16,

    /// How others reach this server: its scheme, name and port
    #[arg(long, env = "PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// The folder with the built web client, to hand it out; left out, somebody else does
    #[arg(long, env = "WEB_DIR", value_name = "FOLDER")]
    pub web_dir: Option<PathBuf>,

    /// Believe X-Forwarded-For: a proxy of ours stands in front and sets it
    #[arg(long, env = "TRUST_PROXY", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", default_value = "false")]
    pub trust_proxy: bool,

    /// Let a request say in x-tradepost-clock when its operation happened: loads past days; on loopback only
    #[arg(long, env = "ALLOW_CLOCK_HEADER", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", default_value = "false")]
    pub allow_clock_header: bool,
}

/// What is logged, and where settings may come from besides.
#[derive(Args, Clone, Debug)]
pub struct CommonArgs {
    /// What to log: a level, or levels by module (`hq_server=debug,sqlx=warn`)
    #[arg(long, env = "LOG", default_value = "info", value_name = "FILTER", global = true)]
    pub log: String,

    /// A TOML file with settings: the flags' names with underscores, such as `data_dir`
    #[arg(long, env = "CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
}

impl HttpArgs {
    /// Refuses what must not be combined.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.allow_clock_header && !self.host.is_loopback() {
            bail!(
                "--allow-clock-header lets anybody write the past: it is refused but on a loopback address, not {}",
                self.host
            );
        }
        Ok(())
    }
}

/// Reads a server's command line. What neither a flag nor the environment says is taken from the file that `--config` or
/// `CONFIG` names, and then from the defaults. A key in the file that no flag has is an error.
pub fn parse<C: CommandFactory + FromArgMatches>() -> anyhow::Result<C> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let file = config_file(&arguments)
        .or_else(|| std::env::var_os("CONFIG").filter(|name| !name.is_empty()).map(PathBuf::from));
    let command = match file {
        None => C::command(),
        Some(file) => with_file(C::command(), &file)?,
    };
    match command.try_get_matches_from(&arguments).and_then(|matches| C::from_arg_matches(&matches)) {
        Ok(cli) => Ok(cli),
        Err(error) => error.exit(),
    }
}

fn config_file(arguments: &[OsString]) -> Option<PathBuf> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        if text == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(file) = text.strip_prefix("--config=") {
            return Some(PathBuf::from(file));
        }
    }
    None
}

fn with_file(mut command: Command, file: &Path) -> anyhow::Result<Command> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    // The message of a TOML error may quote a line with a secret in it: only its place is told.
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line =
            error.span().map_or(0, |span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
        anyhow::anyhow!("{} is not TOML, near line {line}", file.display())
    })?;
    for (key, value) in table {
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(answer) => answer.to_string(),
            _ => bail!("{}: {key} must be a text, a number, true or false", file.display()),
        };
        let mut known = false;
        command = with_default(command, &key, &value, &mut known);
        if !known {
            bail!("{}: there is no setting {key}", file.display());
        }
    }
    Ok(command)
}

/// Gives the argument of this name this default, in the command and in those below it.
fn with_default(command: Command, key: &str, value: &str, known: &mut bool) -> Command {
    let mut command = command;
    if command.get_arguments().any(|argument| argument.get_id() == key) {
        *known = true;
        let value = value.to_owned();
        // It may be a secret, and help is for everybody.
        command = command
            .mut_arg(key, |argument| argument.default_value(value).hide_default_value(true).required(false));
    }
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    for name in names {
        let mut here = false;
        command = command.mut_subcommand(name, |below| with_default(below, key, value, &mut here));
        *known |= here;
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser, Debug)]
    struct Cli {
        #[command(subcommand)]
        command: Sub,
        #[command(flatten)]
        common: CommonArgs,
    }

    #[derive(clap::Subcommand, Debug)]
    enum Sub {
        Serve {
            #[command(flatten)]
            data: DataArgs,
            #[command(flatten)]
            http: HttpArgs,
        },
    }

    fn parsed(file: &str, arguments: &[&str]) -> anyhow::Result<Cli> {
        let path = std::env::temp_dir().join(format!("config-{:032x}.toml", rand::random::<u128>()));
        std::fs::write(&path, file).unwrap();
        let command = with_file(Cli::command(), &path);
        std::fs::remove_file(&path).unwrap();
        let arguments = ["server", "serve"].iter().chain(arguments);
        Ok(Cli::from_arg_matches(&command?.try_get_matches_from(arguments)?)?)
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let cli = parsed("data_dir = \"/srv\"\nport = 3000\nlog = \"debug\"\n", &["--port", "4000"]).unwrap();
        let Sub::Serve { data, http } = cli.command;
        assert_eq!((data.data_dir, http.port), (PathBuf::from("/srv"), 4000));
        assert_eq!(cli.common.log, "debug");
    }

    #[test]
    fn an_unknown_setting_in_the_file_is_refused() {
        let refused = parsed("prot = 3000\n", &["--data-dir", "/srv", "--port", "1"]).unwrap_err();
        assert!(refused.to_string().contains("prot"));
    }

    #[test]
    fn secrets_are_neither_in_help_nor_in_debug_output() {
        let file = "database_url = \"postgresql://u:hunter2@h/d\"\n";
        let cli = parsed(file, &["--data-dir", "/srv", "--port", "1"]).unwrap();
        assert!(!format!("{cli:?}").contains("hunter2"));
        let help = parsed(file, &["--help"]).unwrap_err();
        assert!(help.to_string().contains("--database-url"), "{help}");
        assert!(!help.to_string().contains("hunter2"));
    }

    #[test]
    fn the_clock_header_is_refused_beyond_loopback() {
        let open = ["--data-dir", "/srv", "--port", "1", "--host", "0.0.0.0", "--allow-clock-header"];
        let Sub::Serve { http, .. } = parsed("", &open).unwrap().command;
        assert!(http.check().is_err());
    }
}
