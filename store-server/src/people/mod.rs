//! The people of this store: HQ says who they are and what they may, and they sign in here with HQ gone. Passwords for the
//! store desk are kept here and nowhere else.

use server_kit::{Actor, AppState, Capability, Problem, transact};
use sign_in::Pins;

/// The limit of a person's role on what they take off by hand, in percent.
pub(crate) const REDUCTION_PERCENT: &str = "max_reduction_percent";

/// Signing in and out. PINs count on paired devices, or on any machine where the server was told so.
#[must_use]
pub fn capability(pins: Pins) -> Capability {
    sign_in::capability(pins)
}

/// Gives somebody who works here a password for this store, and ends what they are signed in to.
pub async fn set_password(state: &AppState, login: &str, password: &str) -> Result<(), Problem> {
    let hashed = sign_in::hash_password(password.to_owned()).await?;
    let login = login.trim().to_lowercase();
    let person = sqlx::query!(
        "select i.company_id, s.id from identity i join from_hq.staff s on not s.deleted and s.active
         left join from_hq.company c on c.id = i.company_id
         where s.login = $1 or s.login || '@' || c.code = $1",
        login
    )
    .fetch_optional(&state.pool)
    .await?
    .ok_or_else(|| Problem::not_found("person in this store"))?;
    let actor = Actor::System { company_id: person.company_id };
    transact(state, &actor, move |tx, cx| {
        Box::pin(async move { sign_in::set_password(tx, cx, person.id, &hashed).await })
    })
    .await
    .map_err(|error: sqlx::Error| Problem::from(error))
}
