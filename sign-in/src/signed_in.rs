//! Who is asking, for handlers.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use server_kit::{Actor, AppState, Person, Problem, StoreScope};

use crate::{sql, tokens};

/// The person who is asking. A handler that takes this answers nobody who is not signed in; what they may is as it stands now.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Actor);

impl Deref for SignedIn {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.0
    }
}

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let header = parts.headers.get(header::AUTHORIZATION).ok_or_else(Problem::not_signed_in)?;
        let token = header
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(Problem::not_signed_in)?;
        let now = state.clock.now();
        let claims = tokens::read_access_token(&state.keys, token, now)
            .map_err(Problem::internal)?
            .ok_or_else(Problem::not_signed_in)?;
        // One look-up per request, so that who is switched off or signed out is so at once.
        let signed = sql::signed_in(&state.pool, claims.cid, claims.sid, now)
            .await?
            .filter(|signed| signed.user_id == claims.sub)
            .ok_or_else(Problem::not_signed_in)?;
        let limits: BTreeMap<String, _> =
            [("max_reduction_percent", signed.max_reduction_percent), ("max_refund", signed.max_refund)]
                .into_iter()
                .filter_map(|(name, limit)| Some((name.to_owned(), limit?)))
                .collect();
        Ok(Self(Actor::Person(Person {
            company_id: claims.cid,
            user_id: signed.user_id,
            login: signed.login.into(),
            name: signed.name.into(),
            permissions: Arc::new(signed.permissions.into_iter().collect()),
            limits: Arc::new(limits),
            stores: signed.store_id.map_or(StoreScope::All, |store| StoreScope::Only(Arc::new([store]))),
            session_id: claims.sid,
            device_id: signed.device_id,
        })))
    }
}
