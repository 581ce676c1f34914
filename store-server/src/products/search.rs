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

use crate::selling::shelf::Shelf;
use crate::this_store::{NotReady, ThisStore};

/// How many words of a search count.
const MOST_WORDS: usize = 8;
/// The longest search.
const LONGEST: usize = 200;
/// How many names are gone through at once.
const WALKED: usize = 2_000;

/// The letters that the database's `folded` takes for others, and those others.
const FOLDED_FROM: &str = "\
    ÀÁÂÃÄÅàáâãäåÇçÈÉÊËèéêëÌÍÎÏìíîïÑñÒÓÔÕÖØòóôõöøÙÚÛÜùúûüÝýÿŠšŽžĀāĂăĄąĆćĈĉĊċČčĎďĒēĔĕĖėĘęĚěĜĝĞğĠ \
    ġĢģĤĥĨĩĪīĬĭĮįİĴĵĶķĹĺĻļĽľŃńŅņŇňŌōŎŏŐőŔŕŖŗŘřŚśŜŝŞşŢţŤťŨũŪūŬŭŮůŰűŲųŴŵŶŷŸŹźŻżȘșȚțĐđĦħıŁłŦŧΆΈΉΊ \
    ΌΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫάέήίΰϊϋόύώςЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯё \
    ѐѝҐ";
const FOLDED_TO: &str = "\
    aaaaaaaaaaaacceeeeeeeeiiiiiiiinnoooooooooooouuuuuuuuyyysszzaaaaaaccccccccddeeeeeeeeeeggggg \
    ggghhiiiiiiiiijjkkllllllnnnnnnoooooorrrrrrssssssttttuuuuuuuuuuuuwwyyyzzzzssttddhhillttαεηι \
    ουωιαβγδεζηθικλμνξοπρστυφχψωιυαεηιυιυουωσееђѓєѕіїјљњћќиўџабвгдежзийклмнопрстуфхцчшщъыьэюяе \
    еиґ";

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

/// Where a page ended: how good the last hit was, what it stands by among those, its product and itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor(Rank, String, Uuid, Uuid);

/// How good a hit is, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rank {
    /// Its barcode is what was asked.
    Barcode,
    /// Its SKU begins so; by SKU.
    Sku,
    /// Its name begins so; by name.
    Beginning,
    /// Its name has all the words; by name.
    Words,
}

/// What is looked for, as the database's `folded` has it.
struct Asked {
    /// Unchanged, for a barcode.
    exact: String,
    /// What a SKU begins with, and what no longer begins so; both empty: no SKU does.
    sku: (String, String),
    /// The same of a name.
    name: (String, String),
    /// `like` patterns that a name matches, all of them.
    words: Vec<String>,
}

impl Asked {
    fn new(text: &str) -> Self {
        let folded = fold(text);
        let words: Vec<&str> = folded.split_whitespace().collect();
        let sku = if folded.is_empty() { Default::default() } else { beginning(folded.clone()) };
        let patterns = words.iter().take(MOST_WORDS).map(|word| {
            // Three letters may stand anywhere in a word; fewer find no trigram but at its beginning.
            let before = if word.chars().count() < 3 { "% " } else { "%" };
            format!("{before}{}%", escape(word))
        });
        Self {
            exact: text.to_owned(),
            sku,
            name: beginning(format!(" {}", words.join(" "))),
            words: patterns.collect(),
        }
    }
}

/// All texts that begin so: from the first to where they end.
fn beginning(text: String) -> (String, String) {
    let end = format!("{text}{}", char::MAX);
    (text, end)
}

/// A page of what was found: what a code stands for first, then names that begin so, then names with all the words, each
/// no further than the page needs.
pub(crate) async fn search(
    tx: &mut Tx,
    cx: &Context,
    shelf: &Shelf,
    query: &ProductsQuery,
) -> Result<ProductsPage, SearchError> {
    let limit = query.limit.unwrap_or(25).clamp(1, 100) as usize;
    let text = query.q.as_deref().unwrap_or_default().trim();
    if text.chars().count() > LONGEST {
        return Err(SearchError::TooLong);
    }
    let after = query.after.as_deref().map(read_cursor).transpose()?;
    let mut hits = find(tx, &Asked::new(text), after, limit + 1).await?;
    let has_more = hits.len() > limit;
    hits.truncate(limit);
    let next = if has_more { hits.last().map(write_cursor) } else { None };
    let ids: Vec<VariantId> =
        hits.into_iter().map(|Cursor(_, _, _, variant)| VariantId::new(variant)).collect();
    let (items, feed_position) = show(tx, cx, shelf, &ids).await?;
    Ok(ProductsPage { items, next, feed_position })
}

/// What a barcode stands for.
pub(crate) async fn by_barcode(
    tx: &mut Tx,
    cx: &Context,
    shelf: &Shelf,
    code: &str,
) -> Result<ProductFound, SearchError> {
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
    let (mut found, _) = show(tx, cx, shelf, &[VariantId::new(id)]).await?;
    found.pop().ok_or(SearchError::Unknown)
}

/// The first hits after a place. Each is where a page may end.
async fn find(
    tx: &mut Tx,
    asked: &Asked,
    after: Option<Cursor>,
    most: usize,
) -> Result<Vec<Cursor>, SearchError> {
    let first = after.as_ref().map_or(Rank::Barcode, |Cursor(rank, ..)| *rank);
    // Where to go on in the rank of the cursor; the ranks behind it are begun at their start.
    let begin = |rank| match &after {
        Some(cursor) if first == rank => cursor.clone(),
        _ => Cursor(rank, String::new(), Uuid::nil(), Uuid::nil()),
    };
    let mut hits = Vec::new();
    let mut by_barcode = Vec::new();
    if !asked.exact.is_empty() {
        let Cursor(_, name, _, variant) = begin(Rank::Barcode);
        for row in sqlx::query!(
            "select distinct p.search_name, p.id as product, v.id from from_hq.barcode b join from_hq.variant v on v.id = b.variant_id
                 join from_hq.product p on p.id = v.product_id
             where b.code = $1 and not b.deleted and not v.deleted and not v.archived and not p.deleted and not p.archived
             order by p.search_name, v.id limit 20",
            asked.exact
        )
        .fetch_all(&mut **tx)
        .await?
        {
            by_barcode.push(row.id);
            if first == Rank::Barcode && (&row.search_name, row.id) > (&name, variant) {
                hits.push(Cursor(Rank::Barcode, row.search_name, row.product, row.id));
            }
        }
        hits.sort_by(|one, other| (&one.1, one.3).cmp(&(&other.1, other.3)));
        if first <= Rank::Sku && hits.len() < most {
            let place = begin(Rank::Sku);
            hits.extend(by_sku(tx, asked, &by_barcode, &place, most - hits.len()).await?);
        }
    }
    for rank in [Rank::Beginning, Rank::Words] {
        if first <= rank && hits.len() < most && (rank == Rank::Beginning || !asked.words.is_empty()) {
            by_name(tx, asked, &by_barcode, begin(rank), most, &mut hits).await?;
        }
    }
    hits.truncate(most);
    Ok(hits)
}

/// Those whose SKU begins so. Here and below one lower bound, as an index is entered by one: with another beside it, it would
/// be read from its first entry on.
async fn by_sku(
    tx: &mut Tx,
    asked: &Asked,
    found: &[Uuid],
    Cursor(_, sku, _, variant): &Cursor,
    most: usize,
) -> sqlx::Result<Vec<Cursor>> {
    let rows = sqlx::query!(
        r#"select folded(v.sku) as "sku!", p.id as product, v.id from from_hq.variant v join from_hq.product p on p.id = v.product_id
           where not v.deleted and not v.archived and not p.deleted and not p.archived
             and (folded(v.sku) collate "C", v.id) > ($1, $2) and folded(v.sku) collate "C" < $3 and v.id <> all ($4)
           order by folded(v.sku) collate "C", v.id limit $5"#,
        sku.max(&asked.sku.0),
        variant,
        asked.sku.1,
        found,
        count(most)
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| Cursor(Rank::Sku, row.sku, row.product, row.id)).collect())
}

/// A product by its place in the order of names.
type Named = (String, Uuid);

/// Those whose name begins so, or has all the words: product after product until there are enough that are sold.
async fn by_name(
    tx: &mut Tx,
    asked: &Asked,
    found: &[Uuid],
    mut place: Cursor,
    most: usize,
    hits: &mut Vec<Cursor>,
) -> sqlx::Result<()> {
    if place.0 == Rank::Words {
        // A word that many names have is soon met by going through them.
        let (products, last) = walk(tx, asked, &place).await?;
        sold(tx, asked, found, &place, &products, most, hits).await?;
        let Some((name, product)) = last else { return Ok(()) };
        place = Cursor(place.0, name, product, Uuid::max());
    }
    let mut chunk = most * 2;
    while hits.len() < most {
        let products = match place.0 {
            Rank::Words => with_words(tx, asked, &place, chunk).await?,
            _ => beginning_so(tx, asked, &place, chunk).await?,
        };
        sold(tx, asked, found, &place, &products, most, hits).await?;
        // A product may have no variant that is sold, and so may thousands.
        match products.into_iter().nth(chunk - 1) {
            Some((name, product)) => place = Cursor(place.0, name, product, Uuid::max()),
            None => return Ok(()),
        }
        chunk = (chunk * 4).min(WALKED);
    }
    Ok(())
}

async fn beginning_so(
    tx: &mut Tx,
    asked: &Asked,
    Cursor(_, name, product, _): &Cursor,
    most: usize,
) -> sqlx::Result<Vec<Named>> {
    let rows = sqlx::query!(
        r#"select search_name, id from from_hq.product
           where not deleted and not archived and (search_name collate "C", id) >= ($1, $2) and search_name collate "C" < $3
           order by search_name collate "C", id limit $4"#,
        name.max(&asked.name.0),
        product,
        asked.name.1,
        count(most)
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.search_name, row.id)).collect())
}

/// Goes through the next names: those that have the words without beginning so, and where to go on; none: that was all.
async fn walk(
    tx: &mut Tx,
    asked: &Asked,
    Cursor(_, name, product, _): &Cursor,
) -> sqlx::Result<(Vec<Named>, Option<Named>)> {
    let rows = sqlx::query!(
        r#"with few as materialized (
             select search_name, id from from_hq.product
             where not deleted and not archived and (search_name collate "C", id) >= ($1, $2)
             order by search_name collate "C", id limit $3)
           select search_name as "name!", id as "id!", true as "is_hit!" from few
           where search_name like all ($4) and not (search_name collate "C" >= $5 and search_name collate "C" < $6)
           union all
           (select search_name, id, false from few where (select count(*) from few) = $3
            order by search_name collate "C" desc, id desc limit 1)"#,
        name,
        product,
        count(WALKED),
        &asked.words,
        asked.name.0,
        asked.name.1
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut last = None;
    let mut products = Vec::new();
    for row in rows {
        if row.is_hit {
            products.push((row.name, row.id));
        } else {
            last = Some((row.name, row.id));
        }
    }
    products.sort_unstable();
    Ok((products, last))
}

/// The names that have the words without beginning so, looked up by the words' trigrams: few, where a walk has met few.
async fn with_words(
    tx: &mut Tx,
    asked: &Asked,
    Cursor(_, name, product, _): &Cursor,
    most: usize,
) -> sqlx::Result<Vec<Named>> {
    // Sorted after they were found: an order by the index would be another walk.
    let mut query = QueryBuilder::<Postgres>::new(
        "with named as materialized (select search_name, id from from_hq.product where not deleted and not archived",
    );
    for pattern in &asked.words {
        query
            .push(" and latinised(search_name) like latinised(")
            .push_bind(pattern)
            .push(") and search_name like ")
            .push_bind(pattern);
    }
    query
        .push(") select search_name, id from named where not (search_name collate \"C\" >= ")
        .push_bind(&asked.name.0)
        .push(" and search_name collate \"C\" < ")
        .push_bind(&asked.name.1)
        .push(") and (search_name collate \"C\", id) >= (")
        .push_bind(name)
        .push(", ")
        .push_bind(product)
        .push(") order by search_name collate \"C\", id limit ")
        .push_bind(count(most));
    // Planned each time: only words that are seen find their index.
    query.build_query_as().persistent(false).fetch_all(&mut **tx).await
}

/// Adds the variants of these products that are sold and not found yet.
async fn sold(
    tx: &mut Tx,
    asked: &Asked,
    found: &[Uuid],
    Cursor(rank, name, product, variant): &Cursor,
    products: &[Named],
    most: usize,
    hits: &mut Vec<Cursor>,
) -> sqlx::Result<()> {
    if products.is_empty() {
        return Ok(());
    }
    let (names, ids): (Vec<&str>, Vec<Uuid>) = products.iter().map(|(name, id)| (name.as_str(), *id)).unzip();
    let rows = sqlx::query!(
        r#"select f.name as "name!", f.id as "product!", v.id
           from unnest($1::text[], $2::uuid[]) as f (name, id)
           cross join lateral (
               select v.id from from_hq.variant v
               where v.product_id = f.id and not v.deleted and not v.archived and v.id <> all ($3)
                 and not (folded(v.sku) collate "C" >= $4 and folded(v.sku) collate "C" < $5)
               order by v.id limit $9) v
           where (f.name collate "C", f.id, v.id) > ($6, $7, $8)
           order by f.name collate "C", f.id, v.id limit $9"#,
        &names as &[&str],
        &ids,
        found,
        asked.sku.0,
        asked.sku.1,
        name,
        product,
        variant,
        count(most.saturating_sub(hits.len()))
    )
    .fetch_all(&mut **tx)
    .await?;
    hits.extend(rows.into_iter().map(|row| Cursor(*rank, row.name, row.product, row.id)));
    Ok(())
}

fn count(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

/// As the database's `folded`: small letters without accents.
fn fold(text: &str) -> String {
    text.chars()
        .filter_map(|letter| match letter {
            _ if letter.is_ascii() => Some(letter.to_ascii_lowercase()),
            '\u{a0}' => Some(' '),
            // Accents that stand behind their letters.
            '\u{300}'..='\u{303}' | '\u{308}' | '\u{30a}' | '\u{30c}' | '\u{327}' | '\u{328}' => None,
            _ => {
                let place = FOLDED_FROM.chars().position(|accented| accented == letter);
                Some(place.and_then(|place| FOLDED_TO.chars().nth(place)).unwrap_or(letter))
            }
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn write_cursor(hit: &Cursor) -> String {
    // Plain values always have a JSON.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(hit).unwrap_or_default())
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

/// The variants with all that is shown of them, in this order, and the checkpoint that they are of.
async fn show(
    tx: &mut Tx,
    cx: &Context,
    shelf: &Shelf,
    ids: &[VariantId],
) -> Result<(Vec<ProductFound>, i64), SearchError> {
    let (store, catalogue) = shelf.shown(tx, ids).await?;
    let variants: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let sees_stock = cx.actor.may("stock.read");
    let mut beside: HashMap<Uuid, (Vec<String>, Decimal)> = HashMap::new();
    for row in sqlx::query!(
        r#"select v.id as "id!",
             coalesce((select array_agg(b.code order by b.code) from from_hq.barcode b where b.variant_id = v.id and not b.deleted),
                 '{}') as "barcodes!",
             coalesce((select s.on_hand from stock s
                 where $2 and s.company_id = $3 and s.store_id = $4 and s.variant_id = v.id), 0) as "on_hand!"
           from unnest($1::uuid[]) as v (id)"#,
        &variants,
        sees_stock,
        store.place.company_id.uuid(),
        store.place.store_id.uuid(),
    )
    .fetch_all(&mut **tx)
    .await?
    {
        beside.insert(row.id, (row.barcodes, row.on_hand.normalize()));
    }
    let now = store.local(cx.now);
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(item) = catalogue.items.get(id) else { continue };
        let price = price_at(item, &catalogue, &store, now);
        let (barcodes, on_hand) = beside.remove(&id.uuid()).unwrap_or_default();
        found.push(ProductFound {
            variant_id: item.variant_id,
            product_id: item.product_id,
            sku: item.sku.clone(),
            name: item.name.clone(),
            department: item.department_name.clone(),
            unit: item.unit.clone(),
            quantity_decimals: item.quantity_decimals,
            barcodes,
            currency: store.currency,
            next_price: next_price(item, &catalogue, &store, now, price.as_ref()),
            price,
            on_hand: sees_stock.then_some(on_hand),
        });
    }
    Ok((found, store.position))
}

/// What one costs then, by the rules that ring it up, for a customer whom nobody knows.
fn price_at(item: &Item, catalogue: &Catalogue, store: &ThisStore, at: NaiveDateTime) -> Option<PriceNow> {
    let line = CartLine::new(SaleLineId::new(Uuid::nil()), item.variant_id, Quantity::ONE);
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
    let line = checkout::compute(&cart, catalogue, &rules).ok()?.lines.pop()?;
    let (kind, reason) = match line.price_reason {
        PriceReason::Listed { price_kind, reason, .. } => (price_kind, reason),
        PriceReason::Rule { name, .. } => (PriceKind::Regular, name),
        _ => return None,
    };
    Some(PriceNow { amount: line.unit_price, regular: line.regular_unit_price, kind, reason })
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
        assert_eq!(fold("Cafe\u{301} МОЛОКО Ψωμί Łódź"), "cafe молоко ψωμι lodz");
        assert_eq!(FOLDED_FROM.chars().count(), FOLDED_TO.chars().count());
        assert_eq!(escape("50%_\\"), "50\\%\\_\\\\");
    }

    #[test]
    fn a_cursor_that_was_not_given_out_is_refused() {
        let cursor = Cursor(Rank::Words, "red mug".to_owned(), Uuid::nil(), Uuid::max());
        assert_eq!(read_cursor(&write_cursor(&cursor)).unwrap(), cursor);
        for bad in ["", "!", "AAAA", &URL_SAFE_NO_PAD.encode("[1]"), &"A".repeat(5000)] {
            assert!(read_cursor(bad).is_err(), "{bad}");
        }
    }
}
