//! The command line of HQ's server.

use std::process::ExitCode;

fn main() -> ExitCode {
    hq_server::commands::main()
}
