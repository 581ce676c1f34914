//! The TypeScript types are made from the Rust ones: `types.d.ts` is what this makes.
//! `UPDATE_TYPES=1 cargo test -p browser-core --test types` writes it anew.
#![expect(
    clippy::format_push_string,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a small generator that fails loudly"
)]

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(components(schemas(
    checkout::Cart,
    checkout::Catalogue,
    checkout::Rules,
    checkout::ComputedSale,
    checkout::Tendered,
    checkout::Settlement,
    checkout::RefundAsked,
    checkout::RefusalRecord,
    checkout::barcode::PrefixRule,
    checkout::barcode::Scanned,
    shared_model::selling::SaleCompleted,
    shared_model::tenders::TenderRecord,
)))]
struct Types;

const HAND_WRITTEN: &str = "\
/** What a call answers: what it came to, or everything that is wrong. */
export type Answer<T> = { ok: T } | { refused: RefusalRecord[] };

/** A refund, or a sale undone, with how it is given back. */
export interface Refunded {
  sale: ComputedSale;
  settlement: Settlement;
}

/** A completed sale and what came back of it before. */
export interface WholeReceipt {
  sale: SaleCompleted;
  returned?: SaleCompleted[];
}
";

#[test]
fn the_types_are_those_of_the_rust_code() {
    let document = serde_json::to_value(Types::openapi()).unwrap();
    let schemas: BTreeMap<String, Value> =
        serde_json::from_value(document["components"]["schemas"].clone()).unwrap();
    let mut text = String::from("// Made from the Rust types by tests/types.rs; not written by hand.\n\n");
    text.push_str(HAND_WRITTEN);
    for (name, schema) in &schemas {
        text.push('\n');
        comment(&mut text, "", schema);
        match schema.get("properties") {
            Some(_) if schema.get("type").is_some_and(|kind| kind == "object") => {
                text.push_str(&format!("export interface {name} {}\n", object(schema, "")));
            }
            _ => text.push_str(&format!("export type {name} = {};\n", kind(schema, ""))),
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/types.d.ts");
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        kept == text,
        "types.d.ts is behind the code: run UPDATE_TYPES=1 cargo test -p browser-core --test types"
    );
}

fn comment(text: &mut String, indent: &str, schema: &Value) {
    if let Some(description) = schema.get("description").and_then(Value::as_str) {
        // The example at the end of a type's documentation is in Rust.
        let description = description.split("\n```").next().unwrap_or_default().trim_end();
        let lines: Vec<&str> = description.lines().map(str::trim_end).collect();
        match lines.as_slice() {
            [one] => text.push_str(&format!("{indent}/** {one} */\n")),
            lines => {
                text.push_str(&format!("{indent}/**\n"));
                for line in lines {
                    text.push_str(format!("{indent} * {line}").trim_end());
                    text.push('\n');
                }
                text.push_str(&format!("{indent} */\n"));
            }
        }
    }
}

fn object(schema: &Value, indent: &str) -> String {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let inner = format!("{indent}  ");
    let mut text = String::from("{\n");
    for (name, property) in schema["properties"].as_object().unwrap() {
        comment(&mut text, &inner, property);
        let mark = if required.contains(&name.as_str()) { "" } else { "?" };
        text.push_str(&format!("{inner}{name}{mark}: {};\n", kind(property, &inner)));
    }
    text.push_str(indent);
    text.push('}');
    text
}

fn kind(schema: &Value, indent: &str) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return reference.rsplit('/').next().unwrap().to_owned();
    }
    for several in ["oneOf", "anyOf"] {
        if let Some(kinds) = schema.get(several).and_then(Value::as_array) {
            return kinds.iter().map(|one| kind(one, indent)).collect::<Vec<_>>().join(" | ");
        }
    }
    if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
        return all.iter().map(|one| kind(one, indent)).collect::<Vec<_>>().join(" & ");
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
    }
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds
            .iter()
            .map(|one| {
                let mut single = schema.clone();
                single["type"] = one.clone();
                kind(&single, indent)
            })
            .collect::<Vec<_>>()
            .join(" | "),
        Some(Value::String(one)) => match one.as_str() {
            "integer" | "number" => "number".to_owned(),
            "array" => {
                let of = kind(&schema["items"], indent);
                if of.contains(' ') { format!("({of})[]") } else { format!("{of}[]") }
            }
            "object" if schema.get("properties").is_some() => object(schema, indent),
            "object" => format!("Record<string, {}>", kind(&schema["additionalProperties"], indent)),
            other => other.to_owned(),
        },
        _ => "unknown".to_owned(),
    }
}
