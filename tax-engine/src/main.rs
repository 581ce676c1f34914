//! Reads one tax document, or an array of them, as JSON on standard input and writes the computed documents as JSON on
//! standard output. Where a document is wrong it writes a problem there in its place, says it in a sentence on standard
//! error, and exits with 2.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use serde::Serialize;

/// The longest input, in bytes.
const MAX_INPUT: u64 = 64 << 20;

const HELP: &str = "\
Computes the taxes of documents.

  tax-engine < documents.json > computed.json

  --help     says this
  --version  says the version

Standard input is one document or an array of them; the format is in the crate's documentation.
Exit status: 0 all computed, 2 one or more refused (a problem, with pointers, is in its place) or an unknown argument,
1 could not read or write.
";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            // Nobody may be listening any more.
            let _ = writeln!(io::stderr(), "tax-engine: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<ExitCode> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(first) = arguments.first() {
        let said = match first.to_str() {
            Some("--help" | "-h") => HELP,
            Some("--version" | "-V") => concat!("tax-engine ", env!("CARGO_PKG_VERSION"), "\n"),
            _ => {
                writeln!(
                    io::stderr(),
                    "tax-engine: it reads standard input, and knows no {}",
                    first.display()
                )?;
                return Ok(ExitCode::from(2));
            }
        };
        io::stdout().write_all(said.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut input = Vec::new();
    io::stdin().take(MAX_INPUT + 1).read_to_end(&mut input)?;
    if input.len() as u64 > MAX_INPUT {
        return Err(io::Error::other("the input is longer than 64 MiB"));
    }
    match tax_engine::json::answer(&input) {
        Ok(answer) => {
            write(&answer)?;
            let mut code = ExitCode::SUCCESS;
            for problem in answer.problems() {
                code = ExitCode::from(2);
                writeln!(io::stderr(), "tax-engine: {}", problem.detail())?;
            }
            Ok(code)
        }
        Err(problem) => {
            write(&problem)?;
            writeln!(io::stderr(), "tax-engine: {}", problem.detail())?;
            Ok(ExitCode::from(2))
        }
    }
}

fn write(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    serde_json::to_writer_pretty(&mut out, value)?;
    out.write_all(b"\n")?;
    out.flush()
}
