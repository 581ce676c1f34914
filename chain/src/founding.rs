//! Makes a chain out of nothing, through the interfaces that its owners would use: company, taxes, departments, goods,
//! tenders, stores, registers, people.

use std::collections::HashMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use crate::api::Api;
use crate::departments::DEPARTMENTS;
use crate::goods::Good;

/// The demo's password for HQ and back office.
pub const PASSWORD: &str = "tradepost";
/// Cashiers and their PINs.
pub const CASHIERS: [(&str, &str, &str); 2] = [("ana", "Ana", "1234"), ("ben", "Ben", "2345")];
/// The company's code.
pub const COMPANY: &str = "demo";
/// Registers of each store.
pub const REGISTERS: [&str; 4] = ["R01", "R02", "R03", "R04"];

/// A store as it was founded.
#[derive(Debug, Clone)]
pub struct FoundStore {
    /// Its code.
    pub code: String,
    /// Its id.
    pub id: String,
}

fn id(made: &Value) -> Result<String> {
    made.get("id")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| anyhow!("an answer without id: {made}"))
}

/// Founds everything but the stores' servers. `stores`: code and name.
pub async fn found(hq: &Api, goods: &[Good], stores: &[(String, String)]) -> Result<Vec<FoundStore>> {
    let vat = |code: &str, name: &str, rate: &str| json!({"code": code, "name": name, "kind": "percent", "rate": rate, "price_included": true});
    let standard_rate = id(&hq.post("/api/v1/taxes", &vat("vat20", "VAT 20 %", "20")).await?)?;
    let zero_rate = id(&hq.post("/api/v1/taxes", &vat("vat0", "VAT 0 %", "0")).await?)?;
    let group = |code: &str, name: &str, tax: &str| json!({"code": code, "name": name, "tax_ids": [tax]});
    let standard =
        id(&hq.post("/api/v1/tax-groups", &group("standard", "Standard rate", &standard_rate)).await?)?;
    let zero = id(&hq.post("/api/v1/tax-groups", &group("zero", "Zero rate", &zero_rate)).await?)?;

    let mut departments: HashMap<&str, String> = HashMap::new();
    for department in DEPARTMENTS {
        let parent = department.parent.and_then(|parent| departments.get(parent));
        let body = json!({"code": department.code, "name": department.name, "parent_id": parent,
            "tax_group_id": if department.zero_rated { &zero } else { &standard }});
        departments.insert(department.code, id(&hq.post("/api/v1/departments", &body).await?)?);
    }

    for (position, (code, name, kind, change)) in
        [("cash", "Cash", "cash", true), ("card", "Card", "card_standalone", false)].into_iter().enumerate()
    {
        let body =
            json!({"code": code, "name": name, "kind": kind, "allows_change": change, "position": position});
        hq.post("/api/v1/tenders", &body).await?;
    }

    let mut founded = Vec::with_capacity(stores.len());
    for (code, name) in stores {
        let body = json!({"code": code, "name": name, "time_zone": "Europe/London", "currency": "GBP",
            "legal_name": "Tradepost Demo Ltd", "address": format!("{name}\n1 High Street, London"), "tax_number": "GB 000 0000 00"});
        let store = id(&hq.post("/api/v1/stores", &body).await?)?;
        for register in REGISTERS {
            let body = json!({"store_id": store, "code": register, "name": format!("Till {register}")});
            hq.post("/api/v1/registers", &body).await?;
        }
        founded.push(FoundStore { code: code.clone(), id: store });
    }

    people(hq, &founded).await?;
    import(hq, goods).await.context("importing the goods")?;
    Ok(founded)
}

async fn people(hq: &Api, stores: &[FoundStore]) -> Result<()> {
    let roles = hq.get("/api/v1/roles?limit=100").await?;
    let role = |code: &str| -> Result<String> {
        let items = roles.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let found = items.iter().find(|role| role.get("code").and_then(Value::as_str) == Some(code));
        id(found.ok_or_else(|| anyhow!("HQ has no ready-made role {code}"))?)
    };
    let everywhere = |role: &str| {
        stores.iter().map(|store| json!({"store_id": store.id, "role_id": role})).collect::<Vec<_>>()
    };
    let (cashier, store_manager) = (role("cashier")?, role("store-manager")?);
    let manager = json!({"login": "manager", "name": "Manager", "role_id": role("hq-manager")?, "stores": everywhere(&store_manager)});
    let ops = json!({"login": "ops", "name": "Ops", "role_id": role("ops")?});
    for person in [manager, ops] {
        let person = id(&hq.post("/api/v1/users", &person).await?)?;
        hq.put(&format!("/api/v1/users/{person}/password"), &json!({"password": PASSWORD})).await?;
    }
    for (login, name, pin) in CASHIERS {
        let person = id(&hq
            .post("/api/v1/users", &json!({"login": login, "name": name, "stores": everywhere(&cashier)}))
            .await?)?;
        hq.put(&format!("/api/v1/users/{person}/pin"), &json!({"pin": pin})).await?;
    }
    Ok(())
}

/// The goods as the CSV that HQ imports.
#[must_use]
pub fn csv(goods: &[Good]) -> String {
    let mut csv = String::from("sku,name,department_code,price,barcodes\n");
    for (place, good) in goods.iter().enumerate() {
        let name = good.name.replace('"', "\"\"");
        // The data has no barcodes: in-house EAN-13 codes (prefix 20) stand in for them.
        let _ = writeln!(
            csv,
            "{},\"{name}\",{},{},{}",
            good.sku,
            good.department,
            good.price,
            in_house_ean(place)
        );
    }
    csv
}

async fn import(hq: &Api, goods: &[Good]) -> Result<()> {
    let answer = hq.post_bytes("/api/v1/import/products", "text/csv", csv(goods).into_bytes()).await?;
    match answer.get("created").and_then(Value::as_u64) {
        Some(created) if created == goods.len() as u64 => Ok(()),
        _ => Err(anyhow!("HQ took fewer goods than there are: {answer}")),
    }
}

/// An EAN-13 of the range that shops may use as they like.
#[must_use]
pub fn in_house_ean(number: usize) -> String {
    let digits = format!("20{number:010}");
    let sum: u32 = digits
        .bytes()
        .enumerate()
        .map(|(place, digit)| u32::from(digit - b'0') * if place % 2 == 0 { 1 } else { 3 })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_ean_13() {
        assert_eq!(in_house_ean(123_456_789), "2001234567893");
        assert_eq!(in_house_ean(0).len(), 13);
    }
}
