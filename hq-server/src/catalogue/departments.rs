//! Departments: a tree that reports and tax defaults hang on.

use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::ids::{DepartmentId, TaxGroupId};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use super::sql;
use crate::locks;
use crate::master::{Checks, Filter, FilterKind, Master, Reference, Sort};

/// The deepest that a department may lie.
const DEEPEST: i64 = 16;

/// A node of the tree that reports and tax defaults hang on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Department {
    /// Its short code, unique in the company.
    #[schema(max_length = 64)]
    pub(crate) code: String,
    /// Its name.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// The one above; null for a root.
    #[serde(default)]
    pub(crate) parent_id: Option<DepartmentId>,
    /// The taxes of products that name none of their own.
    #[serde(default)]
    pub(crate) tax_group_id: Option<TaxGroupId>,
}

impl Master for Department {
    const ENTITY: &'static str = "department";
    const PATH: &'static str = "/departments";
    const TABLE: &'static str = "department";
    const COLUMNS: &'static str = "t.code, t.name, t.parent_id, t.tax_group_id";
    const READ: &'static str = "catalogue.read";
    const WRITE: &'static str = "catalogue.write";
    const SORTS: &'static [Sort] = &[Sort::CODE, Sort::NAME, Sort::ID];
    const FILTERS: &'static [Filter] = &[
        Filter { name: "code", kind: FilterKind::Text, condition: "t.code = $$" },
        Filter { name: "parent_id", kind: FilterKind::Id, condition: "t.parent_id = $$" },
    ];
    const CONSTRAINTS: &'static [Constraint] = &[
        Constraint {
            name: "department_company_id_code_key",
            pointer: "/code",
            code: "taken",
            detail: "Another department has this code.",
        },
        Constraint {
            name: "department_company_id_parent_id_fkey",
            pointer: "/parent_id",
            code: "unknown",
            detail: "There is no such department.",
        },
        Constraint {
            name: "department_company_id_tax_group_id_fkey",
            pointer: "/tax_group_id",
            code: "unknown",
            detail: "There is no such tax group.",
        },
    ];

    fn check(&self, checks: &mut Checks) {
        checks.code("/code", &self.code, 64);
        checks.name("/name", &self.name, 200);
    }

    fn references(&self) -> Vec<Reference> {
        [
            Reference::of("/parent_id", "department", self.parent_id),
            Reference::of("/tax_group_id", "tax_group", self.tax_group_id),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    async fn insert(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        if let Some(parent) = self.parent_id {
            locks::department_tree(tx).await?;
            refuse_bad_place(tx, id, parent).await?;
        }
        sql::insert_department(tx, id, self)
            .await
            .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))
    }

    async fn update(&self, tx: &mut Tx, _cx: &Context, id: Uuid, before: &Self) -> Result<(), Problem> {
        if let Some(parent) = self.parent_id
            && before.parent_id != self.parent_id
        {
            locks::department_tree(tx).await?;
            refuse_bad_place(tx, id, parent).await?;
        }
        sql::update_department(tx, id, self)
            .await
            .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))
    }

    async fn may_archive(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        let (departments, products) = sql::live_in_department(tx, id).await?;
        if departments == 0 && products == 0 {
            return Ok(());
        }
        Err(Problem::conflict("in-use", "It is still in use").detail(format!(
            "{departments} departments and {products} products still hang on it. Move or archive them first."
        )))
    }
}

/// Refuses a place below itself, and one too deep. The tree is locked.
async fn refuse_bad_place(tx: &mut Tx, id: Uuid, parent: DepartmentId) -> Result<(), Problem> {
    let above = sql::departments_above(tx, parent).await?;
    if above.contains(&id) {
        return Err(Problem::invalid("/parent_id", "cycle", "A department cannot hang below itself."));
    }
    let below = sql::levels_below(tx, id).await?;
    if i64::try_from(above.len()).unwrap_or(i64::MAX).saturating_add(below) >= DEEPEST {
        return Err(Problem::invalid(
            "/parent_id",
            "too_deep",
            format!("The tree of departments is {DEEPEST} levels deep at most."),
        ));
    }
    Ok(())
}
