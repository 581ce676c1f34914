//! The SQL of the catalogue.

use server_kit::{Context, Problem, Tx};
use shared_model::UnitPrice;
use shared_model::catalogue::StockPolicy;
use shared_model::ids::DepartmentId;
use shared_model::selling::LineKind;
use uuid::Uuid;

use super::departments::Department;
use super::products::Product;

pub(super) async fn insert_department(
    tx: &mut Tx,
    id: Uuid,
    department: &Department,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into department (id, code, name, parent_id, tax_group_id) values ($1, $2, $3, $4, $5)",
        id,
        department.code,
        department.name,
        department.parent_id.map(Uuid::from),
        department.tax_group_id.map(Uuid::from),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn update_department(
    tx: &mut Tx,
    id: Uuid,
    department: &Department,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update department set code = $2, name = $3, parent_id = $4, tax_group_id = $5 where id = $1",
        id,
        department.code,
        department.name,
        department.parent_id.map(Uuid::from),
        department.tax_group_id.map(Uuid::from),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How many departments in use lie right below, and how many products in use hang on it.
pub(super) async fn live_in_department(tx: &mut Tx, id: Uuid) -> Result<(i64, i64), sqlx::Error> {
    let row = sqlx::query!(
        r#"select (select count(*) from department where parent_id = $1 and archived_at is null) as "departments!",
                  (select count(*) from product where department_id = $1 and archived_at is null) as "products!""#,
        id
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.departments, row.products))
}

/// The department and those above it.
pub(super) async fn departments_above(tx: &mut Tx, id: DepartmentId) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"with recursive above (id, parent_id, level) as (
               select id, parent_id, 1 from department where id = $1
               union all
               select d.id, d.parent_id, a.level + 1 from department d join above a on d.id = a.parent_id where a.level < 100
           )
           select id as "id!" from above"#,
        Uuid::from(id)
    )
    .fetch_all(&mut **tx)
    .await
}

/// How many levels there are below a department.
pub(super) async fn levels_below(tx: &mut Tx, id: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"with recursive below (id, level) as (
               select id, 0::bigint from department where id = $1
               union all
               select d.id, b.level + 1 from department d join below b on d.parent_id = b.id where b.level < 100
           )
           select coalesce(max(level), 0) as "levels!" from below"#,
        id
    )
    .fetch_one(&mut **tx)
    .await
}

pub(super) async fn insert_product(tx: &mut Tx, id: Uuid, product: &Product) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into product (id, department_id, name, description, tax_group_id, unit, quantity_decimals, discountable, stock_policy,
             kind, weighed, minimum_age, serial_required, open_price, open_price_min, open_price_max)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        id,
        Uuid::from(product.department_id),
        product.name,
        product.description,
        product.tax_group_id.map(Uuid::from),
        product.unit,
        product.quantity_decimals,
        product.discountable,
        product.stock_policy as Option<StockPolicy>,
        product.kind as LineKind,
        product.weighed,
        product.minimum_age,
        product.serial_required,
        product.open_price,
        product.open_price_min as Option<UnitPrice>,
        product.open_price_max as Option<UnitPrice>,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn update_product(tx: &mut Tx, id: Uuid, product: &Product) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update product set department_id = $2, name = $3, description = $4, tax_group_id = $5, unit = $6, quantity_decimals = $7,
             discountable = $8, stock_policy = $9, kind = $10, weighed = $11, minimum_age = $12, serial_required = $13,
             open_price = $14, open_price_min = $15, open_price_max = $16
         where id = $1",
        id,
        Uuid::from(product.department_id),
        product.name,
        product.description,
        product.tax_group_id.map(Uuid::from),
        product.unit,
        product.quantity_decimals,
        product.discountable,
        product.stock_policy as Option<StockPolicy>,
        product.kind as LineKind,
        product.weighed,
        product.minimum_age,
        product.serial_required,
        product.open_price,
        product.open_price_min as Option<UnitPrice>,
        product.open_price_max as Option<UnitPrice>,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A code that another product has.
pub(super) struct Taken {
    pub(super) is_sku: bool,
    pub(super) code: String,
    pub(super) product_id: Uuid,
    pub(super) product_name: String,
}

/// Which of these SKUs and barcodes belong to other products.
pub(super) async fn taken_codes(
    tx: &mut Tx,
    product_id: Uuid,
    skus: &[String],
    codes: &[String],
) -> Result<Vec<Taken>, sqlx::Error> {
    sqlx::query_as!(
        Taken,
        r#"select true as "is_sku!", v.sku as "code!", p.id as "product_id!", p.name as "product_name!"
           from variant v join product p on p.company_id = v.company_id and p.id = v.product_id
           where v.sku = any($2) and v.product_id <> $1
           union all
           select false, b.code, p.id, p.name
           from barcode b
           join variant v on v.company_id = b.company_id and v.id = b.variant_id
           join product p on p.company_id = v.company_id and p.id = v.product_id
           where b.code = any($3) and v.product_id <> $1
           limit 100"#,
        product_id,
        skus,
        codes,
    )
    .fetch_all(&mut **tx)
    .await
}

/// Refuses variant ids that exist already: they are another product's.
pub(super) async fn refuse_foreign_variants(tx: &mut Tx, variants: &[Uuid]) -> Result<(), Problem> {
    let known =
        sqlx::query_scalar!(r#"select count(*) as "count!" from variant where id = any($1)"#, variants)
            .fetch_one(&mut **tx)
            .await?;
    if known == 0 {
        return Ok(());
    }
    Err(Problem::conflict("already-exists", "Another product has it already").field(
        "/variants",
        "taken",
        "Another product has a variant with one of these ids.",
    ))
}

/// Archives the product's variants that are not among these.
pub(super) async fn archive_variants_but(
    tx: &mut Tx,
    cx: &Context,
    product_id: Uuid,
    variants: &[Uuid],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update variant set archived_at = $3 where product_id = $1 and archived_at is null and not id = any($2)",
        product_id,
        variants,
        cx.now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes the variants of a product, whose ids are given in the same order, and their barcodes.
pub(super) async fn write_variants(
    tx: &mut Tx,
    cx: &Context,
    product_id: Uuid,
    variants: &[Uuid],
    product: &Product,
) -> Result<(), sqlx::Error> {
    let skus: Vec<String> = product.variants.iter().map(|variant| variant.sku.clone()).collect();
    let names: Vec<String> = product.variants.iter().map(|variant| variant.name.clone()).collect();
    let archived: Vec<bool> = product.variants.iter().map(|variant| variant.archived).collect();
    sqlx::query!(
        "insert into variant (id, product_id, sku, name, position, archived_at)
         select id, $1, sku, name, (position - 1)::int, case when archived then $6::timestamptz end
         from unnest($2::uuid[], $3::text[], $4::text[], $5::bool[]) with ordinality as given (id, sku, name, archived, position)
         on conflict (company_id, id) do update
         set sku = excluded.sku, name = excluded.name, position = excluded.position,
             archived_at = case when excluded.archived_at is not null then coalesce(variant.archived_at, excluded.archived_at) end
         where (variant.sku, variant.name, variant.position, variant.archived_at is null)
               is distinct from (excluded.sku, excluded.name, excluded.position, excluded.archived_at is null)",
        product_id,
        variants,
        &skus,
        &names,
        &archived,
        cx.now,
    )
    .execute(&mut **tx)
    .await?;

    let mut barcode_ids = Vec::new();
    let mut barcode_variants = Vec::new();
    let mut codes = Vec::new();
    for (variant, id) in product.variants.iter().zip(variants) {
        for code in &variant.barcodes {
            barcode_ids.push(cx.new_id());
            barcode_variants.push(*id);
            codes.push(code.clone());
        }
    }
    sqlx::query!(
        "delete from barcode b using variant v
         where v.company_id = b.company_id and v.id = b.variant_id and v.product_id = $1
           and not exists (select from unnest($2::uuid[], $3::text[]) as given (variant_id, code)
                           where given.variant_id = b.variant_id and given.code = b.code)",
        product_id,
        &barcode_variants,
        &codes,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "insert into barcode (id, variant_id, code)
         select given.id, given.variant_id, given.code
         from unnest($1::uuid[], $2::uuid[], $3::text[]) as given (id, variant_id, code)
         where not exists (select from barcode b where b.variant_id = given.variant_id and b.code = given.code)",
        &barcode_ids,
        &barcode_variants,
        &codes,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
