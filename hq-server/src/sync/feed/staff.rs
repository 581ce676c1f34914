//! People as a store gets them: each one's PIN sealed for that store alone.

use std::collections::HashMap;

use serde_json::Value;
use server_kit::{Keys, Problem, Secret};
use sign_in::pins;
use uuid::Uuid;

use crate::sync::enrol::secrets;
use crate::sync::token::Caller;

/// Puts each record's PIN, as HQ sealed it, under the pepper of the store that asks. A PIN that cannot be opened (its key
/// was lost) is left out: the person gets a new one, and everybody else goes on.
pub(super) fn seal_pins(
    keys: &Keys,
    caller: &Caller,
    records: &mut HashMap<Uuid, String>,
) -> Result<(), Problem> {
    let hq_key = keys.secret(pins::HQ_KEY).map_err(Problem::internal)?;
    let pepper = Secret::new(secrets::pepper(keys, caller.key_id)?);
    for (user_id, record) in records {
        let mut value: Value = serde_json::from_str(record).map_err(Problem::internal)?;
        let Some(pin) = value.get_mut("pin") else { continue };
        let sealed = match pin.as_str().and_then(from_hex) {
            None => continue,
            Some(kept) => pins::for_store(&hq_key, &kept, &pepper, *user_id),
        };
        *pin = match sealed {
            Ok(text) => Value::String(text),
            Err(error) => {
                tracing::warn!(%user_id, %error, "a PIN is left out of the feed");
                Value::Null
            }
        };
        *record = value.to_string();
    }
    Ok(())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}
