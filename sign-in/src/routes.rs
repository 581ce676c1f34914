//! The HTTP of signing in.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use server_kit::{AppState, Capability, Json, OpenApiRouter, Problem, Source, routes};
use utoipa::ToSchema;

use crate::sign_in::{Proof, SignInError, SignedInAnswer, User};
use crate::{SignedIn, refresh, sign_in, sign_out, sql};

/// Where a PIN counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pins {
    /// Nowhere: at HQ.
    Never,
    /// On a device that was paired with this store.
    OnPairedDevices,
    /// On any machine: for scripts on a loopback address, in the demo and in tests.
    OnAnyMachine,
}

/// Signing in and out, mounted by both servers.
#[must_use]
pub fn capability<Entity, Fact>(pins: Pins) -> Capability<Entity, Fact> {
    Capability {
        name: "sign-in",
        routes: OpenApiRouter::new()
            .routes(routes!(post_sign_in))
            .routes(routes!(post_refresh))
            .routes(routes!(post_sign_out))
            .routes(routes!(get_me))
            .layer(Extension(pins)),
        permissions: &[],
        entities: &[],
        facts: &[],
    }
}

/// Who, and a password or a PIN.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInCommand {
    /// `name@company` at HQ; at a store the company may be left out.
    #[schema(example = "hq@demo", max_length = 254)]
    login: String,
    /// The password.
    #[schema(example = "tradepost")]
    password: Option<String>,
    /// Or the PIN, at a store.
    #[schema(example = "1234")]
    pin: Option<String>,
}

/// The token that came with the last pair.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefreshCommand {
    /// The refresh token.
    refresh_token: String,
}

/// Sign in
#[utoipa::path(post, path = "/auth/sign-in", request_body = SignInCommand, security(()),
    responses((status = 200, body = SignedInAnswer, description = "Signed in")))]
async fn post_sign_in(
    State(state): State<AppState>,
    Extension(pins): Extension<Pins>,
    source: Source,
    Json(command): Json<SignInCommand>,
) -> Result<Json<SignedInAnswer>, Problem> {
    let proof = proof(&command)?;
    let signed_in = sign_in::sign_in(&state, pins, source, &command.login, proof)
        .await
        .map_err(|error| problem(error, state.clock.now()))?;
    Ok(Json(signed_in))
}

fn proof(command: &SignInCommand) -> Result<Proof, Problem> {
    let too_long = |pointer: &str| Problem::invalid(pointer, "too_long", "That is too long.");
    if command.login.trim().is_empty() {
        return Err(Problem::invalid("/login", "missing", "Who are you?"));
    }
    if command.login.len() > 254 {
        return Err(too_long("/login"));
    }
    match (&command.password, &command.pin) {
        (Some(password), None) if password.len() > 1_024 => Err(too_long("/password")),
        (Some(password), None) => Ok(Proof::Password(password.clone())),
        (None, Some(pin)) if pin.len() > 16 => Err(too_long("/pin")),
        (None, Some(pin)) => Ok(Proof::Pin(pin.clone())),
        _ => Err(Problem::invalid("/password", "one_of", "Either a password or a PIN.")),
    }
}

/// Exchange a refresh token for the next pair
#[utoipa::path(post, path = "/auth/refresh", request_body = RefreshCommand, security(()),
    responses((status = 200, body = SignedInAnswer, description = "The next pair")))]
async fn post_refresh(
    State(state): State<AppState>,
    Json(command): Json<RefreshCommand>,
) -> Result<Json<SignedInAnswer>, Problem> {
    let refreshed = refresh::refresh(&state, &command.refresh_token)
        .await
        .map_err(|error| problem(error, state.clock.now()))?;
    Ok(Json(refreshed))
}

/// Sign out
#[utoipa::path(post, path = "/auth/sign-out", request_body = RefreshCommand, security(()),
    responses((status = 204, description = "Signed out, now or before")))]
async fn post_sign_out(
    State(state): State<AppState>,
    Json(command): Json<RefreshCommand>,
) -> Result<StatusCode, Problem> {
    sign_out::sign_out(&state, &command.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who is signed in
#[utoipa::path(get, path = "/auth/me", responses((status = 200, body = User, description = "Who is asking")))]
async fn get_me(State(state): State<AppState>, signed_in: SignedIn) -> Result<Json<User>, Problem> {
    let person = signed_in.person().ok_or_else(Problem::not_signed_in)?;
    let signed = sql::signed_in(&state.pool, person.company_id, person.session_id, state.clock.now())
        .await?
        .ok_or_else(Problem::not_signed_in)?;
    Ok(Json(User::new(person.company_id, signed)))
}

fn problem(error: SignInError, now: chrono::DateTime<chrono::Utc>) -> Problem {
    match error {
        SignInError::WrongCredentials => {
            Problem::new(StatusCode::UNAUTHORIZED, "wrong-credentials", "The login or the password is wrong")
        }
        SignInError::TooManyFailures(free_at) => {
            let seconds = u64::try_from((free_at - now).num_seconds()).unwrap_or(0) + 1;
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-failures",
                "Too many wrong attempts; wait a little",
            )
            .retry_after(seconds)
        }
        SignInError::PinNotHere => Problem::new(
            StatusCode::FORBIDDEN,
            "device-needed",
            "A PIN counts only on a device that is paired with the store",
        ),
        SignInError::Ended => Problem::not_signed_in().detail("The sign-in has ended."),
        SignInError::Database(error) => error.into(),
        SignInError::Failed(problem) => problem,
    }
}
