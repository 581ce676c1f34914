//! A record of the feed as a row of the table that it goes into, written as PostgreSQL reads rows: a field of the record
//! that the table does not have is left out, a column that the record does not have is null.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde_json::value::RawValue;
use sqlx::PgConnection;

/// The tables of `from_hq`.
#[derive(Debug)]
pub struct Shape {
    tables: HashMap<String, Vec<Column>>,
    /// Their fingerprint: rows that were written for other tables fit no longer.
    pub(super) fingerprint: String,
}

#[derive(Debug)]
struct Column {
    name: String,
    takes: Takes,
}

/// What a column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// A text, a number, a time: what stands in the record, without its quotes.
    Plain,
    /// A list of such.
    List,
    /// JSON, as it stands.
    Json,
    /// Nothing, as the database makes it.
    Nothing,
    /// Whether the record is gone, which a row says.
    Mark,
}

/// What no table reads, so that a record which is none is found when it is applied, and told of.
const UNREADABLE: &str = "unreadable";

impl Shape {
    /// Reads what columns they have.
    pub async fn load(connection: &mut PgConnection) -> sqlx::Result<Self> {
        let mut tables: HashMap<String, Vec<Column>> = HashMap::new();
        let mut fingerprint = String::new();
        for row in sqlx::query!(
            r#"select entity as "entity!", name as "name!", generated as "generated!", is_array as "is_array!", is_json as "is_json!",
                   is_mark as "is_mark!", (select from_hq_shape()) as "shape!"
               from from_hq_column order by entity, place"#
        )
        .fetch_all(connection)
        .await?
        {
            let takes = match row {
                _ if row.generated => Takes::Nothing,
                _ if row.is_mark => Takes::Mark,
                _ if row.is_array => Takes::List,
                _ if row.is_json => Takes::Json,
                _ => Takes::Plain,
            };
            fingerprint = row.shape;
            tables.entry(row.entity).or_default().push(Column { name: row.name, takes });
        }
        Ok(Self { tables, fingerprint })
    }

    /// The record as a row; none: there is no table for it, as it is of a later release.
    pub(super) fn row(&self, entity: &str, record: &str) -> Option<String> {
        let columns = self.tables.get(entity)?;
        Some(row(columns, record).unwrap_or_else(|| UNREADABLE.to_owned()))
    }

    /// Whether there is a table for it.
    pub(super) fn knows(&self, entity: &str) -> bool {
        self.tables.contains_key(entity)
    }
}

fn row(columns: &[Column], record: &str) -> Option<String> {
    // Names are borrowed; one that is written with an escape cannot be.
    let fields: BTreeMap<Cow<'_, str>, &RawValue> =
        match serde_json::from_str::<BTreeMap<&str, &RawValue>>(record) {
            Ok(fields) => fields.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect(),
            Err(_) => serde_json::from_str(record).ok()?,
        };
    let mut row = String::with_capacity(record.len());
    let mut separator = '(';
    for column in columns {
        row.push(separator);
        separator = ',';
        let value = match column.takes {
            Takes::Mark => {
                row.push('f');
                continue;
            }
            Takes::Nothing => continue,
            _ => fields.get(column.name.as_str()).map(|value| value.get()).filter(|value| *value != "null"),
        };
        let Some(value) = value else { continue };
        match column.takes {
            Takes::List => quote(&mut row, &list(value)?),
            Takes::Plain if value.starts_with('"') => quote(&mut row, &text(value)?),
            // Numbers, true and false need no quotes.
            Takes::Plain if !value.starts_with(['{', '[']) => row.push_str(value),
            _ => quote(&mut row, value),
        }
    }
    row.push(')');
    Some(row)
}

/// A JSON text. The database keeps every text but one with a zero in it.
fn text(value: &str) -> Option<String> {
    let text: String = serde_json::from_str(value).ok()?;
    (!text.contains('\0')).then_some(text)
}

/// As PostgreSQL writes a list of texts or numbers.
fn list(value: &str) -> Option<String> {
    let items: Vec<&RawValue> = serde_json::from_str(value).ok()?;
    let mut list = String::from("{");
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            list.push(',');
        }
        match item.get() {
            "null" => list.push_str("NULL"),
            item if item.starts_with('"') => {
                list.push('"');
                for letter in text(item)?.chars() {
                    if matches!(letter, '"' | '\\') {
                        list.push('\\');
                    }
                    list.push(letter);
                }
                list.push('"');
            }
            item => list.push_str(item),
        }
    }
    list.push('}');
    Some(list)
}

fn quote(row: &mut String, text: &str) {
    row.push('"');
    let mut rest = text;
    while let Some(place) = rest.find(['"', '\\']) {
        let (plain, special) = rest.split_at(place);
        row.push_str(plain);
        let (special, after) = special.split_at(1);
        row.push_str(special);
        row.push_str(special);
        rest = after;
    }
    row.push_str(rest);
    row.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Shape {
        let column = |name: &str, takes| Column { name: name.to_owned(), takes };
        let columns = vec![
            column("id", Takes::Plain),
            column("name", Takes::Plain),
            column("amount", Takes::Plain),
            column("search", Takes::Nothing),
            column("tags", Takes::List),
            column("when", Takes::Json),
            column("deleted", Takes::Mark),
        ];
        Shape { tables: [("thing".to_owned(), columns)].into(), fingerprint: String::new() }
    }

    #[test]
    fn a_record_becomes_the_row_that_its_table_reads() {
        let row = |record: &str| table().row("thing", record).unwrap();
        assert_eq!(
            row(r#"{"id": 7, "name": "a \"b\", \\ c", "later": [1]}"#),
            r#"(7,"a ""b"", \\ c",,,,,f)"#
        );
        assert_eq!(
            row(r#"{"when":{"from":"x"},"tags":["a","b\"c",null],"amount":"1.50","name":""}"#),
            r#"(,"","1.50",,"{""a"",""b\\""c"",NULL}","{""from"":""x""}",f)"#
        );
        assert_eq!(row(r#"{"name": null, "deleted": true, "search": "x", "when": null}"#), "(,,,,,,f)");
        assert_eq!(row(r#"{"name": true, "amount": -1.5e3}"#), "(,true,-1.5e3,,,,f)");
    }

    #[test]
    fn what_is_no_record_is_told_of_when_it_is_applied() {
        for bad in ["[]", "7", r#"{"name": "a\u0000b"}"#, r#"{"tags": "a"}"#, r#"{"tags": ["\u0000"]}"#] {
            assert_eq!(table().row("thing", bad).unwrap(), UNREADABLE, "{bad}");
        }
        assert_eq!(table().row("of a later release", "{}"), None);
    }
}
