//! One customer.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::ids::{PriceLevelId, TaxId};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::master::{Checks, Filter, FilterKind, Master, Reference, Sort};

/// The most taxes that a certificate names.
const MOST_TAXES: usize = 50;

/// Somebody who buys and is known.
#[expect(
    clippy::struct_field_names,
    reason = "a customer group is called so wherever promotions speak of it"
)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Customer {
    /// Their number, unique in the company.
    #[schema(max_length = 64)]
    pub(crate) code: String,
    /// Their name.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// Their telephone number, or nothing.
    #[serde(default)]
    #[schema(max_length = 40)]
    pub(crate) phone: String,
    /// Their e-mail address, or nothing.
    #[serde(default)]
    #[schema(max_length = 254)]
    pub(crate) email: String,
    /// Their price level, which goes before the store's; null: they have none.
    #[serde(default)]
    pub(crate) price_level_id: Option<PriceLevelId>,
    /// The group that promotions know them by; null: they are in none.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub(crate) customer_group: Option<String>,
    /// Their tax number, on receipts.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub(crate) tax_number: String,
    /// The number of the certificate by which they bear no tax; empty: they bear it.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub(crate) exemption_certificate: String,
    /// The last day that the certificate holds, in the store's zone.
    #[serde(default)]
    pub(crate) exemption_expires_on: Option<NaiveDate>,
    /// The taxes that the certificate is about; null: all.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 50)]
    pub(crate) exemption_taxes: Option<Vec<TaxId>>,
}

impl Master for Customer {
    const ENTITY: &'static str = "customer";
    const PATH: &'static str = "/customers";
    const TABLE: &'static str = "customer";
    const COLUMNS: &'static str = "t.code, t.name, t.phone, t.email, t.price_level_id, t.customer_group, t.tax_number, \
        t.exemption_certificate, t.exemption_expires_on, t.exemption_taxes";
    const READ: &'static str = "customer.read";
    const WRITE: &'static str = "customer.write";
    const SORTS: &'static [Sort] = &[Sort::NAME, Sort::CODE, Sort::ID];
    const FILTERS: &'static [Filter] = &[
        Filter { name: "code", kind: FilterKind::Text, condition: "t.code = $$" },
        Filter { name: "customer_group", kind: FilterKind::Text, condition: "t.customer_group = $$" },
        Filter { name: "price_level_id", kind: FilterKind::Id, condition: "t.price_level_id = $$" },
    ];
    // The function knows the company by itself, and has the index that a policy would hide.
    const SEARCH: &'static str = "t.id in (select search_customers($$))";
    const SEARCH_IS_PATTERN: bool = false;
    const CONSTRAINTS: &'static [Constraint] = &[
        Constraint {
            name: "customer_company_id_code_key",
            pointer: "/code",
            code: "taken",
            detail: "Another customer has this number.",
        },
        Constraint {
            name: "customer_company_id_price_level_id_fkey",
            pointer: "/price_level_id",
            code: "unknown",
            detail: "There is no such price level.",
        },
    ];

    fn check(&self, checks: &mut Checks) {
        checks.code("/code", &self.code, 64);
        checks.name("/name", &self.name, 200);
        checks.text("/phone", &self.phone, 40);
        checks.text("/email", &self.email, 254);
        if let Some(group) = &self.customer_group {
            checks.code("/customer_group", group, 64);
        }
        checks.text("/tax_number", &self.tax_number, 64);
        checks.text("/exemption_certificate", &self.exemption_certificate, 64);
        match (self.exemption_certificate.is_empty(), self.exemption_expires_on) {
            (false, None) => checks.fail(
                "/exemption_expires_on",
                "missing_field",
                "A certificate has a last day; ask for it, and write it here.",
            ),
            (true, Some(_)) => checks.fail(
                "/exemption_certificate",
                "empty",
                "Without a certificate there is no exemption: write its number here.",
            ),
            _ => {}
        }
        checks.day("/exemption_expires_on", self.exemption_expires_on);
        let Some(taxes) = &self.exemption_taxes else { return };
        checks.ensure(
            !self.exemption_certificate.is_empty(),
            "/exemption_taxes",
            "no_certificate",
            "Only a certificate exempts from taxes.",
        );
        checks.ensure(
            !taxes.is_empty(),
            "/exemption_taxes",
            "empty",
            "It names at least one tax; null: the certificate is about all.",
        );
        checks.ensure(
            taxes.len() <= MOST_TAXES,
            "/exemption_taxes",
            "too_many",
            format!("It names {MOST_TAXES} taxes at most."),
        );
        for (place, tax) in taxes.iter().enumerate().take(MOST_TAXES) {
            checks.ensure(
                !taxes.iter().take(place).any(|earlier| earlier == tax),
                format!("/exemption_taxes/{place}"),
                "duplicate",
                "This tax stands here twice.",
            );
        }
    }

    fn references(&self) -> Vec<Reference> {
        let taxes = self.exemption_taxes.iter().flatten().enumerate().filter_map(|(place, tax)| {
            Reference::of(&format!("/exemption_taxes/{place}"), "tax", Some(*tax))
        });
        Reference::of("/price_level_id", "price_level", self.price_level_id)
            .into_iter()
            .chain(taxes)
            .collect()
    }

    async fn insert(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        let taxes = self.exempt_from();
        sqlx::query!(
            "insert into customer (id, code, name, phone, email, price_level_id, customer_group, tax_number,
                 exemption_certificate, exemption_expires_on, exemption_taxes)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            id,
            self.code,
            self.name,
            self.phone,
            self.email,
            self.price_level_id.map(Uuid::from),
            self.customer_group,
            self.tax_number,
            self.exemption_certificate,
            self.exemption_expires_on,
            taxes.as_deref(),
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }

    async fn update(&self, tx: &mut Tx, _cx: &Context, id: Uuid, _before: &Self) -> Result<(), Problem> {
        let taxes = self.exempt_from();
        sqlx::query!(
            "update customer set code = $2, name = $3, phone = $4, email = $5, price_level_id = $6, customer_group = $7,
                 tax_number = $8, exemption_certificate = $9, exemption_expires_on = $10, exemption_taxes = $11
             where id = $1",
            id,
            self.code,
            self.name,
            self.phone,
            self.email,
            self.price_level_id.map(Uuid::from),
            self.customer_group,
            self.tax_number,
            self.exemption_certificate,
            self.exemption_expires_on,
            taxes.as_deref(),
        )
        .execute(&mut **tx)
        .await
        .map_err(|error| Problem::from_database(error, Self::CONSTRAINTS))?;
        Ok(())
    }
}

impl Customer {
    fn exempt_from(&self) -> Option<Vec<Uuid>> {
        self.exemption_taxes.as_ref().map(|taxes| taxes.iter().copied().map(Uuid::from).collect())
    }
}
