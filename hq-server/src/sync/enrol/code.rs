//! One-time codes: what a person at HQ reads out, so that a box becomes a store.

use chrono::{DateTime, TimeDelta, Utc};
use rand::seq::IndexedRandom as _;
use server_kit::{Context, Keys, Problem, Tx};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// How long a code is good for.
const GOOD_FOR_HOURS: i64 = 24;
/// How long a code is.
const CODE_LENGTH: usize = 10;
/// No letters that are read out or written alike: 28^10 codes, good for a day, against ten tries a minute
/// from each source.
const ALPHABET: &[u8] = b"ABCDEFGHJKMNPQRSTVWXYZ234679";

/// A code, shown once and kept hashed.
#[derive(Clone, Debug)]
pub struct MadeCode {
    /// What to type at the box.
    pub code: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// Makes a code for a store. Codes that were made before stay good until they expire or are used.
pub async fn make_code(tx: &mut Tx, cx: &Context, keys: &Keys, store_id: Uuid) -> Result<MadeCode, Problem> {
    let is_open = sqlx::query_scalar!(
        r#"select archived_at is null as "is_open!" from store where company_id = current_company() and id = $1"#,
        store_id
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or_else(|| Problem::not_found("store"))?;
    if !is_open {
        return Err(Problem::conflict("store-archived", "The store is closed for good"));
    }
    let code = draw();
    let expires_at = cx.now + TimeDelta::hours(GOOD_FOR_HOURS);
    sqlx::query!(
        "insert into enrol_code (hash, store_id, made_by, made_at, expires_at) values ($1, $2, $3, $4, $5)",
        &hash(keys, &code)?[..],
        store_id,
        cx.actor.user_id(),
        cx.now,
        expires_at,
    )
    .execute(&mut **tx)
    .await?;
    Ok(MadeCode { code, expires_at })
}

fn draw() -> String {
    let mut rng = rand::rng();
    (0..CODE_LENGTH).filter_map(|_| ALPHABET.choose(&mut rng)).map(|&byte| char::from(byte)).collect()
}

/// A code's hash: keyed by a secret outside the database, so that a leaked backup does not give codes away to guessing.
/// `None` when what was typed cannot be a code.
pub(crate) fn hash_of_typed(keys: &Keys, typed: &str) -> Result<Option<[u8; 32]>, Problem> {
    if typed.len() > 40 {
        return Ok(None);
    }
    let code: String =
        typed.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_ascii_uppercase()).collect();
    let can_be = code.len() == CODE_LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte));
    if can_be { hash(keys, &code).map(Some) } else { Ok(None) }
}

fn hash(keys: &Keys, code: &str) -> Result<[u8; 32], Problem> {
    let secret = keys.secret("enrol-code").map_err(Problem::internal)?;
    // Secret and code have fixed lengths, so nothing can be moved from one into the other or added behind.
    Ok(Sha256::new().chain_update(secret.bytes()).chain_update(code).finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_may_be_typed_in_groups_and_in_small_letters() {
        let keys = Keys::in_memory();
        let code = draw();
        let (head, tail) = code.split_at(5);
        let typed = format!("{}-{} ", head.to_lowercase(), tail.to_lowercase());
        assert_eq!(hash_of_typed(&keys, &typed).unwrap(), Some(hash(&keys, &code).unwrap()));
        assert_eq!(hash_of_typed(&keys, "short").unwrap(), None);
        assert_eq!(hash_of_typed(&keys, &"A".repeat(1000)).unwrap(), None);
    }
}
