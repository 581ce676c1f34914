//! The shapes that every entity has on the wire: as it is kept, as it is made, as it is changed, and as a page of many.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use server_kit::Problem;
use server_kit::extract::from_json;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::Master;

/// An entity as it is kept.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record<T> {
    pub(crate) id: Uuid,
    #[serde(flatten)]
    pub(crate) fields: T,
    pub(crate) archived: bool,
    pub(crate) version: i64,
}

impl<T: Master> FromRow<'_, PgRow> for Record<T> {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            fields: T::from_row(row)?,
            archived: row.try_get("archived")?,
            version: row.try_get("version")?,
        })
    }
}

/// An entity that is to be made: its fields, and an id where the client made one, so that a retry is the same record.
#[derive(Clone, Debug)]
pub(crate) struct New<T> {
    pub(crate) id: Option<Uuid>,
    pub(crate) fields: T,
}

impl<T: Master> New<T> {
    /// Reads a body: `id` and the fields. (serde's `flatten` would let unknown fields through.)
    pub(crate) fn read(mut members: Map<String, Value>) -> Result<Self, Problem> {
        let id =
            match members.remove("id") {
                None | Some(Value::Null) => None,
                Some(id) => Some(id.as_str().and_then(|id| Uuid::try_parse(id).ok()).ok_or_else(|| {
                    Problem::invalid("/id", "invalid_value", "An id is a UUID, as a string.")
                })?),
            };
        Ok(Self { id, fields: object_of(members)? })
    }
}

/// Reads the members of an object. (serde's derived readers take a list for a struct as well.)
pub(crate) fn object_of<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, Problem> {
    let bytes = serde_json::to_vec(&Value::Object(members)).map_err(Problem::internal)?;
    from_json(&bytes)
}

/// What of an entity is to be changed: a JSON merge patch (RFC 7396) of its fields.
#[derive(Clone, Debug)]
pub(crate) struct Patch<T> {
    members: Map<String, Value>,
    of: PhantomData<fn() -> T>,
}

impl<T: Master> Patch<T> {
    /// The change that a body asks for.
    pub(crate) fn new(members: Map<String, Value>) -> Self {
        Self { members, of: PhantomData }
    }

    /// The fields with the change in them.
    pub(crate) fn apply(&self, fields: &T) -> Result<T, Problem> {
        let Value::Object(mut merged) = serde_json::to_value(fields).map_err(Problem::internal)? else {
            return Err(Problem::internal("the fields of an entity are an object"));
        };
        // Every field of an entity is written out, null included, so that what is not there does not exist. Fields hold
        // no objects: one level is the whole merge.
        for (name, value) in &self.members {
            merged.insert(name.clone(), value.clone());
        }
        object_of(merged)
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// What to pass as `after` for the next page; none: this was the last.
    pub(crate) next: Option<String>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Count {
    /// How many.
    pub(crate) count: i64,
}

/// `department` → `Department`, `tax_group` → `TaxGroup`.
pub(super) fn title<T: Master>() -> String {
    T::ENTITY
        .split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}

fn schema_of<T: Master>() -> utoipa::openapi::Object {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object,
        _ => utoipa::openapi::Object::new(),
    }
}

fn id_schema(description: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        .description(Some(description))
        .into()
}

impl<T: Master> PartialSchema for Record<T> {
    fn schema() -> RefOr<Schema> {
        let mut object = schema_of::<T>();
        let every: Vec<String> = object.properties.keys().cloned().collect();
        object.required = every;
        object.additional_properties = None;
        for (name, schema) in [
            ("id", id_schema("Its identity.")),
            (
                "archived",
                ObjectBuilder::new().schema_type(Type::Boolean).description(Some("No longer in use.")).into(),
            ),
            (
                "version",
                ObjectBuilder::new()
                    .schema_type(Type::Integer)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                    .description(Some("Raised by each change; in quotes it is the ETag."))
                    .into(),
            ),
        ] {
            object.properties.insert(name.to_owned(), schema);
            object.required.push(name.to_owned());
        }
        Schema::Object(object).into()
    }
}

impl<T: Master> ToSchema for Record<T> {
    fn name() -> Cow<'static, str> {
        title::<T>().into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

impl<T: Master> PartialSchema for New<T> {
    fn schema() -> RefOr<Schema> {
        let mut object = schema_of::<T>();
        object.properties.insert(
            "id".to_owned(),
            id_schema("A UUID of the client's making, so that sending it again is the same record; the server makes one where it is missing."),
        );
        Schema::Object(object).into()
    }
}

impl<T: Master> ToSchema for New<T> {
    fn name() -> Cow<'static, str> {
        format!("New{}", title::<T>()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

impl<T: Master> PartialSchema for Patch<T> {
    fn schema() -> RefOr<Schema> {
        let mut object = schema_of::<T>();
        object.required = Vec::new();
        Schema::Object(object).into()
    }
}

impl<T: Master> ToSchema for Patch<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Change", title::<T>()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

impl<T: Master> PartialSchema for Page<Record<T>> {
    fn schema() -> RefOr<Schema> {
        page_of(&title::<T>())
    }
}

/// The schema of a page whose items are of this name.
pub(crate) fn page_of(item: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .property("items", ArrayBuilder::new().items(Ref::from_schema_name(item)))
        .required("items")
        .property(
            "next",
            ObjectBuilder::new()
                .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::String, Type::Null]))
                .description(Some("What to pass as `after` for the next page; null: this was the last.")),
        )
        .required("next")
        .into()
}

impl<T: Master> ToSchema for Page<Record<T>> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", title::<T>()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}
