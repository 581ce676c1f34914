//! A sign-in ends.

use server_kit::{Actor, AppState, Context, Tx, transact};
use uuid::Uuid;

use crate::tokens::RefreshToken;
use crate::{locks, sql};

/// Ends the sign-in that a refresh token belongs to. One that belongs to none has nothing to end.
pub(crate) async fn sign_out(state: &AppState, refresh_token: &str) -> Result<(), sqlx::Error> {
    let Some(token) = RefreshToken::parse(refresh_token) else { return Ok(()) };
    let now = state.clock.now();
    transact(state, &Actor::System { company_id: token.company_id }, move |tx, cx| {
        Box::pin(async move {
            let Some(kept) = sql::refresh_token(tx, cx, &token.hash()).await? else { return Ok(()) };
            // A refresh that is under way comes first or finds it ended.
            locks::sign_in(tx, cx, kept.sign_in_id).await?;
            sql::end_sign_in(tx, cx, kept.sign_in_id, "signed_out", now).await
        })
    })
    .await
}

/// Ends everything that somebody is signed in to: they were switched off, or have another password. The reasons that the
/// database knows are `signed_out`, `token_reused`, `password_changed`, `revoked`.
pub async fn end_sign_ins(
    tx: &mut Tx,
    cx: &Context,
    user_id: Uuid,
    because: &str,
) -> Result<(), sqlx::Error> {
    sql::end_sign_ins_of(tx, cx, user_id, because).await
}
