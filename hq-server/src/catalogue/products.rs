//! Products: what is sold, with the variants and barcodes that hang on them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use server_kit::{Constraint, Context, Problem, Tx};
use shared_model::catalogue::StockPolicy;
use shared_model::ids::{DepartmentId, TaxGroupId, VariantId};
use shared_model::selling::LineKind;
use shared_model::{Quantity, UnitPrice};
use sqlx::FromRow;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{kits, sql};
use crate::master::{Checks, Filter, FilterKind, Master, Reference, Sort};

/// The most variants of one product.
pub(crate) const MOST_VARIANTS: usize = 500;
/// The most barcodes of one product, all variants together.
pub(crate) const MOST_BARCODES: usize = 1_000;
/// The most parts of one kit.
pub(super) const MOST_PARTS: usize = 100;
pub(crate) const LONGEST_SKU: usize = 64;
pub(crate) const LONGEST_NAME: usize = 200;
pub(crate) const LONGEST_UNIT: usize = 16;
pub(crate) const LONGEST_DESCRIPTION: usize = 10_000;

/// What is sold. Stock, prices and barcodes hang on its variants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Product {
    /// Where it hangs in the tree.
    pub(crate) department_id: DepartmentId,
    /// Its name.
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// More about it.
    #[serde(default)]
    #[schema(max_length = 10000)]
    pub(crate) description: String,
    /// Its taxes; null: the department's.
    #[serde(default)]
    pub(crate) tax_group_id: Option<TaxGroupId>,
    /// What a quantity of one is: `each`, `kg`, `m`.
    #[serde(default = "each")]
    #[schema(max_length = 16)]
    pub(crate) unit: String,
    /// How many decimals a quantity may have.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 3)]
    pub(crate) quantity_decimals: i16,
    /// Whether promotions and reductions may touch it.
    #[serde(default = "yes")]
    pub(crate) discountable: bool,
    /// What a store does when it is not available; null: the store's policy.
    #[serde(default)]
    pub(crate) stock_policy: Option<StockPolicy>,
    /// What a line of it is about: goods, a deposit, a gift card, a tip.
    #[serde(default)]
    pub(crate) kind: LineKind,
    /// Whether a scale says how much of it is sold.
    #[serde(default)]
    pub(crate) weighed: bool,
    /// How old a customer must be; null: anybody may buy it.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 120)]
    pub(crate) minimum_age: Option<i16>,
    /// Whether the serial number of each is asked for.
    #[serde(default)]
    pub(crate) serial_required: bool,
    /// Whether its price is keyed.
    #[serde(default)]
    pub(crate) open_price: bool,
    /// The least that may be keyed for an open price; null: nothing.
    #[serde(default)]
    pub(crate) open_price_min: Option<UnitPrice>,
    /// The most that may be keyed for an open price; null: as much as there is.
    #[serde(default)]
    pub(crate) open_price_max: Option<UnitPrice>,
    /// Its variants, in their order; at least one. In a change, those that are left out are archived.
    #[sqlx(json)]
    #[schema(min_items = 1, max_items = 500)]
    pub(crate) variants: Vec<Variant>,
}

/// One colour or size of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    /// Its identity; made by the server where it is missing. A change finds a variant by it, or else by its SKU.
    #[serde(default)]
    pub(crate) id: Option<VariantId>,
    /// Its stock-keeping unit, unique in the company.
    #[schema(max_length = 64)]
    pub(crate) sku: String,
    /// What tells it from its siblings; empty for the only one.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub(crate) name: String,
    /// No longer sold.
    #[serde(default)]
    pub(crate) archived: bool,
    /// The codes by which it is scanned.
    #[serde(default)]
    pub(crate) barcodes: Vec<String>,
    /// What it is made of, where it is a kit: selling it takes its parts' stock.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub(crate) parts: Vec<Part>,
}

/// A part of a kit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// What; it may be a kit itself.
    pub(crate) variant_id: VariantId,
    /// How many of it are in one kit.
    pub(crate) quantity: Quantity,
}

fn each() -> String {
    "each".to_owned()
}

const fn yes() -> bool {
    true
}

impl Master for Product {
    const ENTITY: &'static str = "product";
    const PATH: &'static str = "/products";
    const TABLE: &'static str = "product";
    const COLUMNS: &'static str = "t.department_id, t.name, t.description, t.tax_group_id, t.unit, t.quantity_decimals, \
        t.discountable, t.stock_policy, t.kind, t.weighed, t.minimum_age, t.serial_required, t.open_price, \
        trim_scale(t.open_price_min) as open_price_min, trim_scale(t.open_price_max) as open_price_max, \
        (select coalesce(jsonb_agg(jsonb_build_object('id', v.id, 'sku', v.sku, 'name', v.name, \
            'archived', v.archived_at is not null, \
            'barcodes', (select coalesce(jsonb_agg(b.code order by b.code), '[]') from barcode b \
                         where b.company_id = v.company_id and b.variant_id = v.id), \
            'parts', (select coalesce(jsonb_agg(jsonb_build_object('variant_id', k.part_id, \
                          'quantity', trim_scale(k.quantity)::text) order by k.part_id), '[]') from kit_part k \
                      where k.company_id = v.company_id and k.kit_id = v.id)) \
            order by v.position, v.id), '[]') \
         from variant v where v.company_id = t.company_id and v.product_id = t.id) as variants";
    const READ: &'static str = "catalogue.read";
    const WRITE: &'static str = "catalogue.write";
    const SORTS: &'static [Sort] = &[Sort::NAME, Sort::ID];
    const FILTERS: &'static [Filter] = &[
        Filter { name: "department_id", kind: FilterKind::Id, condition: "t.department_id = $$" },
        Filter { name: "tax_group_id", kind: FilterKind::Id, condition: "t.tax_group_id = $$" },
        Filter {
            name: "sku",
            kind: FilterKind::Text,
            condition: "t.id in (select v.product_id from variant v where v.sku = $$)",
        },
        Filter {
            name: "barcode",
            kind: FilterKind::Text,
            condition: "t.id in (select v.product_id from barcode b \
                        join variant v on v.company_id = b.company_id and v.id = b.variant_id where b.code = $$)",
        },
    ];
    // The function knows the company by itself, and has the indexes that a policy would hide.
    const SEARCH: &'static str = "t.id = any (array(select search_products($$)))";
    const SEARCH_PAGE: &'static str = "search_products_page";
    const SEARCH_IS_PATTERN: bool = false;
    const CONSTRAINTS: &'static [Constraint] = &[
        Constraint {
            name: "product_company_id_department_id_fkey",
            pointer: "/department_id",
            code: "unknown",
            detail: "There is no such department.",
        },
        Constraint {
            name: "product_company_id_tax_group_id_fkey",
            pointer: "/tax_group_id",
            code: "unknown",
            detail: "There is no such tax group.",
        },
        Constraint {
            name: "variant_company_id_sku_key",
            pointer: "/variants",
            code: "taken",
            detail: "Another product has one of these SKUs.",
        },
        Constraint {
            name: "variant_pkey",
            pointer: "/variants",
            code: "taken",
            detail: "Another variant has one of these ids.",
        },
        Constraint {
            name: "barcode_company_id_code_key",
            pointer: "/variants",
            code: "taken",
            detail: "Another product has one of these barcodes.",
        },
    ];

    fn check(&self, checks: &mut Checks) {
        checks.name("/name", &self.name, LONGEST_NAME);
        checks.lines("/description", &self.description, LONGEST_DESCRIPTION);
        checks.name("/unit", &self.unit, LONGEST_UNIT);
        checks.ensure(
            (0..=3).contains(&self.quantity_decimals),
            "/quantity_decimals",
            "out_of_range",
            "It is a number from 0 to 3.",
        );
        checks.ensure(
            self.minimum_age.is_none_or(|age| (1..=120).contains(&age)),
            "/minimum_age",
            "out_of_range",
            "It is a number from 1 to 120, or null.",
        );
        for (pointer, price) in
            [("/open_price_min", self.open_price_min), ("/open_price_max", self.open_price_max)]
        {
            checks.ensure(
                price.is_none_or(|price| !price.is_negative()),
                pointer,
                "out_of_range",
                "It may not be negative.",
            );
            checks.ensure(
                price.is_none() || self.open_price,
                pointer,
                "no_open_price",
                "Only a product with an open price has it.",
            );
        }
        if let (Some(min), Some(max)) = (self.open_price_min, self.open_price_max) {
            checks.ensure(min <= max, "/open_price_max", "out_of_range", "It is not below `open_price_min`.");
        }
        kits::check(self, checks);
        checks.ensure(
            self.variants.iter().any(|variant| !variant.archived),
            "/variants",
            "empty",
            "A product has at least one variant that is sold.",
        );
        checks.ensure(
            self.variants.len() <= MOST_VARIANTS,
            "/variants",
            "too_many",
            format!("A product has {MOST_VARIANTS} variants at most."),
        );
        let barcodes: usize = self.variants.iter().map(|variant| variant.barcodes.len()).sum();
        checks.ensure(
            barcodes <= MOST_BARCODES,
            "/variants",
            "too_many",
            format!("A product has {MOST_BARCODES} barcodes at most."),
        );
        let mut ids = BTreeSet::new();
        let mut skus = BTreeSet::new();
        let mut codes = BTreeSet::new();
        for (place, variant) in self.variants.iter().enumerate() {
            checks.code(format!("/variants/{place}/sku"), &variant.sku, LONGEST_SKU);
            checks.text(format!("/variants/{place}/name"), &variant.name, LONGEST_NAME);
            checks.ensure(
                skus.insert(&variant.sku),
                format!("/variants/{place}/sku"),
                "duplicate",
                "Another variant here has this SKU.",
            );
            checks.ensure(
                variant.id.is_none_or(|id| ids.insert(id)),
                format!("/variants/{place}/id"),
                "duplicate",
                "Another variant here has this id.",
            );
            for (number, code) in variant.barcodes.iter().enumerate() {
                let pointer = format!("/variants/{place}/barcodes/{number}");
                checks.code(&pointer, code, LONGEST_SKU);
                checks.ensure(codes.insert(code), &pointer, "duplicate", "This barcode stands here twice.");
            }
        }
    }

    fn references(&self) -> Vec<Reference> {
        [
            Reference::of("/department_id", "department", Some(self.department_id)),
            Reference::of("/tax_group_id", "tax_group", self.tax_group_id),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Ids that the client left to the server are the server's, barcodes and parts have no order.
    fn is_same_as(&self, stored: &Self) -> bool {
        let mut mine = self.clone();
        for (variant, kept) in mine.variants.iter_mut().zip(&stored.variants) {
            variant.id = variant.id.or(kept.id);
            variant.barcodes.sort();
            variant.parts.sort_by_key(|part| part.variant_id);
        }
        mine == *stored
    }

    async fn insert(&self, tx: &mut Tx, cx: &Context, id: Uuid) -> Result<(), Problem> {
        refuse_taken(tx, id, self).await?;
        sql::insert_product(tx, id, self).await.map_err(refused)?;
        let named: Vec<Uuid> =
            self.variants.iter().filter_map(|variant| variant.id.map(Uuid::from)).collect();
        sql::refuse_foreign_variants(tx, &named).await?;
        let variants: Vec<Uuid> =
            self.variants.iter().map(|variant| variant.id.map_or_else(|| cx.new_id(), Uuid::from)).collect();
        sql::write_variants(tx, cx, id, &variants, self).await.map_err(refused)?;
        kits::write_parts(tx, cx, &variants, self).await
    }

    async fn update(&self, tx: &mut Tx, cx: &Context, id: Uuid, before: &Self) -> Result<(), Problem> {
        refuse_taken(tx, id, self).await?;
        sql::update_product(tx, id, self).await.map_err(refused)?;
        if self.variants == before.variants {
            return Ok(());
        }
        let by_sku: BTreeMap<&str, VariantId> = before
            .variants
            .iter()
            .filter_map(|variant| variant.id.map(|id| (variant.sku.as_str(), id)))
            .collect();
        let known: BTreeSet<VariantId> = by_sku.values().copied().collect();
        let named: BTreeSet<VariantId> = self.variants.iter().filter_map(|variant| variant.id).collect();
        let mut variants = Vec::with_capacity(self.variants.len());
        for variant in &self.variants {
            let by_sku = by_sku.get(variant.sku.as_str()).copied().filter(|id| !named.contains(id));
            variants.push(variant.id.or(by_sku).map_or_else(|| cx.new_id(), Uuid::from));
        }
        sql::archive_variants_but(tx, cx, id, &variants).await?;
        let fresh: Vec<Uuid> =
            variants.iter().copied().filter(|id| !known.contains(&VariantId::new(*id))).collect();
        sql::refuse_foreign_variants(tx, &fresh).await?;
        sql::write_variants(tx, cx, id, &variants, self).await.map_err(refused)?;
        kits::write_parts(tx, cx, &variants, self).await
    }
}

fn refused(error: sqlx::Error) -> Problem {
    Problem::from_database(error, Product::CONSTRAINTS)
}

/// Refuses SKUs and barcodes that another product has, and says which.
async fn refuse_taken(tx: &mut Tx, id: Uuid, product: &Product) -> Result<(), Problem> {
    let skus: Vec<String> = product.variants.iter().map(|variant| variant.sku.clone()).collect();
    let codes: Vec<String> =
        product.variants.iter().flat_map(|variant| variant.barcodes.iter().cloned()).collect();
    let taken = sql::taken_codes(tx, id, &skus, &codes).await?;
    if taken.is_empty() {
        return Ok(());
    }
    let mut problem = Problem::conflict("already-exists", "Another product has it already");
    for owner in taken {
        let word = if owner.is_sku { "SKU" } else { "barcode" };
        let pointer = product.variants.iter().enumerate().find_map(|(place, variant)| {
            if owner.is_sku {
                (variant.sku == owner.code).then(|| format!("/variants/{place}/sku"))
            } else {
                let number = variant.barcodes.iter().position(|code| *code == owner.code)?;
                Some(format!("/variants/{place}/barcodes/{number}"))
            }
        });
        problem = problem
            .field(
                pointer.unwrap_or_else(|| "/variants".to_owned()),
                "taken",
                format!("The {word} {} is that of “{}”.", owner.code, owner.product_name),
            )
            .with("product_id", owner.product_id.to_string());
    }
    Err(problem)
}
