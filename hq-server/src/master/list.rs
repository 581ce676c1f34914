//! Lists: narrowed, searched, sorted, and read page by page from where the last page ended.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use server_kit::{Problem, Tx};

use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::record::{Count, Page};
use super::{Master, Record, select};

/// The most that one page has.
pub(crate) const MOST_PER_PAGE: i64 = 500;
/// What a page has where nobody says.
pub(crate) const USUAL_PER_PAGE: i64 = 50;
/// The longest text in a query's parameter.
const LONGEST: usize = 200;

/// What a list may be sorted by. Ties go by id.
#[derive(Debug)]
pub(crate) struct Sort {
    /// Its name in `sort=`; `-name` turns it round.
    pub(crate) name: &'static str,
    /// What is compared, of the table `t`; never null.
    pub(crate) by: &'static str,
    /// Its type in the database.
    pub(crate) of_type: &'static str,
}

impl Sort {
    pub(crate) const CODE: Self = Self { name: "code", by: "t.code", of_type: "text" };
    pub(crate) const NAME: Self = Self { name: "name", by: "t.name", of_type: "text" };
    /// `UUIDv7` are in the order in which they were made.
    pub(crate) const ID: Self = Self { name: "id", by: "t.id", of_type: "uuid" };
}

/// What a list may be narrowed by.
#[derive(Debug)]
pub(crate) struct Filter {
    /// The parameter.
    pub(crate) name: &'static str,
    /// What its value is.
    pub(crate) kind: FilterKind,
    /// The condition, with `$$` where the value goes.
    pub(crate) condition: &'static str,
}

/// What a filter's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FilterKind {
    Id,
    Text,
    /// A local time, as prices have it.
    LocalTime,
    Boolean,
}

#[derive(Debug)]
enum Value {
    Id(Uuid),
    Text(String),
    LocalTime(chrono::NaiveDateTime),
    Boolean(bool),
}

/// What was asked for, understood.
#[derive(Debug)]
pub(crate) struct Listing {
    limit: i64,
    after: Option<Cursor>,
    sort: &'static Sort,
    descending: bool,
    search: Option<String>,
    archived: Option<bool>,
    filters: Vec<(&'static Filter, Value)>,
}

/// Where a page ended. Opaque to clients.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    /// The sort that it belongs to.
    s: String,
    /// The last key, as text.
    k: String,
    /// The last id.
    i: Uuid,
}

impl Listing {
    /// Understands the parameters of a list of `T`, or says which one makes no sense.
    pub(crate) fn read<T: Master>(parameters: &[(String, String)]) -> Result<Self, Problem> {
        let mut sort_asked = None;
        let mut after = None;
        let mut listing = Self {
            limit: USUAL_PER_PAGE,
            after: None,
            sort: T::SORTS.first().ok_or_else(|| Problem::internal("an entity has a sort"))?,
            descending: false,
            search: None,
            archived: Some(false),
            filters: Vec::new(),
        };
        for (name, value) in parameters {
            let invalid =
                |code: &'static str, detail: String| Problem::invalid(format!("/{name}"), code, detail);
            if value.len() > LONGEST && name != "after" {
                return Err(invalid("too_long", format!("It may have {LONGEST} characters at most.")));
            }
            match name.as_str() {
                "limit" => listing.limit = limit(value)?,
                "after" => after = Some(value.as_str()),
                "sort" => sort_asked = Some(value.as_str()),
                "q" if !T::SEARCH.is_empty() => {
                    listing.search = Some(value.trim().to_owned()).filter(|words| !words.is_empty());
                }
                "archived" if T::ARCHIVES => {
                    listing.archived = match value.as_str() {
                        "true" => Some(true),
                        "false" => Some(false),
                        "all" => None,
                        _ => return Err(invalid("invalid_value", "It is true, false or all.".to_owned())),
                    };
                }
                _ => {
                    let filter = T::FILTERS.iter().find(|filter| filter.name == name).ok_or_else(|| {
                        invalid("unknown_field", format!("This list has no parameter `{name}`."))
                    })?;
                    let value = read_value(filter.kind, value).ok_or_else(|| {
                        invalid("invalid_value", "It does not have the form that it needs.".to_owned())
                    })?;
                    listing.filters.push((filter, value));
                }
            }
        }
        if let Some(asked) = sort_asked {
            let (name, descending) = asked.strip_prefix('-').map_or((asked, false), |name| (name, true));
            listing.sort = T::SORTS.iter().find(|sort| sort.name == name).ok_or_else(|| {
                let known: Vec<&str> = T::SORTS.iter().map(|sort| sort.name).collect();
                Problem::invalid(
                    "/sort",
                    "unknown_value",
                    format!("It is one of {}, with - in front to turn it round.", known.join(", ")),
                )
            })?;
            listing.descending = descending;
        }
        listing.after = after.map(|after| listing.cursor(after)).transpose()?;
        Ok(listing)
    }

    fn cursor(&self, text: &str) -> Result<Cursor, Problem> {
        let refused = || {
            Problem::invalid("/after", "invalid_value", "It is not what a page of this list gave as `next`.")
        };
        if text.len() > 4096 {
            return Err(refused());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
        let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_| refused())?;
        // A key that is not of the sort's type would be the database's error.
        let fits = match self.sort.of_type {
            "uuid" => Uuid::try_parse(&cursor.k).is_ok(),
            "int4" => cursor.k.parse::<i32>().is_ok(),
            "timestamp" => {
                cursor.k == "-infinity"
                    || chrono::NaiveDateTime::parse_from_str(&cursor.k, "%Y-%m-%d %H:%M:%S%.f").is_ok()
            }
            _ => !cursor.k.contains('\0'),
        };
        if cursor.s == self.sort_name() && fits { Ok(cursor) } else { Err(refused()) }
    }

    fn sort_name(&self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.sort.name)
    }

    fn conditions<T: Master>(&self, sql: &mut QueryBuilder<Postgres>, searched: bool) {
        sql.push(format!(" from {} t where true", T::TABLE));
        if T::ARCHIVES {
            match self.archived {
                Some(true) => drop(sql.push(" and t.archived_at is not null")),
                Some(false) => drop(sql.push(" and t.archived_at is null")),
                None => {}
            }
        }
        for (filter, value) in &self.filters {
            sql.push(" and ");
            for (place, part) in filter.condition.split("$$").enumerate() {
                if place > 0 {
                    match value {
                        Value::Id(id) => sql.push_bind(*id),
                        Value::Text(text) => sql.push_bind(text.clone()),
                        Value::LocalTime(time) => sql.push_bind(*time),
                        Value::Boolean(boolean) => sql.push_bind(*boolean),
                    };
                }
                sql.push(part);
            }
        }
        if let Some(words) = self.search.as_ref().filter(|_| searched) {
            let words = if T::SEARCH_IS_PATTERN { escape_pattern(words) } else { words.clone() };
            sql.push(" and ");
            for (place, part) in T::SEARCH.split("$$").enumerate() {
                if place > 0 {
                    sql.push_bind(words.clone());
                }
                sql.push(part);
            }
        }
    }

    /// The page that was asked for.
    pub(crate) async fn page<T: Master>(&self, tx: &mut Tx) -> Result<Page<Record<T>>, Problem> {
        let Sort { by, of_type, .. } = self.sort;
        let mut sql = QueryBuilder::new(select::<T>());
        sql.push(format!(", ({by})::text as sort_key"));
        let by_page = self.search.as_ref().filter(|_| {
            !T::SEARCH_PAGE.is_empty() && self.sort.name == Sort::NAME.name && self.filters.is_empty()
        });
        self.conditions::<T>(&mut sql, by_page.is_none());
        if let Some(words) = by_page {
            sql.push(format!(" and t.id = any (array(select {}(", T::SEARCH_PAGE)).push_bind(words.clone());
            sql.push(", ").push_bind(self.archived).push(", ").push_bind(self.descending);
            sql.push(", ").push_bind(self.after.as_ref().map(|cursor| cursor.k.clone()));
            sql.push(", ").push_bind(self.after.as_ref().map(|cursor| cursor.i));
            sql.push(", ").push_bind(self.limit + 1).push(")))");
        }
        if let Some(cursor) = &self.after {
            sql.push(format!(" and ({by}, t.id) {} (", if self.descending { "<" } else { ">" }));
            sql.push_bind(cursor.k.clone())
                .push(format!("::text::{of_type}, "))
                .push_bind(cursor.i)
                .push(")");
        }
        let direction = if self.descending { "desc" } else { "asc" };
        sql.push(format!(" order by {by} {direction}, t.id {direction} limit ")).push_bind(self.limit + 1);
        let mut rows: Vec<Listed<T>> = sql.build_query_as().fetch_all(&mut **tx).await?;
        let limit = usize::try_from(self.limit).unwrap_or(1);
        let next = if rows.len() > limit {
            rows.truncate(limit);
            rows.last().map(|last| self.after(last)).transpose()?
        } else {
            None
        };
        Ok(Page { items: rows.into_iter().map(|row| row.record).collect(), next })
    }

    fn after<T>(&self, last: &Listed<T>) -> Result<String, Problem> {
        let cursor = Cursor { s: self.sort_name(), k: last.sort_key.clone(), i: last.record.id };
        Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).map_err(Problem::internal)?))
    }

    /// How many there are on all pages.
    pub(crate) async fn count<T: Master>(&self, tx: &mut Tx) -> Result<Count, Problem> {
        let mut sql = QueryBuilder::new("select count(*)");
        self.conditions::<T>(&mut sql, true);
        let count: i64 = sql.build_query_scalar().fetch_one(&mut **tx).await?;
        Ok(Count { count })
    }
}

/// Reads `limit=`.
pub(crate) fn limit(value: &str) -> Result<i64, Problem> {
    value.parse().ok().filter(|limit| (1..=MOST_PER_PAGE).contains(limit)).ok_or_else(|| {
        Problem::invalid("/limit", "out_of_range", format!("It is a number from 1 to {MOST_PER_PAGE}."))
    })
}

struct Listed<T> {
    record: Record<T>,
    sort_key: String,
}

impl<T: Master> FromRow<'_, PgRow> for Listed<T> {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self { record: Record::from_row(row)?, sort_key: row.try_get("sort_key")? })
    }
}

fn read_value(kind: FilterKind, value: &str) -> Option<Value> {
    match kind {
        FilterKind::Id => Uuid::try_parse(value).ok().map(Value::Id),
        FilterKind::Text => Some(Value::Text(value.to_owned())),
        FilterKind::LocalTime => value.parse().ok().map(Value::LocalTime),
        FilterKind::Boolean => value.parse().ok().map(Value::Boolean),
    }
}

/// The text as a pattern that finds nothing but itself.
pub(crate) fn escape_pattern(text: &str) -> String {
    text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percent_sign_is_looked_for_as_itself() {
        assert_eq!(escape_pattern(r"50%_a\b"), r"50\%\_a\\b");
    }
}
