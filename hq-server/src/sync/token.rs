//! Who a store is: the token that it signs anew for each request with the key that was enrolled.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::Deserialize;
use server_kit::{Actor, AppState, Problem, Tx, read};
use sync_protocol::wire::{PROBLEM_CLOCK, TOKEN_AUDIENCE, TOKEN_SECONDS, TOKEN_TYPE, TokenClaims};
use uuid::Uuid;

use super::hub::Hub;
use super::problem_name;

/// How far a store's clock may be off before it must ask for the time.
const LEEWAY_SECONDS: i64 = 30;
/// Longer than any token that a store makes.
const LONGEST_TOKEN: usize = 2048;

/// The store that asks, proved by its signature.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Its company.
    pub(crate) company_id: Uuid,
    /// The store.
    pub(crate) store_id: Uuid,
    /// The life of its database that the key is of.
    pub(crate) incarnation: Uuid,
    /// The key.
    pub(crate) key_id: Uuid,
}

impl Caller {
    /// On whose behalf transactions run.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Store { company_id: self.company_id, store_id: self.store_id }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: Uuid,
}

/// A token taken apart, nothing of it believed yet.
struct Claimed<'a> {
    header: Header,
    claims: TokenClaims,
    signed: &'a str,
    signature: Signature,
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let hub =
            parts.extensions.get::<Hub>().cloned().ok_or_else(|| Problem::internal("no hub is mounted"))?;
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(not_known)?;
        let claimed = take_apart(token).ok_or_else(not_known)?;
        let (key_id, store_id) = (claimed.header.kid, claimed.claims.iss);
        let key = read(state, &Actor::Nobody, move |tx, _| {
            Box::pin(async move {
                let key = sqlx::query!(
                    r#"select company_id as "company_id!", incarnation as "incarnation!", signing_key as "signing_key!", ended_because
                       from store_key_named($1, $2)"#,
                    key_id,
                    store_id
                )
                .fetch_optional(&mut **tx)
                .await?;
                Ok::<_, sqlx::Error>(key)
            })
        })
        .await?
        .ok_or_else(not_known)?;
        if !is_signed_by(&claimed, &key.signing_key) {
            return Err(not_known());
        }
        let caller = Self { company_id: key.company_id, store_id, incarnation: key.incarnation, key_id };
        let now = state.clock.now();
        let skew_seconds = claimed.claims.iat - now.timestamp();
        hub.heard(&caller, now, Some(skew_seconds.saturating_mul(1000)).filter(|_| skew_seconds.abs() > 2));
        if let Some(because) = key.ended_because {
            return Err(key_ended(because));
        }
        if !is_timely(&claimed.claims, now) {
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                problem_name(PROBLEM_CLOCK),
                "The store's clock is wrong",
            )
            .with("now", now.to_rfc3339()));
        }
        if !hub.is_first_use(claimed.claims.jti, claimed.claims.exp, now) {
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "token-used",
                "This token has been used already",
            ));
        }
        Ok(caller)
    }
}

/// The key that the store signs with is good no more.
fn key_ended(because: String) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "store-key-ended", "The store's key has ended")
        .detail(format!("It was {because}. The store needs a new enrolment code."))
        .with("because", because)
}

/// Asks once more, in the transaction that is about to believe the store: the key may have ended since the token was read.
pub(crate) async fn still_in_force(tx: &mut Tx, caller: &Caller) -> Result<(), Problem> {
    let ended = sqlx::query_scalar!(
        "select ended_because from store_key where company_id = current_company() and id = $1",
        caller.key_id
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or_else(not_known)?;
    ended.map_or(Ok(()), |because| Err(key_ended(because)))
}

/// One answer for every token that is not a store's: which part was wrong is nobody's business.
fn not_known() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "store-not-known", "No store signs like this")
}

fn take_apart(token: &str) -> Option<Claimed<'_>> {
    if token.len() > LONGEST_TOKEN {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    if header.alg != "EdDSA" || header.typ != TOKEN_TYPE {
        return None;
    }
    let claims: TokenClaims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    if claims.aud != TOKEN_AUDIENCE {
        return None;
    }
    let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    Some(Claimed { header, claims, signed, signature })
}

fn is_signed_by(claimed: &Claimed<'_>, key: &[u8]) -> bool {
    let Some(key) = key.try_into().ok().and_then(|bytes| VerifyingKey::from_bytes(bytes).ok()) else {
        return false;
    };
    key.verify_strict(claimed.signed.as_bytes(), &claimed.signature).is_ok()
}

fn is_timely(claims: &TokenClaims, now: DateTime<Utc>) -> bool {
    let now = now.timestamp();
    let is_short = (0..=TOKEN_SECONDS).contains(&claims.exp.saturating_sub(claims.iat));
    is_short
        && claims.iat <= now.saturating_add(LEEWAY_SECONDS)
        && claims.exp >= now.saturating_sub(LEEWAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    fn token(header: &str, claims: &TokenClaims, key: &SigningKey) -> String {
        let claims = serde_json::to_vec(claims).unwrap();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).to_bytes());
        format!("{signed}.{signature}")
    }

    fn claims(iat: i64) -> TokenClaims {
        TokenClaims {
            iss: Uuid::from_u128(1),
            aud: TOKEN_AUDIENCE.to_owned(),
            iat,
            exp: iat + 60,
            jti: Uuid::from_u128(2),
        }
    }

    const KID: &str = "00000000-0000-0000-0000-000000000003";

    #[test]
    fn a_token_is_believed_only_under_the_key_that_signed_it() {
        let (key, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let text = token(&format!(r#"{{"alg":"EdDSA","typ":"store+jwt","kid":"{KID}"}}"#), &claims(0), &key);
        let claimed = take_apart(&text).unwrap();
        assert!(is_signed_by(&claimed, key.verifying_key().as_bytes()));
        assert!(!is_signed_by(&claimed, other.verifying_key().as_bytes()));
    }

    #[test]
    fn a_token_of_another_algorithm_or_type_is_none() {
        let key = SigningKey::from_bytes(&[1; 32]);
        for header in [
            format!(r#"{{"alg":"none","typ":"store+jwt","kid":"{KID}"}}"#),
            format!(r#"{{"alg":"HS256","typ":"store+jwt","kid":"{KID}"}}"#),
            format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{KID}"}}"#),
        ] {
            assert!(take_apart(&token(&header, &claims(0), &key)).is_none());
        }
    }

    #[test]
    fn a_token_is_good_for_a_minute_and_some_leeway() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert!(is_timely(&claims(now.timestamp()), now));
        assert!(!is_timely(&claims(now.timestamp() - 3600), now));
        assert!(!is_timely(&claims(now.timestamp() + 3600), now));
        let long = TokenClaims { exp: now.timestamp() + 86_400, ..claims(now.timestamp()) };
        assert!(!is_timely(&long, now));
    }
}
