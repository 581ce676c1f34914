//! What all master data has in common: ids made by the client, versions, archiving, lists, and the audit of each write.
//!
//! An entity says what it is made of ([`Master`]); the routes, the operations and the OpenAPI document of every entity are
//! the ones here, so that they are alike. Nothing here knows a domain noun.

mod archive;
mod change;
mod checks;
mod create;
mod describe;
mod list;
mod record;
mod references;
mod routes;

use serde::Serialize;
use serde::de::DeserializeOwned;
use server_kit::{Constraint, Context, Problem, Tx};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, FromRow};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use change::change;
pub(crate) use checks::{Checks, Mistake, code_mistake, text_mistake};
pub(crate) use create::{Created, create};
pub(crate) use list::{Filter, FilterKind, MOST_PER_PAGE, Sort, USUAL_PER_PAGE};
pub(crate) use record::{New, Record, object_of};
pub(crate) use references::Reference;
pub(crate) use routes::routes;

/// An entity of master data: the fields that a person writes, and how they are read and kept.
pub(crate) trait Master:
    Serialize
    + DeserializeOwned
    + ToSchema
    + PartialEq
    + Clone
    + Send
    + Sync
    + Unpin
    + for<'r> FromRow<'r, PgRow>
    + 'static
{
    /// Its name in the audit, in problems and in the document: `department`.
    const ENTITY: &'static str;
    /// Its collection's path: `/departments`.
    const PATH: &'static str;
    /// Its table.
    const TABLE: &'static str;
    /// What is selected of the table `t` for the fields.
    const COLUMNS: &'static str;
    /// Whether it has `archived_at`.
    const ARCHIVES: bool = true;
    /// The permission to read it.
    const READ: &'static str;
    /// The permission to write it.
    const WRITE: &'static str;
    /// What a list may be sorted by; the first is the default.
    const SORTS: &'static [Sort];
    /// What a list may be narrowed by.
    const FILTERS: &'static [Filter];
    /// The condition for `q`, with `$$` where the words go; empty: there is no search.
    const SEARCH: &'static str = "(t.code ilike '%' || $$ || '%' or t.name ilike '%' || $$ || '%')";
    /// A function of the database that finds the ids of one page in the order of names, where `SEARCH` would collect too many; empty:
    /// there is none.
    const SEARCH_PAGE: &'static str = "";
    /// Words in `SEARCH` are text to look for, not a pattern.
    const SEARCH_IS_PATTERN: bool = true;
    /// What the database's constraints mean to a person.
    const CONSTRAINTS: &'static [Constraint];

    /// Looks at the fields by themselves, without the database.
    fn check(&self, checks: &mut Checks);

    /// What the fields refer to that must be in use.
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    /// Whether these fields are what is stored already, when a create is sent again.
    fn is_same_as(&self, stored: &Self) -> bool {
        self == stored
    }

    /// Writes a new one. `create` has checked the fields and audits.
    fn insert(&self, tx: &mut Tx, cx: &Context, id: Uuid)
    -> impl Future<Output = Result<(), Problem>> + Send;

    /// Writes the fields over `before`. `change` has locked the row, raises its version and audits.
    fn update(
        &self,
        tx: &mut Tx,
        cx: &Context,
        id: Uuid,
        before: &Self,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Refuses to archive what is still in use.
    fn may_archive(
        &self,
        _tx: &mut Tx,
        _cx: &Context,
        _id: Uuid,
    ) -> impl Future<Output = Result<(), Problem>> + Send {
        async { Ok(()) }
    }

    /// What follows from archiving (`archived`) or restoring it.
    fn archived(
        &self,
        _tx: &mut Tx,
        _cx: &Context,
        _id: Uuid,
        _archived: bool,
    ) -> impl Future<Output = Result<(), Problem>> + Send {
        async { Ok(()) }
    }
}

/// The statement that reads records, up to its `where`.
fn select<T: Master>() -> String {
    let archived = if T::ARCHIVES { "t.archived_at is not null" } else { "false" };
    format!("select t.id, t.version, {archived} as archived, {}", T::COLUMNS)
}

/// One record; not found where there is none in this company.
pub(crate) async fn load<T: Master>(tx: &mut Tx, id: Uuid) -> Result<Record<T>, Problem> {
    find(tx, id).await?.ok_or_else(|| Problem::not_found(T::ENTITY))
}

/// One record, where there is one in this company.
pub(crate) async fn find<T: Master>(tx: &mut Tx, id: Uuid) -> Result<Option<Record<T>>, Problem> {
    // Made of constants: nothing of a request is in the text.
    let statement = format!("{} from {} t where t.id = $1", select::<T>(), T::TABLE);
    Ok(sqlx::query_as(AssertSqlSafe(statement)).bind(id).fetch_optional(&mut **tx).await?)
}
