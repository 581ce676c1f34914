//! What a record refers to must be there, and in use: a tax, a group, an area or a level that is archived travels to no store, and what
//! bears it would be sold without it.
//!
//! Whoever archives a record holds it for change and then looks who refers to it; whoever refers to one shares it until
//! the commit. So the two see each other, whichever comes first.

use std::collections::BTreeMap;

use server_kit::{FieldError, Problem, Tx};
use uuid::Uuid;

use super::Master;
use crate::locks;

/// A record that another refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The field.
    pub(crate) pointer: String,
    /// Where the record is.
    pub(crate) table: &'static str,
    /// Which it is.
    pub(crate) id: Uuid,
}

impl Reference {
    /// A field that refers to one record, or to none.
    pub(crate) fn of(pointer: &str, table: &'static str, id: Option<impl Into<Uuid>>) -> Option<Self> {
        id.map(|id| Self { pointer: pointer.to_owned(), table, id: id.into() })
    }
}

/// Refuses fields that refer to what there is not, or is no longer in use. What `before` referred to already is nobody's new mistake.
pub(super) async fn refuse_unusable<T: Master>(
    tx: &mut Tx,
    fields: &T,
    before: Option<&T>,
) -> Result<(), Problem> {
    let kept = before.map(Master::references).unwrap_or_default();
    let new = |reference: &Reference| {
        !kept.iter().any(|known| (known.table, known.id) == (reference.table, reference.id))
    };
    let errors = mistakes(tx, fields.references().into_iter().filter(new).collect()).await?;
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid_fields(errors)) }
}

/// Refuses to take a record back into use that refers to what is not.
pub(super) async fn may_restore<T: Master>(tx: &mut Tx, fields: &T) -> Result<(), Problem> {
    let errors = mistakes(tx, fields.references()).await?;
    if errors.is_empty() {
        return Ok(());
    }
    let problem = Problem::conflict("refers-to-archived", "It refers to what is no longer in use")
        .detail("Restore that first, or change this.");
    Err(errors
        .into_iter()
        .fold(problem, |problem, error| problem.field(error.pointer, error.code, error.detail)))
}

async fn mistakes(tx: &mut Tx, references: Vec<Reference>) -> Result<Vec<FieldError>, Problem> {
    // In the order of their tables and ids, as everybody locks them.
    let mut by_table: BTreeMap<&'static str, Vec<Uuid>> = BTreeMap::new();
    for reference in &references {
        by_table.entry(reference.table).or_default().push(reference.id);
    }
    let mut known = BTreeMap::new();
    for (table, ids) in by_table {
        for (id, code, is_archived) in locks::referred_to(tx, table, &ids).await? {
            known.insert((table, id), (code, is_archived));
        }
    }
    Ok(references
        .into_iter()
        .filter_map(|Reference { pointer, table, id }| {
            let what = table.replace('_', " ");
            let (code, detail) = match known.get(&(table, id)) {
                Some((_, false)) => return None,
                Some((code, true)) => ("archived", format!("The {what} {code} is no longer in use.")),
                None => ("unknown", format!("There is no such {what}.")),
            };
            Some(FieldError { pointer, code: code.into(), detail })
        })
        .collect())
}
