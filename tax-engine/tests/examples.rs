//! The worked examples in `examples-data/`, each as it is and mirrored as a refund.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tax_engine::json::answer;

fn examples() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples-data");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut examples = Vec::new();
    for path in files {
        let list: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let jurisdiction = path.file_stem().unwrap().to_string_lossy().into_owned();
        for example in list {
            assert!(!example["source"].as_str().unwrap().is_empty());
            examples.push((format!("{jurisdiction}/{}", example["name"].as_str().unwrap()), example));
        }
    }
    examples
}

fn computed(document: &Value) -> Value {
    let answer =
        answer(document.to_string().as_bytes()).unwrap_or_else(|problem| panic!("{}", problem.detail()));
    serde_json::to_value(answer).unwrap()
}

fn negated(text: &str) -> String {
    match text.strip_prefix('-') {
        Some(size) => size.to_owned(),
        None if text.chars().any(|digit| ('1'..='9').contains(&digit)) => format!("-{text}"),
        None => text.to_owned(),
    }
}

/// Every amount in a result, the other way.
fn mirrored(value: &Value) -> Value {
    const NAMES: [&str; 2] = ["id", "tax_id"];
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| {
                let value = if NAMES.contains(&name.as_str()) { value.clone() } else { mirrored(value) };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(list) => list.iter().map(mirrored).collect(),
        Value::String(text) => json!(negated(text)),
        other => other.clone(),
    }
}

#[test]
fn every_example_comes_out_as_its_rule_says() {
    let examples = examples();
    assert!(examples.len() >= 120, "there are {} examples", examples.len());
    let wrong: Vec<_> = examples
        .iter()
        .filter_map(|(name, example)| {
            let computed = computed(&example["document"]);
            (computed != example["expected"])
                .then(|| format!("{name}\n  expected {}\n  computed {computed}", example["expected"]))
        })
        .collect();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_example_mirrors_as_a_refund() {
    for (name, example) in examples() {
        let mut document = example["document"].clone();
        for line in document["lines"].as_array_mut().unwrap() {
            let quantity = negated(line["quantity"].as_str().unwrap());
            line["quantity"] = json!(quantity);
        }
        assert_eq!(computed(&document), mirrored(&example["expected"]), "{name}");
    }
}

#[test]
fn an_array_of_documents_is_answered_in_its_order() {
    let examples = examples();
    let documents: Vec<_> = examples.iter().map(|(_, example)| example["document"].clone()).collect();
    let expected: Vec<_> = examples.iter().map(|(_, example)| example["expected"].clone()).collect();
    assert_eq!(computed(&json!(documents)), json!(expected));
}
