//! The OpenAPI document is what the web client's types were made from.

#[test]
fn the_committed_document_is_the_one_that_the_code_has() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../web-client/openapi/hq.json");
    // How it is laid out is the web client's formatter's business.
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
    let committed = read(&std::fs::read_to_string(file).unwrap_or_default());
    let fresh = read(&hq_server::commands::openapi_document().unwrap());
    assert!(
        committed == fresh,
        "{file} is not what `hq-server openapi` prints: write it anew, and the web client's types with it"
    );
}
