//! The server as a whole: its surface, and the tasks that run beside it.

use std::sync::Arc;

use chrono::Utc;
use serde_json::{Map, Value, json};
use server_kit::AppState;
use server_kit::serve::Surface;

use crate::capabilities;
use crate::sync::identity::Identity;
use crate::sync::{SyncHandle, identity};

/// What the server shows to the world.
#[must_use]
pub fn surface(sync: &SyncHandle, pins: sign_in::Pins, identity: Option<&Identity>) -> Surface {
    let mut surface = Surface::new(
        "Tradepost store",
        "A store's own server: it sells whether HQ answers or not.",
        env!("CARGO_PKG_VERSION"),
        capabilities::all(sync, pins),
    );
    surface.web_config = web_config(identity);
    surface.ready = Some(Arc::new(|state| Box::pin(is_ready(state))));
    let handle = sync.clone();
    surface.samples = Some(Arc::new(move |state: AppState| {
        let handle = handle.clone();
        Box::pin(async move { crate::sync_status::samples(state.pool, handle, Utc::now()).await })
    }));
    surface
}

/// Ready: enrolled, and at a checkpoint of HQ's.
async fn is_ready(state: AppState) -> Result<(), String> {
    let enrolled = identity::load(&state.pool).await.map_err(|error| error.to_string())?;
    if enrolled.is_none() {
        return Err("The store is not enrolled.".to_owned());
    }
    let is_there = sqlx::query_scalar!(r#"select exists (select from checkpoint) as "is_there!""#)
        .fetch_one(&state.pool)
        .await
        .map_err(|error| error.to_string())?;
    if is_there { Ok(()) } else { Err("HQ has not sent this store its data yet.".to_owned()) }
}

/// What the web client is told before anybody is signed in.
fn web_config(identity: Option<&Identity>) -> Value {
    let mut config = Map::new();
    config.insert("mode".to_owned(), json!("store"));
    config.insert("api_url".to_owned(), json!(""));
    if let Some(identity) = identity {
        config.insert("store_id".to_owned(), json!(identity.store_id));
        config.insert("store_code".to_owned(), json!(identity.store_code));
        config.insert("store_name".to_owned(), json!(identity.store_name));
    }
    Value::Object(config)
}
