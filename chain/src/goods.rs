//! The goods and baskets of a real shop, read from the receipt lines that the demo ships (see `demo/data/README.md`).

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use anyhow::{Context, Result};
use chrono::{NaiveDate, NaiveDateTime};
use rust_decimal::Decimal;

use crate::departments;

const PACKED: &[u8] = include_bytes!("../../demo/data/online-retail.csv.gz");

/// More of one thing than any till rings up; such lines were cancelled at once.
const MOST_PIECES: i64 = 5_000;

/// What is sold.
#[derive(Debug, Clone)]
pub struct Good {
    /// The stock code, in capitals.
    pub sku: String,
    /// Its most frequent description.
    pub name: String,
    /// Its most frequent unit price, VAT included.
    pub price: Decimal,
    /// The code of its department, see [`departments`].
    pub department: &'static str,
}

/// What one customer bought.
#[derive(Debug, Clone)]
pub struct Basket {
    /// The invoice of the original shop.
    pub invoice: u32,
    /// When, in the shop's zone.
    pub at: NaiveDateTime,
    /// What and how many: an index into [`Goods::goods`] and pieces.
    pub lines: Vec<(usize, i64)>,
}

/// Everything that the shop sold.
#[derive(Debug)]
pub struct Goods {
    /// By stock code.
    pub goods: Vec<Good>,
    /// In the order in which they were rung up.
    pub baskets: Vec<Basket>,
}

impl Goods {
    /// Reads the shipped receipt lines.
    pub fn read() -> Result<Self> {
        let mut text = String::new();
        flate2::read::GzDecoder::new(PACKED)
            .read_to_string(&mut text)
            .context("unpacking the receipt lines")?;
        parse(&text)
    }

    /// The day of the last basket.
    #[must_use]
    pub fn last_day(&self) -> Option<NaiveDate> {
        self.baskets.last().map(|basket| basket.at.date())
    }
}

#[derive(Default)]
struct Seen {
    names: HashMap<String, u32>,
    prices: HashMap<Decimal, u32>,
}

fn parse(text: &str) -> Result<Goods> {
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let mut row = csv::StringRecord::new();
    let mut raw: Vec<(u32, NaiveDateTime, String, i64)> = Vec::new();
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut last: Option<(String, NaiveDateTime)> = None;
    while rows.read_record(&mut row).context("reading a receipt line")? {
        let field = |index: usize| row.get(index).unwrap_or_default().trim();
        let (Ok(invoice), Ok(pieces), Ok(price)) =
            (field(0).parse::<u32>(), field(3).parse::<i64>(), field(5).parse::<Decimal>())
        else {
            continue;
        };
        let sku = field(1).to_uppercase();
        if pieces <= 0 || pieces > MOST_PIECES || price <= Decimal::ZERO || !is_goods(&sku) {
            continue;
        }
        let at = match &last {
            Some((text, at)) if text == field(4) => *at,
            _ => {
                let at =
                    NaiveDateTime::parse_from_str(field(4), "%Y-%m-%d %H:%M:%S").context("reading a date")?;
                last = Some((field(4).to_owned(), at));
                at
            }
        };
        let good = seen.entry(sku.clone()).or_default();
        if is_name(field(2)) {
            match good.names.get_mut(field(2)) {
                Some(times) => *times += 1,
                None => drop(good.names.insert(field(2).to_owned(), 1)),
            }
        }
        *good.prices.entry(price.normalize()).or_default() += 1;
        raw.push((invoice, at, sku, pieces));
    }

    let mut goods = Vec::with_capacity(seen.len());
    let mut places = HashMap::with_capacity(seen.len());
    for (sku, good) in seen {
        // The most frequent; among equals the first in order, so that every run makes the same shop.
        let name =
            good.names.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))).map(|(name, _)| name.as_str());
        let price =
            good.prices.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))).map(|(price, _)| *price);
        let (Some(name), Some(price)) = (name, price) else { continue };
        places.insert(sku.clone(), goods.len());
        let name = sentence_case(name);
        goods.push(Good { department: departments::of(&name), sku, name, price });
    }

    let mut baskets: BTreeMap<u32, Basket> = BTreeMap::new();
    for (invoice, at, sku, pieces) in raw {
        let Some(&place) = places.get(&sku) else { continue };
        baskets
            .entry(invoice)
            .or_insert_with(|| Basket { invoice, at, lines: Vec::new() })
            .lines
            .push((place, pieces));
    }
    let mut baskets: Vec<Basket> = baskets.into_values().collect();
    baskets.sort_by_key(|basket| (basket.at, basket.invoice));
    Ok(Goods { goods, baskets })
}

/// Five digits and at most two letters, or one of the shop's own `DCGS` codes.
fn is_goods(code: &str) -> bool {
    if let Some(rest) = code.strip_prefix("DCGS") {
        return !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric());
    }
    let letters = code.trim_start_matches(|c: char| c.is_ascii_digit());
    code.len() - letters.len() == 5 && letters.len() <= 2 && letters.chars().all(|c| c.is_ascii_uppercase())
}

/// Names are in capitals; notes of the staff ("damages", "?", "check") are not.
fn is_name(text: &str) -> bool {
    text.len() > 3
        && !text.contains('?')
        && text.chars().filter(char::is_ascii_uppercase).count() * 2 > text.len()
}

/// `WHITE  METAL LANTERN` → `White metal lantern`: nobody wants to be shouted at by a shelf tag.
fn sentence_case(shouted: &str) -> String {
    let text = shouted.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return text };
    let rest: String = letters.collect::<String>().to_lowercase();
    format!("{}{}", first.to_uppercase(), rest.trim_end_matches([',', '.', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

    #[test]
    fn the_usual_price_and_name_are_the_most_frequent_ones() {
        let text = format!(
            "{HEAD}1,85123a,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,1,UK\n\
             2,85123A,WHITE HANGING  HEART,1,2010-12-01 09:00:00,2.95,1,UK\n\
             3,85123A,WHITE HANGING HEART,1,2010-12-01 09:10:00,2.55,,UK\n\
             3,85123A,damages,1,2010-12-01 09:10:00,2.95,,UK\n"
        );
        let shop = parse(&text).unwrap();
        assert_eq!(shop.goods.len(), 1);
        assert_eq!(shop.goods[0].name, "White hanging heart");
        assert_eq!(shop.goods[0].price, "2.55".parse().unwrap());
        assert_eq!(shop.baskets.len(), 3);
        assert_eq!(shop.baskets[2].lines.len(), 2);
    }

    #[test]
    fn what_is_no_sale_of_goods_is_left_out() {
        let text = format!(
            "{HEAD}C1,85123A,WHITE HANGING HEART,-6,2010-12-01 08:26:00,2.55,1,UK\n\
             2,POST,POSTAGE,1,2010-12-01 09:00:00,18.00,1,UK\n\
             3,85123A,WHITE HANGING HEART,1,2010-12-01 09:10:00,0.00,,UK\n\
             4,85123A,WHITE HANGING HEART,80995,2010-12-01 09:10:00,2.08,,UK\n\
             5,GIFT_0001_20,GIFT VOUCHER,1,2010-12-01 09:10:00,16.67,,UK\n"
        );
        assert!(parse(&text).unwrap().baskets.is_empty());
    }

    #[test]
    fn the_shipped_shop_has_its_goods_and_a_year_of_baskets() {
        let shop = Goods::read().unwrap();
        assert!(shop.goods.len() > 3_700, "{} goods", shop.goods.len());
        assert!(shop.baskets.len() > 19_000, "{} baskets", shop.baskets.len());
        assert_eq!(shop.last_day(), NaiveDate::from_ymd_opt(2011, 12, 9));
    }
}
