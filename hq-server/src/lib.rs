//! HQ's server: the master data of the chain, its figures, and the other end of every store's sync.
//!
//! One folder per capability; `capabilities` lists them. The binary is a command line over this library; tests and benchmarks
//! call it directly.

mod audit;
mod capabilities;
mod catalogue;
pub mod commands;
mod companies;
mod customers;
mod imports;
mod locks;
mod master;
mod people;
mod prices;
mod promotions;
mod reports;
mod stores;
pub mod sync;
mod tax_areas;
mod taxes;
mod tenders;
mod try_outs;

use server_kit::Surface;
use sqlx::migrate::Migrator;

pub use companies::{Founded, Founding, found};
use sync::Hub;

/// HQ's migrations.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations-hq");

/// The name of HQ's database in a private cluster.
pub const DATABASE: &str = "hq";

/// Everything that HQ shows to the world.
#[must_use]
pub fn surface(hub: Hub) -> Surface {
    let mut surface = Surface::new(
        "Tradepost HQ",
        "The master data of a chain of shops, its figures, and its sync with the stores.",
        env!("CARGO_PKG_VERSION"),
        capabilities::all(hub.clone()),
    );
    surface.beside = axum::Router::new().nest("/sync/v1", sync::wire(hub));
    surface.patient = vec!["/import/products", "/prices/batch"];
    surface.web_config = serde_json::json!({ "mode": "hq", "api_url": "" });
    surface
}
