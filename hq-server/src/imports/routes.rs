//! `POST /import/products` and how far it has come.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use server_kit::{AppState, Json, Path, Problem, Query, read};
use sign_in::SignedIn;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::job::{self, ImportJob};
use super::products::{Import, Outcome, import_products};
use super::spool::Spool;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        // The body is a stream that goes to disk, with a limit of its own.
        .routes(routes!(import))
        .layer(DefaultBodyLimit::disable())
        .routes(routes!(progress))
}

/// How a file is imported.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// The import's identity, made by the client: sending it again is the same import.
    id: Option<Uuid>,
    /// Only look at the file and say what would become of it.
    #[serde(default)]
    dry_run: bool,
}

/// Products from a CSV file: all of it, or nothing and what is wrong on which line in which column
#[utoipa::path(post, path = "/import/products", operation_id = "import_products", params(ImportQuery),
    description = "Needs `import.run` and `catalogue.write`, and `price.publish` where the file has prices. The first line names the columns: \
        `sku`, `name`, `department_code`, and if wanted `description`, `barcodes` (several with | between them), `price` (the price of the \
        whole chain without a date), `tax_group_code`, `unit`, `quantity_decimals`, `discountable`. A row whose SKU is known changes \
        its product; what has no column is left as it is. `errors` name a mistake as `/line/column`. \
        While it runs, `GET /import/products/{id}` says how far it has come.",
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = Outcome)))]
async fn import(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Query(query): Query<ImportQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Outcome>, Problem> {
    actor.require("import.run")?;
    let is_csv =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/csv")
        });
    if !is_csv {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body must be text/csv",
        ));
    }
    let fresh = state.ids.at(state.clock.now());
    let file = Spool::of_body(body, fresh).await?;
    let import = Import { id: query.id.unwrap_or(fresh), dry_run: query.dry_run, file };
    import_products(&state, &actor, import).await.map(Json)
}

/// How far an import has come
#[utoipa::path(get, path = "/import/products/{id}", operation_id = "get_import", params(("id" = Uuid, Path)),
    description = "Needs `import.run`.",
    responses((status = 200, body = ImportJob)))]
async fn progress(
    State(state): State<AppState>,
    SignedIn(actor): SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Json<ImportJob>, Problem> {
    actor.require("import.run")?;
    read(&state, &actor, move |tx, _| Box::pin(async move { job::load(tx, id).await })).await.map(Json)
}
