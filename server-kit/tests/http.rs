//! The surface that every server has: what is asked wrongly gets a problem, what is too much is turned away, and stopping
//! lets finish what was begun.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use server_kit::metrics::Sample;
use server_kit::testing::Database;
use server_kit::{
    Actor, AppState, CancellationToken, Capability, Json, Manner, OpenApiRouter, Path, Problem, Query,
    Surface, read, routes, serve,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tower::ServiceExt;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations-store");

#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Jar {
    coins: u32,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Page {
    #[expect(dead_code, reason = "only read")]
    limit: Option<u32>,
}

/// Fill a jar
#[utoipa::path(put, path = "/jars/{id}", request_body = Jar, params(("id" = Uuid, Path)), responses((status = 200, body = Jar)))]
async fn put_jar(Path(_id): Path<Uuid>, Query(_page): Query<Page>, Json(jar): Json<Jar>) -> Json<Jar> {
    Json(jar)
}

/// A mistake
#[utoipa::path(get, path = "/mistake", responses((status = 200)))]
#[expect(clippy::panic, reason = "what is tested")]
async fn mistake() -> Json<Jar> {
    panic!("with secret-text in it")
}

/// What time an operation has
#[utoipa::path(get, path = "/time", responses((status = 200)))]
async fn time(State(state): State<AppState>) -> Result<Json<String>, Problem> {
    let now = read(&state, &Actor::Nobody, |_, cx| Box::pin(async move { Ok::<_, Problem>(cx.now) })).await?;
    Ok(Json(now.to_rfc3339()))
}

/// Slow
#[utoipa::path(get, path = "/slow", responses((status = 200)))]
async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(400)).await;
    "done"
}

static HELD: Semaphore = Semaphore::const_new(0);
static GO_ON: Semaphore = Semaphore::const_new(0);

/// Held until the test lets it go on
#[utoipa::path(get, path = "/held", responses((status = 200)))]
async fn held() -> &'static str {
    HELD.add_permits(1);
    GO_ON.acquire().await.unwrap().forget();
    "done"
}

fn surface() -> Surface {
    let capability: Capability = Capability {
        name: "jars",
        routes: OpenApiRouter::new()
            .routes(routes!(put_jar))
            .routes(routes!(mistake))
            .routes(routes!(time))
            .routes(routes!(slow))
            .routes(routes!(held)),
        permissions: &[],
        entities: &[],
        facts: &[],
    };
    let mut surface = Surface::new("Test", "A test's server.", "1.2.3", vec![capability]);
    surface.web_config = json!({ "mode": "test" });
    surface.samples = Some(Arc::new(|_| {
        Box::pin(async {
            vec![Sample { name: "jars", labels: vec![("kind", "glass".to_owned())], value: 3.0 }]
        })
    }));
    surface
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

async fn get(router: &Router, path: &str) -> Answer {
    ask(router, Request::get(path).body(Body::empty()).unwrap()).await
}

fn put(path: &str, kind: &str, body: impl Into<Body>) -> Request<Body> {
    Request::put(path).header(header::CONTENT_TYPE, kind).body(body.into()).unwrap()
}

async fn world() -> (Database, Router) {
    let database = Database::new(MIGRATIONS).await;
    let router = serve::router(surface(), &Manner::default(), database.state());
    (database, router)
}

#[tokio::test]
async fn what_is_asked_wrongly_gets_a_problem() {
    let (_database, router) = world().await;
    let jar = "/api/v1/jars/01890a5d-ac96-774b-bcce-b302099a8057";
    let kind = "application/json";
    let cases = [
        (put(jar, kind, r#"{"coins":1}"#), 200, "", ""),
        (put(jar, "application/json; charset=utf-8", r#"{"coins":1}"#), 200, "", ""),
        (put(jar, kind, "{"), 400, "malformed", ""),
        (put(jar, kind, "\u{feff}{}"), 400, "malformed", ""),
        (put(jar, kind, vec![b'"', 0xff, b'"']), 400, "malformed", ""),
        (put(jar, kind, r#"{"coins":"many"}"#), 422, "invalid-input", "/coins"),
        (put(jar, kind, r#"{"coins":99999999999999999999}"#), 422, "invalid-input", "/coins"),
        (put(jar, kind, r#"{"coins":1,"lid":true}"#), 422, "invalid-input", "/lid"),
        (put(jar, kind, "[".repeat(10_000)), 422, "invalid-input", ""),
        (put(jar, "text/plain", "{}"), 415, "unsupported-media-type", ""),
        (put(jar, kind, vec![b' '; 3 * 1024 * 1024]), 413, "too-large", ""),
        (put("/api/v1/jars/seven", kind, "{}"), 400, "malformed", "/id"),
        (put(&format!("{jar}?limit=many"), kind, "{}"), 422, "invalid-input", "/limit"),
        (put(&format!("{jar}?colour=red"), kind, "{}"), 422, "invalid-input", "/colour"),
        (put(&format!("{jar}?limit=%00"), kind, "{}"), 400, "malformed", ""),
        (Request::get(jar).body(Body::empty()).unwrap(), 405, "method-not-allowed", ""),
        (Request::get("/api/v1/nothing").body(Body::empty()).unwrap(), 404, "not-found", ""),
        (Request::get("/nothing").body(Body::empty()).unwrap(), 404, "not-found", ""),
        (Request::delete("/health/live").body(Body::empty()).unwrap(), 405, "method-not-allowed", ""),
    ];
    for (request, status, name, pointer) in cases {
        let asked = format!("{} {}", request.method(), request.uri());
        let answer = ask(&router, request).await;
        assert_eq!(answer.status.as_u16(), status, "{asked}: {}", answer.text);
        assert!(!answer.header("x-request-id").is_empty(), "{asked}");
        if status >= 400 {
            assert_eq!(answer.header("content-type"), "application/problem+json", "{asked}");
            let problem = answer.json();
            assert_eq!(problem["type"], format!("/problems/{name}"), "{asked}");
            assert_eq!(problem["status"], status, "{asked}");
            assert_eq!(problem["request_id"], answer.header("x-request-id"), "{asked}");
            if !pointer.is_empty() {
                assert_eq!(problem["errors"][0]["pointer"], pointer, "{asked}: {problem}");
            }
        }
    }
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    let (_database, router) = world().await;
    let answer = get(&router, "/api/v1/mistake").await;
    assert_eq!((answer.status.as_u16(), answer.json()["type"].as_str()), (500, Some("/problems/internal")));
    assert!(!answer.text.contains("secret-text"));
}

#[tokio::test]
async fn a_request_keeps_the_identity_that_its_caller_gave_it() {
    let (_database, router) = world().await;
    let asked =
        |id: &str| Request::get("/api/v1/time").header("x-request-id", id).body(Body::empty()).unwrap();
    assert_eq!(ask(&router, asked("till-7.42")).await.header("x-request-id"), "till-7.42");
    let forged = ask(&router, asked("a b\tc")).await;
    assert_ne!(forged.header("x-request-id"), "a b\tc");
}

#[tokio::test]
async fn the_clock_header_moves_an_operation_only_where_the_server_listens_to_it() {
    let database = Database::new(MIGRATIONS).await;
    let listening = Manner { allow_clock_header: true, ..Manner::default() };
    let asked =
        |at: &str| Request::get("/api/v1/time").header("x-tradepost-clock", at).body(Body::empty()).unwrap();
    let deaf = serve::router(surface(), &Manner::default(), database.state());
    let listening = serve::router(surface(), &listening, database.state());
    let then = "2011-12-09T12:50:00Z";
    assert!(!ask(&deaf, asked(then)).await.text.contains("2011"));
    assert!(ask(&listening, asked(then)).await.text.contains("2011-12-09T12:50:00"));
    assert_eq!(ask(&listening, asked("yesterday")).await.status, 400);
    assert!(!get(&listening, "/api/v1/time").await.text.contains("2011"));
}

#[tokio::test]
async fn the_document_tells_of_every_route_and_of_problems() {
    let (_database, router) = world().await;
    let document = get(&router, "/api/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["version"], "1.2.3");
    let put = &document["paths"]["/api/v1/jars/{id}"]["put"];
    assert_eq!(put["tags"], json!(["jars"]));
    assert_eq!(
        put["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"],
        "#/components/schemas/Problem"
    );
    assert_eq!(put["security"], json!([{ "token": [] }]));
    assert!(document["components"]["schemas"]["Problem"]["properties"]["errors"].is_object());
    for page in ["/api/docs", "/api/docs/explorer.js", "/api/docs/explorer.css"] {
        let answer = get(&router, page).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-security-policy").contains("script-src 'self'"), "{page}");
        assert!(
            !answer.text.contains("//cdn") && !answer.text.contains("https://"),
            "{page} brings in a stranger"
        );
    }
}

#[tokio::test]
async fn health_and_figures_are_for_everybody_and_tell_no_names() {
    let (database, router) = world().await;
    assert_eq!(get(&router, "/health/live").await.status, 200);
    assert_eq!(get(&router, "/health/ready").await.status, 200);
    get(&router, "/api/v1/jars/01890a5d-ac96-774b-bcce-b302099a8057").await;
    let figures = get(&router, "/metrics").await;
    assert!(figures.text.contains("jars{kind=\"glass\"} 3\n"), "{}", figures.text);
    assert!(figures.text.contains("route=\"/health/ready\""));
    assert!(!figures.text.contains("01890a5d"), "an identity became a series");
    drop(router);
    let state = database.state();
    state.pool.close().await;
    let away = serve::router(surface(), &Manner::default(), state);
    let answer = get(&away, "/health/ready").await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"));
    assert_eq!(get(&away, "/health/live").await.status, 200);
}

#[tokio::test]
async fn who_comes_when_all_turns_are_taken_is_told_when_to_come_again() {
    let (_database, router) = world().await;
    let turns = 512;
    let taken: Vec<_> = (0..turns)
        .map(|_| {
            let router = router.clone();
            tokio::spawn(async move { get(&router, "/api/v1/held").await.status.as_u16() })
        })
        .collect();
    HELD.acquire_many(turns).await.unwrap().forget();
    let away = get(&router, "/api/v1/time").await;
    assert_eq!((away.status.as_u16(), away.header("retry-after")), (503, "1"));
    assert_eq!(away.json()["type"], "/problems/overloaded");
    assert_eq!(get(&router, "/health/live").await.status, 200, "watching goes on");
    GO_ON.add_permits(turns as usize);
    for one in taken {
        assert_eq!(one.await.unwrap(), 200);
    }
    assert_eq!(get(&router, "/api/v1/time").await.status, 200);
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_web_client_is_handed_out_with_its_policy() {
    let database = Database::new(MIGRATIONS).await;
    let folder = Folder(std::env::temp_dir().join(format!("web-{}", Uuid::now_v7())));
    std::fs::create_dir_all(folder.0.join("assets")).unwrap();
    std::fs::write(folder.0.join("index.html"), "<!doctype html>the client").unwrap();
    std::fs::write(folder.0.join("assets/app-1a2b.js"), "run()").unwrap();
    std::fs::write(folder.0.parent().unwrap().join("outside.txt"), "outside").unwrap();
    let manner = Manner { web_dir: Some(folder.0.clone()), ..Manner::default() };
    let router = serve::router(surface(), &manner, database.state());

    for path in ["/", "/index.html", "/hq/chain", "/stores/7"] {
        let page = get(&router, path).await;
        assert_eq!((page.status.as_u16(), page.text.as_str()), (200, "<!doctype html>the client"), "{path}");
        assert_eq!(page.header("cache-control"), "no-cache");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-inline"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
    }
    let asset = get(&router, "/assets/app-1a2b.js").await;
    assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    for path in ["/assets/app-gone.js", "/api/v1/nothing", "/api/nothing", "/sync/v1/nothing", "/metrics/x"] {
        let answer = get(&router, path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (404, "application/problem+json"),
            "{path}"
        );
    }
    for path in ["/../outside.txt", "/%2e%2e/outside.txt", "/assets/..%2f..%2foutside.txt"] {
        assert!(!get(&router, path).await.text.contains("outside"), "{path}");
    }
    std::fs::remove_file(folder.0.parent().unwrap().join("outside.txt")).unwrap();
    let config = get(&router, "/config.json").await;
    assert_eq!((config.json(), config.header("cache-control")), (json!({ "mode": "test" }), "no-store"));
}

async fn started(
    database: &Database,
) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let (state, token) = (database.state(), stop.clone());
    let server = tokio::spawn(async move {
        serve::serve_on(listener, surface(), &Manner::default(), state, token).await.unwrap();
    });
    (address, stop, server)
}

async fn say(address: std::net::SocketAddr, text: &str) -> tokio::net::TcpStream {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

async fn hear(stream: &mut tokio::net::TcpStream) -> String {
    let mut text = String::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut text)).await.unwrap().unwrap();
    text
}

#[tokio::test]
async fn a_server_that_stops_answers_what_it_has_begun() {
    let database = Database::new(MIGRATIONS).await;
    let (address, stop, server) = started(&database).await;
    let mut stream = say(address, "GET /api/v1/slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // It has been read once the server counts it among its requests; a quarter of its time is ample.
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.cancel();
    let answer = hear(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    tokio::time::timeout(Duration::from_secs(5), server).await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_caller_that_never_ends_its_header_is_let_go() {
    let database = Database::new(MIGRATIONS).await;
    let (address, stop, server) = started(&database).await;
    let mut stream = say(address, "GET /health/live HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
    let answer = hear(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    stop.cancel();
    server.await.unwrap();
}
