//! Which process holds a cluster, and the guard that stops it with its owner.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::binaries::Binaries;
use crate::user::User;

/// What PostgreSQL wrote about its running process into `postmaster.pid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Postmaster {
    pub(crate) pid: u32,
    pub(crate) socket: PathBuf,
    pub(crate) ready: bool,
}

pub(crate) fn postmaster(data: &Path) -> Option<Postmaster> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    let socket = PathBuf::from(lines.nth(3).unwrap_or_default());
    let ready = lines.nth(2).is_some_and(|status| status.trim() == "ready");
    Some(Postmaster { pid, socket, ready })
}

/// Whether this process is a PostgreSQL on this data folder, and not another one that has got the number since.
pub(crate) fn is_postgres_on(pid: u32, data: &Path) -> bool {
    let command_line = match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) if Path::new("/proc/self").exists() => return false,
        Err(_) => {
            match std::process::Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output() {
                Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
                Err(_) => return false,
            }
        }
    };
    command_line.contains("postgres") && command_line.contains(&*data.to_string_lossy())
}

/// Sends a signal by the shell's own `kill`, which needs no unsafe code and no program beside it.
pub(crate) async fn signal(name: &str, pid: u32, user: Option<User>) -> io::Result<bool> {
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "kill -s \"$1\" \"$2\"", "kill", name, &pid.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    run_as(&mut command, user);
    Ok(tokio::process::Command::from(command).status().await?.success())
}

/// The guard: runs PostgreSQL, and sends it SIGINT (its fast shutdown) once the pipe on standard input closes, which
/// it does when the owner lets go of it or dies in whatever way. It ends with PostgreSQL and with its status.
const GUARD: &str = r#"
exec 3<&0 </dev/null
"$@" 3<&- &
postgres=$!
( trap '' INT TERM HUP; read -r nothing; kill -s INT "$postgres" ) <&3 >/dev/null 2>&1 &
watcher=$!
exec 3<&-
trap '' INT TERM HUP
while :; do
  wait "$postgres"; status=$?
  kill -0 "$postgres" 2>/dev/null || break
done
kill -s KILL "$watcher" 2>/dev/null
exit "$status"
"#;

/// A command that starts PostgreSQL under its guard. Its standard input is the pipe.
pub(crate) fn guarded(
    binaries: &Binaries,
    data: &Path,
    options: &[String],
    log: fs::File,
    user: Option<User>,
) -> io::Result<tokio::process::Command> {
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", GUARD, "guard"]).arg(binaries.program("postgres")).arg("-D").arg(data);
    for option in options {
        command.args(["-c", option]);
    }
    command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
    command.current_dir("/").env_clear();
    for name in ["PATH", "LD_LIBRARY_PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // A group of its own: Ctrl-C in a terminal is for the owner, which stops PostgreSQL when it has drained.
    command.process_group(0);
    run_as(&mut command, user);
    Ok(command.into())
}

/// Lets a command run as the user, in no group but theirs.
pub(crate) fn run_as(command: &mut std::process::Command, user: Option<User>) {
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
}
