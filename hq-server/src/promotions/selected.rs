//! What promotions and price rules name: that it is there, and not too much of it.

use std::collections::BTreeSet;

use pricing_engine::{Condition, Operand, Selection};
use server_kit::{Problem, Tx};
use shared_model::ids::StoreId;
use uuid::Uuid;

use crate::master::Checks;

/// The most goods, departments and stores that one rule names.
const MOST_NAMED: usize = 5_000;
/// The most conditions of one rule.
const MOST_CONDITIONS: usize = 50;
/// The most values of one condition.
const MOST_VALUES: usize = 500;

/// The ids that a rule names, each with its kind and where it stands.
#[derive(Debug, Default)]
pub(super) struct Named {
    kinds: Vec<String>,
    pointers: Vec<String>,
    ids: Vec<Uuid>,
}

impl Named {
    fn add(&mut self, kind: &str, pointer: &str, ids: impl Iterator<Item = Uuid>) {
        for id in ids {
            self.kinds.push(kind.to_owned());
            self.pointers.push(pointer.to_owned());
            self.ids.push(id);
        }
    }

    pub(super) fn stores(&mut self, pointer: &str, stores: &BTreeSet<StoreId>) {
        self.add("store", pointer, stores.iter().map(|id| id.uuid()));
    }

    pub(super) fn selection(&mut self, pointer: &str, of: &Selection) {
        self.add("variant", &format!("{pointer}/variants"), of.variants.iter().map(|id| id.uuid()));
        self.add("product", &format!("{pointer}/products"), of.products.iter().map(|id| id.uuid()));
        self.add("department", &format!("{pointer}/departments"), of.departments.iter().map(|id| id.uuid()));
        self.add("product", &format!("{pointer}/except"), of.except.iter().map(|id| id.uuid()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pointers.iter().all(|pointer| pointer.ends_with("/except"))
    }

    pub(super) fn check_size(&self, checks: &mut Checks, pointer: &str) {
        checks.ensure(
            self.ids.len() <= MOST_NAMED,
            pointer,
            "too_many",
            format!("It names {MOST_NAMED} goods, departments and stores at most."),
        );
    }

    /// Refuses what is not there: a rule about nothing would be believed to be in force.
    pub(super) async fn refuse_unknown(&self, tx: &mut Tx) -> Result<(), Problem> {
        let unknown = sqlx::query!(
            r#"select given.kind as "kind!", given.pointer as "pointer!", given.id as "id!"
               from unnest($1::text[], $2::text[], $3::uuid[]) with ordinality as given (kind, pointer, id, place)
               where case given.kind
                   when 'variant' then not exists (select from variant where id = given.id)
                   when 'product' then not exists (select from product where id = given.id)
                   when 'department' then not exists (select from department where id = given.id)
                   else not exists (select from store where id = given.id) end
               order by given.place limit 20"#,
            &self.kinds,
            &self.pointers,
            &self.ids,
        )
        .fetch_all(&mut **tx)
        .await?;
        let mut checks = Checks::default();
        for row in unknown {
            checks.fail(row.pointer, "unknown", format!("There is no {} {}.", row.kind, row.id));
        }
        checks.done()
    }
}

/// Looks at the texts of conditions; whether they can be answered is the engine's to say.
pub(super) fn check_conditions(checks: &mut Checks, pointer: &str, conditions: &[Condition]) {
    checks.ensure(
        conditions.len() <= MOST_CONDITIONS,
        pointer,
        "too_many",
        format!("There are {MOST_CONDITIONS} conditions at most."),
    );
    for (at, condition) in conditions.iter().enumerate().take(MOST_CONDITIONS) {
        checks.text(format!("{pointer}/{at}/fact"), &condition.fact, 64);
        let values = match &condition.value {
            Operand::One(value) => std::slice::from_ref(value),
            Operand::Several(values) => values,
        };
        checks.ensure(
            values.len() <= MOST_VALUES,
            format!("{pointer}/{at}/value"),
            "too_many",
            format!("There are {MOST_VALUES} values at most."),
        );
        for value in values.iter().take(MOST_VALUES) {
            checks.text(format!("{pointer}/{at}/value"), value, 200);
        }
    }
}
