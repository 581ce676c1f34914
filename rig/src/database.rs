//! Looking into a server's private cluster past every wall, to compare what is kept at both ends.

use anyhow::Result;
use chain::processes::Server;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

/// A connection to a running server's database, as the cluster's owner.
pub async fn of(server: &Server) -> Result<PgConnection> {
    let database = if server.name == "HQ" { "hq" } else { "store" };
    Ok(PgConnection::connect(&server.owner_url(database)?).await?)
}
