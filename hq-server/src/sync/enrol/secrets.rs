//! What HQ signs with and what it seals for a store. All of it follows from secrets outside the database.

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signer as _, SigningKey};
use hkdf::Hkdf;
use server_kit::{Keys, Problem};
use sha2::Sha256;
use sync_protocol::wire::{SEAL_INFO, time_message};
use uuid::Uuid;
use x25519_dalek::{PublicKey, StaticSecret};

/// The key that HQ says the time with; stores pin it when they are enrolled.
fn signing_key(keys: &Keys) -> Result<SigningKey, Problem> {
    let secret = keys.secret("hq-signing").map_err(Problem::internal)?;
    Ok(SigningKey::from_bytes(secret.bytes()))
}

/// Its public half.
pub(crate) fn public_key(keys: &Keys) -> Result<Vec<u8>, Problem> {
    Ok(signing_key(keys)?.verifying_key().to_bytes().to_vec())
}

/// Signs the time over a store's nonce.
pub(crate) fn sign_time(keys: &Keys, now: DateTime<Utc>, nonce: &str) -> Result<Vec<u8>, Problem> {
    Ok(signing_key(keys)?.sign(&time_message(now, nonce)).to_bytes().to_vec())
}

/// The pepper under which one life of a store keeps PINs: another one for each enrolment.
pub(crate) fn pepper(keys: &Keys, key_id: Uuid) -> Result<[u8; 32], Problem> {
    let secret = keys.secret("store-pepper").map_err(Problem::internal)?;
    let mut pepper = [0; 32];
    Hkdf::<Sha256>::new(None, secret.bytes())
        .expand(key_id.as_bytes(), &mut pepper)
        .map_err(|error| Problem::internal(error.to_string()))?;
    Ok(pepper)
}

/// Seals a pepper to a store's X25519 key, as `SEAL_INFO` says. `None` when the key is one with which no secret is shared.
pub(crate) fn seal(pepper: &[u8; 32], store_key: [u8; 32]) -> Result<Option<Vec<u8>>, Problem> {
    let ephemeral = StaticSecret::from(rand::random::<[u8; 32]>());
    let ephemeral_public = PublicKey::from(&ephemeral);
    let shared = ephemeral.diffie_hellman(&PublicKey::from(store_key));
    if !shared.was_contributory() {
        return Ok(None);
    }
    let mut key = [0; 32];
    let info = [SEAL_INFO, ephemeral_public.as_bytes(), &store_key].concat();
    let failed = |error: &dyn std::fmt::Display| Problem::internal(error.to_string());
    Hkdf::<Sha256>::new(None, shared.as_bytes()).expand(&info, &mut key).map_err(|error| failed(&error))?;
    let key: Key<Aes256Gcm> = key.into();
    let sealed = Aes256Gcm::new(&key)
        .encrypt(&Nonce::from([0; 12]), pepper.as_slice())
        .map_err(|error| failed(&error))?;
    Ok(Some([ephemeral_public.as_bytes().as_slice(), &sealed].concat()))
}
