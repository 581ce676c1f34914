//! The OpenAPI document is what the web client's types were made from.

#[test]
fn the_committed_document_is_the_one_that_the_code_has() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../web-client/openapi/hq.json");
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    let fresh = hq_server::commands::openapi_document().unwrap();
    assert!(
        committed.trim_end() == fresh.trim_end(),
        "{file} is not what `hq-server openapi` prints: write it anew, and the web client's types with it"
    );
}
