//! The corpus that the browser's build is compared with: each line a call and what this build, the native one, answers.
//! The worked examples of `checkout`, and carts that vary them, from a seed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's program")]

use browser_core::Desk;
use checkout::worlds::{Spec, World, payment_id};
use serde_json::{Value, json};
use shared_model::Quantity;

/// A small generator (xorshift), so that every run makes the same carts.
struct Seed(u64);

impl Seed {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn main() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../checkout/examples-data");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut seed = Seed(0x5eed_2026);
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
        let examples: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        for example in examples {
            let spec: Spec = serde_json::from_value(example.get("sale").unwrap().clone()).unwrap();
            let world = World::new(spec);
            calls(&world, "");
            for _ in 0..20 {
                calls(&varied(&world, &mut seed), "");
            }
        }
    }
    calls(&World::large(), "20 lines against 200 promotions");
}

/// Other quantities, lines left out, lines twice.
fn varied(world: &World, seed: &mut Seed) -> World {
    let mut world = world.clone();
    for line in &mut world.cart.lines {
        let is_whole = line.quantity.units(0).is_ok();
        let units = i128::from(1 + seed.next(if is_whole { 12 } else { 9_000 }));
        line.quantity = Quantity::from_units(units, if is_whole { 0 } else { 3 }).unwrap();
    }
    if seed.next(3) == 0 && world.cart.lines.len() > 1 {
        world.cart.lines.rotate_left(1);
    }
    world
}

fn calls(world: &World, name: &str) {
    let text = |value: Value| value.to_string();
    let catalogue = serde_json::to_value(&world.catalogue).unwrap();
    let rules = serde_json::to_value(&world.rules).unwrap();
    let tenders = serde_json::to_value(&world.tenders).unwrap();
    let desk = Desk::new(&catalogue.to_string(), &rules.to_string(), &tenders.to_string()).unwrap();
    let cart = serde_json::to_value(&world.cart).unwrap();
    let computed = desk.compute(&cart.to_string()).unwrap();
    let mut line = json!({
        "name": name, "catalogue": catalogue, "rules": rules, "tenders": tenders, "cart": cart, "computed": computed,
    });
    if let Ok(sale) = world.compute() {
        let payments = serde_json::to_value(&world.payments).unwrap();
        let sale_json = text(serde_json::to_value(&sale).unwrap());
        line["payments"] = payments.clone();
        line["settled"] = json!(desk.settle(&sale_json, &payments.to_string()).unwrap());
        if sale.total.is_positive() {
            let completed = world.completed();
            let asked = json!([{"id": payment_id(900), "line_id": completed.lines[0].id, "quantity": "1"}]);
            let receipt = json!({"sale": completed});
            let ids = json!([payment_id(901), payment_id(902), payment_id(903)]);
            let cash = tenders[0]["id"].as_str().map(ToOwned::to_owned);
            let rest = cash.as_deref();
            line["proved"] = json!(Desk::prove(&receipt["sale"].to_string()).unwrap());
            line["refunded"] =
                json!(desk.refund(&asked.to_string(), &receipt.to_string(), &ids.to_string(), rest).unwrap());
            let payment = text(ids.clone());
            let line_ids: Value =
                (0..completed.lines.len()).map(|at| json!(payment_id(1_000 + at))).collect();
            line["voided"] =
                json!(Desk::void(&receipt.to_string(), &line_ids.to_string(), &payment).unwrap());
            line["line_ids"] = line_ids;
            let exchanged =
                desk.exchange(&cart.to_string(), &asked.to_string(), &receipt.to_string()).unwrap();
            // Bought for nothing, so that something is owed back.
            let mut free = world.clone();
            free.cart.lines.truncate(1);
            free.cart.reduction = None;
            free.cart.lines[0].unit_price = Some("0".parse().unwrap());
            "as agreed".clone_into(&mut free.cart.lines[0].unit_price_reason);
            let free = serde_json::to_value(&free.cart).unwrap();
            let swapped = desk.exchange(&free.to_string(), &asked.to_string(), &receipt.to_string()).unwrap();
            let swapped_value: Value = serde_json::from_str(&swapped).unwrap();
            if let Some(sale) = swapped_value.get("ok") {
                let given = desk.give_back(&sale.to_string(), &receipt.to_string(), &payment, rest).unwrap();
                line["given_back"] = json!(given);
            }
            line["exchanged"] = json!(exchanged);
            line["swapped"] = json!(swapped);
            line["swap"] = free;
            line["asked"] = asked;
            line["receipt"] = receipt;
            line["payment_ids"] = ids;
            line["rest_tender"] = json!(rest);
        }
    }
    println!("{line}");
}
