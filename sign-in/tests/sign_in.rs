//! Signing in over HTTP, at HQ and at a store, against a real PostgreSQL and under the application's role.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use chrono::TimeDelta;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server_kit::testing::Database;
use server_kit::{
    Actor, AppState, Capability, Json, Manner, OpenApiRouter, Problem, Secret, Surface, routes, serve,
    transact,
};
use sign_in::{Pins, SignedIn, pins};
use tower::ServiceExt;
use uuid::Uuid;

const HQ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations-hq");
const STORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations-store");

struct World {
    database: Database,
    state: AppState,
    router: Router,
    company: Uuid,
    ana: Uuid,
}

/// A route as a capability would have it: who is asking must be allowed to.
#[utoipa::path(get, path = "/guarded")]
async fn guarded(signed_in: SignedIn) -> Result<Json<String>, Problem> {
    signed_in.require("report.read")?;
    Ok(Json(signed_in.person().map(|person| person.name.to_string()).unwrap_or_default()))
}

fn router(state: &AppState, pins: Pins) -> Router {
    let guarded: Capability = Capability {
        name: "guarded",
        routes: OpenApiRouter::new().routes(routes!(guarded)),
        permissions: &["report.read"],
        entities: &[],
        facts: &[],
    };
    let surface = Surface::new("Test", "A test's server.", "0", vec![sign_in::capability(pins), guarded]);
    serve::router(surface, &Manner { trust_proxy: true, ..Manner::default() }, state.clone())
}

async fn hq() -> World {
    let database = Database::new(HQ).await;
    let (company, other, role, ana) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    for (id, code) in [(company, "demo"), (other, "rival")] {
        sqlx::query("insert into company (company_id, code, name, currency) values ($1, $2, $2, 'GBP')")
            .bind(id)
            .bind(code)
            .execute(database.owner())
            .await
            .unwrap();
        sqlx::query(
            "insert into role (company_id, id, code, name, permissions, max_reduction_percent) values ($1, $2, 'clerk', 'Clerk', '{report.read}', 10)",
        )
        .bind(id)
        .bind(role)
        .execute(database.owner())
        .await
        .unwrap();
        // The other company has an ana of its own.
        sqlx::query(
            "insert into app_user (company_id, id, login, name, role_id) values ($1, $2, 'ana', $3, $4)",
        )
        .bind(id)
        .bind(ana)
        .bind(format!("Ana of {code}"))
        .bind(role)
        .execute(database.owner())
        .await
        .unwrap();
    }
    let state = database.state();
    set_password(&state, company, ana, "tradepost").await;
    set_password(&state, other, ana, "other-secret").await;
    World { router: router(&state, Pins::Never), database, state, company, ana }
}

async fn store(pins: Pins) -> World {
    let database = Database::new(STORE).await;
    let (company, store, role, ana) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let state = database.state();
    let pepper = Secret::new([9; 32]);
    state.keys.keep(pins::PEPPER_KEY, &pepper).unwrap();
    let hq_key = Secret::new([8; 32]);
    let kept = pins::seal(&hq_key, &pins::hash("1234").unwrap(), ana).unwrap();
    let pin = pins::for_store(&hq_key, &kept, &pepper, ana).unwrap();
    sqlx::query(
        "insert into identity (company_id, store_id, store_code, store_name, incarnation, letter, key_id, hq_key, hq_url, enrolled_at)
        values ($1, $2, 'ST01', 'One', $3, '', $3, '', 'http://localhost', now())",
    )
    .bind(company)
    .bind(store)
    .bind(Uuid::now_v7())
    .execute(database.owner())
    .await
    .unwrap();
    sqlx::query("insert into from_hq.company values ($1, 'demo', 'Demo', '', '', '', 'GBP')")
        .bind(company)
        .execute(database.owner())
        .await
        .unwrap();
    sqlx::query(
        "insert into from_hq.role (id, code, name, permissions, max_refund) values ($1, 'cashier', 'Cashier', '{report.read}', 50)",
    )
    .bind(role)
    .execute(database.owner())
    .await
    .unwrap();
    sqlx::query("insert into from_hq.staff (id, login, name, language, role_id, pin, active) values ($1, 'ana', 'Ana', 'es', $2, $3, true)")
        .bind(ana)
        .bind(role)
        .bind(pin)
        .execute(database.owner())
        .await
        .unwrap();
    World { router: router(&state, pins), database, state, company, ana }
}

async fn set_password(state: &AppState, company_id: Uuid, user_id: Uuid, password: &str) {
    let hashed = sign_in::hash_password(password.to_owned()).await.unwrap();
    transact(state, &Actor::System { company_id }, move |tx, cx| {
        Box::pin(async move { sign_in::set_password(tx, cx, user_id, &hashed).await })
    })
    .await
    .unwrap();
}

struct Answer {
    status: StatusCode,
    body: Value,
    retry_after: Option<u64>,
}

impl World {
    async fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
        from: &str,
    ) -> Answer {
        let mut request =
            Request::builder().method(method).uri(format!("/api/v1{path}")).header("x-forwarded-for", from);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            None => Body::empty(),
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        if !status.is_success() {
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        }
        let retry_after =
            response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().parse().unwrap());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null), retry_after }
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, None, Some(body), "10.0.0.1").await
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.send("GET", path, Some(token), None, "10.0.0.1").await
    }

    async fn sign_in(&self, login: &str, password: &str) -> Answer {
        self.post("/auth/sign-in", json!({ "login": login, "password": password })).await
    }

    async fn refresh(&self, token: &str) -> Answer {
        self.post("/auth/refresh", json!({ "refresh_token": token })).await
    }
}

fn access(answer: &Answer) -> &str {
    answer.body["access_token"].as_str().unwrap()
}

fn refresh_token(answer: &Answer) -> &str {
    answer.body["refresh_token"].as_str().unwrap()
}

#[tokio::test]
async fn somebody_signs_in_at_hq_and_is_known_by_the_token() {
    let world = hq().await;
    let answer = world.sign_in("Ana@Demo", "tradepost").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["user"]["id"], world.ana.to_string());
    assert_eq!(answer.body["user"]["name"], "Ana of demo");
    assert_eq!(answer.body["user"]["permissions"], json!(["report.read"]));
    assert_eq!(answer.body["user"]["max_reduction_percent"], "10.0000");
    assert_eq!(world.get("/guarded", access(&answer)).await.body, "Ana of demo");
    let me = world.get("/auth/me", access(&answer)).await;
    assert_eq!(me.body["login"], "ana");
}

#[tokio::test]
async fn companies_do_not_open_each_others_doors() {
    let world = hq().await;
    assert_eq!(world.sign_in("ana@demo", "other-secret").await.status, 401);
    assert_eq!(world.sign_in("ana@rival", "tradepost").await.status, 401);
    let rival = world.sign_in("ana@rival", "other-secret").await;
    assert_eq!(world.get("/guarded", access(&rival)).await.body, "Ana of rival");
}

#[tokio::test]
async fn whether_a_login_exists_is_not_told() {
    let world = hq().await;
    let wrong = world.sign_in("ana@demo", "wrong-password").await;
    for login in ["nobody@demo", "ana@nowhere", "ana", "@", "ana@demo@demo", "'; drop table password; --"] {
        let unknown = world.sign_in(login, "wrong-password").await;
        assert_eq!((unknown.status, &unknown.body["type"]), (wrong.status, &wrong.body["type"]), "{login}");
        assert_eq!(unknown.body["title"], wrong.body["title"]);
    }
}

#[tokio::test]
async fn guessing_gets_slower_for_who_guesses_and_for_nobody_else() {
    let world = hq().await;
    for login in ["ana@demo", "nobody@demo"] {
        for _ in 0..5 {
            assert_eq!(world.sign_in(login, "wrong-password").await.status, 401);
        }
        let slow = world.sign_in(login, "tradepost").await;
        assert_eq!(slow.status, 429, "even what is right has to wait: {}", slow.body);
        assert!(slow.retry_after.unwrap() <= 6);
    }
    let elsewhere = json!({ "login": "ana@demo", "password": "tradepost" });
    let elsewhere = world.send("POST", "/auth/sign-in", None, Some(elsewhere), "10.9.9.9").await;
    assert_eq!(elsewhere.status, 200, "from another place it is as ever");

    world.state.clock.advance(TimeDelta::seconds(6)).unwrap();
    assert_eq!(world.sign_in("ana@demo", "wrong-password").await.status, 401);
    assert!(world.sign_in("ana@demo", "tradepost").await.retry_after.unwrap() > 6, "the wait has grown");
    world.state.clock.advance(TimeDelta::seconds(11)).unwrap();
    assert_eq!(world.sign_in("ana@demo", "tradepost").await.status, 200);
    for _ in 0..4 {
        assert_eq!(
            world.sign_in("ana@demo", "wrong-password").await.status,
            401,
            "what was right begins anew"
        );
    }
}

#[tokio::test]
async fn guesses_at_the_same_time_are_counted_each() {
    let world = hq().await;
    let guesses = (0..20).map(|_| world.sign_in("ana@demo", "wrong-password"));
    let answers = all_at_once(guesses).await;
    let tried = answers.iter().filter(|answer| answer.status == 401).count();
    assert!(tried <= 5, "{tried} were let through");
}

async fn all_at_once<F: Future<Output = Answer>>(all: impl Iterator<Item = F>) -> Vec<Answer> {
    // In one task, and all of them begun before any has ended.
    let mut running: Vec<_> = all.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        running.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                done.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

#[tokio::test]
async fn an_access_token_ends_and_is_followed_by_the_next() {
    let world = hq().await;
    let first = world.sign_in("ana@demo", "tradepost").await;
    world.state.clock.advance(TimeDelta::minutes(16)).unwrap();
    assert_eq!(world.get("/guarded", access(&first)).await.status, 401);
    let second = world.refresh(refresh_token(&first)).await;
    assert_eq!(second.status, 200, "{}", second.body);
    assert_eq!(world.get("/guarded", access(&second)).await.status, 200);
    assert_ne!(refresh_token(&first), refresh_token(&second));
}

#[tokio::test]
async fn a_stolen_refresh_token_ends_the_sign_in_of_thief_and_owner() {
    let world = hq().await;
    let first = world.sign_in("ana@demo", "tradepost").await;
    let owners = world.refresh(refresh_token(&first)).await;
    world.state.clock.advance(TimeDelta::seconds(11)).unwrap();
    assert_eq!(world.refresh(refresh_token(&first)).await.status, 401);
    assert_eq!(world.refresh(refresh_token(&owners)).await.status, 401);
    assert_eq!(world.get("/guarded", access(&owners)).await.status, 401);
}

#[tokio::test]
async fn a_client_whose_answer_was_lost_may_try_again_at_once() {
    let world = hq().await;
    let first = world.sign_in("ana@demo", "tradepost").await;
    let (one, other) =
        tokio::join!(world.refresh(refresh_token(&first)), world.refresh(refresh_token(&first)));
    assert_eq!((one.status, other.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!(world.refresh(refresh_token(&one)).await.status, 200);
    assert_eq!(world.refresh(refresh_token(&other)).await.status, 200);
}

#[tokio::test]
async fn who_signed_out_is_out_and_a_refresh_at_that_moment_does_not_bring_them_back() {
    let world = hq().await;
    for _ in 0..8 {
        let signed_in = world.sign_in("ana@demo", "tradepost").await;
        let out = json!({ "refresh_token": refresh_token(&signed_in) });
        let (refreshed, out) =
            tokio::join!(world.refresh(refresh_token(&signed_in)), world.post("/auth/sign-out", out));
        assert_eq!(out.status, 204);
        if refreshed.status == 200 {
            assert_eq!(world.refresh(refresh_token(&refreshed)).await.status, 401);
            assert_eq!(world.get("/auth/me", access(&refreshed)).await.status, 401);
        }
        assert_eq!(world.get("/auth/me", access(&signed_in)).await.status, 401);
    }
    assert_eq!(world.post("/auth/sign-out", json!({ "refresh_token": "nonsense" })).await.status, 204);
}

#[tokio::test]
async fn who_is_switched_off_or_loses_a_permission_does_so_at_once() {
    let world = hq().await;
    let answer = world.sign_in("ana@demo", "tradepost").await;
    sqlx::query("update role set permissions = '{}' where company_id = $1")
        .bind(world.company)
        .execute(world.database.owner())
        .await
        .unwrap();
    let refused = world.get("/guarded", access(&answer)).await;
    assert_eq!((refused.status, &refused.body["permission"]), (StatusCode::FORBIDDEN, &json!("report.read")));
    sqlx::query("update app_user set active = false where company_id = $1")
        .bind(world.company)
        .execute(world.database.owner())
        .await
        .unwrap();
    assert_eq!(world.get("/guarded", access(&answer)).await.status, 401);
    assert_eq!(world.refresh(refresh_token(&answer)).await.status, 401);
    assert_eq!(world.sign_in("ana@demo", "tradepost").await.status, 401);
}

#[tokio::test]
async fn a_new_password_ends_what_was_signed_in_with_the_old_one() {
    let world = hq().await;
    let before = world.sign_in("ana@demo", "tradepost").await;
    set_password(&world.state, world.company, world.ana, "another-one").await;
    assert_eq!(world.get("/guarded", access(&before)).await.status, 401);
    assert_eq!(world.sign_in("ana@demo", "tradepost").await.status, 401);
    assert_eq!(world.sign_in("ana@demo", "another-one").await.status, 200);
}

#[tokio::test]
async fn a_pin_counts_at_a_store_and_never_at_hq() {
    let pin = json!({ "login": "ana@demo", "pin": "1234" });
    let at_hq = hq().await.post("/auth/sign-in", pin.clone()).await;
    assert_eq!(
        (at_hq.status, at_hq.body["type"].as_str()),
        (StatusCode::FORBIDDEN, Some("/problems/device-needed"))
    );
    let unpaired = store(Pins::OnPairedDevices).await.post("/auth/sign-in", pin.clone()).await;
    assert_eq!(unpaired.status, 403);

    let world = store(Pins::OnAnyMachine).await;
    for login in ["ana@demo", "ana", "ANA"] {
        let answer = world.post("/auth/sign-in", json!({ "login": login, "pin": "1234" })).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.body["user"]["language"], "es");
        assert!(answer.body["user"]["store_id"].is_string());
        assert_eq!(world.get("/guarded", access(&answer)).await.body, "Ana");
    }
    assert_eq!(world.post("/auth/sign-in", json!({ "login": "ana", "pin": "1235" })).await.status, 401);
    assert_eq!(world.post("/auth/sign-in", json!({ "login": "ana@rival", "pin": "1234" })).await.status, 401);
}

#[tokio::test]
async fn a_stores_password_is_kept_there() {
    let world = store(Pins::OnPairedDevices).await;
    assert_eq!(world.sign_in("ana@demo", "tradepost").await.status, 401, "there is none yet");
    set_password(&world.state, world.company, world.ana, "tradepost").await;
    assert_eq!(world.sign_in("ana@demo", "tradepost").await.status, 200);
    sqlx::query("update from_hq.staff set deleted = true").execute(world.database.owner()).await.unwrap();
    assert_eq!(world.sign_in("ana@demo", "tradepost").await.status, 401, "HQ took them off the store");
}

#[tokio::test]
async fn a_token_of_another_server_is_nothing_here() {
    let (here, there) = (hq().await, hq().await);
    let theirs = there.sign_in("ana@demo", "tradepost").await;
    assert_eq!(here.get("/guarded", access(&theirs)).await.status, 401);
    assert_eq!(here.refresh(refresh_token(&theirs)).await.status, 401);
    for token in ["", "a.b.c", "é"] {
        let answer = here.send("GET", "/guarded", Some(token), None, "10.0.0.1").await;
        assert_eq!(answer.status, 401);
    }
    assert_eq!(here.send("GET", "/guarded", None, None, "10.0.0.1").await.status, 401);
}

#[tokio::test]
async fn bad_input_is_a_problem_that_names_the_field() {
    let world = hq().await;
    let long = "x".repeat(100_000);
    for (body, status, pointer) in [
        (json!({}), 422, "/login"),
        (json!({ "login": "ana@demo" }), 422, "/password"),
        (json!({ "login": "ana@demo", "password": "x", "pin": "1" }), 422, "/password"),
        (json!({ "login": 7, "password": "x" }), 422, "/login"),
        (json!({ "login": "ana@demo", "password": "x", "colour": "red" }), 422, "/colour"),
        (json!({ "login": "", "password": "x" }), 422, "/login"),
        (json!({ "login": long, "password": "x" }), 422, "/login"),
        (json!({ "login": "ana@demo", "password": long }), 422, "/password"),
        (json!({ "login": "a\u{0}b", "password": "x" }), 400, ""),
    ] {
        let answer = world.post("/auth/sign-in", body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        assert_eq!(answer.body["errors"][0]["pointer"], pointer);
        assert!(answer.body["request_id"].is_string());
    }
}

#[tokio::test]
async fn what_is_kept_lets_nobody_in() {
    let world = hq().await;
    let answer = world.sign_in("ana@demo", "tradepost").await;
    let kept: String = sqlx::query_scalar(
        "select coalesce((select json_agg(p) from password p)::text, '') || (select json_agg(t) from refresh_token t)::text
            || (select json_agg(s) from sign_in s)::text || coalesce((select json_agg(a) from sign_in_attempt a)::text, '')",
    )
    .fetch_one(world.database.owner())
    .await
    .unwrap();
    for secret in ["tradepost", refresh_token(&answer), access(&answer), "10.0.0.1", "ana@demo"] {
        assert!(!kept.contains(secret), "{secret} can be read in the database");
    }
}

#[tokio::test]
async fn the_application_cannot_see_past_its_company() {
    let world = hq().await;
    let mine = Actor::System { company_id: world.company };
    let seen: i64 = server_kit::read(&world.state, &mine, |tx, _| {
        Box::pin(async move {
            sqlx::query_scalar("select count(distinct company_id) from password").fetch_one(&mut **tx).await
        })
    })
    .await
    .map_err(|error: sqlx::Error| error)
    .unwrap();
    assert_eq!(seen, 1);
    let nobody: i64 =
        sqlx::query_scalar("select count(*) from password").fetch_one(&world.state.pool).await.unwrap();
    assert_eq!(nobody, 0);
}
