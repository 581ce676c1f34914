//! A server's surface: what its capabilities mount, and everything that every server has besides.

mod around;
mod explorer;
mod listen;
mod web;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, InfoBuilder, OpenApi, OpenApiBuilder, RefOr, ResponseBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::config::HttpArgs;
use crate::metrics::{self, Sample};
use crate::problem::{Problem, ProblemDocument};
use crate::{AppState, Capability};

pub use around::Source;
pub use listen::shutdown_signal;

/// A body may have this many bytes, where a route does not say otherwise (`.layer(DefaultBodyLimit::max(…))`).
pub const BODY_LIMIT: usize = 2 * 1024 * 1024;
/// This many requests are answered at a time; more are turned away with 503.
const REQUESTS_AT_ONCE: usize = 512;

/// Looks something up for `/health/ready` or `/metrics`.
pub type Look<T> = Arc<dyn Fn(AppState) -> BoxFuture<'static, T> + Send + Sync>;

/// What one server shows to the world. Make one with `Surface::new`, and set what differs.
pub struct Surface {
    /// The server's name in its OpenAPI document.
    pub title: String,
    /// What it is, in a sentence.
    pub description: String,
    /// The version of the program.
    pub version: String,
    /// What is mounted below `/api/v1`, with its tag.
    api: Vec<(&'static str, OpenApiRouter<AppState>)>,
    /// What is mounted at the root, such as `/sync/v1/…`: outside of the OpenAPI document. An answer must have begun within two
    /// minutes; how long it then streams, or lives as a WebSocket, is its own affair.
    pub beside: Router<AppState>,
    /// Paths below `/api/v1` (their beginnings) that may take longer than a request of a person, such as an import.
    pub patient: Vec<&'static str>,
    /// What `/config.json` tells the web client.
    pub web_config: Value,
    /// Whether the server can do its work, besides reaching its database: what is missing, where it cannot.
    pub ready: Option<Look<Result<(), String>>>,
    /// Figures that are looked up when somebody reads `/metrics`.
    pub samples: Option<Look<Vec<Sample>>>,
}

impl Surface {
    /// A surface with these capabilities' routes and nothing else of its own.
    #[must_use]
    pub fn new<Entity, Fact>(
        title: &str,
        description: &str,
        version: &str,
        capabilities: Vec<Capability<Entity, Fact>>,
    ) -> Self {
        Self {
            title: title.to_owned(),
            description: description.to_owned(),
            version: version.to_owned(),
            api: capabilities.into_iter().map(|capability| (capability.name, capability.routes)).collect(),
            beside: Router::new(),
            patient: Vec::new(),
            web_config: Value::Object(serde_json::Map::new()),
            ready: None,
            samples: None,
        }
    }
}

/// How the routes are handed out.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// The folder with the built web client.
    pub web_dir: Option<PathBuf>,
    /// Whether a proxy of ours stands in front and says in `X-Forwarded-For` who asks.
    pub trust_proxy: bool,
    /// Whether a request may say in `x-tradepost-clock` when its operation happened.
    pub allow_clock_header: bool,
}

impl From<&HttpArgs> for Manner {
    fn from(args: &HttpArgs) -> Self {
        Self {
            web_dir: args.web_dir.clone(),
            trust_proxy: args.trust_proxy,
            allow_clock_header: args.allow_clock_header,
        }
    }
}

/// The OpenAPI document of a surface, as `openapi` prints it.
#[must_use]
pub fn openapi(surface: Surface) -> OpenApi {
    api(surface.title, surface.description, surface.version, surface.api).1
}

/// The whole router, as `serve` runs it; tests call it directly.
pub fn router(surface: Surface, manner: &Manner, state: AppState) -> Router {
    let (api, document) = api(surface.title, surface.description, surface.version, surface.api);
    let api = api.layer(from_fn_with_state(around::Times::of_api(surface.patient), around::within_time));
    let beside = surface.beside.layer(from_fn_with_state(around::Times::beside(), around::within_time));

    let watching = Router::new()
        .route("/health/live", get(|| async { "alive" }))
        .route("/health/ready", get(is_ready))
        .route("/metrics", get(figures))
        .with_state(Watching { state: state.clone(), ready: surface.ready, samples: surface.samples });

    let around = around::Around::new(REQUESTS_AT_ONCE, manner);
    Router::new()
        .merge(api)
        .merge(beside)
        .with_state(state)
        .merge(explorer::routes(&document))
        .merge(web::routes(manner.web_dir.as_deref(), &surface.web_config))
        .layer(middleware::from_fn_with_state(around.clone(), around::bounded))
        // Watching goes on while everything else is turned away.
        .merge(watching)
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "This address does not do that",
            )
        })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(around::panics_are_problems))
        .layer(middleware::from_fn(around::measured))
        .layer(middleware::from_fn_with_state(around, around::identified))
}

/// Listens and answers until it is told to stop; then answers what it has begun, within a bound.
pub async fn serve(
    args: &HttpArgs,
    surface: Surface,
    state: AppState,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    args.check()?;
    let listener = tokio::net::TcpListener::bind((args.host, args.port)).await?;
    serve_on(listener, surface, &Manner::from(args), state, stop).await
}

/// `serve` on a socket that listens already.
pub async fn serve_on(
    listener: tokio::net::TcpListener,
    surface: Surface,
    manner: &Manner,
    state: AppState,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    listen::allow_many_files();
    tracing::info!(address = %listener.local_addr()?, "listening");
    listen::run(listener, router(surface, manner, state), stop).await;
    Ok(())
}

fn api(
    title: String,
    description: String,
    version: String,
    capabilities: Vec<(&'static str, OpenApiRouter<AppState>)>,
) -> (Router<AppState>, OpenApi) {
    let info = InfoBuilder::new().title(title).description(Some(description)).version(version).build();
    let mut all = OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info).build());
    for (name, mut routes) in capabilities {
        tag(routes.get_openapi_mut(), name);
        all = all.nest("/api/v1", routes);
    }
    let (routes, mut document) = all.split_for_parts();
    complete(&mut document);
    leave_out_examples(&mut document);
    (routes, document)
}

fn tag(document: &mut OpenApi, name: &str) {
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            operation.tags = Some(vec![name.to_owned()]);
        }
    }
}

/// What holds for every operation: it may answer a problem, and wants a token where it does not say otherwise.
fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let mut schemas = Vec::new();
    <ProblemDocument<'_> as ToSchema>::schemas(&mut schemas);
    schemas.push(("Problem".to_owned(), <ProblemDocument<'_> as PartialSchema>::schema()));
    components.schemas.extend(schemas);
    components.security_schemes.insert(
        "token".to_owned(),
        RefOr::T(SecurityScheme::Http(
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build(),
        )),
    );
    let problem = ResponseBuilder::new()
        .description("It was refused, or could not be done: a problem (RFC 9457)")
        .content(
            "application/problem+json",
            Content::new(Some(RefOr::Ref(utoipa::openapi::Ref::from_schema_name("Problem")))),
        )
        .build();
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            operation
                .responses
                .responses
                .entry("default".to_owned())
                .or_insert_with(|| RefOr::T(problem.clone()));
            if operation.security.is_none() {
                operation.security = Some(vec![utoipa::openapi::security::SecurityRequirement::new(
                    "token",
                    Vec::<String>::new(),
                )]);
            }
        }
    }
}

/// The example at the end of a type's documentation is in Rust; whoever calls over HTTP reads what stands before it.
fn leave_out_examples(document: &mut OpenApi) {
    let schemas = &mut document.components.get_or_insert_default().schemas;
    for schema in schemas.values_mut() {
        let description = match schema {
            RefOr::T(Schema::Object(schema)) => &mut schema.description,
            RefOr::T(Schema::Array(schema)) => &mut schema.description,
            RefOr::T(Schema::OneOf(schema)) => &mut schema.description,
            RefOr::T(Schema::AllOf(schema)) => &mut schema.description,
            RefOr::T(Schema::AnyOf(schema)) => &mut schema.description,
            _ => continue,
        };
        if let Some(text) = description
            && let Some(end) = text.find("\n```")
        {
            text.truncate(text.get(..end).map_or(end, |before| before.trim_end().len()));
        }
    }
}

fn operations(
    item: &mut utoipa::openapi::PathItem,
) -> impl Iterator<Item = &mut utoipa::openapi::path::Operation> {
    [
        item.get.as_mut(),
        item.put.as_mut(),
        item.post.as_mut(),
        item.delete.as_mut(),
        item.options.as_mut(),
        item.head.as_mut(),
        item.patch.as_mut(),
        item.trace.as_mut(),
    ]
    .into_iter()
    .flatten()
}

#[derive(Clone)]
struct Watching {
    state: AppState,
    ready: Option<Look<Result<(), String>>>,
    samples: Option<Look<Vec<Sample>>>,
}

async fn is_ready(State(watching): State<Watching>) -> Result<&'static str, Problem> {
    let missing = |what: String| Problem::unavailable("not-ready", "The server is not ready", 5).detail(what);
    let asked = sqlx::query("select 1").execute(&watching.state.pool);
    match tokio::time::timeout(Duration::from_secs(3), asked).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(missing("The database cannot be reached.".to_owned()).caused_by(error)),
        Err(_) => return Err(missing("The database does not answer.".to_owned())),
    }
    if let Some(ready) = &watching.ready {
        ready(watching.state.clone()).await.map_err(missing)?;
    }
    Ok("ready")
}

async fn figures(State(watching): State<Watching>) -> Response {
    let pool = &watching.state.pool;
    let idle = pool.num_idle();
    let open = usize::try_from(pool.size()).unwrap_or_default();
    let connections = |state: &str, count: usize| Sample {
        name: "database_connections",
        labels: vec![("state", state.to_owned())],
        // Far below where a float loses units.
        value: f64::from(u32::try_from(count).unwrap_or(u32::MAX)),
    };
    let mut samples = vec![connections("idle", idle), connections("used", open.saturating_sub(idle))];
    if let Some(look) = &watching.samples {
        let looked = tokio::time::timeout(Duration::from_secs(5), look(watching.state.clone())).await;
        samples.extend(looked.unwrap_or_default());
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics::exposition(samples)).into_response()
}
