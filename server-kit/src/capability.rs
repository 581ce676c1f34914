//! What a part of a server brings along, as one plain value.

use utoipa_axum::router::OpenApiRouter;

use crate::AppState;

/// One capability of a server: what it mounts, which permissions it knows, what it sends down, what it takes up.
///
/// `Entity` and `Fact` are the server's own: what its feed or apply, and its ingest or journal, walk. A capability that
/// both servers mount brings neither and is generic over both.
pub struct Capability<Entity: 'static = (), Fact: 'static = ()> {
    /// What its user calls it; also its tag in the OpenAPI document.
    pub name: &'static str,
    /// Its routes below `/api/v1`.
    pub routes: OpenApiRouter<AppState>,
    /// The permissions that it asks for.
    pub permissions: &'static [&'static str],
    /// The records that it sends down, or that it takes from HQ.
    pub entities: &'static [Entity],
    /// The facts that it takes up, or that it writes.
    pub facts: &'static [Fact],
}
