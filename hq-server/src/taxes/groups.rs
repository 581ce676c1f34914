//! A set of levies that a product or department bears.

use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::ids::TaxId;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::master::{Checks, Filter, FilterKind, Master, Reference, Sort};

/// The most levies in one group.
const MOST_TAXES: usize = 50;

/// The set of taxes that a product or department bears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaxGroup {
    /// Its short code.
    #[schema(max_length = 64)]
    pub(crate) code: String,
    /// Its name.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// Its taxes; none: what bears it is untaxed.
    #[schema(max_items = 50)]
    pub(crate) tax_ids: Vec<TaxId>,
}

impl Master for TaxGroup {
    const ENTITY: &'static str = "tax_group";
    const PATH: &'static str = "/tax-groups";
    const TABLE: &'static str = "tax_group";
    const COLUMNS: &'static str = "t.code, t.name, array(select m.tax_id from tax_group_tax m \
        where m.company_id = t.company_id and m.tax_group_id = t.id order by m.tax_id) as tax_ids";
    const READ: &'static str = "catalogue.read";
    const WRITE: &'static str = "tax.write";
    const SORTS: &'static [Sort] = &[Sort::CODE, Sort::NAME, Sort::ID];
    const FILTERS: &'static [Filter] =
        &[Filter { name: "code", kind: FilterKind::Text, condition: "t.code = $$" }];
    const CONSTRAINTS: &'static [Constraint] = &[
        Constraint {
            name: "tax_group_company_id_code_key",
            pointer: "/code",
            code: "taken",
            detail: "Another tax group has this code.",
        },
        Constraint {
            name: "tax_group_tax_company_id_tax_id_fkey",
            pointer: "/tax_ids",
            code: "unknown",
            detail: "There is no such tax.",
        },
    ];

    fn check(&self, checks: &mut Checks) {
        checks.code("/code", &self.code, 64);
        checks.name("/name", &self.name, 200);
        checks.ensure(
            self.tax_ids.len() <= MOST_TAXES,
            "/tax_ids",
            "too_many",
            format!("A tax group has {MOST_TAXES} taxes at most."),
        );
        for (place, tax) in self.tax_ids.iter().enumerate() {
            checks.ensure(
                !self.tax_ids.iter().take(place).any(|earlier| earlier == tax),
                format!("/tax_ids/{place}"),
                "duplicate",
                "This tax stands here twice.",
            );
        }
    }

    fn references(&self) -> Vec<Reference> {
        let taxes = self.tax_ids.iter().enumerate();
        taxes
            .filter_map(|(place, tax)| Reference::of(&format!("/tax_ids/{place}"), "tax", Some(*tax)))
            .collect()
    }

    /// A set has no order.
    fn is_same_as(&self, stored: &Self) -> bool {
        let mut mine = self.clone();
        mine.tax_ids.sort();
        mine == *stored
    }

    async fn insert(&self, tx: &mut Tx, cx: &Context, id: Uuid) -> Result<(), Problem> {
        sqlx::query!("insert into tax_group (id, code, name) values ($1, $2, $3)", id, self.code, self.name)
            .execute(&mut **tx)
            .await
            .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        write_members(tx, cx, id, &self.tax_ids).await
    }

    async fn update(&self, tx: &mut Tx, cx: &Context, id: Uuid, _before: &Self) -> Result<(), Problem> {
        sqlx::query!("update tax_group set code = $2, name = $3 where id = $1", id, self.code, self.name)
            .execute(&mut **tx)
            .await
            .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        write_members(tx, cx, id, &self.tax_ids).await
    }

    async fn may_archive(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        let used = sqlx::query!(
            r#"select (select count(*) from department where tax_group_id = $1 and archived_at is null) as "departments!",
                      (select count(*) from product where tax_group_id = $1 and archived_at is null) as "products!""#,
            id
        )
        .fetch_one(&mut **tx)
        .await?;
        if used.departments == 0 && used.products == 0 {
            return Ok(());
        }
        Err(Problem::conflict("in-use", "It is still in use").detail(format!(
            "{} departments and {} products still bear it.",
            used.departments, used.products
        )))
    }
}

/// Makes these the members of the group.
async fn write_members(tx: &mut Tx, cx: &Context, group: Uuid, taxes: &[TaxId]) -> Result<(), Problem> {
    let taxes: Vec<Uuid> = taxes.iter().copied().map(Uuid::from).collect();
    sqlx::query!("delete from tax_group_tax where tax_group_id = $1 and not tax_id = any($2)", group, &taxes)
        .execute(&mut **tx)
        .await?;
    let ids: Vec<Uuid> = taxes.iter().map(|_| cx.new_id()).collect();
    sqlx::query!(
        "insert into tax_group_tax (id, tax_group_id, tax_id)
         select given.id, $1, given.tax_id from unnest($2::uuid[], $3::uuid[]) as given (id, tax_id)
         on conflict (company_id, tax_group_id, tax_id) do nothing",
        group,
        &ids,
        &taxes,
    )
    .execute(&mut **tx)
    .await
    .map_err(|error| Problem::from_database(error, TaxGroup::CONSTRAINTS))?;
    Ok(())
}
