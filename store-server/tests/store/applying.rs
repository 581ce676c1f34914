//! A store moves from one whole checkpoint to the next.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::*;

async fn found(shop: &Shop, token: &str, code: &str) -> Value {
    shop.send(Some(token), "GET", &format!("/api/v1/products/by-barcode/{code}"), None).await.ok()
}

#[tokio::test]
async fn two_products_may_swap_sku_and_barcode_in_one_checkpoint() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let variant = |product: u128, sku: &str| json!({"product_id": id(product), "sku": sku, "name": "", "position": 0, "archived": false});
    let barcode = |variant: u128, code: &str| json!({"variant_id": id(variant), "code": code});
    shop.checkpoint(
        2,
        false,
        vec![
            ("variant", id(MUG_VARIANT), Some(variant(MUG, "BOOK-1"))),
            ("variant", id(BOOK_VARIANT), Some(variant(BOOK, "MUG-RED"))),
            ("barcode", id(MUG_VARIANT + 100), Some(barcode(MUG_VARIANT, "5000000000024"))),
            ("barcode", id(BOOK_VARIANT + 100), Some(barcode(BOOK_VARIANT, "5000000000017"))),
        ],
    )
    .await;
    let mug = found(&shop, &manager, "5000000000024").await;
    assert_eq!(
        (mug["sku"].as_str(), mug["variant_id"].as_str()),
        (Some("BOOK-1"), Some(&*id(MUG_VARIANT).to_string()))
    );
    let session = shop.open_session(&manager, "R01").await;
    let sale =
        shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "BOOK-1", "1", "7.95")).await.ok();
    assert_eq!(sale["lines"][0]["name"], "Red café mug");
}

#[tokio::test]
async fn what_is_gone_is_marked_and_no_longer_sold_and_comes_back() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    shop.checkpoint(2, false, vec![("variant", id(MUG_VARIANT), None), ("price", id(52), None)]).await;
    let by_id = |variant: u128, total: &str| {
        let mut body = simple_sale(session, "x", "1", total);
        body["lines"][0] = json!({"id": Uuid::now_v7(), "variant_id": id(variant), "quantity": "1"});
        body
    };
    let problem = shop
        .put_sale(&manager, Uuid::now_v7(), &by_id(MUG_VARIANT, "7.95"))
        .await
        .refused(422, "invalid-input");
    assert_eq!(problem["errors"][0]["code"], "no_longer_sold");
    let problem = shop
        .put_sale(&manager, Uuid::now_v7(), &by_id(BOOK_VARIANT, "12.50"))
        .await
        .refused(422, "invalid-input");
    assert_eq!(problem["errors"][0]["code"], "no_price");
    shop.send(Some(&manager), "GET", "/api/v1/products/by-barcode/5000000000017", None)
        .await
        .refused(404, "not-found");
    // A resync that names it again brings it back.
    shop.stage_world().await;
    // (Its people have other PINs, so they sign in again.)
    let manager = shop.manager().await;
    shop.put_sale(&manager, Uuid::now_v7(), &by_id(MUG_VARIANT, "7.95")).await.ok();
    let rows: i64 =
        sqlx::query_scalar("select count(*) from from_hq.variant").fetch_one(shop.pool()).await.unwrap();
    assert_eq!(rows, 3, "nothing is deleted");
}

#[tokio::test]
async fn a_resync_marks_what_it_does_not_name() {
    let shop = Shop::open().await;
    let keep = json!({"code": "standard", "name": "Standard"});
    shop.checkpoint(2, true, vec![("tax_group", id(STANDARD), Some(keep))]).await;
    let deleted: Vec<(Uuid, bool)> = sqlx::query_as("select id, deleted from from_hq.tax_group order by id")
        .fetch_all(shop.pool())
        .await
        .unwrap();
    assert_eq!(deleted, [(id(STANDARD), false), (id(ZERO), true)]);
    let products: i64 = sqlx::query_scalar("select count(*) from from_hq.product where not deleted")
        .fetch_one(shop.pool())
        .await
        .unwrap();
    assert_eq!(products, 0);
}

#[tokio::test]
async fn who_is_switched_off_is_out_at_the_next_checkpoint_and_a_rewound_hq_lets_nobody_in_again() {
    let shop = Shop::open().await;
    let ana = shop.ana().await;
    shop.send(Some(&ana), "GET", "/api/v1/products", None).await.ok();
    let person = staff(ANA, "ana", "Ana", CASHIER_ROLE, "1234");
    let mut off = person.clone();
    off["active"] = json!(false);
    shop.checkpoint(2, false, vec![("staff", id(ANA), Some(off))]).await;
    shop.send(Some(&ana), "GET", "/api/v1/products", None).await.refused(401, "not-signed-in");
    let pin = json!({"login": "ana", "pin": "1234"});
    let sign_in = || shop.send(None, "POST", "/api/v1/auth/sign-in", Some(pin.clone()));
    sign_in().await.refused(401, "wrong-credentials");
    // HQ came back from a backup in which she was still there.
    shop.try_checkpoint(1, true, true, vec![("staff", id(ANA), Some(person.clone()))]).await.unwrap();
    assert_eq!(sign_in().await.status, 401);
    // Only a person at HQ who switches her on again does that.
    shop.checkpoint(
        3,
        false,
        vec![
            ("staff", id(ANA), Some(person)),
            ("role", id(CASHIER_ROLE), Some(role("cashier", &["product.read"], None))),
            ("store", id(STORE), None),
        ],
    )
    .await;
    let active: bool = sqlx::query_scalar("select active and not deleted from from_hq.staff where id = $1")
        .bind(id(ANA))
        .fetch_one(shop.pool())
        .await
        .unwrap();
    assert!(active);
}

#[tokio::test]
async fn a_record_that_does_not_fit_leaves_the_old_checkpoint_whole() {
    let shop = Shop::open().await;
    let mut price = regular_price(MUG_VARIANT, "1.00");
    let torn = shop
        .try_checkpoint(
            2,
            false,
            false,
            vec![
                ("price", id(51), Some(price.clone())),
                ("variant", id(BOOK_VARIANT), Some(json!({"sku": "BOOK-2"}))),
            ],
        )
        .await;
    assert!(torn.is_err());
    let (position, amount): (i64, String) = sqlx::query_as(
        "select position, (select trim_scale(amount)::text from from_hq.price where id = $1) from checkpoint",
    )
    .bind(id(51))
    .fetch_one(shop.pool())
    .await
    .unwrap();
    assert_eq!((position, amount.as_str()), (1, "7.95"));
    // What a later release sends besides is left out.
    price["loyalty_points"] = json!(3);
    shop.checkpoint(
        2,
        false,
        vec![("price", id(51), Some(price)), ("hologram", id(1), Some(json!({"shape": "cat"})))],
    )
    .await;
    let staged: i64 = shop.count("pulled").await;
    assert_eq!(staged, 0);
}

#[tokio::test]
async fn apply_waits_for_an_operation_and_the_operation_reads_one_checkpoint() {
    let shop = Arc::new(Shop::open().await);
    let mut operation = shop.pool().begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock_shared(x'54500001'::bigint)")
        .execute(&mut *operation)
        .await
        .unwrap();
    let amount = "select trim_scale(amount)::text from from_hq.price where id = $1";
    let read = |amount: String| assert_eq!(amount, "7.95");
    read(sqlx::query_scalar(amount).bind(id(51)).fetch_one(&mut *operation).await.unwrap());
    let applying = {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move {
            shop.checkpoint(2, false, vec![("price", id(51), Some(regular_price(MUG_VARIANT, "8.00")))])
                .await;
        })
    };
    // Until apply stands at the lock.
    let waits = "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())";
    while sqlx::query_scalar::<_, i64>(waits).fetch_one(shop.pool()).await.unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    read(sqlx::query_scalar(amount).bind(id(51)).fetch_one(&mut *operation).await.unwrap());
    operation.commit().await.unwrap();
    applying.await.unwrap();
    let after: String = sqlx::query_scalar(amount).bind(id(51)).fetch_one(shop.pool()).await.unwrap();
    assert_eq!(after, "8");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_sale_is_computed_from_two_checkpoints() {
    let shop = Arc::new(Shop::open().await);
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    // Mug and sugar move against each other: of one checkpoint they come to ten, of two they do not.
    let prices = |step: i64| {
        vec![
            ("price", id(51), Some(regular_price(MUG_VARIANT, &format!("{}.00", 2 + step % 7)))),
            ("price", id(53), Some(regular_price(SUGAR_VARIANT, &format!("{}.00", 8 - step % 7)))),
        ]
    };
    shop.checkpoint(2, false, prices(0)).await;
    let editor = {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move {
            for step in 1..60 {
                shop.checkpoint(2 + step, false, prices(step)).await;
            }
        })
    };
    let mut positions = Vec::new();
    while !editor.is_finished() || positions.len() < 20 {
        let body = json!({
            "register_session_id": session,
            "lines": [{"id": Uuid::now_v7(), "sku": "MUG-RED", "quantity": "1"}, {"id": Uuid::now_v7(), "sku": "SUGAR", "quantity": "1"}],
            "payments": [{"id": Uuid::now_v7(), "tender": "cash", "amount": "10.00"}],
            "expected_total": "10.00"
        });
        let sale = shop.put_sale(&manager, Uuid::now_v7(), &body).await.ok();
        positions.push(sale["feed_position"].as_i64().unwrap());
    }
    editor.await.unwrap();
    assert!(positions.is_sorted(), "{positions:?}");
    assert_eq!(shop.doctor().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_application_cannot_write_what_is_hqs_or_change_what_happened() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let session = shop.open_session(&manager, "R01").await;
    shop.put_sale(&manager, Uuid::now_v7(), &simple_sale(session, "MUG-RED", "1", "7.95")).await.ok();
    for statement in [
        "update from_hq.price set amount = 0",
        "insert into from_hq.price_level values (gen_random_uuid(), 'x', 'x')",
        "delete from from_hq.staff",
        "update checkpoint set position = 0",
        "update journal set payload = '{}'",
        "delete from journal",
        "truncate journal",
        "update sale set gross = 0",
        "delete from stock_movement",
        "delete from sale_request",
        "update identity set letter = 'B'",
        "delete from journal_number",
        "alter table sale disable trigger all",
        "delete from receipt_series",
    ] {
        let refused = sqlx::query(sqlx::AssertSqlSafe(statement)).execute(shop.pool()).await.unwrap_err();
        let code = refused
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .unwrap_or_default()
            .into_owned();
        assert_eq!(code, "42501", "{statement}");
    }
    // Nor does the owner, but for what HQ has had for long.
    for statement in ["update journal set payload = '{}'", "delete from journal", "update sale set gross = 0"]
    {
        let refused =
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(shop.database.owner()).await.unwrap_err();
        assert_eq!(
            refused.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(),
            Some("23001"),
            "{statement}"
        );
    }
    let pruned: i64 = sqlx::query_scalar("select prune_journal(100)").fetch_one(shop.pool()).await.unwrap();
    assert_eq!(pruned, 0, "HQ has none of it");
}

#[tokio::test]
async fn products_are_found_by_name_sku_and_barcode_with_their_price_now_and_next() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    shop.stock(MUG_VARIANT, 7).await;
    let search = |q: &str| {
        let path = format!("/api/v1/products?q={q}");
        let (shop, manager) = (&shop, manager.clone());
        async move {
            let page = shop.send(Some(&manager), "GET", &path, None).await.ok();
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["sku"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        }
    };
    for q in ["CAFE%20MUG", "caf%C3%A9", "re", "mug-r", "5000000000017", "re%20caf"] {
        assert_eq!(search(q).await, ["MUG-RED"], "{q}");
    }
    assert_eq!(search("").await, ["BOOK-1", "MUG-RED", "SUGAR"]);
    assert_eq!(search("%25").await, Vec::<String>::new());
    assert_eq!(search("zebra").await, Vec::<String>::new());
    let mut paged = Vec::new();
    let mut path = "/api/v1/products?limit=1".to_owned();
    loop {
        let page = shop.send(Some(&manager), "GET", &path, None).await.ok();
        paged.push(page["items"][0]["sku"].as_str().unwrap().to_owned());
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/products?limit=1&after={next}"),
            None => break,
        }
    }
    assert_eq!(paged, ["BOOK-1", "MUG-RED", "SUGAR"]);
    // A sale price from a morning in summer on, for a store in London.
    let mut sale = regular_price(MUG_VARIANT, "5.00");
    sale["kind"] = json!("sale");
    sale["valid_from"] = json!("2099-07-01T06:00:00");
    shop.checkpoint(2, false, vec![("price", id(59), Some(sale))]).await;
    let mug = found(&shop, &manager, "5000000000017").await;
    assert_eq!(mug["price"]["amount"], "7.95");
    assert_eq!(mug["next_price"], json!({"amount": "5.00", "from": "2099-07-01T06:00:00+01:00"}));
    assert_eq!(mug["on_hand"], "7");
    let ana = shop.ana().await;
    assert_eq!(found(&shop, &ana, "5000000000017").await.get("on_hand"), None);
}

/// Thousands of products as HQ would have sent them: every third is a set, every hundredth of the last ones is of wicker.
fn thousands() -> Vec<(&'static str, Uuid, Option<Value>)> {
    let mut records = Vec::new();
    for number in 0..5_000_u128 {
        let name = match number {
            n if n >= 4_500 && n % 100 == 0 => format!("Zinc and wicker {n}"),
            n if n % 3 == 0 => format!("Plates, set no. {n:04}"),
            n => format!("Plate {n:04}"),
        };
        let variant = 1_000_000 + number;
        records.push(("product", id(2_000_000 + number), Some(product(&name, None, "each", 0, None))));
        records.push((
            "variant",
            id(variant),
            Some(json!({"product_id": id(2_000_000 + number), "sku": format!("N{number:04}"), "name": "",
                "position": 0, "archived": number % 7 == 6})),
        ));
        records.push(("price", id(3_000_000 + number), Some(regular_price(variant, "1.50"))));
    }
    records
}

#[tokio::test]
async fn thousands_of_products_come_to_a_store_that_begins_and_to_one_that_sells() {
    let first = Shop::empty().await;
    first.checkpoint(1, true, thousands()).await;
    let indexes =
        "select string_agg(indexdef, e'\n' order by indexdef) from pg_indexes where schemaname = 'from_hq'";
    let known =
        "select string_agg(concat_ws('|', t.entity, t.id, t.shown), e'\n' order by t.entity, t.id) from (
        select 'product' as entity, id, to_jsonb(p)::text as shown from from_hq.product p
        union all select 'variant', id, to_jsonb(v)::text from from_hq.variant v
        union all select 'price', id, to_jsonb(r)::text from from_hq.price r) t where t.id >= $1";
    let read = async |shop: &Shop, sql: &'static str| -> String {
        sqlx::query_scalar(sql).bind(id(1_000_000)).fetch_one(shop.pool()).await.unwrap()
    };
    let later = Shop::open().await;
    let before: String = sqlx::query_scalar(indexes).fetch_one(later.pool()).await.unwrap();
    later.checkpoint(2, false, thousands()).await;
    assert_eq!(read(&first, known).await, read(&later, known).await);
    for shop in [&first, &later] {
        let after: String = sqlx::query_scalar(indexes).fetch_one(shop.pool()).await.unwrap();
        assert_eq!(after, before, "every index is there again");
    }
    // The same once more changes nothing; one of them goes.
    later.checkpoint(3, false, thousands()).await;
    later.checkpoint(4, false, vec![("product", id(2_000_000), None)]).await;
    let products: i64 = sqlx::query_scalar("select count(*) from from_hq.product where not deleted")
        .fetch_one(later.pool())
        .await
        .unwrap();
    assert_eq!(products, 3 + 4_999);
}

#[tokio::test]
async fn a_page_goes_on_where_the_one_before_ended_whatever_it_was_found_by() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    shop.checkpoint(2, false, thousands()).await;
    let pages = async |q: &str, limit: usize| {
        let mut skus = Vec::new();
        let mut path = format!("/api/v1/products?q={q}&limit={limit}");
        loop {
            let page = shop.send(Some(&manager), "GET", &path, None).await.ok();
            let items = page["items"].as_array().unwrap().clone();
            assert!(items.len() <= limit);
            skus.extend(items.iter().map(|item| item["sku"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => path = format!("/api/v1/products?q={q}&limit={limit}&after={next}"),
                None => return skus,
            }
        }
    };
    let sold = |of: &dyn Fn(usize) -> bool| {
        (0..5_000).filter(|n| n % 7 != 6 && of(*n)).map(|n| format!("N{n:04}")).collect::<Vec<_>>()
    };
    let is_wicker = |n: usize| n >= 4_500 && n.is_multiple_of(100);
    let is_set = |n: usize| !is_wicker(n) && n.is_multiple_of(3);
    // A word of many names, and one of few that stand behind thousands.
    assert_eq!(pages("set", 100).await, sold(&is_set));
    assert_eq!(pages("wicker", 2).await, sold(&is_wicker));
    assert_eq!(pages("wi%20zi", 100).await, sold(&is_wicker));
    // Those that begin so stand before those that have it somewhere; a code stands before both.
    let plates = pages("plate", 100).await;
    assert_eq!(plates.len(), sold(&|n| !is_wicker(n)).len());
    assert_eq!(pages("n0001", 100).await, ["N0001"]);
    assert_eq!(pages("n000", 3).await, sold(&|n| n < 10));
    assert_eq!(pages("0001", 100).await, ["N0001"]);
    let mut all = pages("", 100).await;
    assert_eq!(all.len(), 3 + sold(&|_| true).len());
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 3 + sold(&|_| true).len(), "none twice");
    for nothing in ["%25", "_", "%5C", "n%25", "pl_te", "xyzzy", "%20%20", "%E7%89%9B"] {
        let found = pages(nothing, 100).await;
        assert!(found.is_empty() || nothing == "%20%20", "{nothing}: {found:?}");
    }
}

#[tokio::test]
async fn names_in_any_script_are_found_by_small_letters_without_accents() {
    let shop = Shop::open().await;
    let manager = shop.manager().await;
    let names = ["МОЛОКО Ёжик 3,2%", "ΨΩΜΊ ολικής", "Łódź Żubrówka", "Cre\u{301}me\u{a0}brûlée", "牛奶"];
    let mut records = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let number = number as u128;
        records.push(("product", id(2_000_000 + number), Some(product(name, None, "each", 0, None))));
        records.push((
            "variant",
            id(1_000_000 + number),
            Some(json!({"product_id": id(2_000_000 + number), "sku": format!("S{number}"), "name": "", "position": 0, "archived": false})),
        ));
    }
    shop.checkpoint(2, false, records).await;
    for (asked, sku) in [
        ("молоко", "S0"),
        ("ЕЖИК мол", "S0"),
        ("ψωμι", "S1"),
        ("ΟΛΙΚΉΣ", "S1"),
        ("lodz", "S2"),
        ("zubr", "S2"),
        ("creme brulee", "S3"),
        ("CRÈME", "S3"),
        ("牛", "S4"),
        ("牛奶", "S4"),
    ] {
        let q = asked.bytes().fold(String::new(), |q, byte| format!("{q}%{byte:02X}"));
        let page = shop.send(Some(&manager), "GET", &format!("/api/v1/products?q={q}"), None).await.ok();
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{asked}");
        assert_eq!(page["items"][0]["sku"], sku, "{asked}");
    }
    // Letters of two scripts may stand under one in the index, and yet are others.
    let page = shop.send(Some(&manager), "GET", "/api/v1/products?q=moloko", None).await.ok();
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn a_sign_in_ends_with_what_it_was_made_by() {
    let shop = Shop::open().await;
    let person = staff(ANA, "ana", "Ana", CASHIER_ROLE, "1234");
    shop.checkpoint(2, false, vec![("staff", id(ANA), Some(person.clone()))]).await;
    let pin = |pin: &str| Some(json!({"login": "ana", "pin": pin}));
    let ana = shop.send(None, "POST", "/api/v1/auth/sign-in", pin("1234")).await.ok();
    let manager = shop.manager().await;
    let goods = async |token: &Value| shop.send(token.as_str(), "GET", "/api/v1/products", None).await.status;
    let ended = async |who: &Value| {
        assert_eq!(goods(&who["access_token"]).await, 401);
        let refresh = Some(json!({"refresh_token": who["refresh_token"]}));
        assert_eq!(shop.send(None, "POST", "/api/v1/auth/refresh", refresh).await.status, 401);
    };

    // Another name, the same PIN: she goes on selling.
    let mut renamed = person.clone();
    renamed["name"] = json!("Anna");
    shop.checkpoint(3, false, vec![("staff", id(ANA), Some(renamed.clone()))]).await;
    assert_eq!(goods(&ana["access_token"]).await, 200);

    // Switched off and on again, in two checkpoints.
    let mut off = renamed.clone();
    off["active"] = json!(false);
    shop.checkpoint(4, false, vec![("staff", id(ANA), Some(off))]).await;
    shop.checkpoint(5, false, vec![("staff", id(ANA), Some(renamed.clone()))]).await;
    ended(&ana).await;

    // A new PIN.
    let ana = shop.send(None, "POST", "/api/v1/auth/sign-in", pin("1234")).await.ok();
    let mut with_pin = staff(ANA, "ana", "Ana", CASHIER_ROLE, "4321");
    shop.checkpoint(6, false, vec![("staff", id(ANA), Some(with_pin.clone()))]).await;
    ended(&ana).await;

    // Out of the store and back.
    let ana = shop.send(None, "POST", "/api/v1/auth/sign-in", pin("4321")).await.ok();
    shop.checkpoint(7, false, vec![("staff", id(ANA), None)]).await;
    with_pin["name"] = json!("Ana");
    shop.checkpoint(8, false, vec![("staff", id(ANA), Some(with_pin))]).await;
    ended(&ana).await;
    // Nobody else has noticed.
    assert_eq!(goods(&json!(manager)).await, 200);
}

/// Waits until so many statements wait for an advisory lock.
async fn until_one_waits(shop: &Shop) {
    let waits = "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())";
    for _ in 0..4000 {
        let waiting: i64 = sqlx::query_scalar(waits).fetch_one(shop.pool()).await.unwrap();
        if waiting > 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("nobody waits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_signs_in_with_a_pin_that_is_being_taken_away() {
    let shop = Shop::open().await;
    let mut tx = shop.database.owner().begin().await.unwrap();
    sqlx::query("update from_hq.staff set pin = null where id = $1")
        .bind(id(ANA))
        .execute(&mut *tx)
        .await
        .unwrap();
    let pin = || Some(json!({"login": "ana", "pin": "1234"}));
    let (answer, ()) = tokio::join!(shop.send(None, "POST", "/api/v1/auth/sign-in", pin()), async {
        // The PIN was right when it was looked up.
        until_one_waits(&shop).await;
        tx.commit().await.unwrap();
    });
    assert_eq!(answer.status, 401, "{}", answer.text);
    let open: i64 =
        sqlx::query_scalar("select count(*) from sign_in where user_id = $1 and ended_at is null")
            .bind(id(ANA))
            .fetch_one(shop.pool())
            .await
            .unwrap();
    assert_eq!(open, 0);

    // And one who was first is heard of: the change waits, and ends it.
    shop.checkpoint(2, false, vec![("staff", id(ANA), Some(staff(ANA, "ana", "Ana", CASHIER_ROLE, "1234")))])
        .await;
    let mut signing_in = shop.pool().begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock_shared(hashtextextended('credentials' || $1::uuid::text, 0))")
        .bind(id(ANA))
        .execute(&mut *signing_in)
        .await
        .unwrap();
    sqlx::query("insert into sign_in (company_id, id, user_id, signed_in_at, expires_at) values ($1, $2, $3, now(), now() + interval '1 day')")
        .bind(id(1))
        .bind(id(77))
        .bind(id(ANA))
        .execute(&mut *signing_in)
        .await
        .unwrap();
    let another = staff(ANA, "ana", "Ana", CASHIER_ROLE, "4321");
    tokio::join!(shop.checkpoint(3, false, vec![("staff", id(ANA), Some(another))]), async {
        until_one_waits(&shop).await;
        signing_in.commit().await.unwrap();
    });
    let ended: bool = sqlx::query_scalar("select ended_at is not null from sign_in where id = $1")
        .bind(id(77))
        .fetch_one(shop.pool())
        .await
        .unwrap();
    assert!(ended, "a sign-in that was there first ends with the PIN that it was made by");
}

#[tokio::test]
async fn what_was_pulled_for_other_tables_is_never_applied() {
    let shop = Shop::open().await;
    let owner = |statement: &'static str| sqlx::query(statement).execute(shop.database.owner());
    let department =
        |name: &str| json!({"code": "later", "name": name, "archived": false, "of_a_later_release": "kept"});
    shop.checkpoint(2, false, vec![("department", id(701), Some(department("Later")))]).await;
    owner("alter table from_hq.department add column of_a_later_release text").await.unwrap();
    // The record would go on lacking what its table has now.
    let refused = shop.try_checkpoint(3, false, false, vec![]).await.unwrap_err();
    assert!(refused.to_string().contains("pulled for other tables"), "{refused}");
    shop.checkpoint(3, true, vec![("department", id(701), Some(department("Later")))]).await;
    let kept: Option<String> =
        sqlx::query_scalar("select of_a_later_release from from_hq.department where id = $1")
            .bind(id(701))
            .fetch_one(shop.pool())
            .await
            .unwrap();
    assert_eq!(kept.as_deref(), Some("kept"));
    shop.checkpoint(4, false, vec![]).await;
}
