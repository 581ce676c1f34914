//! Passwords: kept as argon2id, hashed away from the threads that answer requests, a few at a time.

use std::sync::LazyLock;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use server_kit::{Context, Problem, Tx};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{locks, sql};

/// OWASP's least for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

const SHORTEST: usize = 8;
const LONGEST: usize = 256;

/// Each takes its memory and a core for a while: a crowd that signs in must not take the selling's.
static TURNS: LazyLock<Semaphore> = LazyLock::new(|| {
    Semaphore::new(std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, 8))
});
const TURN_WITHIN: Duration = Duration::from_secs(5);

/// A password that can be kept.
#[derive(Clone)]
pub struct HashedPassword(String);

impl std::fmt::Debug for HashedPassword {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("HashedPassword(…)")
    }
}

/// Hashes a password that somebody chose, where it is long enough. Takes a while: call it before a transaction, not in one.
pub async fn hash_password(password: String) -> Result<HashedPassword, Problem> {
    let length = password.chars().count();
    if !(SHORTEST..=LONGEST).contains(&length) {
        return Err(Problem::invalid(
            "/password",
            if length < SHORTEST { "too_short" } else { "too_long" },
            format!("A password has {SHORTEST} to {LONGEST} characters."),
        ));
    }
    in_turn(move || hash(password.as_bytes())).await?.map(HashedPassword)
}

/// Gives somebody this password, and ends what they are signed in to.
pub async fn set_password(
    tx: &mut Tx,
    cx: &Context,
    user_id: Uuid,
    password: &HashedPassword,
) -> Result<(), sqlx::Error> {
    locks::credentials(tx, user_id).await?;
    sql::keep_password(tx, cx, user_id, &password.0).await?;
    crate::end_sign_ins(tx, cx, user_id, "password_changed").await
}

/// Whether this is the secret that the hash is of. Takes as long where there is no hash.
pub(crate) async fn is_right(secret: String, hash: Option<String>) -> Result<bool, Problem> {
    in_turn(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODYS.clone());
        let right = Argon2::default().verify_password(secret.as_bytes(), hash.as_str()).is_ok();
        right && known
    })
    .await
}

/// What is checked for who does not exist, so that they take as long as who does.
static NOBODYS: LazyLock<String> = LazyLock::new(|| hash(&rand::random::<[u8; 16]>()).unwrap_or_default());

pub(crate) fn hash(secret: &[u8]) -> Result<String, Problem> {
    let params =
        Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| Problem::internal(error.to_string()))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hashed: PasswordHash = argon2
        .hash_password_with_salt(secret, &rand::random::<[u8; 16]>())
        .map_err(|error| Problem::internal(error.to_string()))?;
    Ok(hashed.to_string())
}

async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let busy = || Problem::unavailable("overloaded", "Too many people are signing in just now", 2);
    let turn =
        tokio::time::timeout(TURN_WITHIN, TURNS.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
    let done = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?;
    drop(turn);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_right_or_wrong_and_nobodys_is_always_wrong() {
        let hashed = hash_password("tradepost".to_owned()).await.unwrap();
        assert!(hashed.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hashed.0);
        assert!(is_right("tradepost".to_owned(), Some(hashed.0.clone())).await.unwrap());
        assert!(!is_right("tradepos".to_owned(), Some(hashed.0)).await.unwrap());
        assert!(!is_right("tradepost".to_owned(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_short_password_is_refused_by_its_field() {
        let refused = hash_password("seven77".to_owned()).await.unwrap_err();
        assert_eq!(
            (refused.errors()[0].pointer.as_str(), &*refused.errors()[0].code),
            ("/password", "too_short")
        );
        assert!(hash_password("€".repeat(8)).await.is_ok());
    }
}
