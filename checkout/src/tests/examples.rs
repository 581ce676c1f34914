//! Worked examples as data: `examples-data/*.json`, each with what it comes to and where the rule comes from.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use shared_model::Amount;
use shared_model::selling::SaleCompleted;

use super::refunds::give_all_back;
use super::{Spec, World, completed, refused};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    name: String,
    source: String,
    sale: Spec,
    expect: Expected,
}

/// What an example comes to; what is not said is not looked at.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Expected {
    total: Option<Amount>,
    net: Option<Amount>,
    tax: Option<Amount>,
    /// Each line's gross.
    lines: Option<Vec<Amount>>,
    /// Each tax's base and amount, by code.
    taxes: BTreeMap<String, (Amount, Amount)>,
    change: Option<Amount>,
    rounding: Option<Amount>,
    /// By name: what each promotion took off.
    promotions: Option<BTreeMap<String, Amount>>,
    /// Parts that come back one after another, by line and quantity, with what is handed over for each.
    refunds: Vec<(usize, String, Amount)>,
    /// The pointers and codes that it is refused with.
    refused: Vec<(String, String)>,
}

#[test]
fn every_worked_example_comes_to_what_it_says() {
    let mut count = 0;
    let mut wrong = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples-data");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
        let text = std::fs::read_to_string(file).unwrap();
        let examples: Vec<Value> =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        for example in examples {
            let name = example["name"].to_string();
            let example: Example =
                serde_json::from_value(example).unwrap_or_else(|error| panic!("{file:?} {name}: {error}"));
            assert!(!example.source.is_empty(), "{name} says where its rule comes from");
            wrong.extend(check(&example).into_iter().map(|what| format!("{}: {what}", example.name)));
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 40, "{count} examples");
}

fn check(example: &Example) -> Vec<String> {
    let world = World::new(example.sale.clone());
    let expect = &example.expect;
    let sale = match world.compute() {
        Ok(sale) => sale,
        Err(refusals) => {
            let said: Vec<(String, String)> = refused::<()>(Err(refusals))
                .into_iter()
                .map(|(pointer, code)| (pointer, code.to_owned()))
                .collect();
            return if said == expect.refused { vec![] } else { vec![format!("refused with {said:?}")] };
        }
    };
    let mut wrong = Vec::new();
    let mut compare = |what: &str, said: Option<Amount>, is: Amount| {
        if said.is_some_and(|said| said != is) {
            wrong.push(format!("{what} is {is}"));
        }
    };
    compare("total", expect.total, sale.total);
    compare("net", expect.net, sale.net);
    compare("tax", expect.tax, sale.tax);
    for (code, (base, amount)) in &expect.taxes {
        let of = |field: fn(&shared_model::selling::DocumentTax) -> Amount| {
            Amount::sum(sale.taxes.iter().filter(|tax| tax.code == *code).map(field)).unwrap()
        };
        compare(&format!("base of {code}"), Some(*base), of(|tax| tax.base));
        compare(&format!("amount of {code}"), Some(*amount), of(|tax| tax.amount));
    }
    if let Some(lines) = &expect.lines {
        let gross: Vec<Amount> = sale.lines.iter().map(|line| line.gross).collect();
        if *lines != gross {
            wrong.push(format!("lines are {gross:?}"));
        }
    }
    if let Some(promotions) = &expect.promotions {
        let earned: BTreeMap<String, Amount> =
            sale.promotions.iter().map(|promotion| (promotion.name.clone(), promotion.amount)).collect();
        if *promotions != earned {
            wrong.push(format!("promotions are {earned:?}"));
        }
    }
    if world.payments.is_empty() {
        world.completed();
    } else {
        match world.settle(&sale) {
            Ok(settlement) => wrong.extend(check_payments(&world, &completed(sale, settlement), expect)),
            Err(refusals) => wrong.push(format!("payments: {refusals}")),
        }
    }
    if !expect.refused.is_empty() {
        wrong.push("is not refused".to_owned());
    }
    wrong
}

fn check_payments(world: &World, sale: &SaleCompleted, expect: &Expected) -> Vec<String> {
    let mut wrong = Vec::new();
    if expect.change.is_some_and(|change| change != sale.change) {
        wrong.push(format!("change is {}", sale.change));
    }
    if expect.rounding.is_some_and(|rounding| rounding != sale.rounding) {
        wrong.push(format!("rounding is {}", sale.rounding));
    }
    let parts: Vec<(usize, &str)> =
        expect.refunds.iter().map(|(line, quantity, _)| (*line, quantity.as_str())).collect();
    let given: Vec<Amount> = give_all_back(world, sale, &parts)
        .iter()
        .map(|back| Amount::sum(back.payments.iter().map(|payment| payment.amount)).unwrap().negate())
        .collect();
    let want: Vec<Amount> = expect.refunds.iter().map(|(_, _, amount)| *amount).collect();
    if given != want {
        wrong.push(format!("refunds give back {given:?}"));
    }
    wrong
}
