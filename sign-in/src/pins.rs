//! PINs: kept by HQ as argon2id sealed under a key outside its database, and sealed anew for each store under that store's
//! pepper. A PIN is short, so its hash alone would not keep it.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use server_kit::{Problem, Secret};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::passwords;

/// The name of HQ's key for PINs among its keys.
pub const HQ_KEY: &str = "pins";
/// The name of a store's pepper among its keys.
pub const PEPPER_KEY: &str = "pin-pepper";

const NONCE: usize = 12;

/// argon2id of a PIN, as a PHC text.
#[derive(Clone, PartialEq, Eq)]
pub struct PinHash(String);

impl std::fmt::Debug for PinHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PinHash(…)")
    }
}

impl PinHash {
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// What was sealed cannot be opened: another key, another person's, or changed.
#[derive(Debug, thiserror::Error)]
#[error("a sealed PIN cannot be opened with this key")]
pub struct CannotOpen;

/// Hashes a PIN that somebody chose, where it has 4 to 8 digits. Takes a while: call it where blocking is allowed.
pub fn hash(pin: &str) -> Result<PinHash, Problem> {
    if !(4..=8).contains(&pin.len()) || !pin.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::invalid("/pin", "invalid_value", "A PIN has 4 to 8 digits."));
    }
    passwords::hash(pin.as_bytes()).map(PinHash)
}

/// Seals a PIN's hash for one person: nonce, then AES-256-GCM with the person's identity bound to it.
pub fn seal(key: &Secret, hash: &PinHash, user_id: Uuid) -> Result<Vec<u8>, CannotOpen> {
    seal_with(key, rand::random(), hash, user_id)
}

fn seal_with(key: &Secret, nonce: [u8; NONCE], hash: &PinHash, user_id: Uuid) -> Result<Vec<u8>, CannotOpen> {
    let cipher = Aes256Gcm::new(key.bytes().into());
    let sealed = cipher
        .encrypt(&Nonce::from(nonce), Payload { msg: hash.0.as_bytes(), aad: user_id.as_bytes() })
        .map_err(|_| CannotOpen)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// Opens what was sealed for this person.
pub fn open(key: &Secret, sealed: &[u8], user_id: Uuid) -> Result<PinHash, CannotOpen> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(CannotOpen)?;
    let cipher = Aes256Gcm::new(key.bytes().into());
    let text = cipher
        .decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: user_id.as_bytes() })
        .map_err(|_| CannotOpen)?;
    String::from_utf8(text).map(PinHash).map_err(|_| CannotOpen)
}

/// What HQ keeps (`app_user.pin`), sealed anew for a store: the text that the feed sends as `staff.pin`.
///
/// The same PIN's hash gives the same text each time, as a store ends the sign-ins of who has another one: the nonce follows
/// from what is sealed, under the pepper. A hash has a salt of its own, so equal texts tell of nothing but the same record.
pub fn for_store(hq_key: &Secret, kept: &[u8], pepper: &Secret, user_id: Uuid) -> Result<String, CannotOpen> {
    let hash = open(hq_key, kept, user_id)?;
    let mut digest = Sha256::new();
    digest.update(pepper.bytes());
    digest.update(b"nonce of a PIN");
    digest.update(user_id.as_bytes());
    digest.update(hash.0.as_bytes());
    let digest = digest.finalize();
    let nonce = digest.first_chunk::<NONCE>().ok_or(CannotOpen)?;
    Ok(STANDARD.encode(seal_with(pepper, *nonce, &hash, user_id)?))
}

/// What a store got as `staff.pin`, opened under its pepper.
pub fn at_store(pepper: &Secret, received: &str, user_id: Uuid) -> Result<PinHash, CannotOpen> {
    open(pepper, &STANDARD.decode(received).map_err(|_| CannotOpen)?, user_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pin_goes_from_hq_to_a_store_and_is_checked_there() {
        let (hq, pepper, ana) = (Secret::new([1; 32]), Secret::new([2; 32]), Uuid::from_u128(7));
        let kept = seal(&hq, &hash("1234").unwrap(), ana).unwrap();
        let sent = for_store(&hq, &kept, &pepper, ana).unwrap();
        let there = at_store(&pepper, &sent, ana).unwrap().into_text();
        assert!(passwords::is_right("1234".to_owned(), Some(there.clone())).await.unwrap());
        assert!(!passwords::is_right("1235".to_owned(), Some(there)).await.unwrap());
    }

    #[test]
    fn another_key_another_person_or_a_changed_byte_opens_nothing() {
        let (key, ana) = (Secret::new([1; 32]), Uuid::from_u128(7));
        let sealed = seal(&key, &hash("1234").unwrap(), ana).unwrap();
        assert!(open(&key, &sealed, ana).is_ok());
        assert!(open(&Secret::new([3; 32]), &sealed, ana).is_err());
        assert!(open(&key, &sealed, Uuid::from_u128(8)).is_err());
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(open(&key, &changed, ana).is_err());
        assert!(open(&key, &sealed[..5], ana).is_err());
        assert!(at_store(&key, "no base64 !", ana).is_err());
    }

    #[test]
    fn sealing_twice_gives_two_texts() {
        let (key, ana) = (Secret::new([1; 32]), Uuid::from_u128(7));
        let hash = hash("1234").unwrap();
        assert_ne!(seal(&key, &hash, ana).unwrap(), seal(&key, &hash, ana).unwrap());
    }

    #[test]
    fn what_a_store_gets_changes_with_the_pin_and_with_nothing_else() {
        let (hq, pepper, ana) = (Secret::new([1; 32]), Secret::new([2; 32]), Uuid::from_u128(7));
        let kept = |pin: &str| seal(&hq, &hash(pin).unwrap(), ana).unwrap();
        let (old, new) = (kept("1234"), kept("1234"));
        let sent = |kept: &[u8]| for_store(&hq, kept, &pepper, ana).unwrap();
        assert_eq!(sent(&old), sent(&old));
        assert_ne!(sent(&old), sent(&new), "a PIN that is set again is another one, with another salt");
        assert_ne!(sent(&old), for_store(&hq, &old, &Secret::new([3; 32]), ana).unwrap());
    }

    #[test]
    fn a_pin_has_four_to_eight_digits() {
        for bad in ["", "123", "123456789", "12a4", "１２３４"] {
            assert!(hash(bad).is_err(), "{bad}");
        }
    }
}
