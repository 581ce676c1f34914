//! What is out of use is referred to by nothing that is sold: whoever archives and whoever refers, at the same time or one
//! after the other.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{World, id};

/// A tax, a group with it, an area, a level, a department.
struct Things {
    tax: Uuid,
    group: Uuid,
    area: Uuid,
    level: Uuid,
    department: Uuid,
}

async fn things(world: &World, code: &str) -> Things {
    let tax = json!({ "code": code, "name": "V", "kind": "percent", "rate": "20", "price_included": true });
    let tax = world.make("/taxes", tax).await;
    Things {
        tax,
        group: world.make("/tax-groups", json!({ "code": code, "name": "G", "tax_ids": [tax] })).await,
        area: world.make("/tax-areas", json!({ "code": code, "name": "A", "country": "GB" })).await,
        level: world.make("/price-levels", json!({ "code": code, "name": "L" })).await,
        department: world.make("/departments", json!({ "code": code, "name": "D" })).await,
    }
}

fn store(code: &str) -> Value {
    json!({ "code": code, "name": "S", "time_zone": "Europe/London", "currency": "GBP" })
}

fn product(sku: &str, department: Uuid) -> Value {
    json!({ "department_id": department, "name": "Mug", "variants": [{ "sku": sku }] })
}

fn with(mut body: Value, field: &str, value: impl Into<Value>) -> Value {
    body[field] = value.into();
    body
}

#[tokio::test]
async fn nothing_is_made_or_changed_to_refer_to_what_is_archived() {
    let world = World::new().await;
    let old = things(&world, "old").await;
    let new = things(&world, "new").await;
    for path in ["tax-groups", "tax-areas", "price-levels", "departments", "taxes"] {
        let one = match path {
            "tax-groups" => old.group,
            "tax-areas" => old.area,
            "price-levels" => old.level,
            "departments" => old.department,
            _ => old.tax,
        };
        world.delete(&format!("/{path}/{one}")).await.expect(200);
    }
    let customer = json!({ "code": "C", "name": "Ann", "exemption_certificate": "X", "exemption_expires_on": "2030-01-01" });
    let nobody = Uuid::now_v7().to_string();
    let text = |id: Uuid| id.to_string();
    let cases: Vec<(&str, Value, &str, Value, Value)> = vec![
        ("/stores", store("ST01"), "/tax_area_id", json!(text(old.area)), json!(text(new.area))),
        ("/stores", store("ST02"), "/price_level_id", json!(text(old.level)), json!(text(new.level))),
        ("/customers", customer.clone(), "/price_level_id", json!(text(old.level)), json!(text(new.level))),
        (
            "/customers",
            with(customer, "code", "C2"),
            "/exemption_taxes/0",
            json!([text(old.tax)]),
            json!([text(new.tax)]),
        ),
        (
            "/departments",
            json!({ "code": "x", "name": "X" }),
            "/tax_group_id",
            json!(text(old.group)),
            json!(text(new.group)),
        ),
        (
            "/departments",
            json!({ "code": "y", "name": "Y" }),
            "/parent_id",
            json!(text(old.department)),
            json!(text(new.department)),
        ),
        (
            "/products",
            product("A", new.department),
            "/tax_group_id",
            json!(text(old.group)),
            json!(text(new.group)),
        ),
        (
            "/products",
            product("B", new.department),
            "/department_id",
            json!(text(old.department)),
            json!(text(new.department)),
        ),
        (
            "/tax-groups",
            json!({ "code": "z", "name": "Z", "tax_ids": [] }),
            "/tax_ids/0",
            json!([text(old.tax)]),
            json!([text(new.tax)]),
        ),
        (
            "/tax-areas",
            json!({ "code": "z", "name": "Z", "country": "GB" }),
            "/mapping/0/becomes/0",
            json!([{ "tax_id": new.tax, "becomes": [old.tax] }]),
            json!([{ "tax_id": old.tax, "becomes": [new.tax] }]),
        ),
    ];
    for (path, body, pointer, archived, in_use) in cases {
        let field = pointer.split('/').nth(1).unwrap();
        let archived_body = with(body.clone(), field, archived.clone());
        let refused = world.post(path, archived_body).await;
        assert_eq!(refused.refused(422), (pointer.into(), "archived".into()), "{path} {pointer}");
        let made = world.post(path, with(body, field, in_use)).await;
        let (etag, one) = (made.etag(), id(&made.body));
        made.expect(201);
        let changed = world.patch(&format!("{path}/{one}"), &etag, json!({ field: archived })).await;
        assert_eq!(changed.refused(422), (pointer.into(), "archived".into()), "{path} {pointer}");
        let unknown = match pointer.matches('/').count() {
            1 => json!(nobody),
            2 => json!([nobody]),
            _ => json!([{ "tax_id": new.tax, "becomes": [nobody] }]),
        };
        let changed = world.patch(&format!("{path}/{one}"), &etag, json!({ field: unknown })).await;
        assert_eq!(changed.refused(422), (pointer.into(), "unknown".into()), "{path} {pointer}");
    }
}

#[tokio::test]
async fn what_refers_to_archived_things_is_not_put_back() {
    let world = World::new().await;
    let it = things(&world, "a").await;
    let store = world.make("/stores", with(store("ST01"), "tax_area_id", it.area.to_string())).await;
    let group_only = with(product("A", it.department), "tax_group_id", it.group.to_string());
    let product = id(&world.post("/products", group_only).await.expect(201));
    // Three ordinary clicks: the group goes, then its tax, and then the group would come back without it.
    for path in [
        format!("/products/{product}"),
        format!("/stores/{store}"),
        format!("/tax-areas/{}", it.area),
        format!("/tax-groups/{}", it.group),
        format!("/taxes/{}", it.tax),
    ] {
        world.delete(&path).await.expect(200);
    }
    for (path, pointer) in [
        (format!("/tax-groups/{}", it.group), "/tax_ids/0"),
        (format!("/products/{product}"), "/tax_group_id"),
        (format!("/stores/{store}"), "/tax_area_id"),
    ] {
        let refused = world.post(&format!("{path}/restore"), json!({})).await;
        assert_eq!(refused.body["type"], "/problems/refers-to-archived");
        assert_eq!(refused.refused(409), (pointer.into(), "archived".into()));
    }
    // In the order in which they hang on each other they come back.
    for path in [
        format!("/taxes/{}", it.tax),
        format!("/tax-groups/{}", it.group),
        format!("/tax-areas/{}", it.area),
        format!("/products/{product}"),
        format!("/stores/{store}"),
    ] {
        world.post(&format!("{path}/restore"), json!({})).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_never_leave_something_in_use_that_refers_to_something_archived() {
    let world = World::new().await;
    for round in 0..12 {
        let it = things(&world, &format!("t{round}")).await;
        let spare = world
            .make("/tax-groups", json!({ "code": format!("s{round}"), "name": "S", "tax_ids": [] }))
            .await;
        let shop = world.post("/stores", store(&format!("S{round}"))).await;
        let etag = shop.etag();
        let shop = id(&shop.expect(201));
        let spare_etag = world.get(&format!("/tax-groups/{spare}")).await.etag();
        world.delete(&format!("/tax-groups/{}", it.group)).await.expect(200);
        // One puts the area, the level, the tax to use, the other takes each out of use.
        let (path, spare_path) = (format!("/stores/{shop}"), format!("/tax-groups/{spare}"));
        let customer = json!({ "code": format!("C{round}"), "name": "Ann", "price_level_id": it.level });
        let (area, level, tax) = (
            format!("/tax-areas/{}", it.area),
            format!("/price-levels/{}", it.level),
            format!("/taxes/{}", it.tax),
        );
        let (used_area, no_area, used_level, no_level, used_tax, no_tax) = tokio::join!(
            world.patch(&path, &etag, json!({ "tax_area_id": it.area })),
            world.delete(&area),
            world.post("/customers", customer),
            world.delete(&level),
            world.patch(&spare_path, &spare_etag, json!({ "tax_ids": [it.tax] })),
            world.delete(&tax),
        );
        for (used, archived) in [(used_area, no_area), (used_level, no_level), (used_tax, no_tax)] {
            let statuses = (used.status.as_u16(), archived.status.as_u16());
            assert!(
                matches!(statuses, (200 | 201, 409) | (422, 200)),
                "one of the two is refused: {statuses:?} {} {}",
                used.body,
                archived.body
            );
        }
    }
}

/// Locks of the very kind that the operations take, held by hand, so that the one waits for the other for certain.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_refers_waits_for_whoever_archives_and_then_sees_it() {
    let world = World::new().await;
    let it = things(&world, "a").await;
    let shop = world.post("/stores", store("ST01")).await;
    let etag = shop.etag();
    let path = format!("/stores/{}", id(&shop.expect(201)));
    let mut archiving = world.database.owner().begin().await.unwrap();
    sqlx::query("update tax_area set archived_at = now() where id = $1")
        .bind(it.area)
        .execute(&mut *archiving)
        .await
        .unwrap();
    let commit = async {
        let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(world.database.owner()).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
        archiving.commit().await.unwrap();
    };
    let (changed, ()) = tokio::join!(world.patch(&path, &etag, json!({ "tax_area_id": it.area })), commit);
    assert_eq!(changed.refused(422), ("/tax_area_id".into(), "archived".into()));
}
