//! A world for tests: HQ's router over a database of its own, two companies in it, and people who are signed in.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use hq_server::sync::Hub;
use hq_server::{Founded, Founding, found};
use serde_json::{Value, json};
use server_kit::testing::Database;
use server_kit::{AppState, Manner};
use sqlx::Row;
use tower::ServiceExt;
use uuid::Uuid;

pub const PASSWORD: &str = "tradepost";

pub struct World {
    pub database: Database,
    pub state: AppState,
    pub router: Router,
    /// The first company and its admin's token.
    pub company: Uuid,
    pub admin: String,
    /// Another company of the same HQ, and its admin's token.
    pub other: Uuid,
    pub stranger: String,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// The refusal's first mistake: pointer and code.
    #[track_caller]
    pub fn refused(self, status: u16) -> (String, String) {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        let first = &self.body["errors"][0];
        (
            first["pointer"].as_str().unwrap_or_default().to_owned(),
            first["code"].as_str().unwrap_or_default().to_owned(),
        )
    }

    pub fn etag(&self) -> String {
        self.headers[header::ETAG].to_str().unwrap().to_owned()
    }
}

impl World {
    pub async fn new() -> Self {
        let database = Database::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations-hq")).await;
        let state = database.state();
        let router =
            server_kit::serve::router(hq_server::surface(Hub::new()), &Manner::default(), state.clone());
        let company = founded(&state, "demo", "GBP").await;
        let other = founded(&state, "other", "EUR").await;
        let mut world =
            Self { database, state, router, company, other, admin: String::new(), stranger: String::new() };
        world.admin = world.sign_in("hq@demo").await;
        world.stranger = world.sign_in("hq@other").await;
        world
    }

    pub async fn sign_in(&self, login: &str) -> String {
        let body = json!({ "login": login, "password": PASSWORD });
        let answer = self.call(Method::POST, "/api/v1/auth/sign-in", "", Some(&body), &[]).await.expect(200);
        answer["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string()))
                .unwrap(),
            None => request.body(Body::empty()).unwrap(),
        };
        answer(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, &format!("/api/v1{path}"), &self.admin, None, &[]).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, &format!("/api/v1{path}"), &self.admin, Some(&body), &[]).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, &format!("/api/v1{path}"), &self.admin, Some(&body), &[]).await
    }

    pub async fn patch(&self, path: &str, etag: &str, body: Value) -> Answer {
        let headers = [("if-match", etag)];
        self.call(Method::PATCH, &format!("/api/v1{path}"), &self.admin, Some(&body), &headers).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, &format!("/api/v1{path}"), &self.admin, None, &[]).await
    }

    /// Makes one and tells its id.
    pub async fn make(&self, path: &str, body: Value) -> Uuid {
        id(&self.post(path, body).await.expect(201))
    }

    pub async fn import(&self, query: &str, csv: &str) -> Answer {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/v1/import/products{query}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.admin))
            .header(header::CONTENT_TYPE, "text/csv")
            .body(Body::from(csv.to_owned()))
            .unwrap();
        answer(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// The ready-made role of this code.
    pub async fn role(&self, code: &str) -> Uuid {
        id(&self.get(&format!("/roles?code={code}")).await.expect(200)["items"][0])
    }

    /// Makes a person with this role at HQ and signs them in.
    pub async fn person(&self, login: &str, role: Uuid) -> String {
        let user = self.make("/users", json!({ "login": login, "name": login, "role_id": role })).await;
        self.put(&format!("/users/{user}/password"), json!({ "password": PASSWORD })).await.expect(204);
        self.sign_in(&format!("{login}@demo")).await
    }

    /// What a company has, table by table: how many rows and what is in them.
    pub async fn contents(&self, company: Uuid) -> BTreeMap<String, String> {
        let owner = self.database.owner();
        let tables = sqlx::query(
            "select table_name::text from information_schema.columns
             where table_schema = 'public' and column_name = 'company_id'
               and table_name not in ('sign_in', 'refresh_token', 'feed_touched', 'feed_pending')
             order by 1",
        )
        .fetch_all(owner)
        .await
        .unwrap();
        let mut contents = BTreeMap::new();
        for table in tables {
            let table: String = table.get(0);
            let statement = format!(
                "select count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' order by t::text)), '') from {table} t where company_id = $1"
            );
            let row: String = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
                .bind(company)
                .fetch_one(owner)
                .await
                .unwrap();
            contents.insert(table, row);
        }
        contents
    }
}

pub async fn answer(response: axum::response::Response) -> Answer {
    let status = response.status();
    let headers = response.headers().clone();
    let bytes = axum::body::to_bytes(response.into_body(), 64 << 20).await.unwrap();
    Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

pub fn id(record: &Value) -> Uuid {
    record["id"].as_str().unwrap_or_else(|| panic!("no id in {record}")).parse().unwrap()
}

async fn founded(state: &AppState, code: &str, currency: &str) -> Uuid {
    let founding = Founding {
        code: code.to_owned(),
        name: format!("The {code} company"),
        currency: currency.parse().unwrap(),
        admin: "hq".to_owned(),
        password: PASSWORD.to_owned(),
    };
    match found(state, founding).await.unwrap() {
        Founded::Now(id) => id,
        Founded::Before(_) => panic!("{code} was founded before"),
    }
}
