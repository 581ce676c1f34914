//! Every lock that operations of HQ take, in the order in which they may be taken. Nothing else locks.
//!
//! [`import_of_products`], [`new_record`], [`master_record`], [`referred_to`] and for a whole file [`named_by_import`],
//! [`people`], [`department_tree`], [`kits`].

use server_kit::Tx;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// One import of products per company at a time; false where another is running.
pub(crate) async fn import_of_products(tx: &mut Tx) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('import' || current_company()::text, 0)) as "locked!""#
    )
    .fetch_one(&mut **tx)
    .await
}

/// Who may do what in this company is changed by one transaction at a time: the last one who may give out roles would
/// otherwise be switched off by two people at once, each seeing the other still there.
pub(crate) async fn people(tx: &mut Tx) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('people' || current_company()::text, 0))")
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The tree of departments is moved by one transaction at a time: two moves that are each fine can make a ring.
pub(crate) async fn department_tree(tx: &mut Tx) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('departments' || current_company()::text, 0))"
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What kits are made of is changed by one transaction at a time: two changes that are each fine can make a ring.
pub(crate) async fn kits(tx: &mut Tx) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('kits' || current_company()::text, 0))")
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The making of a record under an id that a client chose, so that the same request sent twice at once makes it once.
pub(crate) async fn new_record(tx: &mut Tx, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('new' || current_company()::text || $1::uuid::text, 0))",
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A record of master data; its version, where it is there. Others may still refer to it meanwhile.
pub(crate) async fn master_record(
    tx: &mut Tx,
    table: &'static str,
    id: Uuid,
) -> Result<Option<i64>, sqlx::Error> {
    let statement = format!("select version from {table} where id = $1 for no key update");
    sqlx::query_scalar(AssertSqlSafe(statement)).bind(id).fetch_optional(&mut **tx).await
}

/// The records that another is about to refer to: nobody archives them before this transaction ends. Those that there
/// are, with their codes, and whether they are out of use.
pub(crate) async fn referred_to(
    tx: &mut Tx,
    table: &'static str,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, String, bool)>, sqlx::Error> {
    let statement = format!(
        "select id, code, archived_at is not null from {table} where id = any($1) order by id for share"
    );
    sqlx::query_as(AssertSqlSafe(statement)).bind(ids).fetch_all(&mut **tx).await
}

/// The departments and tax groups that the rows of an import name.
pub(crate) async fn named_by_import(tx: &mut Tx) -> Result<(), sqlx::Error> {
    for statement in [
        "select from department where code in (select department_code from import_row) order by id for share",
        "select from tax_group where code in (select tax_group_code from import_row) order by id for share",
    ] {
        sqlx::query(statement).execute(&mut **tx).await?;
    }
    Ok(())
}
