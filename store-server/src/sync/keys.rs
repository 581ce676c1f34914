//! The store's two key pairs: one signs its tokens, one opens what HQ seals for it. Both are files beside the database.

use std::io;

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signer as _, SigningKey};
use hkdf::Hkdf;
use serde::Serialize;
use server_kit::Keys;
use sha2::Sha256;
use sync_protocol::wire::{Bytes, SEAL_INFO, TOKEN_AUDIENCE, TOKEN_SECONDS, TOKEN_TYPE, TokenClaims};
use uuid::Uuid;
use x25519_dalek::{PublicKey, StaticSecret};

/// Both key pairs, and the life of the database that they were made for.
#[derive(Clone)]
pub struct StoreKeys {
    signing: SigningKey,
    sealing: StaticSecret,
    incarnation: Uuid,
}

impl std::fmt::Debug for StoreKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StoreKeys").field("incarnation", &self.incarnation).finish_non_exhaustive()
    }
}

/// What HQ sealed cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("what HQ sealed for this store cannot be opened with its key")]
pub struct NotForUs;

impl StoreKeys {
    /// Reads them; makes them where there are none. They are on disk before anybody is told of them, so that an
    /// enrolment whose answer was lost is asked for again with the same ones.
    pub fn open(keys: &Keys) -> io::Result<Self> {
        let incarnation = keys.secret("incarnation")?;
        let (incarnation, _) = incarnation.bytes().split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        Ok(Self {
            signing: SigningKey::from_bytes(keys.secret("store-signing")?.bytes()),
            sealing: StaticSecret::from(*keys.secret("store-sealing")?.bytes()),
            incarnation: uuid::Builder::from_random_bytes(*incarnation).into_uuid(),
        })
    }

    /// The life of the database, drawn with the keys.
    #[must_use]
    pub fn incarnation(&self) -> Uuid {
        self.incarnation
    }

    /// The public key that HQ knows the store's tokens by.
    #[must_use]
    pub fn signing_key(&self) -> Bytes {
        Bytes(self.signing.verifying_key().to_bytes().to_vec())
    }

    /// The public key that HQ seals for.
    #[must_use]
    pub fn sealing_key(&self) -> Bytes {
        Bytes(PublicKey::from(&self.sealing).to_bytes().to_vec())
    }

    /// A token for one request.
    pub(super) fn token(&self, key_id: Uuid, store_id: Uuid, now: DateTime<Utc>, once: Uuid) -> String {
        #[derive(Serialize)]
        struct Header {
            alg: &'static str,
            typ: &'static str,
            kid: Uuid,
        }
        let claims = TokenClaims {
            iss: store_id,
            aud: TOKEN_AUDIENCE.to_owned(),
            iat: now.timestamp(),
            exp: now.timestamp() + TOKEN_SECONDS,
            jti: once,
        };
        let header = Header { alg: "EdDSA", typ: TOKEN_TYPE, kid: key_id };
        let mut token = part(&header);
        token.push('.');
        token.push_str(&part(&claims));
        let signature = self.signing.sign(token.as_bytes());
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        token
    }

    /// Opens what HQ sealed: an ephemeral public key, then the text under the key that follows from it.
    pub fn open_sealed(&self, sealed: &Bytes) -> Result<Vec<u8>, NotForUs> {
        let (ephemeral, text) = sealed.0.split_first_chunk::<32>().ok_or(NotForUs)?;
        let shared = self.sealing.diffie_hellman(&PublicKey::from(*ephemeral));
        if !shared.was_contributory() {
            return Err(NotForUs);
        }
        let mut info = SEAL_INFO.to_vec();
        info.extend_from_slice(ephemeral);
        info.extend_from_slice(PublicKey::from(&self.sealing).as_bytes());
        let mut key = [0_u8; 32];
        Hkdf::<Sha256>::new(None, shared.as_bytes()).expand(&info, &mut key).map_err(|_| NotForUs)?;
        // The key is used once, so the nonce may be fixed.
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(key))
            .decrypt(&Nonce::from([0; 12]), text)
            .map_err(|_| NotForUs)
    }
}

/// One part of a token. Plain structs of texts and numbers always have a JSON.
fn part(value: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, VerifyingKey};

    use super::*;

    #[test]
    fn a_token_verifies_under_the_key_that_hq_was_told() {
        let keys = StoreKeys::open(&Keys::in_memory()).unwrap();
        let (key_id, store_id, once) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let token = keys.token(key_id, store_id, now, once);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let public: [u8; 32] = keys.signing_key().0.try_into().unwrap();
        VerifyingKey::from_bytes(&public).unwrap().verify_strict(signed.as_bytes(), &signature).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: TokenClaims = serde_json::from_slice(&claims).unwrap();
        assert_eq!((claims.iss, claims.jti, claims.exp - claims.iat), (store_id, once, 60));
    }

    #[test]
    fn what_is_sealed_for_another_store_stays_shut() {
        let (keys, other) =
            (StoreKeys::open(&Keys::in_memory()).unwrap(), StoreKeys::open(&Keys::in_memory()).unwrap());
        let ephemeral = StaticSecret::from([7; 32]);
        let public: [u8; 32] = keys.sealing_key().0.try_into().unwrap();
        let shared = ephemeral.diffie_hellman(&PublicKey::from(public));
        let mut info = SEAL_INFO.to_vec();
        info.extend_from_slice(PublicKey::from(&ephemeral).as_bytes());
        info.extend_from_slice(&public);
        let mut key = [0_u8; 32];
        Hkdf::<Sha256>::new(None, shared.as_bytes()).expand(&info, &mut key).unwrap();
        let text = Aes256Gcm::new(&Key::<Aes256Gcm>::from(key))
            .encrypt(&Nonce::from([0; 12]), &b"pepper"[..])
            .unwrap();
        let mut sealed = PublicKey::from(&ephemeral).as_bytes().to_vec();
        sealed.extend_from_slice(&text);
        assert_eq!(keys.open_sealed(&Bytes(sealed.clone())).unwrap(), b"pepper");
        assert!(other.open_sealed(&Bytes(sealed)).is_err());
        assert!(keys.open_sealed(&Bytes(vec![0; 80])).is_err());
    }
}
