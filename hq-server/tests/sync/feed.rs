//! What a store is sent, and what never.

use std::collections::BTreeMap;

use axum::http::header;
use sync_protocol::wire::{Cursor, Page, Tag, read_page};
use uuid::Uuid;

use crate::world::World;

fn by_kind(page: &Page) -> BTreeMap<&str, usize> {
    let mut kinds = BTreeMap::new();
    for record in &page.records {
        *kinds.entry(record.entity.as_str()).or_default() += 1;
    }
    kinds
}

async fn run(world: &World, sql: &'static str, ids: &[Uuid]) {
    let mut query = sqlx::query(sql);
    for id in ids {
        query = query.bind(*id);
    }
    query.execute(world.database.owner()).await.unwrap();
}

#[tokio::test]
async fn a_store_gets_its_company_its_own_place_and_nothing_of_others() {
    let world = World::new().await;
    let [one, two] = world.demo.stores;
    let (product, variant) = (Uuid::now_v7(), Uuid::now_v7());
    let demo = world.demo.id;
    run(
        &world,
        "insert into product (company_id, id, department_id, name) values ($1, $2, $3, 'A thing')",
        &[demo, product, world.demo.department],
    )
    .await;
    run(
        &world,
        "insert into variant (company_id, id, product_id, sku) values ($1, $2, $3, 'A1')",
        &[demo, variant, product],
    )
    .await;
    run(&world, "insert into price (company_id, id, variant_id, kind, amount) values ($1, gen_random_uuid(), $2, 'regular', 6.50)", &[demo, variant]).await;
    run(&world, "insert into price (company_id, id, variant_id, store_id, kind, amount) values ($1, gen_random_uuid(), $2, $3, 'regular', 7), ($1, gen_random_uuid(), $2, $4, 'regular', 8)", &[demo, variant, one, two]).await;
    run(&world, "insert into register (company_id, id, store_id, code) values ($1, gen_random_uuid(), $2, 'R01'), ($1, gen_random_uuid(), $3, 'R01')", &[demo, one, two]).await;
    run(&world, "insert into tax (company_id, id, code, name, kind, rate, price_included) values ($1, gen_random_uuid(), 'v', 'VAT', 'percent', 20, true)", &[demo]).await;
    run(
        &world,
        "insert into tax_group (company_id, id, code, name) values ($1, gen_random_uuid(), 'g', 'G')",
        &[demo],
    )
    .await;
    run(&world, "insert into tax_group_tax (company_id, id, tax_group_id, tax_id) select $1, gen_random_uuid(), g.id, t.id from tax_group g, tax t", &[demo]).await;
    run(&world, "insert into tender (company_id, id, code, name, kind, cash_rounding) values ($1, gen_random_uuid(), 'cash', 'Cash', 'cash', 0.05)", &[demo]).await;
    run(&world, "insert into price_level (company_id, id, code, name) values ($1, gen_random_uuid(), 'trade', 'Trade')", &[demo]).await;
    run(
        &world,
        "insert into barcode (company_id, id, variant_id, code) values ($1, gen_random_uuid(), $2, '5010')",
        &[demo, variant],
    )
    .await;

    let till = world.boxed("demo", one).await;
    let page = world.pull(&till, None).await;
    let kinds = by_kind(&page);
    for (kind, count) in [
        ("company", 1),
        ("store", 1),
        ("register", 1),
        ("staff", 1),
        ("role", 1),
        ("department", 1),
        ("product", 1),
        ("variant", 1),
        ("barcode", 1),
        ("price", 2),
        ("tax", 1),
        ("tax_group", 1),
        ("tax_group_tax", 1),
        ("tender", 1),
        ("price_level", 1),
    ] {
        assert_eq!(kinds.get(kind), Some(&count), "{kind} in {kinds:?}");
    }
    assert!(page.records.iter().all(|record| !record.deleted));
    let text = page.records.iter().map(|record| record.record.as_ref().unwrap().get()).collect::<String>();
    assert!(!text.contains("rival") && !text.contains(&two.to_string()), "{text}");
    assert!(text.contains(r#""amount":"6.5""#) && text.contains(r#""cash_rounding" : "0.05""#), "{text}");
}

#[tokio::test]
async fn every_record_is_what_the_stores_types_read() {
    let world = World::new().await;
    let till = world.boxed("demo", world.demo.stores[0]).await;
    for record in world.pull(&till, None).await.records {
        let text = record.record.unwrap();
        let read = match record.entity.as_str() {
            "company" => serde_json::from_str::<shared_model::stores::CompanyRecord>(text.get()).map(drop),
            "store" => serde_json::from_str::<shared_model::stores::StoreRecord>(text.get()).map(drop),
            "role" => serde_json::from_str::<shared_model::people::RoleRecord>(text.get()).map(drop),
            "staff" => serde_json::from_str::<shared_model::people::StaffRecord>(text.get()).map(drop),
            "department" => {
                serde_json::from_str::<shared_model::catalogue::DepartmentRecord>(text.get()).map(drop)
            }
            other => panic!("{other}"),
        };
        read.unwrap_or_else(|error| panic!("{}: {error}: {}", record.entity, text.get()));
    }
}

#[tokio::test]
async fn a_store_that_is_behind_gets_each_record_once_as_it_is_now() {
    let world = World::new().await;
    let till = world.boxed("demo", world.demo.stores[0]).await;
    let start = world.pull(&till, None).await;
    let department = world.demo.department;
    for _ in 0..20 {
        run(
            &world,
            "update department set name = name || 'x' where company_id = $1 and id = $2",
            &[world.demo.id, department],
        )
        .await;
    }
    let page = world.pull(&till, Some(&start.tail.next)).await;
    assert_eq!(page.records.len(), 1);
    assert!(page.records[0].record.as_ref().unwrap().get().contains("xxxxxxxxxxxxxxxxxxxx"));
    assert_eq!(page.head.position, start.head.position + 20);
    let nothing = world.pull(&till, Some(&page.tail.next)).await;
    assert!(nothing.records.is_empty() && nothing.tail.complete);
}

#[tokio::test]
async fn what_is_gone_is_a_tombstone_but_not_for_who_never_had_it() {
    let world = World::new().await;
    let [one, two] = world.demo.stores;
    let till = world.boxed("demo", one).await;
    let level = Uuid::now_v7();
    let product = Uuid::now_v7();
    let (variant, price) = (Uuid::now_v7(), Uuid::now_v7());
    let demo = world.demo.id;
    run(
        &world,
        "insert into price_level (company_id, id, code, name) values ($1, $2, 'trade', 'Trade')",
        &[demo, level],
    )
    .await;
    run(
        &world,
        "insert into product (company_id, id, department_id, name) values ($1, $2, $3, 'A thing')",
        &[demo, product, world.demo.department],
    )
    .await;
    run(
        &world,
        "insert into variant (company_id, id, product_id, sku) values ($1, $2, $3, 'A1')",
        &[demo, variant, product],
    )
    .await;
    run(&world, "insert into price (company_id, id, variant_id, store_id, kind, amount) values ($1, $2, $3, $4, 'regular', 7)", &[demo, price, variant, one]).await;
    let before = world.pull(&till, None).await;
    assert!(before.records.iter().any(|record| record.id == price && !record.deleted));
    // Archived, and moved to another store: both are gone for this one.
    run(
        &world,
        "update price_level set archived_at = now() where company_id = $1 and id = $2",
        &[demo, level],
    )
    .await;
    run(&world, "update price set store_id = $3 where company_id = $1 and id = $2", &[demo, price, two])
        .await;
    let after = world.pull(&till, Some(&before.tail.next)).await;
    let gone: Vec<Uuid> =
        after.records.iter().filter(|record| record.deleted).map(|record| record.id).collect();
    assert!(gone.contains(&level) && gone.contains(&price) && after.records.len() == 2, "{after:?}");
    let fresh = world.pull(&till, None).await;
    assert!(fresh.records.iter().all(|record| !record.deleted));
    let other = world.boxed("demo", two).await;
    assert!(
        world.pull(&other, None).await.records.iter().any(|record| record.id == price && !record.deleted)
    );
}

#[tokio::test]
async fn who_is_switched_off_or_renamed_travels_as_staff() {
    let world = World::new().await;
    let till = world.boxed("demo", world.demo.stores[0]).await;
    let start = world.pull(&till, None).await;
    run(
        &world,
        "update app_user set active = false where company_id = $1 and id = $2",
        &[world.demo.id, world.demo.manager],
    )
    .await;
    let page = world.pull(&till, Some(&start.tail.next)).await;
    assert_eq!(page.records.len(), 1);
    assert_eq!(page.records[0].entity, "staff");
    assert!(page.records[0].record.as_ref().unwrap().get().contains(r#""active" : false"#));
    run(
        &world,
        "delete from user_store where company_id = $1 and user_id = $2",
        &[world.demo.id, world.demo.manager],
    )
    .await;
    let gone = world.pull(&till, Some(&page.tail.next)).await;
    assert!(gone.records.len() == 1 && gone.records[0].deleted);
}

#[tokio::test]
async fn a_cursor_of_another_history_is_refused_and_of_no_history_too() {
    let world = World::new().await;
    let till = world.boxed("demo", world.demo.stores[0]).await;
    let page = world.pull(&till, None).await;
    for cursor in [
        Cursor::at(page.head.position + 5, page.head.tag),
        Cursor::at(page.head.position, Tag(Uuid::from_u128(1))),
    ] {
        let answer = world.feed(&till, Some(&cursor)).await;
        assert_eq!(answer.status, 409);
        assert_eq!(answer.json()["type"], "/problems/feed-rewound");
        assert_eq!(answer.json()["head"], page.head.position);
    }
    let bad = world.send(till.get("/sync/v1/feed?after=nonsense")).await;
    assert_eq!((bad.status.as_u16(), bad.json()["errors"][0]["pointer"].as_str()), (422, Some("/after")));
    assert_eq!(world.send(till.get("/sync/v1/feed?schema=99")).await.status, 426);
    // Another company's cursor is another history's.
    let rival = world.boxed("rival", world.rival.stores[0]).await;
    assert_eq!(world.feed(&rival, Some(&page.tail.next)).await.status, 409);
}

#[tokio::test]
async fn many_records_come_in_pages_that_end_in_one_checkpoint() {
    let world = World::new().await;
    let till = world.boxed("demo", world.demo.stores[0]).await;
    sqlx::query("insert into product (company_id, id, department_id, name) select $1, gen_random_uuid(), $2, 'thing ' || i from generate_series(1, 25000) i")
        .bind(world.demo.id).bind(world.demo.department).execute(world.database.owner()).await.unwrap();
    let mut after: Option<Cursor> = None;
    let (mut pages, mut products) = (0, std::collections::BTreeSet::new());
    loop {
        let request = axum::http::Request::get(format!(
            "/sync/v1/feed?schema=1{}",
            after.as_ref().map(|cursor| format!("&after={}", cursor.encode())).unwrap_or_default()
        ))
        .header(header::AUTHORIZATION, format!("Bearer {}", till.token()))
        .header(header::ACCEPT_ENCODING, "zstd")
        .body(axum::body::Body::empty())
        .unwrap();
        let answer = world.send(request).await;
        let page = read_page(&zstd::decode_all(answer.bytes.as_slice()).unwrap()).unwrap();
        pages += 1;
        products
            .extend(page.records.iter().filter(|record| record.entity == "product").map(|record| record.id));
        if pages == 1 {
            // What changes while the store pulls comes at the end, and makes the last page's checkpoint.
            run(
                &world,
                "update department set name = 'new' where company_id = $1 and id = $2",
                &[world.demo.id, world.demo.department],
            )
            .await;
        }
        if page.tail.complete {
            assert!(page.records.iter().any(|record| record.id == world.demo.department));
            break;
        }
        after = Some(page.tail.next);
    }
    assert!((3..=6).contains(&pages), "{pages} pages");
    assert_eq!(products.len(), 25_000);
}
