//! A code and two public keys become a store's new life.

use std::net::IpAddr;

use server_kit::{Actor, AppState, Context, Keys, Problem, Tx, read, transact};
use sync_protocol::Hash;
use sync_protocol::wire::{Bytes, EnrolAnswer, EnrolRequest};
use uuid::Uuid;

use super::secrets;
use crate::sync::hub::{Ask, Hub};

/// A store that has had more lives than this has another trouble.
const MOST_LETTERS: usize = 1_000;
/// Enough for all of them.
const LONGEST_LETTER: usize = 4;

/// Enrols a store by a code. The same code with the same keys gets the same answer again, so a lost answer does no harm.
pub(crate) async fn enrol(
    state: &AppState,
    hub: &Hub,
    source: IpAddr,
    request: EnrolRequest,
) -> Result<EnrolAnswer, Problem> {
    let (signing, sealing) = (
        public_key("/signing_key", &request.signing_key)?,
        public_key("/sealing_key", &request.sealing_key)?,
    );
    if ed25519_dalek::VerifyingKey::from_bytes(&signing).map_or(true, |key| key.is_weak()) {
        return Err(Problem::invalid("/signing_key", "not_a_key", "It is not an Ed25519 key."));
    }
    check_letters(&request.letters)?;
    let now = state.clock.now();
    if !hub.may_enrol(source, now) {
        return Err(Problem::new(
            axum::http::StatusCode::TOO_MANY_REQUESTS,
            "too-many-codes",
            "Too many wrong codes were tried",
        )
        .retry_after(60));
    }
    let hash = super::code::hash_of_typed(&state.keys, &request.code)?;
    let found = match hash {
        None => None,
        Some(hash) => {
            let found = read(state, &Actor::Nobody, move |tx, _| {
                Box::pin(async move {
                    sqlx::query_scalar!(
                        r#"select company_id as "company_id!" from enrol_code_named($1)"#,
                        &hash[..]
                    )
                    .fetch_optional(&mut **tx)
                    .await
                })
            })
            .await?;
            found.map(|company_id| (company_id, hash))
        }
    };
    let Some((company_id, hash)) = found else {
        hub.failed_to_enrol(source, now);
        return Err(no_such_code());
    };
    let actor = Actor::System { company_id };
    let keys = state.keys.clone();
    let done = transact(state, &actor, move |tx, cx| {
        Box::pin(async move { enrol_in(tx, cx, &keys, hash, &request, signing, sealing).await })
    })
    .await;
    match done {
        Ok(answer) => {
            hub.ask(answer.company_id, answer.store_id, Ask::HangUp);
            Ok(answer)
        }
        Err(problem) => {
            if problem.status().is_client_error() {
                hub.failed_to_enrol(source, now);
            }
            Err(problem)
        }
    }
}

/// One answer for every code that is not good: which it was is nobody's business.
fn no_such_code() -> Problem {
    Problem::new(axum::http::StatusCode::FORBIDDEN, "enrol-code-not-good", "The code is not good")
        .detail("It is wrong, was used, or is older than a day. Ask HQ for a new one.")
}

fn public_key(pointer: &'static str, key: &Bytes) -> Result<[u8; 32], Problem> {
    key.0
        .as_slice()
        .try_into()
        .map_err(|_| Problem::invalid(pointer, "not_a_key", "It is 32 bytes as base64url."))
}

async fn enrol_in(
    tx: &mut Tx,
    cx: &Context,
    keys: &Keys,
    hash: [u8; 32],
    request: &EnrolRequest,
    signing: [u8; 32],
    sealing: [u8; 32],
) -> Result<EnrolAnswer, Problem> {
    let code = super::locks::enrol_code(tx, &hash).await?.ok_or_else(no_such_code)?;
    let key_id = match code.key_id {
        Some(key_id) => {
            let is_the_same = sqlx::query_scalar!(
                r#"select (incarnation = $2 and signing_key = $3 and sealing_key = $4 and ended_at is null and not exists (
                           select from journal_watermark w where w.company_id = k.company_id and w.store_id = k.store_id
                               and w.incarnation = k.incarnation and w.sequence > 0)) as "is_the_same!"
                   from store_key k where k.company_id = current_company() and k.id = $1"#,
                key_id,
                request.incarnation,
                &signing[..],
                &sealing[..],
            )
            .fetch_one(&mut **tx)
            .await?;
            // Only an answer that was lost is given again: a box that has delivered something, or comes later, has lost
            // its database, and that is a new life that a person decides about.
            if !is_the_same || code.expires_at < cx.now {
                return Err(no_such_code());
            }
            key_id
        }
        None if code.expires_at < cx.now => return Err(no_such_code()),
        None => begin_life(tx, cx, code.store_id, hash, request, signing, sealing).await?,
    };
    let row = sqlx::query!(
        "select k.store_id, k.incarnation, k.letter, s.code, s.name, s.archived_at
         from store_key k join store s on s.company_id = k.company_id and s.id = k.store_id
         where k.company_id = current_company() and k.id = $1",
        key_id
    )
    .fetch_one(&mut **tx)
    .await?;
    if row.archived_at.is_some() {
        return Err(Problem::conflict("store-archived", "The store is closed for good"));
    }
    let sealed_pepper = secrets::seal(&secrets::pepper(keys, key_id)?, sealing)?
        .ok_or_else(|| Problem::invalid("/sealing_key", "not_a_key", "It is not an X25519 key."))?;
    Ok(EnrolAnswer {
        company_id: cx.company_id(),
        store_id: row.store_id,
        store_code: row.code,
        store_name: row.name,
        incarnation: row.incarnation,
        letter: row.letter,
        key_id,
        hq_key: Bytes(secrets::public_key(keys)?),
        sealed_pepper: Bytes(sealed_pepper),
        now: cx.now,
    })
}

/// Ends the store's former key, and begins a life with the next letter.
async fn begin_life(
    tx: &mut Tx,
    cx: &Context,
    store_id: Uuid,
    hash: [u8; 32],
    request: &EnrolRequest,
    signing: [u8; 32],
    sealing: [u8; 32],
) -> Result<Uuid, Problem> {
    super::locks::store_keys(tx, store_id).await?;
    let is_known = sqlx::query_scalar!(
        r#"select exists (select from store_key where company_id = current_company() and store_id = $1 and incarnation = $2) as "is_known!""#,
        store_id,
        request.incarnation
    )
    .fetch_one(&mut **tx)
    .await?;
    if is_known {
        return Err(Problem::conflict(
            "incarnation-known",
            "This life of the store has been enrolled already",
        )
        .field("/incarnation", "known", "A new code begins a new life: draw another id."));
    }
    sqlx::query!(
        "update store_key set ended_at = $2, ended_because = 'replaced'
         where company_id = current_company() and store_id = $1 and ended_at is null",
        store_id,
        cx.now
    )
    .execute(&mut **tx)
    .await?;
    let letter = next_letter(&letters_used(tx, store_id, &request.letters).await?);
    let key_id = cx.new_id();
    sqlx::query!(
        "insert into store_key (id, store_id, incarnation, letter, signing_key, sealing_key, enrolled_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        key_id,
        store_id,
        request.incarnation,
        letter,
        &signing[..],
        &sealing[..],
        cx.now,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "insert into journal_watermark (store_id, incarnation, sequence, hash) values ($1, $2, 0, $3)
         on conflict (company_id, store_id, incarnation) do nothing",
        store_id,
        request.incarnation,
        Hash::ZERO.as_bytes(),
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update enrol_code set used_at = $2, key_id = $3 where company_id = current_company() and hash = $1",
        &hash[..],
        cx.now,
        key_id
    )
    .execute(&mut **tx)
    .await?;
    // Another pepper: everybody's PIN is sealed anew for this store, and travels again.
    sqlx::query!(
        "update user_store set role_id = role_id where company_id = current_company() and store_id = $1",
        store_id
    )
    .execute(&mut **tx)
    .await?;
    crate::audit::noted(
        tx,
        cx,
        "store",
        "enrol",
        store_id,
        Some(serde_json::json!({ "incarnation": request.incarnation, "key_id": key_id, "software": request.versions.software })),
    )
    .await?;
    Ok(key_id)
}

/// The letters that stand in receipt numbers of this store: of the lives that are known here, and of those that only show in
/// its series, because this server was put back to a backup from before their enrolment.
async fn letters_used(tx: &mut Tx, store_id: Uuid, said: &[String]) -> Result<Vec<String>, sqlx::Error> {
    let known = sqlx::query_scalar!(
        r#"select letter as "letter!" from store_key where company_id = current_company() and store_id = $1
           union
           select substr(series, length(register_code) + 1) from register_session
           where company_id = current_company() and store_id = $1 and starts_with(series, register_code)
           union
           select substr(j.stream, length(r.code) + 1) from journal_stream j
           join register r on r.company_id = j.company_id and r.store_id = j.store_id and starts_with(j.stream, r.code)
           where j.company_id = current_company() and j.store_id = $1"#,
        store_id
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(known.into_iter().chain(said.iter().cloned()).collect())
}

/// The letter behind all that are used: of the lives between, receipts may be about that nothing here tells of.
fn next_letter<'a>(used: impl IntoIterator<Item = &'a String>) -> String {
    used.into_iter()
        .filter_map(|letter| place_of(letter))
        .max()
        .map_or_else(String::new, |last| letter(last + 1))
}

/// How many lives come before the one with this letter; `None` where it is none.
fn place_of(letter: &str) -> Option<i64> {
    if letter.len() > LONGEST_LETTER || !letter.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let place = letter.bytes().fold(0, |place, byte| place * 26 + i64::from(byte - b'A') + 1);
    Some((place - 1).max(0))
}

/// The letters that the store says its series bear: a few capitals each.
fn check_letters(letters: &[String]) -> Result<(), Problem> {
    if letters.len() > MOST_LETTERS {
        return Err(Problem::invalid("/letters", "too_many", format!("There are {MOST_LETTERS} at most.")));
    }
    for (place, letter) in letters.iter().enumerate() {
        if letter.len() > LONGEST_LETTER || !letter.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let what = format!("It is up to {LONGEST_LETTER} letters from A to Z.");
            return Err(Problem::invalid(format!("/letters/{place}"), "not_a_letter", what));
        }
    }
    Ok(())
}

/// The letter of a store's life, in receipt numbers: none, B, C, …, Z, AA, AB, …
fn letter(lives_before: i64) -> String {
    if lives_before == 0 {
        return String::new();
    }
    let mut rest = u64::try_from(lives_before).unwrap_or(u64::MAX - 1) + 1;
    let mut letters = Vec::new();
    while rest > 0 {
        rest -= 1;
        letters.push(b'A' + u8::try_from(rest % 26).unwrap_or(0));
        rest /= 26;
    }
    letters.reverse();
    letters.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_life_has_the_letter_behind_all_that_are_seen() {
        let next =
            |letters: &[&str]| next_letter(&letters.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        assert_eq!(next(&[]), "");
        assert_eq!(next(&[""]), "B");
        assert_eq!(next(&["", "B", "D"]), "E");
        assert_eq!(next(&["B"]), "C");
        assert_eq!(next(&["", "tore", "-1", "LONGER"]), "B");
        for place in 0..2_000 {
            assert_eq!(place_of(&letter(place)), Some(place));
        }
    }

    #[test]
    fn a_stores_lives_have_letters_of_their_own() {
        let letters: Vec<String> = (0..800).map(letter).collect();
        assert_eq!(&letters[..3], ["", "B", "C"]);
        assert_eq!((letters[25].as_str(), letters[26].as_str(), letters[27].as_str()), ("Z", "AA", "AB"));
        let mut distinct = letters.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), letters.len());
    }
}
