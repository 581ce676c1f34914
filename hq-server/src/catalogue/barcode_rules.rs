//! What the labels of scales bear, by the first digits of their codes.

use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::catalogue::LabelBears;
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::master::{Checks, Filter, FilterKind, Master, Sort};

/// What 13-digit codes with a prefix bear: prefix, item, value, and the check digit at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BarcodeRule {
    /// The first digits: `21`, `02`. Of two rules that fit, the longer prefix counts.
    #[schema(pattern = "^[0-9]{1,11}$")]
    pub(crate) prefix: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// What is embedded.
    pub(crate) bears: LabelBears,
    /// How many digits the item has.
    #[schema(minimum = 1, maximum = 10)]
    pub(crate) item_digits: i16,
    /// How many digits the value has.
    #[schema(minimum = 1, maximum = 10)]
    pub(crate) value_digits: i16,
    /// How many of those stand behind the point.
    #[schema(minimum = 0, maximum = 6)]
    pub(crate) value_decimals: i16,
    /// Whether a digit before the value proves it (values of 4 and 5 digits).
    #[serde(default)]
    pub(crate) value_check_digit: bool,
}

impl Master for BarcodeRule {
    const ENTITY: &'static str = "barcode_rule";
    const PATH: &'static str = "/barcode-rules";
    const TABLE: &'static str = "barcode_rule";
    const COLUMNS: &'static str =
        "t.prefix, t.name, t.bears, t.item_digits, t.value_digits, t.value_decimals, t.value_check_digit";
    const READ: &'static str = "catalogue.read";
    const WRITE: &'static str = "catalogue.write";
    const SORTS: &'static [Sort] =
        &[Sort { name: "prefix", by: "t.prefix", of_type: "text" }, Sort::NAME, Sort::ID];
    const FILTERS: &'static [Filter] =
        &[Filter { name: "prefix", kind: FilterKind::Text, condition: "t.prefix = $$" }];
    const SEARCH: &'static str = "";
    const CONSTRAINTS: &'static [Constraint] = &[Constraint {
        name: "barcode_rule_company_id_prefix_key",
        pointer: "/prefix",
        code: "taken",
        detail: "Another rule has this prefix.",
    }];

    fn check(&self, checks: &mut Checks) {
        let is_prefix =
            (1..=11).contains(&self.prefix.len()) && self.prefix.bytes().all(|byte| byte.is_ascii_digit());
        checks.ensure(is_prefix, "/prefix", "malformed", "It is 1 to 11 digits.");
        checks.text("/name", &self.name, 200);
        for (pointer, digits) in [("/item_digits", self.item_digits), ("/value_digits", self.value_digits)] {
            checks.ensure(
                (1..=10).contains(&digits),
                pointer,
                "out_of_range",
                "It is a number from 1 to 10.",
            );
        }
        checks.ensure(
            (0..=self.value_digits.min(6)).contains(&self.value_decimals),
            "/value_decimals",
            "out_of_range",
            "It is a number from 0 to 6, and not more than the value has digits.",
        );
        checks.ensure(
            !self.value_check_digit || matches!(self.value_digits, 4 | 5),
            "/value_check_digit",
            "out_of_range",
            "Only values of 4 or 5 digits have a check digit of their own.",
        );
        let digits = usize::try_from(i32::from(self.item_digits) + i32::from(self.value_digits))
            .unwrap_or_default()
            + self.prefix.len()
            + usize::from(self.value_check_digit);
        checks.ensure(
            digits == 12,
            "/item_digits",
            "out_of_range",
            format!("Prefix, item, value and its check digit have 12 digits together; these have {digits}."),
        );
    }

    async fn insert(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        sqlx::query!(
            "insert into barcode_rule (id, prefix, name, bears, item_digits, value_digits, value_decimals, value_check_digit)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            id,
            self.prefix,
            self.name,
            self.bears as LabelBears,
            self.item_digits,
            self.value_digits,
            self.value_decimals,
            self.value_check_digit,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }

    async fn update(&self, tx: &mut Tx, _cx: &Context, id: Uuid, _before: &Self) -> Result<(), Problem> {
        sqlx::query!(
            "update barcode_rule set prefix = $2, name = $3, bears = $4, item_digits = $5, value_digits = $6,
                 value_decimals = $7, value_check_digit = $8
             where id = $1",
            id,
            self.prefix,
            self.name,
            self.bears as LabelBears,
            self.item_digits,
            self.value_digits,
            self.value_decimals,
            self.value_check_digit,
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }
}
