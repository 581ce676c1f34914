//! Somebody says who they are, and shows it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use server_kit::{Actor, AppState, Context, Problem, Source, Tx, transact};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::lockout::{self, Place};
use crate::routes::Pins;
use crate::tokens::{self, RefreshToken};
use crate::{locks, passwords, pins, sql};

/// What somebody types besides their login. Shows nothing in logs.
#[derive(Clone)]
pub(crate) enum Proof {
    Password(String),
    Pin(String),
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The login, or the password or PIN: which of them is not told.
    #[error("the login or the password is wrong")]
    WrongCredentials,
    /// Too many failures: not before then, right or wrong.
    #[error("too many failures; not before {0}")]
    TooManyFailures(DateTime<Utc>),
    /// A PIN counts only at a store, on a paired device.
    #[error("a PIN does not count here")]
    PinNotHere,
    /// The refresh token is used up, has ended, or never was one.
    #[error("the sign-in has ended")]
    Ended,
    /// The database did not do it.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// It could not be checked.
    #[error(transparent)]
    Failed(#[from] Problem),
}

/// Somebody signed in: the tokens to go on with, and who they are.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SignedInAnswer {
    /// For `Authorization: Bearer`; good for a quarter of an hour.
    pub access_token: String,
    /// Good once, for the next pair.
    pub refresh_token: String,
    /// Who they are.
    pub user: User,
}

/// Somebody who is signed in, as they and their screens may know.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct User {
    /// Their identity.
    pub id: Uuid,
    /// Their company.
    pub company_id: Uuid,
    /// What they sign in with.
    pub login: String,
    /// What others call them.
    pub name: String,
    /// The language that they read.
    #[schema(example = "en")]
    pub language: String,
    /// What they may do.
    #[schema(example = json!(["sale.ring_up", "session.open"]))]
    pub permissions: Vec<String>,
    /// The most that they may take off a price by hand; no limit where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "10")]
    pub max_reduction_percent: Option<rust_decimal::Decimal>,
    /// The most that they may give back; no limit where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "50.00")]
    pub max_refund: Option<rust_decimal::Decimal>,
    /// The store that they are signed in at; absent at HQ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_id: Option<Uuid>,
}

impl User {
    pub(crate) fn new(company_id: Uuid, signed: sql::Signed) -> Self {
        Self {
            id: signed.user_id,
            company_id,
            login: signed.login,
            name: signed.name,
            language: signed.language,
            permissions: signed.permissions,
            max_reduction_percent: signed.max_reduction_percent,
            max_refund: signed.max_refund,
            store_id: signed.store_id,
        }
    }
}

pub(crate) async fn sign_in(
    state: &AppState,
    pins_count: Pins,
    source: Source,
    login: &str,
    proof: Proof,
) -> Result<SignedInAnswer, SignInError> {
    if matches!(proof, Proof::Pin(_)) && pins_count != Pins::OnAnyMachine {
        return Err(SignInError::PinNotHere);
    }
    // Tokens and waits go by the server's clock, whatever a request says of the time of its operation.
    let now = state.clock.now();
    let login = login.trim().to_lowercase();
    let place = Place::new(&login, source.0);
    let said = login.clone();
    let candidate = transact(state, &Actor::Nobody, move |tx, _| {
        Box::pin(async move {
            if let Err(free_at) = lockout::begin_attempt(tx, place, now).await? {
                return Err(SignInError::TooManyFailures(free_at));
            }
            Ok(sql::candidate(tx, &said).await?)
        })
    })
    .await?;

    // Whether there is such a person or not, the same is done and takes as long.
    let is_right = match proof {
        Proof::Password(password) => {
            passwords::is_right(password, candidate.as_ref().and_then(|known| known.password_hash.clone()))
                .await?
        }
        Proof::Pin(pin) => passwords::is_right(pin, pin_hash(state, candidate.as_ref())?).await?,
    };
    let Some(candidate) = candidate.filter(|_| is_right) else { return Err(SignInError::WrongCredentials) };

    let keys = state.keys.clone();
    transact(state, &Actor::System { company_id: candidate.company_id }, move |tx, cx| {
        Box::pin(async move {
            lockout::attempt_was_right(tx, place).await?;
            // What was checked took its time: who has another password or PIN by now has shown the old one.
            locks::credentials_shared(tx, candidate.user_id).await?;
            if sql::candidate(tx, &login).await?.as_ref() != Some(&candidate) {
                return Err(SignInError::WrongCredentials);
            }
            locks::forget_sign_ins(tx, cx, now - tokens::SIGN_IN).await?;
            let id = cx.ids.at(now);
            sql::add_sign_in(tx, cx, id, candidate.user_id, now, now + tokens::SIGN_IN).await?;
            // Switched off since they were looked up.
            let signed = sql::signed_in(&mut **tx, candidate.company_id, id, now)
                .await?
                .ok_or(SignInError::WrongCredentials)?;
            let refresh_token = next_refresh_token(tx, cx, id, now, now + tokens::SIGN_IN).await?;
            let access_token = tokens::access_token(&keys, candidate.company_id, candidate.user_id, id, now)
                .map_err(Problem::internal)?;
            Ok(SignedInAnswer { access_token, refresh_token, user: User::new(candidate.company_id, signed) })
        })
    })
    .await
}

/// The hash of somebody's PIN, opened under this store's pepper.
fn pin_hash(state: &AppState, candidate: Option<&sql::Candidate>) -> Result<Option<String>, Problem> {
    let Some(candidate) = candidate else { return Ok(None) };
    let Some(sealed) = &candidate.sealed_pin else { return Ok(None) };
    let Some(pepper) = state.keys.existing(pins::PEPPER_KEY).map_err(Problem::internal)? else {
        tracing::warn!("there is no pepper: no PIN can be checked until HQ has sent one");
        return Ok(None);
    };
    match pins::at_store(&pepper, sealed, candidate.user_id) {
        Ok(hash) => Ok(Some(hash.into_text())),
        Err(error) => {
            tracing::warn!(%error, user_id = %candidate.user_id, "HQ will send it anew with the next pepper");
            Ok(None)
        }
    }
}

/// Adds a refresh token to a sign-in, and gives its text.
pub(crate) async fn next_refresh_token(
    tx: &mut Tx,
    cx: &Context,
    sign_in_id: Uuid,
    now: DateTime<Utc>,
    sign_in_expires_at: DateTime<Utc>,
) -> Result<String, sqlx::Error> {
    let token = RefreshToken::new(cx.company_id());
    let expires_at = (now + tokens::REFRESH).min(sign_in_expires_at);
    sql::add_refresh_token(tx, cx, &token.hash(), sign_in_id, now, expires_at).await?;
    Ok(token.text())
}
