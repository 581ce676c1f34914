//! What both servers stand on, around axum and PostgreSQL: configuration, the database, `transact`, `Capability`, problems,
//! idempotency, telemetry, limits, and handing out the web client. No noun of the domain may live here.

mod actor;
mod capability;
mod clock;
pub mod config;
pub mod database;
pub mod extract;
mod ids;
mod keys;
pub mod metrics;
pub mod problem;
mod request;
pub mod serve;
mod state;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod transact;
mod wake;

pub use actor::{Actor, Person, StoreScope};
pub use capability::Capability;
pub use clock::{Clock, NotSettable};
pub use extract::{Json, JsonBytes, Path, Query};
pub use ids::Ids;
pub use keys::{Keys, Secret};
pub use problem::{Constraint, FieldError, Problem};
pub use request::request_id;
pub use serve::{Manner, Source, Surface, serve, shutdown_signal};
pub use state::AppState;
pub use transact::{Context, Patience, Tx, read, read_within, transact, transact_within};
pub use wake::Wake;

pub use futures_util::future::BoxFuture;
pub use tokio_util::sync::CancellationToken;
pub use utoipa_axum::{router::OpenApiRouter, routes};
