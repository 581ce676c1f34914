//! `hq-server serve`.

use clap::Args;
use server_kit::config::{DataArgs, HttpArgs};
use server_kit::{Clock, database, shutdown_signal};

use crate::reports::add_up_months;
use crate::sync::{Hub, bell};
use crate::{DATABASE, MIGRATOR, surface};

#[derive(Args, Debug)]
pub(super) struct Serve {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    http: HttpArgs,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.http.check()?;
        let stop = shutdown_signal()?;
        let database = tokio::select! {
            opened = database::open(&self.data, DATABASE, &MIGRATOR) => opened?,
            () = stop.cancelled() => return Ok(()),
        };
        let clock = if self.http.allow_clock_header { Clock::settable() } else { Clock::system() };
        let state = super::state(&database.pool, &self.data, clock)?;
        let hub = Hub::new();
        let workers = [
            tokio::spawn(bell::run(state.clone(), hub.clone(), stop.clone())),
            tokio::spawn(add_up_months::run(state.clone(), stop.clone())),
        ];
        let serving = server_kit::serve(&self.http, surface(hub), state, stop.clone());
        let served = tokio::select! {
            served = serving => served,
            () = database.given_up() => Err(anyhow::anyhow!("PostgreSQL does not stay up; see its log in the data directory")),
        };
        stop.cancel();
        // They end with `stop`; a panic in one was logged.
        for worker in workers {
            let _ = worker.await;
        }
        database.close().await?;
        served
    }
}
