//! Who may do what, and that nobody gives away more than they have.

use crate::support::{PASSWORD, World, id};
use axum::http::Method;
use serde_json::json;

#[tokio::test]
async fn nobody_gives_away_more_than_they_have() {
    let world = World::new().await;
    let (admin_role, manager_role, cashier) =
        (world.role("hq-admin").await, world.role("hq-manager").await, world.role("cashier").await);
    let manager = world.person("mary", manager_role).await;
    let as_manager = |method: Method, path: String, body: serde_json::Value| {
        let (world, manager) = (&world, manager.clone());
        async move {
            world
                .call(method, &format!("/api/v1{path}"), &manager, Some(&body), &[("if-match", "\"1\"")])
                .await
        }
    };
    let refused = as_manager(
        Method::POST,
        "/users".into(),
        json!({ "login": "eve", "name": "Eve", "role_id": admin_role }),
    )
    .await;
    assert_eq!(refused.body["type"], "/problems/beyond-own-rights");
    refused.expect(403);
    let store = world
        .make(
            "/stores",
            json!({ "code": "ST01", "name": "S", "time_zone": "Europe/London", "currency": "GBP" }),
        )
        .await;
    let stores = json!([{ "store_id": store, "role_id": admin_role }]);
    as_manager(Method::POST, "/users".into(), json!({ "login": "eve", "name": "Eve", "stores": stores }))
        .await
        .expect(403);
    let ana = as_manager(
        Method::POST,
        "/users".into(),
        json!({ "login": "ana", "name": "Ana", "stores": [{ "store_id": store, "role_id": cashier }] }),
    )
    .await
    .expect(201);
    as_manager(Method::PUT, format!("/users/{}/pin", id(&ana)), json!({ "pin": "1234" })).await.expect(204);

    // Whoever sets the admin's password has the admin's rights.
    let admin = id(&world.get("/users?login=hq").await.expect(200)["items"][0]);
    as_manager(Method::PUT, format!("/users/{admin}/password"), json!({ "password": "taken over" }))
        .await
        .expect(403);
    as_manager(Method::PATCH, format!("/users/{admin}"), json!({ "active": false })).await.expect(403);
    as_manager(Method::DELETE, format!("/users/{admin}"), json!({})).await.expect(403);
    let mary = id(&world.get("/users?login=mary").await.expect(200)["items"][0]);
    as_manager(Method::PATCH, format!("/users/{mary}"), json!({ "role_id": admin_role })).await.expect(403);
    // A manager has no role.write at all.
    as_manager(Method::PATCH, format!("/roles/{manager_role}"), json!({ "permissions": ["role.write"] }))
        .await
        .expect(403);

    // Somebody with role.write is held to what they have, limits included.
    let limited = json!({ "code": "limited", "name": "Limited", "permissions": ["role.write", "user.write", "user.read", "sale.reduce"],
        "max_reduction_percent": "10", "max_refund": "0" });
    let limited = world.make("/roles", limited).await;
    let lena = world.person("lena", limited).await;
    for (body, status) in [
        (
            json!({ "code": "a", "name": "A", "permissions": ["sale.reduce"], "max_reduction_percent": "10", "max_refund": "0" }),
            201,
        ),
        (
            json!({ "code": "b", "name": "B", "permissions": ["sale.reduce"], "max_reduction_percent": "10.5", "max_refund": "0" }),
            403,
        ),
        (json!({ "code": "c", "name": "C", "permissions": ["sale.reduce"], "max_refund": "0" }), 403),
        (
            json!({ "code": "d", "name": "D", "permissions": ["price.publish"], "max_reduction_percent": "1", "max_refund": "0" }),
            403,
        ),
    ] {
        let answer = world.call(Method::POST, "/api/v1/roles", &lena, Some(&body), &[]).await;
        assert_eq!(answer.status.as_u16(), status, "{body}");
    }
}

#[tokio::test]
async fn the_last_admin_stays() {
    let world = World::new().await;
    let admin = id(&world.get("/users?login=hq").await.expect(200)["items"][0]);
    let role = world.role("hq-admin").await;
    let path = format!("/users/{admin}");
    for change in [
        json!({ "active": false }),
        json!({ "role_id": null }),
        json!({ "role_id": world.role("hq-clerk").await }),
    ] {
        assert_eq!(world.patch(&path, "\"1\"", change).await.expect(409)["type"], "/problems/last-admin");
    }
    world.delete(&path).await.expect(409);
    let weaker =
        world.patch(&format!("/roles/{role}"), "\"1\"", json!({ "permissions": ["user.read"] })).await;
    assert_eq!(weaker.expect(409)["type"], "/problems/last-admin");

    // Two admins who switch each other off at once: one of them stays.
    let second = world.person("second", role).await;
    let second_id = id(&world.get("/users?login=second").await.expect(200)["items"][0]);
    let body = json!({ "active": false });
    let headers = [("if-match", "\"1\"")];
    let (one_path, two_path) = (format!("/api/v1/users/{second_id}"), format!("/api/v1/users/{admin}"));
    let (one, two) = tokio::join!(
        world.call(Method::PATCH, &one_path, &world.admin, Some(&body), &headers),
        world.call(Method::PATCH, &two_path, &second, Some(&body), &headers),
    );
    let done = [one.status, two.status].iter().filter(|status| status.is_success()).count();
    assert_eq!(done, 1, "{} {}", one.body, two.body);
    let left = world.database.owner();
    let active: i64 =
        sqlx::query_scalar("select count(*) from app_user where company_id = $1 and active and role_id = $2")
            .bind(world.company)
            .bind(role)
            .fetch_one(left)
            .await
            .unwrap();
    assert_eq!(active, 1);
}

#[tokio::test]
async fn who_is_switched_off_is_out_at_once() {
    let world = World::new().await;
    let clerk = world.person("carl", world.role("hq-clerk").await).await;
    let carl = id(&world.get("/users?login=carl").await.expect(200)["items"][0]);
    world.call(Method::GET, "/api/v1/products", &clerk, None, &[]).await.expect(200);
    let path = format!("/users/{carl}");
    world.patch(&path, "\"1\"", json!({ "active": false })).await.expect(200);
    world.call(Method::GET, "/api/v1/products", &clerk, None, &[]).await.expect(401);
    let body = json!({ "login": "carl@demo", "password": PASSWORD });
    world.call(Method::POST, "/api/v1/auth/sign-in", "", Some(&body), &[]).await.expect(401);
    // Switched on again, the former sign-in stays ended.
    world.patch(&path, "\"2\"", json!({ "active": true })).await.expect(200);
    world.call(Method::GET, "/api/v1/products", &clerk, None, &[]).await.expect(401);
    let again = world.sign_in("carl@demo").await;
    world.call(Method::GET, "/api/v1/products", &again, None, &[]).await.expect(200);
    // A new password ends what was signed in with the old one.
    world.put(&format!("{path}/password"), json!({ "password": "another one" })).await.expect(204);
    world.call(Method::GET, "/api/v1/products", &again, None, &[]).await.expect(401);
}

#[tokio::test]
async fn secrets_are_checked_and_never_shown() {
    let world = World::new().await;
    let user = world.make("/users", json!({ "login": "ana", "name": "Ana" })).await;
    assert_eq!(
        world.put(&format!("/users/{user}/password"), json!({ "password": "seven77" })).await.refused(422),
        ("/password".into(), "too_short".into())
    );
    for pin in ["123", "123456789", "12a4", "١٢٣٤"] {
        assert_eq!(
            world.put(&format!("/users/{user}/pin"), json!({ "pin": pin })).await.refused(422).0,
            "/pin",
            "{pin}"
        );
    }
    world.put(&format!("/users/{user}/pin"), json!({ "pin": "24680" })).await.expect(204);
    let kept: Vec<u8> = sqlx::query_scalar("select pin from app_user where id = $1")
        .bind(user)
        .fetch_one(world.database.owner())
        .await
        .unwrap();
    assert!(
        !kept.windows(5).any(|bytes| bytes == b"24680") && !kept.windows(7).any(|bytes| bytes == b"$argon2")
    );
    let shown = format!(
        "{}{}",
        world.get(&format!("/users/{user}")).await.expect(200),
        world.get(&format!("/audit?entity_id={user}")).await.expect(200)
    );
    assert!(!shown.contains("24680") && !shown.contains("argon2"));
    for login in ["Ana", "a b", "ana@demo", "", "-ana", "é"] {
        assert_eq!(
            world.post("/users", json!({ "login": login, "name": "X" })).await.refused(422).0,
            "/login",
            "{login:?}"
        );
    }
    assert_eq!(
        world.post("/users", json!({ "login": "ana", "name": "X" })).await.refused(409),
        ("/login".into(), "taken".into())
    );
}
