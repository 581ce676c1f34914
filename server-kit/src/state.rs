//! What every operation can reach.

use sqlx::PgPool;

use crate::{Clock, Ids, Keys, Wake};

/// What every request and worker of a server shares. Cheap to clone; holds these five things and nothing else.
#[derive(Clone, Debug)]
pub struct AppState {
    /// Connections under the application's role. Only `transact` and `read` begin transactions on it.
    pub pool: PgPool,
    /// What time it is.
    pub clock: Clock,
    /// Where identities come from.
    pub ids: Ids,
    /// Secrets of this server.
    pub keys: Keys,
    /// Rung after each commit.
    pub wake: Wake,
}
