//! A used-up access token is followed by the next pair.

use server_kit::{Actor, AppState, Problem, transact};

use crate::sign_in::{SignInError, SignedInAnswer, User, next_refresh_token};
use crate::tokens::{self, RefreshToken};
use crate::{locks, sql};

/// Exchanges a refresh token. One that was used before ends the whole sign-in, as two have it; but for a short while after its use it
/// is taken for the same client's second try, and gets a pair of its own.
pub(crate) async fn refresh(state: &AppState, refresh_token: &str) -> Result<SignedInAnswer, SignInError> {
    let Some(token) = RefreshToken::parse(refresh_token) else { return Err(SignInError::Ended) };
    let now = state.clock.now();
    let keys = state.keys.clone();
    let company_id = token.company_id;
    let exchanged = transact(state, &Actor::System { company_id }, move |tx, cx| {
        Box::pin(async move {
            let Some(kept) = sql::refresh_token(tx, cx, &token.hash()).await? else { return Ok(None) };
            let Some(sign_in) = locks::sign_in(tx, cx, kept.sign_in_id).await? else { return Ok(None) };
            // Only under the lock does it stand: somebody else may just have used it.
            let Some(kept) = sql::refresh_token(tx, cx, &token.hash()).await? else { return Ok(None) };
            if sign_in.ended_at.is_some() || sign_in.expires_at <= now || kept.expires_at <= now {
                return Ok(None);
            }
            match kept.used_at {
                Some(used_at) if now - used_at > tokens::SECOND_TRY => {
                    tracing::warn!(sign_in_id = %kept.sign_in_id, user_id = %sign_in.user_id, "a refresh token was used twice; the sign-in is ended");
                    sql::end_sign_in(tx, cx, kept.sign_in_id, "token_reused", now).await?;
                    // Kept: this must be committed.
                    return Ok(None);
                }
                Some(_) => {}
                None => sql::use_refresh_token(tx, cx, &token.hash(), now).await?,
            }
            let Some(signed) = sql::signed_in(&mut **tx, company_id, kept.sign_in_id, now).await? else { return Ok(None) };
            sql::forget_used_tokens(tx, cx, kept.sign_in_id, now - tokens::REFRESH).await?;
            let refresh_token = next_refresh_token(tx, cx, kept.sign_in_id, now, sign_in.expires_at).await?;
            let access_token = tokens::access_token(&keys, company_id, signed.user_id, kept.sign_in_id, now)
                .map_err(Problem::internal)?;
            Ok::<_, SignInError>(Some(SignedInAnswer { access_token, refresh_token, user: User::new(company_id, signed) }))
        })
    })
    .await?;
    exchanged.ok_or(SignInError::Ended)
}
