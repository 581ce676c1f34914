//! Bad input, for every operation of a server's OpenAPI document: a new route is covered by itself.
//!
//! Each operation is called without a token, with strangers' tokens, with ids that do not exist or are none, and with its
//! body and parameters spoilt in one place at a time. Whatever is sent, the answer is no 5xx; a refusal is always
//! problem+json; and what was refused has left nothing behind.

use std::fmt::Write as _;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

/// What is tried.
pub struct BadInput<'a> {
    /// The server.
    pub router: Router,
    /// Its OpenAPI document.
    pub document: Value,
    /// The token of somebody who may do everything.
    pub token: &'a str,
    /// Tokens that are good elsewhere: another company's, another store's, one that has ended.
    pub strangers: &'a [(&'a str, String)],
    /// For a path with parameters, the path with values that exist; none: identities that do not exist.
    pub existing: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// For an operation's id, a body that is accepted or nearly; none: one made from the schema.
    pub body: &'a (dyn Fn(&str) -> Option<Value> + Sync),
    /// Operations that are left out, by id, each with the reason.
    pub left_out: &'a [(&'a str, &'a str)],
}

/// What was tried and what went wrong.
#[derive(Debug, Default)]
pub struct Findings {
    /// How many operations were called.
    pub operations: usize,
    /// How many requests were made.
    pub requests: usize,
    /// What should not have been answered.
    pub wrong: Vec<String>,
}

struct Case {
    name: String,
    token: Option<String>,
    path: String,
    content_type: Option<&'static str>,
    body: Vec<u8>,
    expected: Expected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// This refusal and no other.
    Exactly(StatusCode),
    /// Any refusal.
    Refused,
    /// A refusal, or an answer where the route has no quarrel with it.
    NoFault,
    /// What a stranger may hear: a refusal, or an answer in which nothing of ours is.
    Nothing,
}

/// An identity that nothing has.
const NOBODY: &str = "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11";
/// What a body refers to, where nothing better is known: nothing has this either, unless a body made it.
const SOMETHING: &str = "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b22";
/// A number of thirty digits.
const THIRTY_DIGITS: &str = "123456789012345678901234567890";
const OVER_LONG: usize = 20_000;

impl BadInput<'_> {
    /// Tries everything. `fingerprint` says what is in the database: it is asked before and after each operation all of
    /// whose requests were refused.
    ///
    /// # Panics
    /// Where the document is none.
    pub async fn run(&self, fingerprint: impl AsyncFn() -> String) -> Findings {
        let mut findings = Findings::default();
        let empty = Map::new();
        let paths = self.document.get("paths").and_then(Value::as_object).unwrap_or(&empty);
        for (template, item) in paths {
            for (method, operation) in item.as_object().unwrap_or(&empty) {
                let Ok(method) = method.to_ascii_uppercase().parse::<Method>() else { continue };
                if !operation.is_object() {
                    continue;
                }
                let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
                if self.left_out.iter().any(|(left_out, _)| *left_out == id) {
                    continue;
                }
                findings.operations += 1;
                let before = fingerprint().await;
                let mut wrote = false;
                for case in self.cases(template, &method, operation, id) {
                    findings.requests += 1;
                    let (status, problem) = self.call(&method, &case).await;
                    wrote |= status.is_success();
                    if let Some(fault) = fault(&case, status, problem.as_ref()) {
                        let mut line = format!("{method} {template}, {}: {status}, {fault}", case.name);
                        if let Some(problem) = problem {
                            let _ = write!(line, " {problem}");
                        }
                        findings.wrong.push(line);
                    }
                }
                if !wrote && fingerprint().await != before {
                    findings.wrong.push(format!(
                        "{method} {template}: everything was refused, and something was written"
                    ));
                }
            }
        }
        findings
    }

    async fn call(&self, method: &Method, case: &Case) -> (StatusCode, Option<Value>) {
        let mut request =
            Request::builder().method(method.clone()).uri(&case.path).header("if-match", "\"1\"");
        if let Some(token) = &case.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(content_type) = case.content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let Ok(request) = request.body(Body::from(case.body.clone())) else {
            return (
                StatusCode::BAD_REQUEST,
                Some(json!({ "type": "/problems/unsendable", "title": "", "status": 400 })),
            );
        };
        let answer = match self.router.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(impossible) => match impossible {},
        };
        let status = answer.status();
        let is_problem = answer
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"));
        let body = axum::body::to_bytes(answer.into_body(), 64 << 20).await.unwrap_or_default();
        (status, serde_json::from_slice(&body).ok().filter(|_| is_problem))
    }

    fn cases(&self, template: &str, method: &Method, operation: &Value, id: &str) -> Vec<Case> {
        let parameters: Vec<&Value> =
            operation.get("parameters").and_then(Value::as_array).into_iter().flatten().collect();
        let is_open = operation
            .get("security")
            .and_then(Value::as_array)
            .is_some_and(|schemes| schemes.is_empty() || schemes.iter().any(|scheme| scheme == &json!({})));
        let content = operation.pointer("/requestBody/content").and_then(Value::as_object);
        let json_schema =
            content.and_then(|content| content.get("application/json")).and_then(|json| json.get("schema"));
        let content_type = match content {
            None => None,
            Some(content) if content.contains_key("application/json") => Some("application/json"),
            Some(content) if content.contains_key("text/csv") => Some("text/csv"),
            Some(_) => Some("application/octet-stream"),
        };
        let good = match json_schema {
            None => Value::Null,
            Some(schema) => (self.body)(id).unwrap_or_else(|| self.example(schema, 0)),
        };
        let good_bytes = if json_schema.is_some() { good.to_string().into_bytes() } else { Vec::new() };
        let nowhere = fill(template, NOBODY);
        let somewhere = (self.existing)(template).unwrap_or_else(|| nowhere.clone());
        let has_path = template.contains('{');

        let mut cases = Vec::new();
        let mut add = |name: String,
                       token: Option<&str>,
                       path: String,
                       content_type,
                       body: Vec<u8>,
                       expected| {
            cases.push(Case { name, token: token.map(str::to_owned), path, content_type, body, expected });
        };
        let own = Some(self.token).filter(|_| !is_open);

        if !is_open {
            let refused = Expected::Exactly(StatusCode::UNAUTHORIZED);
            add("no token".to_owned(), None, somewhere.clone(), content_type, good_bytes.clone(), refused);
            for (name, token) in [("a token that is none", "nonsense"), ("an empty token", "")] {
                add(
                    name.to_owned(),
                    Some(token),
                    somewhere.clone(),
                    content_type,
                    good_bytes.clone(),
                    refused,
                );
            }
            for (name, token) in self.strangers {
                let expected = if has_path { Expected::Refused } else { Expected::Nothing };
                add(
                    (*name).to_owned(),
                    Some(token),
                    somewhere.clone(),
                    content_type,
                    good_bytes.clone(),
                    expected,
                );
            }
        }
        if has_path {
            // A sale, or whatever else has its id from the client, may be made under an unknown one.
            let unknown = if *method == Method::PUT { Expected::NoFault } else { Expected::Refused };
            add("an unknown id".to_owned(), own, nowhere.clone(), content_type, good_bytes.clone(), unknown);
            for (name, value) in [
                ("an id that is none", "nonsense"),
                ("an id of ' or 1=1", "%27%20or%201%3D1--"),
                ("an id with U+0000", "%00"),
                ("an id that is no UTF-8", "%ff%fe"),
            ] {
                add(
                    name.to_owned(),
                    own,
                    fill(template, value),
                    content_type,
                    good_bytes.clone(),
                    Expected::Refused,
                );
            }
        }
        for parameter in &parameters {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            if parameter.get("in").and_then(Value::as_str) != Some("query") {
                continue;
            }
            for (what, value) in [
                ("nonsense", "nonsense".to_owned()),
                ("-1", "-1".to_owned()),
                ("thirty digits", THIRTY_DIGITS.to_owned()),
                ("U+0000", "%00".to_owned()),
                ("no UTF-8", "%ff%fe".to_owned()),
                ("a quote", "%27%22%3B--%25_".to_owned()),
                ("an over-long text", "x".repeat(OVER_LONG)),
                ("nothing", String::new()),
            ] {
                let path = format!("{somewhere}?{name}={value}");
                add(
                    format!("{name}= {what}"),
                    own,
                    path,
                    content_type,
                    good_bytes.clone(),
                    Expected::NoFault,
                );
            }
        }
        if !parameters.is_empty() && *method == Method::GET {
            let path = format!("{somewhere}?no_such_parameter=1");
            add("an unknown parameter".to_owned(), own, path, content_type, Vec::new(), Expected::NoFault);
        }

        let Some(content_type) = content_type else { return cases };
        // What no route takes for more than it is worth.
        if content_type == "application/json" {
            for (name, body) in [
                ("no body", String::new()),
                ("a truncated body", "{\"a\":".to_owned()),
                ("a body that is no JSON", "{'a': 1}".to_owned()),
                ("a list", "[]".to_owned()),
                ("a text", "\"text\"".to_owned()),
                ("a number", "1e999".to_owned()),
                ("null", "null".to_owned()),
                ("a body nested too deep", format!("{}{}", "[".repeat(50_000), "]".repeat(50_000))),
                ("two bodies", format!("{good}{good}")),
            ] {
                add(
                    name.to_owned(),
                    own,
                    somewhere.clone(),
                    Some(content_type),
                    body.into_bytes(),
                    Expected::Refused,
                );
            }
            add(
                "no UTF-8".to_owned(),
                own,
                somewhere.clone(),
                Some(content_type),
                vec![b'"', 0xff, 0xfe, b'"'],
                Expected::Refused,
            );
            add(
                "another content type".to_owned(),
                own,
                somewhere.clone(),
                Some("text/plain"),
                good_bytes.clone(),
                Expected::Refused,
            );
            let mut huge = b"{\"a\":\"".to_vec();
            huge.resize(24 << 20, b'x');
            huge.extend_from_slice(b"\"}");
            add(
                "a body over the limit".to_owned(),
                own,
                somewhere.clone(),
                Some(content_type),
                huge,
                Expected::Refused,
            );
            if let Some(schema) = json_schema {
                self.spoil(schema, &good, &mut |name, body, expected| {
                    // Who signs out with a token that there is not is signed out.
                    let expected =
                        if is_open && expected == Expected::Refused { Expected::NoFault } else { expected };
                    add(
                        name,
                        own,
                        somewhere.clone(),
                        Some(content_type),
                        body.to_string().into_bytes(),
                        expected,
                    );
                });
            }
        } else {
            for (name, body) in [
                ("no body", Vec::new()),
                ("bytes", vec![0, 1, 2, 0xff, 0xfe, b'\n', 0]),
                ("quotes", b"\"\"\",\n\"".to_vec()),
                ("one huge line", vec![b'x'; 4 << 20]),
            ] {
                add(name.to_owned(), own, somewhere.clone(), Some(content_type), body, Expected::Refused);
            }
            add(
                "another content type".to_owned(),
                own,
                somewhere.clone(),
                Some("application/json"),
                b"{}".to_vec(),
                Expected::Refused,
            );
        }
        cases
    }

    /// Calls `take` with the body spoilt in one place at a time.
    fn spoil(&self, schema: &Value, good: &Value, take: &mut dyn FnMut(String, Value, Expected)) {
        let mut places = Vec::new();
        self.places(schema, good, &mut String::new(), &mut places, 0);
        for place in places {
            let mut with = |what: &str, value: Value, expected: Expected| {
                let mut body = good.clone();
                if let Some(slot) = body.pointer_mut(&place.pointer) {
                    *slot = value;
                    take(format!("{} is {what}", place.pointer), body, expected);
                }
            };
            let types = &place.types;
            let has = |name: &str| types.iter().any(|of_type| of_type == name);
            if !types.is_empty() {
                for (what, value, of_type) in [
                    ("a number", json!(7), "integer"),
                    ("a fraction", json!(1.5), "number"),
                    ("true", json!(true), "boolean"),
                    ("a text", json!("\u{2603} text"), "string"),
                    ("a list", json!([[]]), "array"),
                    ("an object", json!({ "a": { "b": 1 } }), "object"),
                ] {
                    if !(has(of_type) || of_type == "integer" && has("number")) {
                        with(what, value, Expected::Refused);
                    }
                }
            }
            // A field that may be left out may be null as well.
            with("null", Value::Null, Expected::NoFault);
            if has("string") {
                let refused_if = |strict| if strict { Expected::Refused } else { Expected::NoFault };
                let refused = refused_if(place.is_constrained);
                let no_decimal = refused_if(place.is_decimal);
                with("over-long", json!("x".repeat(OVER_LONG)), Expected::Refused);
                with("empty", json!(""), refused);
                with("with U+0000", json!("a\u{0}b"), Expected::Refused);
                with("with control characters", json!("a\u{1b}[2J\u{7f}"), Expected::NoFault);
                with(
                    "half a surrogate's worth of odd letters",
                    json!("\u{202e}\u{feff}\u{1f600}"),
                    Expected::NoFault,
                );
                with("a quote", json!("'; drop table company; --"), refused);
                with("negative", json!("-1"), Expected::NoFault);
                with("of thirty digits", json!(THIRTY_DIGITS), no_decimal);
                with("of thirty decimals", json!(format!("0.{THIRTY_DIGITS}")), no_decimal);
                with("in another notation", json!("1e5"), no_decimal);
                with("not a number", json!("NaN"), no_decimal);
            }
            if has("integer") || has("number") {
                with("negative", json!(-1), Expected::NoFault);
                with("beyond 32 bits", json!(4_294_967_296_i64), Expected::NoFault);
                with("beyond 64 bits", json!(1e30), Expected::Refused);
            }
            if has("array") {
                with("empty", json!([]), Expected::NoFault);
                with("of nulls", json!([null, null]), Expected::Refused);
                with("too long", Value::Array(vec![json!(NOBODY); 20_000]), Expected::Refused);
            }
            if has("object") && place.is_object {
                // serde would read a list of an object's fields as the object.
                if !has("array") {
                    let fields = good.pointer(&place.pointer).and_then(Value::as_object);
                    let fields = fields.into_iter().flat_map(Map::values).cloned().collect();
                    with("a list of its fields", Value::Array(fields), Expected::Refused);
                    with("an empty list", json!([]), Expected::Refused);
                }
                let mut body = good.clone();
                if let Some(object) = body.pointer_mut(&place.pointer).and_then(Value::as_object_mut) {
                    object.insert("no_such_field".to_owned(), json!(1));
                    take(format!("{} has an unknown field", place.pointer), body, Expected::Refused);
                }
            }
        }
    }

    fn places(
        &self,
        schema: &Value,
        value: &Value,
        pointer: &mut String,
        places: &mut Vec<Place>,
        depth: usize,
    ) {
        if depth > 6 {
            return;
        }
        let schema = self.resolve(schema);
        if !pointer.is_empty() || value.is_object() {
            places.push(Place {
                pointer: pointer.clone(),
                types: types_of(schema),
                is_constrained: schema.get("pattern").is_some()
                    || schema.get("enum").is_some()
                    || matches!(
                        schema.get("format").and_then(Value::as_str),
                        Some("uuid" | "date" | "date-time")
                    ),
                is_decimal: schema
                    .get("pattern")
                    .and_then(Value::as_str)
                    .is_some_and(|pattern| pattern.starts_with("^-?[0-9]")),
                is_object: value.is_object(),
            });
        }
        let at = pointer.len();
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let Some(of) = self.property(schema, name) else { continue };
                    pointer.push('/');
                    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                    self.places(of, member, pointer, places, depth + 1);
                    pointer.truncate(at);
                }
            }
            Value::Array(items) => {
                if let (Some(of), Some(item)) = (schema.get("items"), items.first()) {
                    pointer.push_str("/0");
                    self.places(of, item, pointer, places, depth + 1);
                    pointer.truncate(at);
                }
            }
            _ => {}
        }
    }

    /// A property, wherever the schema is composed from.
    fn property<'s>(&'s self, schema: &'s Value, name: &str) -> Option<&'s Value> {
        let schema = self.resolve(schema);
        if let Some(found) = schema.get("properties").and_then(|properties| properties.get(name)) {
            return Some(found);
        }
        ["allOf", "oneOf", "anyOf"]
            .iter()
            .filter_map(|key| schema.get(key).and_then(Value::as_array))
            .flatten()
            .find_map(|part| self.property(part, name))
    }

    /// Follows references, and the one of several that is not null.
    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let mut schema = schema;
        for _ in 0..10 {
            if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
                match self.document.pointer(name.trim_start_matches('#')) {
                    Some(found) => schema = found,
                    None => return schema,
                }
            } else if let Some(parts) =
                ["oneOf", "anyOf"].iter().find_map(|key| schema.get(key)).and_then(Value::as_array)
            {
                match parts.iter().find(|part| part.get("type") != Some(&json!("null"))) {
                    Some(found) => schema = found,
                    None => return schema,
                }
            } else {
                return schema;
            }
        }
        schema
    }

    /// A value that the schema would have, in all its fields.
    fn example(&self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolve(schema);
        if let Some(example) = schema.get("example") {
            return example.clone();
        }
        if let Some(example) = schema.get("examples").and_then(|examples| examples.get(0)) {
            return example.clone();
        }
        if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
            return first.clone();
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            let mut whole = Map::new();
            for part in parts {
                if let Value::Object(members) = self.example(part, depth + 1) {
                    whole.extend(members);
                }
            }
            return Value::Object(whole);
        }
        let types = types_of(schema);
        match types.first().map(String::as_str) {
            Some("string") => match schema.get("format").and_then(Value::as_str) {
                Some("uuid") => json!(SOMETHING),
                Some("date") => json!("2026-03-01"),
                Some("date-time") => json!("2026-03-01T12:00:00Z"),
                _ => json!("text"),
            },
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
            Some("boolean") => json!(true),
            Some("array") if depth < 5 => match schema.get("items") {
                Some(items) => json!([self.example(items, depth + 1)]),
                None => json!([]),
            },
            Some("object") if depth < 5 => {
                let empty = Map::new();
                let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
                Value::Object(
                    properties.iter().map(|(name, of)| (name.clone(), self.example(of, depth + 1))).collect(),
                )
            }
            _ => Value::Null,
        }
    }

    /// A body made from an operation's schema, for other tests that walk the document.
    #[must_use]
    pub fn body_of(&self, operation: &Value) -> Option<Value> {
        let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
        let schema = operation.pointer("/requestBody/content/application~1json/schema")?;
        Some((self.body)(id).unwrap_or_else(|| self.example(schema, 0)))
    }
}

struct Place {
    pointer: String,
    types: Vec<String>,
    is_constrained: bool,
    is_decimal: bool,
    is_object: bool,
}

fn types_of(schema: &Value) -> Vec<String> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name.clone()],
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).filter(|name| *name != "null").map(str::to_owned).collect()
        }
        _ if schema.get("properties").is_some() => vec!["object".to_owned()],
        _ => Vec::new(),
    }
}

fn fault(case: &Case, status: StatusCode, problem: Option<&Value>) -> Option<&'static str> {
    if status.is_server_error() {
        return Some("a fault of the server");
    }
    if status.is_client_error() {
        let is_whole = problem.is_some_and(|problem| {
            problem.get("type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("/problems/"))
                && problem.get("title").is_some_and(Value::is_string)
                && problem.get("status").and_then(Value::as_u64) == Some(u64::from(status.as_u16()))
        });
        if !is_whole {
            return Some("not a problem as RFC 9457 has it");
        }
    }
    match case.expected {
        Expected::Exactly(expected) if status != expected => Some("another refusal was expected"),
        Expected::Refused if !status.is_client_error() => Some("it should have been refused"),
        _ => None,
    }
}

/// The path with this value for every parameter.
fn fill(template: &str, value: &str) -> String {
    let mut path = String::new();
    for part in template.split('/').skip(1) {
        path.push('/');
        path.push_str(if part.starts_with('{') { value } else { part });
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_a_path_is_filled() {
        assert_eq!(fill("/api/v1/stores/{id}/registers/{code}", "x"), "/api/v1/stores/x/registers/x");
    }
}
