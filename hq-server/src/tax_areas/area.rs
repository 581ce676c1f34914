//! One tax area.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::Rounding;
use shared_model::ids::TaxId;
use shared_model::tax_areas::MappedTax;
use shared_model::taxes::TaxRounding;
use sqlx::FromRow;
use tax_engine::FiscalMapping;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::master::{Checks, Filter, FilterKind, Master, Reference, Sort};

/// The most taxes that are mapped.
const MOST_MAPPED: usize = 200;
/// The most taxes that one becomes.
const MOST_BECOME: usize = 20;

/// Where the law wants a signing device or a fiscal printer at the till (Germany's `KassenSichV`, Austria's `RKSV`, Italy's
/// `RT`, Portugal's certified invoicing, Brazil's `NFC-e`, and their like): without one configured, nothing may be sold.
const SIGNING_DEVICE: &[&str] =
    &["AT", "BR", "DE", "GR", "HR", "HU", "IT", "PL", "PT", "RO", "RS", "SE", "SI"];

/// A place with its tax rules; a store lies in one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaxArea {
    /// Its short code.
    #[schema(max_length = 64)]
    pub(crate) code: String,
    /// Its name.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// The country that it lies in, by two letters (ISO 3166-1).
    #[schema(pattern = "^[A-Z]{2}$")]
    pub(crate) country: String,
    /// Where tax is rounded there; goes before what the store says.
    #[serde(default = "per_line")]
    pub(crate) tax_rounding: TaxRounding,
    /// Which way.
    #[serde(default)]
    pub(crate) rounding_mode: Rounding,
    /// The law knows one rounding per rate and document, as Japan's does: `per_line` is refused.
    #[serde(default)]
    pub(crate) one_rounding_per_rate: bool,
    /// What the taxes of home become there: several, one or none. A tax that is not named stays what it is.
    #[serde(default)]
    #[sqlx(json)]
    #[schema(max_items = 200)]
    pub(crate) mapping: Vec<MappedTax>,
}

const fn per_line() -> TaxRounding {
    TaxRounding::PerLine
}

impl Master for TaxArea {
    const ENTITY: &'static str = "tax_area";
    const PATH: &'static str = "/tax-areas";
    const TABLE: &'static str = "tax_area";
    const COLUMNS: &'static str = "t.code, t.name, t.country, t.tax_rounding, t.rounding_mode, t.one_rounding_per_rate, \
        (select coalesce(jsonb_agg(jsonb_build_object('tax_id', m.tax_id, 'becomes', m.becomes) order by m.tax_id), '[]') \
         from (select x.tax_id, coalesce(jsonb_agg(x.becomes_id order by x.becomes_id) filter (where x.becomes_id is not null), '[]') as becomes \
               from tax_area_mapping x where x.company_id = t.company_id and x.tax_area_id = t.id group by x.tax_id) m) as mapping";
    const READ: &'static str = "catalogue.read";
    const WRITE: &'static str = "tax.write";
    const SORTS: &'static [Sort] = &[Sort::CODE, Sort::NAME, Sort::ID];
    const FILTERS: &'static [Filter] = &[
        Filter { name: "code", kind: FilterKind::Text, condition: "t.code = $$" },
        Filter { name: "country", kind: FilterKind::Text, condition: "t.country = $$" },
    ];
    const CONSTRAINTS: &'static [Constraint] = &[
        Constraint {
            name: "tax_area_company_id_code_key",
            pointer: "/code",
            code: "taken",
            detail: "Another tax area has this code.",
        },
        Constraint {
            name: "tax_area_mapping_company_id_tax_id_fkey",
            pointer: "/mapping",
            code: "unknown",
            detail: "There is no such tax.",
        },
        Constraint {
            name: "tax_area_mapping_company_id_becomes_id_fkey",
            pointer: "/mapping",
            code: "unknown",
            detail: "There is no such tax.",
        },
    ];

    fn check(&self, checks: &mut Checks) {
        checks.code("/code", &self.code, 64);
        checks.name("/name", &self.name, 200);
        let is_country =
            self.country.len() == 2 && self.country.bytes().all(|byte| byte.is_ascii_uppercase());
        checks.ensure(is_country, "/country", "malformed", "It is two capital letters, such as GB.");
        checks.ensure(
            !SIGNING_DEVICE.contains(&self.country.as_str()),
            "/country",
            "signing_device_needed",
            "The law there wants tills to sign what they sell, and no signing device is configured.",
        );
        let area = tax_engine::TaxArea::<TaxId> {
            rounding: self.tax_rounding,
            rounding_mode: self.rounding_mode,
            country: self.country.clone(),
            one_rounding_per_rate: self.one_rounding_per_rate,
            mapping: FiscalMapping::default(),
        };
        if let Err(error) = area.check() {
            checks.fail("/tax_rounding", error.reason.code(), format!("{}.", error.reason));
        }
        checks.ensure(
            self.mapping.len() <= MOST_MAPPED,
            "/mapping",
            "too_many",
            format!("{MOST_MAPPED} taxes are mapped at most."),
        );
        let mut mapped = BTreeSet::new();
        for (at, tax) in self.mapping.iter().enumerate().take(MOST_MAPPED) {
            checks.ensure(
                mapped.insert(tax.tax_id),
                format!("/mapping/{at}/tax_id"),
                "duplicate",
                "This tax is mapped twice: write all that it becomes once.",
            );
            checks.ensure(
                tax.becomes.len() <= MOST_BECOME,
                format!("/mapping/{at}/becomes"),
                "too_many",
                format!("A tax becomes {MOST_BECOME} at most."),
            );
            let once: BTreeSet<_> = tax.becomes.iter().collect();
            checks.ensure(
                once.len() == tax.becomes.len(),
                format!("/mapping/{at}/becomes"),
                "duplicate",
                "A tax stands here twice.",
            );
        }
    }

    /// A tax that is out of use becomes nobody's. What is mapped away from may be out of use.
    fn references(&self) -> Vec<Reference> {
        let mut references = Vec::new();
        for (place, mapped) in self.mapping.iter().enumerate() {
            for (number, tax) in mapped.becomes.iter().enumerate() {
                let pointer = format!("/mapping/{place}/becomes/{number}");
                references.extend(Reference::of(&pointer, "tax", Some(*tax)));
            }
        }
        references
    }

    /// A mapping has no order.
    fn is_same_as(&self, stored: &Self) -> bool {
        let mut mine = self.clone();
        mine.mapping.sort_by_key(|mapped| mapped.tax_id);
        for mapped in &mut mine.mapping {
            mapped.becomes.sort();
        }
        mine == *stored
    }

    async fn insert(&self, tx: &mut Tx, cx: &Context, id: Uuid) -> Result<(), Problem> {
        sqlx::query!(
            "insert into tax_area (id, code, name, country, tax_rounding, rounding_mode, one_rounding_per_rate)
             values ($1, $2, $3, $4, $5, $6, $7)",
            id,
            self.code,
            self.name,
            self.country,
            self.tax_rounding as TaxRounding,
            self.rounding_mode as Rounding,
            self.one_rounding_per_rate,
        )
        .execute(&mut **tx)
        .await
        .map_err(refused)?;
        self.write_mapping(tx, cx, id).await
    }

    async fn update(&self, tx: &mut Tx, cx: &Context, id: Uuid, before: &Self) -> Result<(), Problem> {
        sqlx::query!(
            "update tax_area set code = $2, name = $3, country = $4, tax_rounding = $5, rounding_mode = $6,
                 one_rounding_per_rate = $7
             where id = $1",
            id,
            self.code,
            self.name,
            self.country,
            self.tax_rounding as TaxRounding,
            self.rounding_mode as Rounding,
            self.one_rounding_per_rate,
        )
        .execute(&mut **tx)
        .await
        .map_err(refused)?;
        if self.mapping == before.mapping { Ok(()) } else { self.write_mapping(tx, cx, id).await }
    }

    async fn may_archive(&self, tx: &mut Tx, _cx: &Context, id: Uuid) -> Result<(), Problem> {
        let stores = sqlx::query_scalar!(
            "select code from store where tax_area_id = $1 and archived_at is null order by code limit 10",
            id
        )
        .fetch_all(&mut **tx)
        .await?;
        if stores.is_empty() {
            return Ok(());
        }
        Err(Problem::conflict("in-use", "It is still in use")
            .detail(format!("These stores still lie in it: {}.", stores.join(", "))))
    }
}

fn refused(error: sqlx::Error) -> Problem {
    Problem::from_database(error, TaxArea::CONSTRAINTS)
}

impl TaxArea {
    /// Makes this the area's mapping.
    async fn write_mapping(&self, tx: &mut Tx, cx: &Context, id: Uuid) -> Result<(), Problem> {
        let (mut ids, mut taxes, mut becomes) = (Vec::new(), Vec::new(), Vec::new());
        for mapped in &self.mapping {
            let here: Vec<Option<Uuid>> = if mapped.becomes.is_empty() {
                vec![None]
            } else {
                mapped.becomes.iter().map(|tax| Some(tax.uuid())).collect()
            };
            for tax in here {
                ids.push(cx.new_id());
                taxes.push(mapped.tax_id.uuid());
                becomes.push(tax);
            }
        }
        sqlx::query!("delete from tax_area_mapping where tax_area_id = $1", id).execute(&mut **tx).await?;
        sqlx::query!(
            "insert into tax_area_mapping (id, tax_area_id, tax_id, becomes_id)
             select given.id, $1, given.tax_id, given.becomes_id
             from unnest($2::uuid[], $3::uuid[], $4::uuid[]) as given (id, tax_id, becomes_id)",
            id,
            &ids,
            &taxes,
            &becomes as _,
        )
        .execute(&mut **tx)
        .await
        .map_err(refused)?;
        Ok(())
    }
}
