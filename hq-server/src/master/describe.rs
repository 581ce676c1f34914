//! What the OpenAPI document says of an entity's routes.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{
    ComponentsBuilder, KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{
    Content, HeaderBuilder, HttpMethod, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Ref, RefOr,
    Required, ResponseBuilder, Schema,
};

use super::record::{Count, Page, Patch};
use super::{Filter, FilterKind, Master, New, Record};

/// The part of the document that is about `T`.
pub(super) fn describe<T: Master>() -> OpenApi {
    let words = T::ENTITY.replace('_', " ");
    let operation = |verb: &str, summary: String, permission: &str| {
        OperationBuilder::new()
            .operation_id(Some(format!("{verb}_{}", T::ENTITY)))
            .summary(Some(summary))
            .description(Some(format!("Needs `{permission}`.")))
    };
    let id = || {
        ParameterBuilder::new()
            .name("id")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(uuid()))
            .build()
    };
    let if_match = |required| {
        ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header)
            .required(required)
            .description(Some("The ETag of what was read: its version in quotes."))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build()
    };
    let record = |description: &str| {
        ResponseBuilder::new()
            .description(description)
            .content("application/json", Content::new(Some(Ref::from_schema_name(Record::<T>::name()))))
            .header(
                "ETag",
                HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build(),
            )
            .build()
    };
    let body = |name: String| {
        RequestBodyBuilder::new()
            .required(Some(Required::True))
            .content("application/json", Content::new(Some(Ref::from_schema_name(name))))
            .build()
    };

    let list = with_parameters(
        operation("list", format!("{words}: a list, page by page"), T::READ),
        paging::<T>().into_iter().chain(narrowing::<T>()),
    )
    .response("200", json("One page.", &Page::<Record<T>>::name()));
    let count = with_parameters(
        operation("count", format!("{words}: how many there are"), T::READ),
        narrowing::<T>().into_iter(),
    )
    .response("200", json("How many.", &Count::name()));
    let make = operation("create", format!("{words}: make one"), T::WRITE)
        .request_body(Some(body(New::<T>::name().into_owned())))
        .response("201", record("It was made."))
        .response("200", record("The same was made before under this id."));
    let get = operation("get", format!("{words}: one"), T::READ)
        .parameter(id())
        .response("200", record("As it is."));
    let change = operation("change", format!("{words}: change it"), T::WRITE)
        .parameter(id())
        .parameter(if_match(Required::True))
        .request_body(Some(body(Patch::<T>::name().into_owned())))
        .response("200", record("As it is now."));
    let archive = operation("archive", format!("{words}: take it out of use"), T::WRITE)
        .parameter(id())
        .parameter(if_match(Required::False))
        .response("200", record("As it is now."));
    let restore = operation("restore", format!("{words}: put it back into use"), T::WRITE)
        .parameter(id())
        .response("200", record("As it is now."));

    let mut collection = PathItem::new(HttpMethod::Get, list);
    collection.post = Some(make.build());
    let mut one = PathItem::new(HttpMethod::Get, get);
    one.patch = Some(change.build());
    let mut paths = PathsBuilder::new()
        .path(T::PATH, collection)
        .path(format!("{}/count", T::PATH), PathItem::new(HttpMethod::Get, count));
    if T::ARCHIVES {
        one.delete = Some(archive.build());
        paths = paths.path(format!("{}/{{id}}/restore", T::PATH), PathItem::new(HttpMethod::Post, restore));
    }
    paths = paths.path(format!("{}/{{id}}", T::PATH), one);

    let mut schemas: Vec<(String, RefOr<Schema>)> = vec![
        named::<Record<T>>(),
        named::<New<T>>(),
        named::<Patch<T>>(),
        named::<Page<Record<T>>>(),
        named::<Count>(),
    ];
    T::schemas(&mut schemas);
    OpenApiBuilder::new()
        .paths(paths)
        .components(Some(ComponentsBuilder::new().schemas_from_iter(schemas).build()))
        .build()
}

fn named<S: ToSchema>() -> (String, RefOr<Schema>) {
    (S::name().into_owned(), S::schema())
}

fn uuid() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

fn json(description: &str, schema: &str) -> utoipa::openapi::Response {
    ResponseBuilder::new()
        .description(description)
        .content("application/json", Content::new(Some(Ref::from_schema_name(schema))))
        .build()
}

fn with_parameters(
    operation: OperationBuilder,
    parameters: impl Iterator<Item = Parameter>,
) -> OperationBuilder {
    parameters.fold(operation, OperationBuilder::parameter)
}

fn in_query(name: &str, description: &str, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

fn one_of<V: Serialize>(values: impl IntoIterator<Item = V>) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(values.into_iter().filter_map(|value| serde_json::to_value(value).ok())))
}

fn paging<T: Master>() -> Vec<Parameter> {
    let sorts = T::SORTS.iter().flat_map(|sort| [sort.name.to_owned(), format!("-{}", sort.name)]);
    vec![
        in_query(
            "limit",
            "How many on a page.",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1))
                .maximum(Some(super::list::MOST_PER_PAGE)),
        ),
        in_query(
            "after",
            "The page after the one that gave this as `next`.",
            ObjectBuilder::new().schema_type(Type::String),
        ),
        in_query("sort", "By what; `-` turns it round.", one_of(sorts)),
    ]
}

fn narrowing<T: Master>() -> Vec<Parameter> {
    let mut parameters = Vec::new();
    if !T::SEARCH.is_empty() {
        parameters.push(in_query("q", "Words to look for.", ObjectBuilder::new().schema_type(Type::String)));
    }
    if T::ARCHIVES {
        parameters.push(in_query(
            "archived",
            "Those in use (`false`, as where nothing is said), those no longer, or all.",
            one_of(["false", "true", "all"]),
        ));
    }
    parameters.extend(T::FILTERS.iter().map(filter));
    parameters
}

fn filter(filter: &Filter) -> Parameter {
    let schema = match filter.kind {
        FilterKind::Id => uuid(),
        FilterKind::Boolean => ObjectBuilder::new().schema_type(Type::Boolean),
        FilterKind::LocalTime => ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .description(Some("A local time, such as 2026-03-01T06:00:00.")),
        FilterKind::Text => ObjectBuilder::new().schema_type(Type::String),
    };
    in_query(filter.name, "Only those with this.", schema)
}
