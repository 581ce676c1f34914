//! Enrolling: a code that a person read out becomes this store's identity. Asked for again until the answer is here, always
//! with the same keys, so an answer that was lost is the same answer later.

use std::time::Duration;

use server_kit::{Actor, AppState, Secret, transact};
use sync_protocol::wire::{EnrolRequest, FEED_SCHEMA, Versions};
use tokio::time::sleep;

use super::hq::{self, BadAddress, EnrolFailed};
use super::identity::{self, Identity};
use super::keys::StoreKeys;

use sign_in::pins::PEPPER_KEY;

/// Why the store has no identity.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// HQ did not give one.
    #[error(transparent)]
    Hq(#[from] EnrolFailed),
    /// The address is of no use.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// The database did not keep it.
    #[error("the database did not keep the enrolment")]
    Database(#[from] sqlx::Error),
    /// The keys cannot be read or kept.
    #[error("the store's keys cannot be read or kept")]
    Keys(#[from] std::io::Error),
    /// HQ sealed the pepper for another key.
    #[error(transparent)]
    Pepper(#[from] super::keys::NotForUs),
    /// The pepper has another length.
    #[error("the PIN pepper that HQ sent is not 32 bytes long")]
    PepperLength,
    /// The answer is about another life.
    #[error("HQ answered for another database of this store")]
    OtherLife,
    /// There is an identity already, of another store.
    #[error("this database belongs to store {0} already")]
    OtherStore(String),
}

/// Makes this database the store that the code is for. A database that is enrolled already stays what it is.
pub async fn enrol(state: &AppState, hq_url: &str, code: &str) -> Result<Identity, EnrolError> {
    if let Some(identity) = identity::load(&state.pool).await? {
        return Ok(identity);
    }
    let url = hq::address(hq_url)?;
    let keys = StoreKeys::open(&state.keys)?;
    let request = EnrolRequest {
        code: code.trim().to_owned(),
        incarnation: keys.incarnation(),
        signing_key: keys.signing_key(),
        sealing_key: keys.sealing_key(),
        versions: Versions { software: env!("CARGO_PKG_VERSION").to_owned(), feed_schema: FEED_SCHEMA },
        // An empty database has no series yet.
        letters: Vec::new(),
    };
    let answer = hq::enrol(&url, &request).await?;
    if answer.incarnation != request.incarnation {
        return Err(EnrolError::OtherLife);
    }
    let pepper: [u8; 32] =
        keys.open_sealed(&answer.sealed_pepper)?.try_into().map_err(|_| EnrolError::PepperLength)?;
    state.keys.keep(PEPPER_KEY, &Secret::new(pepper))?;
    let identity = Identity {
        company_id: answer.company_id,
        store_id: answer.store_id,
        store_code: answer.store_code,
        store_name: answer.store_name,
        incarnation: answer.incarnation,
        letter: answer.letter,
        key_id: answer.key_id,
        hq_key: answer.hq_key.0,
        hq_url: hq_url.to_owned(),
    };
    let (kept, now) = (identity.clone(), state.clock.now());
    let actor = Actor::System { company_id: identity.company_id };
    let is_ours: bool = transact(state, &actor, move |tx, _| {
        Box::pin(async move { identity::keep(&mut **tx, &kept, now).await })
    })
    .await
    .map_err(|error: sqlx::Error| EnrolError::Database(error))?;
    if is_ours {
        tracing::info!(store = identity.store_code, incarnation = %identity.incarnation, "enrolled");
        return Ok(identity);
    }
    // Another process of this store was quicker; it has the same keys.
    match identity::load(&state.pool).await? {
        Some(other) if other.incarnation == identity.incarnation => Ok(other),
        Some(other) => Err(EnrolError::OtherStore(other.store_code)),
        None => Err(EnrolError::Database(sqlx::Error::RowNotFound)),
    }
}

/// `enrol` for a first start: goes on asking while HQ does not answer.
pub async fn enrol_when_hq_answers(
    state: &AppState,
    hq_url: &str,
    code: &str,
) -> Result<Identity, EnrolError> {
    let mut pause = Duration::from_millis(250);
    loop {
        match enrol(state, hq_url, code).await {
            Err(EnrolError::Hq(EnrolFailed::Unreachable(error))) => {
                tracing::warn!(%error, "HQ does not answer; the enrolment is tried again");
            }
            Err(EnrolError::Hq(EnrolFailed::Refused { status: 429 | 500.., detail })) => {
                tracing::warn!(detail, "HQ cannot enrol just now; it is tried again");
            }
            done => return done,
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}
