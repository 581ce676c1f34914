//! What the engines compute from goes down, to whom it is for and to nobody else.

use std::collections::BTreeMap;

use checkout::{PriceRule, Promotion};
use serde::de::DeserializeOwned;
use shared_model::catalogue::{BarcodeRuleRecord, KitPartRecord, ProductRecord};
use shared_model::customers::CustomerRecord;
use shared_model::stores::StoreRecord;
use shared_model::tax_areas::TaxAreaRecord;
use sync_protocol::wire::Page;
use uuid::Uuid;

use crate::world::World;

async fn run(world: &World, sql: &'static str, ids: &[Uuid]) {
    let mut query = sqlx::query(sql);
    for id in ids {
        query = query.bind(*id);
    }
    query.execute(world.database.owner()).await.unwrap();
}

fn of_kind<T: DeserializeOwned>(page: &Page, kind: &str) -> Vec<T> {
    page.records
        .iter()
        .filter(|record| record.entity == kind && !record.deleted)
        .map(|record| serde_json::from_str(record.record.as_ref().unwrap().get()).unwrap())
        .collect()
}

/// Whether each promotion named in this page holds, by name of its id.
fn verdicts(page: &Page) -> BTreeMap<Uuid, bool> {
    let promotions = page.records.iter().filter(|record| record.entity == "promotion");
    promotions.map(|record| (record.id, !record.deleted)).collect()
}

const OFFER: &str = r#"{"kind": "each", "of": {"everything": true}, "effect": {"percent": "10"}}"#;

async fn promotion(world: &World, company: Uuid, id: Uuid, stores: &[Uuid]) {
    let mut when = serde_json::json!({ "from": "2026-03-01T00:00:00", "until": "2026-04-01T00:00:00" });
    if !stores.is_empty() {
        when["stores"] = serde_json::json!(stores);
    }
    sqlx::query(
        "insert into promotion (company_id, id, name, \"when\", offer) values ($1, $2, 'P', $3, $4::jsonb)
         on conflict (company_id, id) do update set \"when\" = excluded.\"when\"",
    )
    .bind(company)
    .bind(id)
    .bind(when)
    .bind(OFFER)
    .execute(world.database.owner())
    .await
    .unwrap();
}

#[tokio::test]
async fn a_promotion_of_another_store_never_travels() {
    let world = World::new().await;
    let [one, two] = world.demo.stores;
    let demo = world.demo.id;
    let (everywhere, here, there) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    promotion(&world, demo, everywhere, &[]).await;
    promotion(&world, demo, here, &[one]).await;
    promotion(&world, demo, there, &[two]).await;
    promotion(&world, world.rival.id, Uuid::now_v7(), &[]).await;
    let till = world.boxed("demo", one).await;
    let first = world.pull(&till, None).await;
    assert_eq!(verdicts(&first), BTreeMap::from([(everywhere, true), (here, true)]));
    let read = of_kind::<Promotion>(&first, "promotion");
    assert!(read.iter().all(|promotion| promotion.validate().is_ok()), "{read:?}");
    let text: String = first.records.iter().map(|record| record.record.as_ref().unwrap().get()).collect();
    assert!(!text.contains(&two.to_string()));

    // Moved to other stores, it is gone here; moved here, it comes; made everybody's, it stays.
    promotion(&world, demo, here, &[two]).await;
    promotion(&world, demo, there, &[one, two]).await;
    let second = world.pull(&till, Some(&first.tail.next)).await;
    assert_eq!(verdicts(&second), BTreeMap::from([(here, false), (there, true)]));
    promotion(&world, demo, there, &[]).await;
    let third = world.pull(&till, Some(&second.tail.next)).await;
    assert_eq!(verdicts(&third), BTreeMap::from([(there, true)]));
    run(&world, "update promotion set archived_at = now() where id = $1", &[there]).await;
    let fourth = world.pull(&till, Some(&third.tail.next)).await;
    assert_eq!(verdicts(&fourth), BTreeMap::from([(there, false)]));
}

#[tokio::test]
async fn what_the_engines_need_is_what_the_stores_types_read() {
    let world = World::new().await;
    let [one, _] = world.demo.stores;
    let demo = world.demo.id;
    let (product, kit, part, area, home, becomes) =
        (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    run(&world, "insert into product (company_id, id, department_id, name, kind, weighed, minimum_age, serial_required, open_price, open_price_min, open_price_max) values ($1, $2, $3, 'A thing', 'deposit', true, 18, true, true, 0.50, 20)", &[demo, product, world.demo.department]).await;
    run(&world, "insert into variant (company_id, id, product_id, sku) values ($1, $2, $4, 'KIT'), ($1, $3, $4, 'PART')", &[demo, kit, part, product]).await;
    run(&world, "insert into kit_part (company_id, id, kit_id, part_id, quantity) values ($1, gen_random_uuid(), $2, $3, 2.5)", &[demo, kit, part]).await;
    run(&world, "insert into barcode_rule (company_id, id, prefix, bears, item_digits, value_digits, value_decimals) values ($1, gen_random_uuid(), '21', 'price', 5, 5, 2)", &[demo]).await;
    run(&world, "insert into customer (company_id, id, code, name, customer_group, exemption_certificate, exemption_expires_on) values ($1, gen_random_uuid(), 'C1', 'Ann', 'staff', 'X', '2026-12-31')", &[demo]).await;
    run(&world, "insert into price_rule (company_id, id, name, \"of\", effect) values ($1, gen_random_uuid(), 'R', '{\"everything\": true}', '{\"discount\": \"5\"}')", &[demo]).await;
    run(&world, "insert into tax (company_id, id, code, name, kind, rate, price_included) values ($1, $2, 'v', 'VAT', 'percent', 20, true), ($1, $3, 'g', 'GST', 'percent', 5, false)", &[demo, home, becomes]).await;
    run(
        &world,
        "insert into tax_area (company_id, id, code, name, country) values ($1, $2, 'bc', 'BC', 'CA')",
        &[demo, area],
    )
    .await;
    run(&world, "insert into tax_area_mapping (company_id, id, tax_area_id, tax_id, becomes_id) values ($1, gen_random_uuid(), $2, $3, $4)", &[demo, area, home, becomes]).await;
    run(&world, "update store set tax_area_id = $2 where company_id = $1", &[demo, area]).await;
    run(
        &world,
        "insert into customer (company_id, id, code, name) values ($1, gen_random_uuid(), 'C1', 'Theirs')",
        &[world.rival.id],
    )
    .await;

    let till = world.boxed("demo", one).await;
    let page = world.pull(&till, None).await;
    let flags = of_kind::<ProductRecord>(&page, "product").remove(0);
    assert_eq!(
        (
            flags.weighed,
            flags.minimum_age,
            flags.serial_required,
            flags.open_price_max.map(|price| price.to_string())
        ),
        (true, Some(18), true, Some("20".to_owned()))
    );
    assert_eq!(of_kind::<KitPartRecord>(&page, "kit_part")[0].quantity.to_string(), "2.5");
    assert_eq!(of_kind::<BarcodeRuleRecord>(&page, "barcode_rule")[0].prefix, "21");
    let customers = of_kind::<CustomerRecord>(&page, "customer");
    assert_eq!((customers.len(), customers[0].customer_group.as_deref()), (1, Some("staff")));
    assert_eq!(of_kind::<PriceRule>(&page, "price_rule")[0].name, "R");
    assert_eq!(of_kind::<StoreRecord>(&page, "store")[0].tax_area_id.map(Uuid::from), Some(area));
    let areas = of_kind::<TaxAreaRecord>(&page, "tax_area");
    assert_eq!(areas[0].mapping[0].becomes, [becomes.into()]);

    // A change of the mapping alone brings the area again.
    run(&world, "update tax_area_mapping set becomes_id = null where company_id = $1", &[demo]).await;
    let next = world.pull(&till, Some(&page.tail.next)).await;
    assert_eq!(of_kind::<TaxAreaRecord>(&next, "tax_area")[0].mapping[0].becomes, []);
    // Whoever is archived is gone.
    run(&world, "update customer set archived_at = now() where company_id = $1", &[demo]).await;
    let last = world.pull(&till, Some(&next.tail.next)).await;
    assert!(last.records.iter().any(|record| record.entity == "customer" && record.deleted));
}
