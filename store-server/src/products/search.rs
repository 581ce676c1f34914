//! The search, over indexes that 100,000 products do not slow down.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use checkout::{Cart, CartLine, Catalogue, Item, Limits, Rules};
use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeZone as _};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use server_kit::{Context, Problem, Tx};
use shared_model::ids::{ProductId, SaleLineId, VariantId};
use shared_model::prices::PriceKind;
use shared_model::selling::PriceReason;
use shared_model::{Currency, Quantity, UnitPrice};
use sqlx::{Postgres, QueryBuilder};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::selling::load::{self, Wanted};
use crate::this_store::{self, NotReady, ThisStore};

/// How many words of a search count.
const MOST_WORDS: usize = 8;
/// The longest search.
const LONGEST: usize = 200;

/// What is looked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ProductsQuery {
    /// Words of the name, the beginning of a SKU, or a barcode; left out: everything, by name.
    pub q: Option<String>,
    /// At most so many; 25 where nothing is said.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// Those after this one: `next` of the answer before.
    pub after: Option<String>,
}

/// A page of what was found, the best first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductsPage {
    /// What was found.
    pub items: Vec<ProductFound>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<String>,
    /// The checkpoint of HQ's data that this is of.
    pub feed_position: i64,
}

/// A variant as a cashier sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductFound {
    /// The variant.
    pub variant_id: VariantId,
    /// Its product.
    pub product_id: ProductId,
    /// Its SKU.
    pub sku: String,
    /// The product's name, the variant's behind it.
    pub name: String,
    /// Its department.
    pub department: String,
    /// What a quantity of one is.
    pub unit: String,
    /// How many decimals a quantity may have.
    pub quantity_decimals: u32,
    /// What it is scanned by.
    pub barcodes: Vec<String>,
    /// What it is sold in.
    pub currency: Currency,
    /// What one costs now; none: it has no price here and now.
    pub price: Option<PriceNow>,
    /// What one will cost next, and from when; none: nothing is known.
    pub next_price: Option<PriceNext>,
    /// What is there, with `stock.read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub on_hand: Option<Decimal>,
}

/// A price in force.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PriceNow {
    /// For one.
    pub amount: UnitPrice,
    /// The usual price.
    pub regular: UnitPrice,
    /// What it is: the usual one, a sale price, a price from a quantity on.
    pub kind: PriceKind,
    /// Why it is so.
    pub reason: String,
}

/// A price to come.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PriceNext {
    /// For one.
    pub amount: Option<UnitPrice>,
    /// From when.
    pub from: DateTime<FixedOffset>,
}

/// Why nothing is found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SearchError {
    #[error("the cursor is not one that this server gave out")]
    Cursor,
    #[error("the search is too long")]
    TooLong,
    #[error("there is no such product")]
    Unknown,
    #[error(transparent)]
    NotReady(#[from] NotReady),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Cursor => Self::invalid("/after", "invalid_value", error.to_string()),
            SearchError::TooLong => {
                Self::invalid("/q", "too_long", format!("A search has at most {LONGEST} characters."))
            }
            SearchError::Unknown => Self::not_found("product"),
            SearchError::NotReady(error) => error.into(),
            SearchError::Database(error) => error.into(),
        }
    }
}

/// Where a page ended: how good the last hit was, and its place among those.
#[derive(Serialize, Deserialize)]
struct Cursor(i32, String, Uuid);

/// A page of what was found.
pub(crate) async fn search(
    tx: &mut Tx,
    cx: &Context,
    query: &ProductsQuery,
) -> Result<ProductsPage, SearchError> {
    let store = this_store::load(tx).await?;
    let limit = query.limit.unwrap_or(25).clamp(1, 100) as usize;
    let asked = query.q.as_deref().unwrap_or_default().trim();
    if asked.chars().count() > LONGEST {
        return Err(SearchError::TooLong);
    }
    let after = query.after.as_deref().map(read_cursor).transpose()?;
    let mut hits: Vec<(i32, String, Uuid)> =
        statement(asked, after.as_ref(), limit).build_query_as().fetch_all(&mut **tx).await?;
    let has_more = hits.len() > limit;
    hits.truncate(limit);
    let next =
        if has_more { hits.last().map(|(rank, name, id)| write_cursor(*rank, name, *id)) } else { None };
    let ids: Vec<Uuid> = hits.into_iter().map(|(_, _, id)| id).collect();
    let items = show(tx, cx, &store, &ids).await?;
    Ok(ProductsPage { items, next, feed_position: store.position })
}

/// What a barcode stands for.
pub(crate) async fn by_barcode(tx: &mut Tx, cx: &Context, code: &str) -> Result<ProductFound, SearchError> {
    let store = this_store::load(tx).await?;
    let id = sqlx::query_scalar!(
        "select b.variant_id from from_hq.barcode b join from_hq.variant v on v.id = b.variant_id
             join from_hq.product p on p.id = v.product_id
         where b.code = $1 and not b.deleted and not v.deleted and not v.archived and not p.deleted and not p.archived
         order by b.id limit 1",
        code
    )
    .fetch_optional(&mut **tx)
    .await?
    .ok_or(SearchError::Unknown)?;
    show(tx, cx, &store, &[id]).await?.pop().ok_or(SearchError::Unknown)
}

/// The hits: a barcode, SKUs that begin so, names with all the words. Conditions are written out, as only constants find
/// their index.
fn statement(asked: &str, after: Option<&Cursor>, limit: usize) -> QueryBuilder<Postgres> {
    let most = i64::try_from(limit).unwrap_or(100) + 1;
    let folded = fold(asked);
    let sku_prefix = format!("{}%", escape(&folded));
    let mut query = QueryBuilder::new("");
    begin_with_names(&mut query, &folded, after, most);
    query.push("select rank, name, id from (");
    if !asked.is_empty() {
        query
            .push(
                "(select 0 as rank, p.search_name as name, v.id from from_hq.barcode b join from_hq.variant v on v.id = b.variant_id
                  join from_hq.product p on p.id = v.product_id
                  where not v.deleted and not v.archived and not p.deleted and not p.archived and not b.deleted and b.code = ",
            )
            .push_bind(asked.to_owned())
            .push(
                " limit 20) union all (select 1, folded(v.sku), v.id from from_hq.variant v join from_hq.product p on p.id = v.product_id
                  where not v.deleted and not v.archived and not p.deleted and not p.archived and folded(v.sku) collate \"C\" like ",
            )
            .push_bind(sku_prefix.clone());
        if let Some(Cursor(1, name, id)) = after {
            query
                .push(" and (folded(v.sku) collate \"C\", v.id) > (")
                .push_bind(name.clone())
                .push(", ")
                .push_bind(*id)
                .push(")");
        }
        query.push(" order by folded(v.sku) collate \"C\", v.id limit ").push_bind(most).push(") union all ");
    }
    query.push(
        "(select 2 as rank, p.search_name as name, v.id from first_named p join from_hq.variant v on v.product_id = p.id
          where not v.deleted and not v.archived",
    );
    if !asked.is_empty() {
        query.push(" and not folded(v.sku) collate \"C\" like ").push_bind(sku_prefix);
    }
    query.push(")) as hits");
    if let Some(Cursor(rank, name, id)) = after {
        query
            .push(" where (rank, name collate \"C\", id) > (")
            .push_bind(*rank)
            .push(", ")
            .push_bind(name.clone())
            .push(", ")
            .push_bind(*id)
            .push(")");
    }
    query.push(" order by rank, name collate \"C\", id limit ").push_bind(most);
    query
}

/// The products whose names have all the words, the first of them in the order of their names: looked up by the words'
/// trigrams, sorted before their variants are.
fn begin_with_names(query: &mut QueryBuilder<Postgres>, folded: &str, after: Option<&Cursor>, most: i64) {
    query.push(
        "with named as materialized (select p.id, p.search_name from from_hq.product p where not p.deleted and not p.archived",
    );
    let words: Vec<&str> = folded.split_whitespace().take(MOST_WORDS).collect();
    let is_one_letter = !words.is_empty() && words.iter().all(|word| word.chars().count() == 1);
    for word in words {
        let escaped = escape(word);
        if is_one_letter {
            // Half of all names have a word that begins so; those that begin so themselves stand together.
            query.push(" and p.search_name collate \"C\" like ").push_bind(format!(" {escaped}%"));
        } else {
            // Three letters may stand anywhere in a word; fewer find no trigram but at its beginning.
            let pattern =
                if word.chars().count() < 3 { format!("% {escaped}%") } else { format!("%{escaped}%") };
            query.push(" and p.search_name like ").push_bind(pattern);
        }
    }
    if let Some(Cursor(2, name, _)) = after {
        query.push(" and p.search_name collate \"C\" >= ").push_bind(name.clone());
    }
    if folded.is_empty() {
        // Everything: in the order of the index, and no further than needed.
        query
            .push(" order by p.search_name collate \"C\" fetch first ")
            .push((most * 2).to_string())
            .push(" rows with ties");
    }
    // Twice as many, as a product may have no variant that is sold.
    query
        .push("), first_named as materialized (select * from named order by search_name collate \"C\" fetch first ")
        .push((most * 2).to_string())
        .push(" rows with ties) ");
}

/// As the database's `folded`: small letters, no accents.
fn fold(text: &str) -> String {
    const FROM: &str = "ÀÁÂÃÄÅàáâãäåÇçÈÉÊËèéêëÌÍÎÏìíîïÑñÒÓÔÕÖØòóôõöøÙÚÛÜùúûüÝýÿŠšŽž";
    const TO: &str = "AAAAAAaaaaaaCcEEEEeeeeIIIIiiiiNnOOOOOOooooooUUUUuuuuYyySsZz";
    text.chars()
        .map(|letter| {
            let place = FROM.chars().position(|accented| accented == letter);
            place.and_then(|place| TO.chars().nth(place)).unwrap_or(letter).to_ascii_lowercase()
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn write_cursor(rank: i32, name: &str, id: Uuid) -> String {
    // Plain values always have a JSON.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&Cursor(rank, name.to_owned(), id)).unwrap_or_default())
}

fn read_cursor(text: &str) -> Result<Cursor, SearchError> {
    if text.len() > 4_096 {
        return Err(SearchError::Cursor);
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SearchError::Cursor)?;
    let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_| SearchError::Cursor)?;
    if cursor.1.contains('\0') {
        return Err(SearchError::Cursor);
    }
    Ok(cursor)
}

/// The variants with all that is shown of them, in this order.
async fn show(
    tx: &mut Tx,
    cx: &Context,
    store: &ThisStore,
    ids: &[Uuid],
) -> Result<Vec<ProductFound>, SearchError> {
    let wanted = Wanted { variants: ids.to_vec(), ..Wanted::default() };
    let loaded = load::load(tx, &wanted, store).await?;
    let mut barcodes: HashMap<Uuid, Vec<String>> = HashMap::new();
    for row in sqlx::query!(
        "select variant_id, code from from_hq.barcode where variant_id = any ($1) and not deleted order by code",
        ids
    )
    .fetch_all(&mut **tx)
    .await?
    {
        barcodes.entry(row.variant_id).or_default().push(row.code);
    }
    let mut stock = HashMap::new();
    let sees_stock = cx.actor.may("stock.read");
    if sees_stock {
        for row in sqlx::query!(
            "select variant_id, on_hand from stock where company_id = $1 and store_id = $2 and variant_id = any ($3)",
            store.place.company_id.uuid(),
            store.place.store_id.uuid(),
            ids
        )
        .fetch_all(&mut **tx)
        .await?
        {
            stock.insert(row.variant_id, row.on_hand.normalize());
        }
    }
    let now = store.local(cx.now);
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(item) = loaded.catalogue.items.get(&VariantId::new(*id)) else { continue };
        let price = price_at(item, &loaded.catalogue, store, now);
        found.push(ProductFound {
            variant_id: item.variant_id,
            product_id: item.product_id,
            sku: item.sku.clone(),
            name: item.name.clone(),
            department: item.department_name.clone(),
            unit: item.unit.clone(),
            quantity_decimals: item.quantity_decimals,
            barcodes: barcodes.remove(id).unwrap_or_default(),
            currency: store.currency,
            next_price: next_price(item, &loaded.catalogue, store, now, price.as_ref()),
            price,
            on_hand: sees_stock.then(|| stock.get(id).copied().unwrap_or_default()),
        });
    }
    Ok(found)
}

/// What one costs then, by the rules that ring it up.
fn price_at(item: &Item, catalogue: &Catalogue, store: &ThisStore, at: NaiveDateTime) -> Option<PriceNow> {
    let line = CartLine::new(SaleLineId::new(Uuid::nil()), item.variant_id, Quantity::ONE);
    let catalogue = Catalogue {
        items: [(item.variant_id, item.clone())].into(),
        taxes: catalogue.taxes.clone(),
        tax_groups: catalogue.tax_groups.clone(),
        ..Catalogue::default()
    };
    let rules = Rules {
        store_id: store.place.store_id,
        currency: store.currency,
        price_level_id: store.price_level_id,
        tax_rounding: store.tax_rounding,
        rounding_mode: store.rounding_mode,
        at,
        limits: Limits { may_reduce: false, may_override_price: false, max_reduction_percent: None },
    };
    let cart = Cart { lines: vec![line], ..Cart::default() };
    let line = checkout::compute(&cart, &catalogue, &rules).ok()?.lines.pop()?;
    match line.price_reason {
        PriceReason::Listed { price_kind, reason, .. } => Some(PriceNow {
            amount: line.unit_price,
            regular: line.regular_unit_price,
            kind: price_kind,
            reason,
        }),
        _ => None,
    }
}

/// The next moment at which one costs something else.
fn next_price(
    item: &Item,
    catalogue: &Catalogue,
    store: &ThisStore,
    now: NaiveDateTime,
    price: Option<&PriceNow>,
) -> Option<PriceNext> {
    let mut moments: Vec<NaiveDateTime> = item
        .prices
        .iter()
        .flat_map(|price| [price.valid_from, price.valid_until])
        .flatten()
        .filter(|moment| *moment > now)
        .collect();
    moments.sort_unstable();
    moments.dedup();
    let amount = price.map(|price| price.amount);
    moments.into_iter().take(20).find_map(|moment| {
        let then = price_at(item, catalogue, store, moment).map(|price| price.amount);
        if then == amount {
            return None;
        }
        // In the hour that a clock jumps over, it begins when the clock has jumped.
        let from = store.time_zone.from_local_datetime(&moment).earliest().or_else(|| {
            store.time_zone.from_local_datetime(&(moment + chrono::TimeDelta::hours(1))).earliest()
        })?;
        Some(PriceNext { amount: then, from: from.fixed_offset() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_capitals_do_not_matter() {
        assert_eq!(fold("Café ÑANDÚ 50%"), "cafe nandu 50%");
        assert_eq!(escape("50%_\\"), "50\\%\\_\\\\");
    }

    #[test]
    fn a_cursor_that_was_not_given_out_is_refused() {
        assert!(read_cursor(&write_cursor(2, "red mug", Uuid::nil())).is_ok());
        for bad in ["", "!", "AAAA", &URL_SAFE_NO_PAD.encode("[1]"), &"A".repeat(5000)] {
            assert!(read_cursor(bad).is_err(), "{bad}");
        }
    }
}
