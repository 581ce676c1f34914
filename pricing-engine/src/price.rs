//! The price of one unit by the effective-dated prices of a variant.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use shared_model::Quantity;
use shared_model::ids::{PriceId, PriceLevelId, StoreId};
use shared_model::prices::{PriceKind, PriceRecord};

/// Where, when and for whom a price is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The store.
    pub store_id: StoreId,
    /// The moment, in the store's time zone.
    pub at: NaiveDateTime,
    /// The customer's price level; none: they have none.
    pub customer_level: Option<PriceLevelId>,
    /// The store's price level; none: the default.
    pub store_level: Option<PriceLevelId>,
}

impl Asked {
    /// How near a price's level is: the customer's, the store's, the default; none: another level's price.
    fn level_rank(&self, level: Option<PriceLevelId>) -> Option<u8> {
        match level {
            None => Some(2),
            level if level == self.customer_level => Some(0),
            level if level == self.store_level => Some(1),
            Some(_) => None,
        }
    }

    /// Whether the price is in force here and now, and how it stands against others of its kind: the smaller the
    /// rank, the nearer. Level before store before the latest `from`; the id last, so that there is always one answer.
    fn rank(&self, price: &PriceRecord) -> Option<Rank> {
        let level = self.level_rank(price.price_level_id)?;
        let is_chain_price = match price.store_id {
            None => true,
            Some(store) if store == self.store_id => false,
            Some(_) => return None,
        };
        let has_begun = price.valid_from.is_none_or(|from| from <= self.at);
        let has_ended = price.valid_until.is_some_and(|until| until <= self.at);
        (has_begun && !has_ended).then_some((level, is_chain_price, Reverse(price.valid_from), price.id))
    }
}

type Rank = (u8, bool, Reverse<Option<NaiveDateTime>>, PriceId);

/// The price of one unit, and the regular one that it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priced<'a> {
    /// The usual price.
    pub regular: &'a PriceRecord,
    /// What one costs: the regular price, or a sale price or quantity break where that is lower. Its
    /// [`kind`](PriceRecord::kind) tells which.
    pub price: &'a PriceRecord,
}

/// The price of one unit of a variant of which `quantity` is bought in all its lines together; none where it has no
/// regular price here and now.
///
/// `prices` are the variant's rows in any order; those of other stores, levels and times do no harm. A regular price
/// and a sale price are each the nearest of their kind: level before store before the latest `valid_from`. So is each
/// quantity break of one `min_quantity`; of all breaks that are reached, the lowest counts.
///
/// ```
/// use pricing_engine::{Asked, Priced, price};
/// use shared_model::ids::{PriceId, StoreId, VariantId};
/// use shared_model::prices::{PriceKind, PriceRecord};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let row = |id: u128, kind, min: &str, amount: &str| {
///     Ok::<_, shared_model::MoneyError>(PriceRecord {
///         id: PriceId::new(uuid::Uuid::from_u128(id)),
///         variant_id: VariantId::new(uuid::Uuid::from_u128(9)),
///         price_level_id: None,
///         store_id: None,
///         kind,
///         min_quantity: min.parse()?,
///         valid_from: None,
///         valid_until: None,
///         amount: amount.parse()?,
///         reason: String::new(),
///     })
/// };
/// let prices = [row(1, PriceKind::Regular, "0", "2.00")?, row(2, PriceKind::Break, "3", "1.80")?];
/// let asked = Asked {
///     store_id: StoreId::new(uuid::Uuid::from_u128(1)),
///     at: "2026-11-25T09:00:00".parse()?,
///     customer_level: None,
///     store_level: None,
/// };
/// let two = price(&prices, &asked, "2".parse()?).ok_or("no price")?;
/// assert_eq!(two.price.amount, "2.00".parse()?);
/// let Priced { price: three, regular } = price(&prices, &asked, "3".parse()?).ok_or("no price")?;
/// assert_eq!((three.amount, regular.amount), ("1.80".parse()?, "2.00".parse()?));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn price<'a>(prices: &'a [PriceRecord], asked: &Asked, quantity: Quantity) -> Option<Priced<'a>> {
    let mut regular: Option<(Rank, &PriceRecord)> = None;
    let mut sale: Option<(Rank, &PriceRecord)> = None;
    let mut breaks: BTreeMap<Quantity, (Rank, &PriceRecord)> = BTreeMap::new();
    for row in prices {
        if row.min_quantity > quantity {
            continue;
        }
        let Some(rank) = asked.rank(row) else { continue };
        match row.kind {
            PriceKind::Regular => keep_nearest(&mut regular, rank, row),
            PriceKind::Sale => keep_nearest(&mut sale, rank, row),
            PriceKind::Break => match breaks.get_mut(&row.min_quantity) {
                Some(nearest) if nearest.0 <= rank => {}
                Some(nearest) => *nearest = (rank, row),
                None => {
                    breaks.insert(row.min_quantity, (rank, row));
                }
            },
        }
    }
    let (_, regular) = regular?;
    let mut best = regular;
    for (_, candidate) in sale.into_iter().chain(breaks.into_values()) {
        if candidate.amount < best.amount {
            best = candidate;
        }
    }
    Some(Priced { regular, price: best })
}

fn keep_nearest<'a>(kept: &mut Option<(Rank, &'a PriceRecord)>, rank: Rank, row: &'a PriceRecord) {
    if kept.is_none_or(|(nearest, _)| rank < nearest) {
        *kept = Some((rank, row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_model::ids::VariantId;
    use uuid::Uuid;

    const HERE: StoreId = StoreId::new(Uuid::from_u128(1));
    const ELSEWHERE: StoreId = StoreId::new(Uuid::from_u128(2));
    const TRADE: PriceLevelId = PriceLevelId::new(Uuid::from_u128(3));
    const MEMBERS: PriceLevelId = PriceLevelId::new(Uuid::from_u128(4));

    fn row(id: u128, kind: PriceKind, amount: &str) -> PriceRecord {
        PriceRecord {
            id: PriceId::new(Uuid::from_u128(id)),
            variant_id: VariantId::new(Uuid::from_u128(9)),
            price_level_id: None,
            store_id: None,
            kind,
            min_quantity: Quantity::ZERO,
            valid_from: None,
            valid_until: None,
            amount: amount.parse().unwrap(),
            reason: String::new(),
        }
    }

    fn asked(at: &str) -> Asked {
        Asked { store_id: HERE, at: at.parse().unwrap(), customer_level: None, store_level: None }
    }

    fn costs(prices: &[PriceRecord], asked: &Asked, quantity: &str) -> Option<String> {
        let forwards = price(prices, asked, quantity.parse().unwrap()).map(|priced| priced.price.id);
        let backwards: Vec<_> = prices.iter().rev().cloned().collect();
        let again = price(&backwards, asked, quantity.parse().unwrap()).map(|priced| priced.price.id);
        assert_eq!(forwards, again, "the order of rows changes nothing");
        price(prices, asked, quantity.parse().unwrap()).map(|priced| priced.price.amount.to_string())
    }

    #[test]
    fn level_comes_before_store_before_the_latest_from() {
        let chain = row(1, PriceKind::Regular, "10.00");
        let ours = PriceRecord { store_id: Some(HERE), ..row(2, PriceKind::Regular, "11.00") };
        let theirs = PriceRecord { store_id: Some(ELSEWHERE), ..row(3, PriceKind::Regular, "1.00") };
        let trade = PriceRecord { price_level_id: Some(TRADE), ..row(4, PriceKind::Regular, "9.00") };
        let later = PriceRecord {
            valid_from: Some("2026-11-01T06:00:00".parse().unwrap()),
            ..row(5, PriceKind::Regular, "10.50")
        };
        let now = asked("2026-11-25T09:00:00");
        assert_eq!(costs(std::slice::from_ref(&chain), &now, "1").unwrap(), "10.00");
        assert_eq!(costs(&[chain.clone(), later.clone(), theirs.clone()], &now, "1").unwrap(), "10.50");
        assert_eq!(costs(&[chain.clone(), later.clone(), ours.clone()], &now, "1").unwrap(), "11.00");
        assert_eq!(costs(&[chain.clone(), ours.clone(), trade.clone()], &now, "1").unwrap(), "11.00");
        let traders = Asked { store_level: Some(TRADE), ..now };
        assert_eq!(costs(&[chain.clone(), ours.clone(), trade.clone()], &traders, "1").unwrap(), "9.00");
        let members = PriceRecord { price_level_id: Some(MEMBERS), ..row(6, PriceKind::Regular, "9.90") };
        let member = Asked { customer_level: Some(MEMBERS), ..traders };
        assert_eq!(costs(&[chain, ours, trade, members], &member, "1").unwrap(), "9.90");
        assert_eq!(costs(&[theirs], &now, "1"), None);
    }

    #[test]
    fn a_price_begins_at_its_from_and_ends_before_its_until() {
        let monday = PriceRecord {
            valid_from: Some("2026-11-23T06:00:00".parse().unwrap()),
            valid_until: Some("2026-11-30T06:00:00".parse().unwrap()),
            ..row(1, PriceKind::Regular, "5.00")
        };
        let prices = [row(2, PriceKind::Regular, "6.00"), monday];
        for (at, want) in [
            ("2026-11-23T05:59:59", "6.00"),
            ("2026-11-23T06:00:00", "5.00"),
            ("2026-11-30T05:59:59", "5.00"),
            ("2026-11-30T06:00:00", "6.00"),
        ] {
            assert_eq!(costs(&prices, &asked(at), "1").unwrap(), want, "{at}");
        }
    }

    #[test]
    fn a_sale_price_and_a_break_count_only_where_they_are_lower() {
        let regular = row(1, PriceKind::Regular, "10.00");
        let dear_sale = row(2, PriceKind::Sale, "12.00");
        let sale = row(3, PriceKind::Sale, "8.00");
        let three = PriceRecord { min_quantity: "3".parse().unwrap(), ..row(4, PriceKind::Break, "9.00") };
        let ten = PriceRecord { min_quantity: "10".parse().unwrap(), ..row(5, PriceKind::Break, "7.00") };
        let now = asked("2026-11-25T09:00:00");
        assert_eq!(costs(&[regular.clone(), dear_sale], &now, "1").unwrap(), "10.00");
        let breaks = [regular.clone(), three.clone(), ten.clone()];
        for (quantity, want) in [("2.999", "10.00"), ("3", "9.00"), ("9", "9.00"), ("10", "7.00")] {
            assert_eq!(costs(&breaks, &now, quantity).unwrap(), want, "{quantity}");
        }
        let all = [regular, sale.clone(), three, ten];
        for (quantity, want) in [("1", "8.00"), ("3", "8.00"), ("10", "7.00")] {
            assert_eq!(costs(&all, &now, quantity).unwrap(), want, "{quantity}");
        }
        assert_eq!(costs(&[sale], &now, "1"), None, "a sale price alone is lower than nothing");
    }

    #[test]
    fn a_stores_break_covers_the_chains_break_of_the_same_quantity_only() {
        let regular = row(1, PriceKind::Regular, "10.00");
        let chain_three =
            PriceRecord { min_quantity: "3".parse().unwrap(), ..row(2, PriceKind::Break, "8.00") };
        let our_three =
            PriceRecord { store_id: Some(HERE), amount: "9.00".parse().unwrap(), ..chain_three.clone() };
        let our_three = PriceRecord { id: PriceId::new(Uuid::from_u128(7)), ..our_three };
        let chain_ten =
            PriceRecord { min_quantity: "10".parse().unwrap(), ..row(3, PriceKind::Break, "7.50") };
        let prices = [regular, chain_three, our_three, chain_ten];
        let now = asked("2026-11-25T09:00:00");
        assert_eq!(costs(&prices, &now, "3").unwrap(), "9.00");
        assert_eq!(costs(&prices, &now, "10").unwrap(), "7.50");
    }
}
