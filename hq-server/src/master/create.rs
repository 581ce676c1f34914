//! Making an entity, once, however often it is asked for.

use server_kit::{Context, Problem, Tx};

use super::references::refuse_unusable;
use super::{Checks, Master, New, Record, find, load};
use crate::{audit, locks};

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) enum Created<T> {
    /// It was made now.
    Now(Record<T>),
    /// The same had been made under the same id before.
    Before(Record<T>),
}

/// Makes an entity. The same id with the same fields again is the record that there is; with other fields it is refused.
pub(crate) async fn create<T: Master>(tx: &mut Tx, cx: &Context, new: New<T>) -> Result<Created<T>, Problem> {
    let mut checks = Checks::default();
    new.fields.check(&mut checks);
    checks.done()?;
    if let Some(id) = new.id {
        // Whoever sends the same at the same time waits here, and then finds it made.
        locks::new_record(tx, id).await?;
    }
    if let Some(id) = new.id
        && let Some(stored) = find::<T>(tx, id).await?
    {
        if new.fields.is_same_as(&stored.fields) {
            return Ok(Created::Before(stored));
        }
        return Err(Problem::conflict("id-taken", "Another record has this id").field(
            "/id",
            "taken",
            "There is a record with this id, and it is not the same.",
        ));
    }
    let id = new.id.unwrap_or_else(|| cx.new_id());
    refuse_unusable(tx, &new.fields, None).await?;
    new.fields.insert(tx, cx, id).await?;
    let record = load::<T>(tx, id).await?;
    audit::created(tx, cx, T::ENTITY, id, &record).await?;
    Ok(Created::Now(record))
}
