//! What idle servers hold, and how soon they answer after a start.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chain::Chain;
use chain::processes::Server;

use crate::STORE;
use crate::table::{Goal, Table};

/// MiB that a server's own process holds now (not its PostgreSQL's); none where the system does not say.
pub(crate) fn resident(server: &Server) -> Option<f64> {
    status(server, "VmRSS:")
}

/// The most MiB that it ever held.
pub(crate) fn most_resident(server: &Server) -> Option<f64> {
    status(server, "VmHWM:")
}

fn status(server: &Server, field: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{}/status", server.pid()?)).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u32 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(f64::from(kib) / 1024.0)
}

/// Restarts both servers, waits, and looks.
pub(crate) async fn idle(table: &mut Table, chain: &mut Chain) -> Result<()> {
    for (name, server, most) in [
        ("HQ", &mut chain.hq, 60.0),
        ("store", chain.stores.get_mut(STORE).context("the chain has no store")?, 40.0),
    ] {
        server.stop().await?;
        let begun = Instant::now();
        server.start()?;
        server.wait("live").await?;
        let took = begun.elapsed();
        server.wait("ready").await?;
        tokio::time::sleep(Duration::from_secs(3)).await;
        table.alone(
            &format!("start of the {name} server, its PostgreSQL included"),
            took.as_secs_f64(),
            "s",
            None,
        );
        if let Some(mib) = resident(server) {
            table.alone(&format!("idle {name} server, resident"), mib, "MiB", Some(Goal::AtMost(most)));
        }
    }
    Ok(())
}
