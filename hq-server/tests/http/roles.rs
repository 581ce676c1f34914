//! Every route × every role: who may, may, and who may not is told so. The table is complete, or the test fails.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::{Value, json};
use server_kit::testing::bad_input::BadInput;

use crate::support::World;

/// What each operation asks for. A route that is missing here fails the test.
const TABLE: &[(&str, Needs)] = &[
    // Signing in and out, and oneself.
    ("post_sign_in", Needs::Nothing),
    ("post_refresh", Needs::Nothing),
    ("post_sign_out", Needs::Nothing),
    ("get_me", Needs::ToBeSignedIn),
    ("get_company", Needs::ToBeSignedIn),
    ("change_company", Needs::Permission("store.write")),
    ("set_prices", Needs::Permission("price.publish")),
    ("set_password", Needs::Permission("user.write")),
    ("set_pin", Needs::Permission("user.write")),
    ("delete_pin", Needs::Permission("user.write")),
    ("import_products", Needs::Permission("import.run")),
    ("get_import", Needs::Permission("import.run")),
    ("list_audit", Needs::Permission("audit.read")),
    ("report_sales", Needs::Permission("report.read")),
    ("try_tax", Needs::Permission("try_out.run")),
    ("try_cart", Needs::Permission("try_out.run")),
    // Stores and their sync.
    ("make_enrol_code", Needs::Permission("store.enrol")),
    ("revoke_store_key", Needs::Permission("store.enrol")),
    ("list_sync_stores", Needs::Permission("sync.read")),
    ("ask_store_to_pull", Needs::Permission("sync.manage")),
    ("ask_store_to_resync", Needs::Permission("sync.manage")),
    ("list_sync_incidents", Needs::Permission("sync.read")),
    ("drop_sync_incident", Needs::Permission("sync.manage")),
    ("replay_sync_incident", Needs::Permission("sync.manage")),
];

/// What the routes of an entity ask for: to read, to write.
const ENTITIES: &[(&str, &str, &str)] = &[
    ("department", "catalogue.read", "catalogue.write"),
    ("product", "catalogue.read", "catalogue.write"),
    ("tax", "catalogue.read", "tax.write"),
    ("tax_group", "catalogue.read", "tax.write"),
    ("price_level", "price.read", "price.publish"),
    ("price", "price.read", "price.publish"),
    ("barcode_rule", "catalogue.read", "catalogue.write"),
    ("customer", "customer.read", "customer.write"),
    ("promotion", "promotion.read", "promotion.write"),
    ("price_rule", "promotion.read", "promotion.write"),
    ("tax_area", "catalogue.read", "tax.write"),
    ("store", "store.read", "store.write"),
    ("register", "store.read", "store.write"),
    ("tender", "catalogue.read", "tender.write"),
    ("role", "user.read", "role.write"),
    ("user", "user.read", "user.write"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Anybody may call it.
    Nothing,
    ToBeSignedIn,
    Permission(&'static str),
}

fn table() -> BTreeMap<String, Needs> {
    let mut table: BTreeMap<String, Needs> =
        TABLE.iter().map(|(id, needs)| ((*id).to_owned(), *needs)).collect();
    for (entity, read, write) in ENTITIES {
        for verb in ["list", "count", "get"] {
            table.insert(format!("{verb}_{entity}"), Needs::Permission(read));
        }
        for verb in ["create", "change", "archive", "restore"] {
            table.insert(format!("{verb}_{entity}"), Needs::Permission(write));
        }
    }
    for verb in ["archive", "restore"] {
        table.remove(&format!("{verb}_price"));
    }
    table
}

#[tokio::test]
async fn every_route_asks_every_role_for_its_permission() {
    let world = World::new().await;
    let document: Value = serde_json::from_str(&hq_server::commands::openapi_document().unwrap()).unwrap();
    let table = table();
    let roles = world.get("/roles?limit=100").await.expect(200);
    let mut people = Vec::new();
    for role in roles["items"].as_array().unwrap() {
        let code = role["code"].as_str().unwrap();
        let permissions: BTreeSet<String> = role["permissions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word.as_str().unwrap().to_owned())
            .collect();
        let token = world.person(&format!("p-{code}"), role["id"].as_str().unwrap().parse().unwrap()).await;
        people.push((code.to_owned(), permissions, token));
    }
    let nobody = world.make("/roles", json!({ "code": "nobody", "name": "Nobody", "permissions": [] })).await;
    people.push(("nobody".to_owned(), BTreeSet::new(), world.person("p-nobody", nobody).await));

    let bodies = BadInput {
        router: world.router.clone(),
        document: document.clone(),
        token: "",
        strangers: &[],
        existing: &|_| None,
        body: &|_| None,
        left_out: &[],
    };
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(id) = operation["operationId"].as_str() else { continue };
            let Some(needs) = table.get(id).copied() else {
                wrong.push(format!("{method} {path}: {id} is not in the table"));
                continue;
            };
            seen.insert(id.to_owned());
            let method: Method = method.to_ascii_uppercase().parse().unwrap();
            // Of nobody: what it would do is not of interest, whether it is let through is.
            let address = path.replace("{id}", "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11");
            let body = bodies.body_of(operation);
            for (code, permissions, token) in &people {
                let headers = [("if-match", "\"1\"")];
                let answer = world.call(method.clone(), &address, token, body.as_ref(), &headers).await;
                let may = match needs {
                    Needs::Nothing | Needs::ToBeSignedIn => true,
                    Needs::Permission(word) => permissions.contains(word),
                };
                let refused = answer.status == 403 && answer.body["permission"].is_string();
                if refused == may || answer.status == 500 || (answer.status == 401 && needs != Needs::Nothing)
                {
                    wrong.push(format!("{method} {path} as {code}: {} {}", answer.status, answer.body));
                }
            }
        }
    }
    for id in table.keys() {
        if !seen.contains(id) {
            wrong.push(format!("{id} is in the table, and there is no such route"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
