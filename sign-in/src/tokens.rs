//! The two tokens: one that says for a quarter of an hour who is asking, and one that is good once for the next pair.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use server_kit::{Keys, Secret};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// How long an access token is good.
pub(crate) const ACCESS: TimeDelta = TimeDelta::minutes(15);
/// How long a refresh token waits for its use.
pub(crate) const REFRESH: TimeDelta = TimeDelta::days(7);
/// How long a sign-in lasts at most, however often it is refreshed.
pub(crate) const SIGN_IN: TimeDelta = TimeDelta::days(30);
/// A refresh token that comes again within this is the same client's second try (its answer was lost, or two of its
/// tabs asked at once): it gets a pair of its own. Later, somebody else has it, and the sign-in ends.
pub(crate) const SECOND_TRY: TimeDelta = TimeDelta::seconds(10);

const KEY: &str = "access-token";
const ISSUER: &str = "tradepost";
const AUDIENCE: &str = "tradepost-api";
/// RFC 9068: no other kind of token can be taken for this one.
const TYPE: &str = "at+jwt";

/// What an access token says. What its bearer may is looked up, never taken from it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    pub(crate) sub: Uuid,
    /// The company.
    pub(crate) cid: Uuid,
    /// The sign-in.
    pub(crate) sid: Uuid,
    iat: i64,
    exp: i64,
}

/// Signs an access token.
pub(crate) fn access_token(
    keys: &Keys,
    company_id: Uuid,
    user_id: Uuid,
    sign_in_id: Uuid,
    now: DateTime<Utc>,
) -> io::Result<String> {
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: user_id,
        cid: company_id,
        sid: sign_in_id,
        iat: now.timestamp(),
        exp: (now + ACCESS).timestamp(),
    };
    let header = Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS256) };
    let key = EncodingKey::from_secret(keys.secret(KEY)?.bytes());
    jsonwebtoken::encode(&header, &claims, &key).map_err(io::Error::other)
}

/// What a token says, where it is one of ours and still good. A token signed before the key was rotated is good until it ends.
pub(crate) fn read_access_token(keys: &Keys, token: &str, now: DateTime<Utc>) -> io::Result<Option<Claims>> {
    let mut claims = decode(&keys.secret(KEY)?, token);
    if claims.is_none() {
        claims = keys.former(KEY)?.and_then(|former| decode(&former, token));
    }
    Ok(claims.filter(|claims| claims.exp > now.timestamp()))
}

fn decode(key: &Secret, token: &str) -> Option<Claims> {
    // One algorithm, never the one that the token asks for.
    let mut expected = Validation::new(Algorithm::HS256);
    expected.set_issuer(&[ISSUER]);
    expected.set_audience(&[AUDIENCE]);
    expected.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Times go by the server's own clock, which tests move.
    expected.validate_exp = false;
    let data =
        jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(key.bytes()), &expected).ok()?;
    (data.header.typ.as_deref() == Some(TYPE)).then_some(data.claims)
}

/// A refresh token: the company (which must be known before anything can be looked up) and 32 secret bytes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    pub(crate) company_id: Uuid,
    secret: [u8; 32],
}

impl RefreshToken {
    pub(crate) fn new(company_id: Uuid) -> Self {
        Self { company_id, secret: rand::random() }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        // Longer ones are not worth decoding.
        let bytes = if text.len() == 64 { URL_SAFE_NO_PAD.decode(text).ok()? } else { return None };
        let (company, secret) = bytes.split_first_chunk::<16>()?;
        Some(Self { company_id: Uuid::from_bytes(*company), secret: secret.try_into().ok()? })
    }

    pub(crate) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.company_id.as_bytes().as_slice(), &self.secret].concat())
    }

    /// What is kept of it: who reads the database cannot use it.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"refresh token");
        hash.update(self.company_id);
        hash.update(self.secret);
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn token(keys: &Keys) -> String {
        access_token(keys, Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3), noon()).unwrap()
    }

    #[test]
    fn an_access_token_is_good_for_a_quarter_of_an_hour() {
        let keys = Keys::in_memory();
        let token = token(&keys);
        let claims = read_access_token(&keys, &token, noon() + TimeDelta::minutes(14)).unwrap().unwrap();
        assert_eq!(
            (claims.cid, claims.sub, claims.sid),
            (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3))
        );
        assert_eq!(read_access_token(&keys, &token, noon() + TimeDelta::minutes(15)).unwrap(), None);
    }

    #[test]
    fn a_token_outlives_a_rotation_of_the_key_and_no_second_one() {
        let keys = Keys::in_memory();
        let token = token(&keys);
        keys.rotate(KEY).unwrap();
        assert!(read_access_token(&keys, &token, noon()).unwrap().is_some());
        keys.rotate(KEY).unwrap();
        assert!(read_access_token(&keys, &token, noon()).unwrap().is_none());
    }

    #[test]
    fn what_is_not_exactly_our_token_is_none() {
        let keys = Keys::in_memory();
        let good = token(&keys);
        let key = EncodingKey::from_secret(keys.secret(KEY).unwrap().bytes());
        let claims = decode(&keys.secret(KEY).unwrap(), &good).unwrap();
        let typed = |typ: &str, algorithm| Header { typ: Some(typ.to_owned()), ..Header::new(algorithm) };
        let signed = |header: &Header, claims: &Claims| jsonwebtoken::encode(header, claims, &key).unwrap();
        let other = |change: fn(&mut Claims)| {
            let mut claims = claims.clone();
            change(&mut claims);
            signed(&typed(TYPE, Algorithm::HS256), &claims)
        };
        let parts: Vec<&str> = good.split('.').collect();
        let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
        for (what, bad) in [
            ("another store's key", token(&Keys::in_memory())),
            ("another type", signed(&typed("JWT", Algorithm::HS256), &claims)),
            ("another algorithm", signed(&typed(TYPE, Algorithm::HS512), &claims)),
            ("another issuer", other(|claims| claims.iss = "elsewhere".to_owned())),
            ("another audience", other(|claims| claims.aud = "elsewhere".to_owned())),
            ("no signature", format!("{unsigned}.{}.", parts[1])),
            ("a cut one", good[..good.len() - 3].to_owned()),
            ("nothing", String::new()),
            ("nonsense", "a.b.c".to_owned()),
        ] {
            assert_eq!(read_access_token(&keys, &bad, noon()).unwrap(), None, "{what}");
        }
    }

    #[test]
    fn a_refresh_token_is_read_as_it_was_written() {
        let token = RefreshToken::new(Uuid::from_u128(9));
        let again = RefreshToken::parse(&token.text()).unwrap();
        assert!(again == token && again.hash() == token.hash());
        for bad in ["", "abc", &"a".repeat(63), &"!".repeat(64), &"a".repeat(10_000)] {
            assert!(RefreshToken::parse(bad).is_none());
        }
    }
}
