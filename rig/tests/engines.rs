//! What HQ's engines say of a cart, and what a store then takes for it: the same programs, the same records, the same cent.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rig::{Rig, STORE};
use serde_json::{Value, json};
use uuid::Uuid;

/// How long a change at HQ may take to a store.
const WITHIN: Duration = Duration::from_mins(1);

fn id(record: &Value) -> Result<String> {
    record["id"].as_str().map(ToOwned::to_owned).with_context(|| format!("no id in {record}"))
}

fn at(value: &Value, pointer: &str) -> Value {
    value.pointer(pointer).cloned().unwrap_or_default()
}

/// Of a line, what both sides must say alike.
fn told(lines: &Value) -> Vec<Value> {
    let told =
        ["sku", "quantity", "unit_price", "price_reason", "reductions", "net", "tax", "gross", "taxes"];
    let lines = lines.as_array().cloned().unwrap_or_default();
    lines.iter().map(|line| told.iter().map(|name| line[*name].clone()).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_takes_what_the_try_out_at_hq_says() -> Result<()> {
    let rig = Rig::start(4).await?;
    let (hq, store) = (rig.chain.at_hq().await?, rig.chain.cashier(STORE).await?);
    let products = hq.get("/api/v1/products?limit=2").await?;
    let sku = |at_place: usize| at(&products, &format!("/items/{at_place}/variants/0/sku"));
    let shop = hq.get(&format!("/api/v1/stores?code={STORE}")).await?;
    let now = chrono::Utc::now().naive_utc();
    let (from, until) = (now - chrono::Duration::days(2), now + chrono::Duration::days(2));
    let when = |more: Value| {
        let mut when = json!({ "from": from.format("%Y-%m-%dT00:00:00").to_string(), "until": until.format("%Y-%m-%dT00:00:00").to_string() });
        for (name, value) in more.as_object().into_iter().flatten() {
            when[name] = value.clone();
        }
        when
    };
    let members = json!({ "code": "C-1", "name": "Ann", "customer_group": "members" });
    let customer = id(&hq.post("/api/v1/customers", &members).await?)?;
    for promotion in [
        json!({ "name": "Three for two", "priority": 1, "when": when(json!({ "stores": [at(&shop, "/items/0/id")] })),
            "offer": { "kind": "mix_and_match", "of": { "everything": true }, "quantity": 3, "effect": { "cheapest_free": 1 } } }),
        json!({ "name": "Members", "when": when(json!({ "customer_groups": ["members"] })),
            "offer": { "kind": "each", "of": { "products": [at(&products, "/items/0/id")] }, "effect": { "percent": "7.5" } } }),
        json!({ "name": "Coupon", "priority": 2, "when": when(json!({ "coupon": "SPRING" })),
            "offer": { "kind": "threshold", "of": { "everything": true }, "at_least": "1", "effect": { "amount": "0.50" } } }),
    ] {
        hq.post("/api/v1/promotions", &promotion).await?;
    }
    let session = Uuid::now_v7();
    let opened = json!({ "register": "R01", "opening_float": "100.00" });
    store.put(&format!("/api/v1/register-sessions/{session}"), &opened).await?;
    let lines = json!([{ "sku": sku(0), "quantity": "5" }, { "sku": sku(1), "quantity": "2" }]);
    for (customer, coupons) in
        [(None, json!([])), (Some(&customer), json!([])), (Some(&customer), json!(["SPRING"]))]
    {
        let asked = json!({ "store": STORE, "lines": lines, "customer_id": customer, "coupons": coupons });
        let tried = hq.post("/api/v1/try-outs/cart", &asked).await?;
        ensure!(tried["promotions"].as_array().is_some_and(|some| !some.is_empty()), "no promotion: {tried}");
        let line = |line: &Value| {
            let mut line = line.clone();
            line["id"] = json!(Uuid::now_v7());
            line
        };
        let lines: Vec<Value> = lines.as_array().into_iter().flatten().map(line).collect();
        let mut body = json!({ "register_session_id": session, "lines": lines, "coupons": coupons, "expected_total": tried["total"],
            "payments": [{ "id": Uuid::now_v7(), "tender": "card", "amount": tried["total"] }] });
        if let Some(customer) = customer {
            body["customer_id"] = json!(customer);
        }
        // Until the store has heard of it, it refuses the total or the customer, and nothing is kept.
        let begun = Instant::now();
        let sale = loop {
            match store.put(&format!("/api/v1/sales/{}", Uuid::now_v7()), &body).await {
                Ok(sale) => break sale,
                Err(error) if begun.elapsed() > WITHIN => bail!("the store still says {error:#}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        for name in ["total", "tax", "promotions", "taxes"] {
            ensure!(sale[name] == tried[name], "{name}: the store says {}, HQ {}", sale[name], tried[name]);
        }
        ensure!(told(&sale["lines"]) == told(&tried["lines"]), "{} is not {}", sale["lines"], tried["lines"]);
    }
    rig.agreed().await?;
    rig.stop().await
}
