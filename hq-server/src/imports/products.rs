//! The import itself: read into a temporary table, looked at as a whole, written set by set.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use server_kit::{Actor, AppState, Context, Patience, Problem, Tx, transact, transact_within};
use sqlx::Row as _;
use tokio::io::AsyncReadExt;
use utoipa::ToSchema;
use uuid::Uuid;

use super::csv::Reader;
use super::job;
use super::rows::{Columns, MOST_MISTAKES, Mistakes, Row};
use super::spool::Spool;
use crate::locks;

/// After so many rows the job is told how far it is.
const PROGRESS_ROWS: i64 = 20_000;
/// What is sent to PostgreSQL at a time.
const COPY_BYTES: usize = 256 << 10;
const PATIENCE: Patience = Patience::long(std::time::Duration::from_mins(10));

/// What is to be imported.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// The job, named by the client, so that a retry is the same import.
    pub(crate) id: Uuid,
    /// Only look at the file and say what would become of it.
    pub(crate) dry_run: bool,
    /// The file.
    pub(crate) file: Spool,
}

/// What became of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Outcome {
    /// The import.
    pub(crate) id: Uuid,
    /// Whether the file was only looked at.
    pub(crate) dry_run: bool,
    /// How many products the file has.
    pub(crate) rows: i64,
    /// How many of them are new.
    pub(crate) created: i64,
    /// How many were changed.
    pub(crate) updated: i64,
    /// How many were so already.
    pub(crate) unchanged: i64,
}

/// Imports a file of products: all of it, or nothing and why not.
pub(crate) async fn import_products(
    state: &AppState,
    actor: &Actor,
    import: Import,
) -> Result<Outcome, Problem> {
    let id = import.id;
    let (hash, dry_run) = (*import.file.hash(), import.dry_run);
    let done = transact(state, actor, move |tx, cx| {
        Box::pin(async move { job::begin(tx, cx, id, &hash, dry_run).await })
    })
    .await?;
    if let Some(outcome) = done {
        return serde_json::from_value(outcome).map_err(Problem::internal);
    }
    let progress = Progress { state: state.clone(), actor: actor.clone(), id };
    let outcome = transact_within(state, actor, PATIENCE, move |tx, cx| {
        Box::pin(async move { run(tx, cx, &import, &progress).await })
    })
    .await;
    if let Err(refused) = &outcome
        && refused.name() == "import-refused"
    {
        let told = serde_json::json!({ "errors": refused.errors() });
        transact(state, actor, move |tx, cx| {
            Box::pin(async move { job::end(tx, cx, id, "refused", 0, &told).await })
        })
        .await?;
    }
    outcome
}

#[derive(Clone)]
struct Progress {
    state: AppState,
    actor: Actor,
    id: Uuid,
}

impl Progress {
    async fn note(&self, step: &'static str, rows: i64) -> Result<(), Problem> {
        job::note_progress(&self.state, &self.actor, self.id, step, rows).await
    }
}

async fn run(tx: &mut Tx, cx: &Context, import: &Import, progress: &Progress) -> Result<Outcome, Problem> {
    if !locks::import_of_products(tx).await? {
        return Err(Problem::conflict("import-running", "Another import of products is running")
            .detail("Wait until it is done.")
            .retry_after(5));
    }
    let mut mistakes = Mistakes::default();
    let (columns, rows) = read_into_table(tx, cx, import, progress, &mut mistakes).await?;
    if rows == 0 && mistakes.count == 0 {
        mistakes.add(1, "", "empty", "The file has no products.");
    }
    if columns.price.is_some() && !cx.actor.may("price.publish") {
        return Err(Problem::forbidden("price.publish").detail("The file has prices."));
    }
    if !cx.actor.may("catalogue.write") {
        return Err(Problem::forbidden("catalogue.write"));
    }
    sqlx::query("analyze import_row").execute(&mut **tx).await?;
    find_mistakes(tx, &columns, &mut mistakes).await?;
    if mistakes.count > 0 {
        return Err(refused(mistakes));
    }
    plan(tx, &columns).await?;
    let counted = sqlx::query(
        "select count(*) filter (where is_new), count(*) filter (where not is_new and before is distinct from after)
         from import_plan",
    )
    .fetch_one(&mut **tx)
    .await?;
    let (created, updated): (i64, i64) = (counted.try_get(0)?, counted.try_get(1)?);
    let outcome = Outcome {
        id: import.id,
        dry_run: import.dry_run,
        rows,
        created,
        updated,
        unchanged: rows - created - updated,
    };
    if !import.dry_run {
        progress.note("writing", rows).await?;
        write(tx, cx, &columns).await?;
    }
    let told = serde_json::to_value(outcome).map_err(Problem::internal)?;
    job::end(tx, cx, import.id, "done", rows, &told).await?;
    Ok(outcome)
}

fn refused(mistakes: Mistakes) -> Problem {
    let count = mistakes.count;
    let mut problem = Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "import-refused",
        "The file has mistakes; nothing was written",
    )
    .detail(if count > MOST_MISTAKES as u64 {
        format!("{count} mistakes were found; the first {MOST_MISTAKES} are told.")
    } else {
        format!("{count} mistakes were found.")
    })
    .with("mistakes", count);
    for mistake in mistakes.told {
        problem = problem.field(mistake.pointer, mistake.code, mistake.detail);
    }
    problem
}

/// Reads the file row by row into `import_row`. Rows with mistakes are left out; the others are still looked at.
async fn read_into_table(
    tx: &mut Tx,
    cx: &Context,
    import: &Import,
    progress: &Progress,
    mistakes: &mut Mistakes,
) -> Result<(Columns, i64), Problem> {
    // A temporary table has no policies, so that COPY works.
    sqlx::query(
        "create temporary table import_row (
             line bigint not null, sku text not null, name text not null, department_code text not null, description text,
             tax_group_code text, unit text, quantity_decimals smallint, discountable boolean, price numeric(19, 6),
             barcodes text[] not null, barcode_ids uuid[] not null,
             product_id uuid not null, variant_id uuid not null, price_id uuid not null, audit_id uuid not null
         ) on commit drop",
    )
    .execute(&mut **tx)
    .await?;
    let mut file = import.file.open().await?;
    let mut copy = tx.copy_in_raw("copy import_row from stdin").await?;
    let mut reader = Some(Reader::new());
    let mut columns: Option<Columns> = None;
    let mut rows = 0_i64;
    let mut told = 0_i64;
    let mut text = String::with_capacity(COPY_BYTES * 2);
    let mut buffer = vec![0; 64 << 10];
    let mut records = Vec::new();
    loop {
        let read = file.read(&mut buffer).await.map_err(Problem::internal)?;
        if read == 0 {
            if let Some(reader) = reader.take() {
                reader.finish(|record| records.push(record));
            }
        } else if let Some(reader) = &mut reader {
            reader.push(buffer.get(..read).unwrap_or_default(), |record| records.push(record));
        }
        for record in records.drain(..) {
            let Some(columns) = &columns else {
                columns = Some(Columns::read(&record, mistakes));
                continue;
            };
            rows += 1;
            if let Some(row) = Row::read(record, columns, mistakes) {
                write_copy(&mut text, &row, cx);
            }
        }
        if text.len() >= COPY_BYTES || read == 0 {
            copy.send(std::mem::take(&mut text).into_bytes()).await?;
        }
        // A file that is no CSV of products at all: its first line says so, and every other would again.
        if read == 0 || (mistakes.count > 0 && columns.is_none_or(|columns| columns.sku.is_none())) {
            break;
        }
        if rows - told >= PROGRESS_ROWS {
            told = rows;
            progress.note("checking", rows).await?;
        }
    }
    copy.finish().await?;
    Ok((columns.unwrap_or_default(), rows))
}

/// One line of COPY's text format.
fn write_copy(out: &mut String, row: &Row, cx: &Context) {
    use std::fmt::Write as _;
    let escape = |out: &mut String, text: &str| {
        for letter in text.chars() {
            match letter {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                _ => out.push(letter),
            }
        }
    };
    let optional = |out: &mut String, text: Option<&str>| {
        out.push('\t');
        match text {
            Some(text) => escape(out, text),
            None => out.push_str("\\N"),
        }
    };
    // Writing to a String cannot fail.
    let _ = write!(out, "{}", row.line);
    for text in [&row.sku, &row.name, &row.department_code] {
        optional(out, Some(text));
    }
    for text in [&row.description, &row.tax_group_code, &row.unit] {
        optional(out, text.as_deref());
    }
    optional(out, row.quantity_decimals.map(|decimals| decimals.to_string()).as_deref());
    optional(out, row.discountable.map(|yes| yes.to_string()).as_deref());
    optional(out, row.price.map(|price| price.to_string()).as_deref());
    // Barcodes are letters, digits and - _ . / only: nothing in them needs quoting.
    let _ = write!(out, "\t{{{}}}\t{{", row.barcodes.join(","));
    for number in 0..row.barcodes.len() {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(out, "{comma}{}", cx.new_id());
    }
    let _ = writeln!(out, "}}\t{}\t{}\t{}\t{}", cx.new_id(), cx.new_id(), cx.new_id(), cx.new_id());
}

/// What only the whole file and the database can tell.
async fn find_mistakes(tx: &mut Tx, columns: &Columns, mistakes: &mut Mistakes) -> Result<(), Problem> {
    locks::named_by_import(tx).await?;
    let rows = sqlx::query(
        "with numbered as (
             select r.*, row_number() over (partition by r.sku order by r.line) as place, min(r.line) over (partition by r.sku) as first_line
             from import_row r
         ), codes as (
             select r.line, r.sku, code, min(r.line) over (partition by code) as first_line
             from import_row r, unnest(r.barcodes) as code
         ), found (line, field, code, detail) as (
             select line, 'sku', 'duplicate', format('The SKU %s stands on line %s already.', sku, first_line)
             from numbered where place > 1
             union all
             select r.line, 'department_code', 'unknown', format('There is no department %s.', r.department_code)
             from import_row r
             where not exists (select from department d where d.code = r.department_code and d.archived_at is null)
             union all
             select r.line, 'tax_group_code', 'unknown', format('There is no tax group %s.', r.tax_group_code)
             from import_row r
             where r.tax_group_code is not null
               and not exists (select from tax_group g where g.code = r.tax_group_code and g.archived_at is null)
             union all
             select line, 'barcodes', 'duplicate', format('The barcode %s stands on line %s already.', code, first_line)
             from codes where line > first_line
             union all
             select c.line, 'barcodes', 'taken', format('The barcode %s is that of the SKU %s.', c.code, v.sku)
             from codes c
             join barcode b on b.code = c.code
             join variant v on v.company_id = b.company_id and v.id = b.variant_id
             where v.sku <> c.sku and not exists (select from import_row r where r.sku = v.sku and $1)
             union all
             select r.line, 'sku', 'several_variants',
                 'Its product has several variants. Change it by hand: a row stands for a whole product.'
             from import_row r
             join variant v on v.sku = r.sku
             where exists (select from variant other
                           where other.company_id = v.company_id and other.product_id = v.product_id and other.id <> v.id)
         )
         select line, field, code, detail, count(*) over () as total from found order by line, field limit $2",
    )
    .bind(columns.barcodes.is_some())
    .bind(i64::try_from(MOST_MISTAKES).unwrap_or(100))
    .fetch_all(&mut **tx)
    .await?;
    let mut total = 0_i64;
    let told = rows.len();
    for row in rows {
        let (line, code): (i64, String) = (row.try_get("line")?, row.try_get("code")?);
        let code = match code.as_str() {
            "duplicate" => "duplicate",
            "taken" => "taken",
            "several_variants" => "several_variants",
            _ => "unknown",
        };
        total = row.try_get("total")?;
        let detail: String = row.try_get("detail")?;
        let field: String = row.try_get("field")?;
        mistakes.add(u64::try_from(line).unwrap_or(0), &field, code, detail);
    }
    mistakes.count += u64::try_from(total).unwrap_or(0).saturating_sub(told as u64);
    Ok(())
}

/// What each row comes to: which product, from what to what.
async fn plan(tx: &mut Tx, columns: &Columns) -> Result<(), Problem> {
    sqlx::query(
        "create temporary table import_plan (
             audit_id uuid not null, is_new boolean not null, product_id uuid not null, variant_id uuid not null, price_id uuid not null,
             department_id uuid not null, tax_group_id uuid, sku text not null, name text not null, description text not null,
             unit text not null, quantity_decimals smallint not null, discountable boolean not null, price numeric(19, 6),
             barcodes text[] not null, barcode_ids uuid[] not null, before jsonb, after jsonb not null
         ) on commit drop",
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "with known as (
             select v.sku, v.id as variant_id, p.*,
                 coalesce((select array_agg(b.code order by b.code) from barcode b
                           where b.company_id = v.company_id and b.variant_id = v.id), '{}') as barcodes,
                 (select c.amount from price c
                  where c.company_id = v.company_id and c.variant_id = v.id and c.kind = 'regular' and c.min_quantity = 0
                    and c.price_level_id is null and c.store_id is null and c.valid_from is null) as price
             from import_row r
             join variant v on v.sku = r.sku
             join product p on p.company_id = v.company_id and p.id = v.product_id
         ), merged as (
             select r.audit_id, k.id is null as is_new, coalesce(k.id, r.product_id) as product_id,
                 coalesce(k.variant_id, r.variant_id) as variant_id, r.price_id, d.id as department_id,
                 case when $1 then g.id else k.tax_group_id end as tax_group_id, r.sku, r.name,
                 coalesce(case when $2 then coalesce(r.description, '') else k.description end, '') as description,
                 coalesce(r.unit, k.unit, 'each') as unit,
                 coalesce(r.quantity_decimals, k.quantity_decimals, 0::smallint) as quantity_decimals,
                 coalesce(r.discountable, k.discountable, true) as discountable, coalesce(r.price, k.price) as price,
                 case when $3 then array(select code from unnest(r.barcodes) as code order by code) else coalesce(k.barcodes, '{}') end as barcodes,
                 r.barcodes as given_barcodes, r.barcode_ids,
                 case when k.id is not null then jsonb_build_object('sku', k.sku, 'name', k.name, 'department_id', k.department_id,
                     'description', k.description, 'tax_group_id', k.tax_group_id, 'unit', k.unit,
                     'quantity_decimals', k.quantity_decimals, 'discountable', k.discountable, 'barcodes', k.barcodes,
                     'price', trim_scale(k.price)::text) end as before
             from import_row r
             join department d on d.code = r.department_code
             left join tax_group g on g.code = r.tax_group_code
             left join known k on k.sku = r.sku
         )
         insert into import_plan
         select audit_id, is_new, product_id, variant_id, price_id, department_id, tax_group_id, sku, name, description, unit,
             quantity_decimals, discountable, price, given_barcodes, barcode_ids, before,
             jsonb_build_object('sku', sku, 'name', name, 'department_id', department_id, 'description', description,
                 'tax_group_id', tax_group_id, 'unit', unit, 'quantity_decimals', quantity_decimals,
                 'discountable', discountable, 'barcodes', barcodes, 'price', trim_scale(price)::text)
         from merged",
    )
    .bind(columns.tax_group_code.is_some())
    .bind(columns.description.is_some())
    .bind(columns.barcodes.is_some())
    .execute(&mut **tx)
    .await?;
    sqlx::query("analyze import_plan").execute(&mut **tx).await?;
    Ok(())
}

/// Writes what is new or different, table by table.
async fn write(tx: &mut Tx, cx: &Context, columns: &Columns) -> Result<(), Problem> {
    for statement in [
        "insert into product (id, department_id, name, description, tax_group_id, unit, quantity_decimals, discountable)
         select product_id, department_id, name, description, tax_group_id, unit, quantity_decimals, discountable
         from import_plan where is_new",
        "update product p
         set department_id = i.department_id, name = i.name, description = i.description, tax_group_id = i.tax_group_id,
             unit = i.unit, quantity_decimals = i.quantity_decimals, discountable = i.discountable, version = p.version + 1
         from import_plan i
         where p.id = i.product_id and not i.is_new and i.before is distinct from i.after",
        "insert into variant (id, product_id, sku) select variant_id, product_id, sku from import_plan where is_new",
    ] {
        sqlx::query(statement).execute(&mut **tx).await?;
    }
    if columns.barcodes.is_some() {
        for statement in [
            "delete from barcode b using import_plan i
             where b.variant_id = i.variant_id and not i.is_new and i.before is distinct from i.after
               and b.code <> all (i.barcodes)",
            "insert into barcode (id, variant_id, code)
             select given.id, i.variant_id, given.code
             from import_plan i, unnest(i.barcode_ids, i.barcodes) as given (id, code)
             where i.before is distinct from i.after
               and (i.is_new or not exists (select from barcode b where b.variant_id = i.variant_id and b.code = given.code))",
        ] {
            sqlx::query(statement).execute(&mut **tx).await?;
        }
    }
    if columns.price.is_some() {
        sqlx::query(
            "insert into price (id, variant_id, kind, amount, reason)
             select price_id, variant_id, 'regular', price, 'import'
             from import_plan where price is not null and before is distinct from after
             on conflict (company_id, variant_id, price_level_id, store_id, kind, min_quantity, valid_from) do update
             set amount = excluded.amount, reason = excluded.reason, version = price.version + 1
             where price.amount <> excluded.amount",
        )
        .execute(&mut **tx)
        .await?;
    }
    let actor_name = cx.actor.person().map_or("", |person| &*person.name);
    sqlx::query(
        "insert into audit (id, at, actor_id, actor_name, action, entity, entity_id, before, after, request_id)
         select audit_id, $1, $2, $3, case when is_new then 'product.create' else 'product.change' end, 'product', product_id,
             before, after, $4
         from import_plan where before is distinct from after",
    )
    .bind(cx.now)
    .bind(cx.actor.user_id())
    .bind(actor_name)
    .bind(&cx.request_id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
