//! Promotions over a cart: which are on, which class by class are earned, and what each line has of it.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use shared_model::ids::SaleLineId;
use shared_model::{Amount, MoneyError, Quantity, Rounding, Share, UnitPrice, allocate_within, divide};
use smallvec::{SmallVec, smallvec};

use crate::conditions::Situation;
use crate::promotion::{Effect, Goods, GroupEffect, Offer, Promotion};
use crate::search::{
    Combination, Fine, Group, MAX_STEPS, MOST, Member, Members, Off, Once, Pools, Problem, Reward, Single,
    Slot, Units, Use, best,
};
use crate::shelf::Shelf;

/// A line of the cart, priced by the rules. Amounts are of the whole line, in the store's currency.
#[derive(Debug, Clone)]
pub struct Line<'a> {
    /// The line.
    pub id: SaleLineId,
    /// The code of its tax group; ties go by it, then by SKU, then by line.
    pub tax_group: &'a str,
    /// Its SKU.
    pub sku: &'a str,
    /// What it is.
    pub goods: Goods<'a>,
    /// How much of it.
    pub quantity: Quantity,
    /// Whether it is sold by the piece. Goods by weight or length are one thing, whatever number the scale shows: they
    /// take no part in promotions that count.
    pub is_counted: bool,
    /// What it costs by the price rules.
    pub amount: Amount,
    /// What it is worth at its regular price: savings are shared in proportion to this.
    pub regular_value: Amount,
    /// Whether promotions may touch it: sold, discountable, its price not bound.
    pub takes_promotions: bool,
}

/// What a promotion takes off a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saving {
    /// The line, by its place in what was given.
    pub line: usize,
    /// The promotion, by its place.
    pub promotion: usize,
    /// How much; above zero, to the currency's decimals.
    pub amount: Amount,
}

/// A promotion that was earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The promotion, by its place.
    pub promotion: usize,
    /// How often.
    pub times: u32,
    /// What it took off in all.
    pub amount: Amount,
}

/// What became of a promotion, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It took something off.
    Earned,
    /// It has not begun.
    NotYet,
    /// It is over, or has no end.
    Over,
    /// It is on other days of the week.
    OtherDay,
    /// It is on at other hours.
    OtherHour,
    /// It is for other stores.
    OtherStore,
    /// It is for other customers.
    OtherCustomers,
    /// It counts per customer, and nobody knows who this is.
    CustomerUnknown,
    /// This customer has had it as often as they may.
    LimitReached,
    /// Its coupon was not shown.
    NoCoupon,
    /// One of its conditions does not hold.
    ConditionFails,
    /// Nothing in the cart is in it.
    NothingSelected,
    /// Too little of what it is about is in the cart.
    TooLittle,
    /// Something else is better for the customer, or nothing is left to take off.
    NotTheBest,
    /// It could never be: see [`Promotion::validate`].
    Invalid,
}

/// What promotions do to a cart. All savings of a promotion together are what [`Applied::amount`] says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promoted {
    /// What each line has of each promotion, by class, then by promotion and line.
    pub savings: Vec<Saving>,
    /// The promotions that were earned, in the order of their classes.
    pub applied: Vec<Applied>,
    /// What became of each promotion, in the order in which they came.
    pub outcomes: Vec<Outcome>,
    /// What the pieces of a line cost now, where promotions treated them unlike; lines whose pieces are alike are not there.
    pub pieces: Vec<Pieces>,
    /// Whether the search for the best combination was cut short by its bound: what stands is good, and the same every
    /// time, but perhaps not the best.
    pub bound_was_hit: bool,
}

/// Pieces of a line that cost the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pieces {
    /// The line, by its place in what was given.
    pub line: usize,
    /// How many.
    pub count: u32,
    /// What all of them cost after promotions.
    pub amount: Amount,
}

/// Units that are alike: of one line, treated alike so far.
#[derive(Debug, Clone)]
struct Pool {
    line: usize,
    count: u32,
    /// By weight or length: one thing that is not counted.
    measured: Option<Quantity>,
    /// What all of it costs now.
    amount: Amount,
    /// The same, in millionths.
    millionths: i128,
    /// The value of one unit, for comparison, in billionths.
    value: i128,
    /// Whether a promotion of a higher class has taken something off.
    is_touched: bool,
    /// Whether an exclusive promotion has: nothing else may.
    is_closed: bool,
}

/// Decimals of a pool's value: fine enough that a part of a price compares right.
const VALUE_DECIMALS: u32 = 9;

impl Pool {
    /// So many units of this one, at another amount.
    fn with(&self, count: u32, amount: Amount) -> Result<Self, MoneyError> {
        let millionths = amount.units(6)?;
        let all = millionths.checked_mul(1_000).ok_or(MoneyError::OutOfBounds)?;
        let value = divide(all, count.max(1).into(), Rounding::HalfUp)?;
        Ok(Self { count, amount, millionths, value, ..*self })
    }
}

/// A promotion that may be earned.
struct Live<'a> {
    /// Its place.
    at: usize,
    promotion: &'a Promotion,
    /// How often it may be.
    left: u32,
    /// For each selection of its offer, where its lines are in [`Cart::selected`].
    selections: (usize, usize),
}

/// Promotions of the class, by their places in what is searched.
#[derive(Default)]
struct Posed {
    singles: Vec<usize>,
    groups: Vec<usize>,
    onces: Vec<usize>,
}

/// Finds what promotions take off the lines of a cart.
///
/// Higher priorities first; of one priority, the combination that takes off the most, each unit earning one promotion
/// of the class at most. An exclusive promotion takes only units that nothing was taken off yet, and nothing is taken
/// off them afterwards. A saving is shared by all lines that earned it, in proportion to their regular value.
///
/// `decimals` are the currency's, 0 to 6; percentages are rounded to them by `rounding`.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use pricing_engine::{Applied, Goods, Line, Outcome, Pieces, Promoted, Promotion, Saving, Situation, promote};
/// use serde_json::{Value, json};
/// use shared_model::Rounding;
/// use uuid::Uuid;
///
/// let promotion = |id, offer: Value| serde_json::from_value::<Promotion>(json!({
///     "id": Uuid::from_u128(id), "name": "offer",
///     "when": {"from": "2026-11-01T00:00:00", "until": "2026-12-01T00:00:00"}, "offer": offer,
/// }));
/// let all = json!({"everything": true});
/// // Of one class, as neither has a priority: 3 for 2, or a tenth off each.
/// let promotions = [
///     promotion(1, json!({"kind": "mix_and_match", "of": all, "quantity": 3, "effect": {"cheapest_free": 1}}))?,
///     promotion(2, json!({"kind": "each", "of": all, "effect": {"percent": "10"}}))?,
/// ];
/// let tea = Line {
///     id: Uuid::from_u128(3).into(),
///     tax_group: "standard",
///     sku: "TEA",
///     goods: Goods { variant_id: Uuid::from_u128(4).into(), product_id: Uuid::from_u128(5).into(), departments: &[] },
///     quantity: "4".parse()?,
///     is_counted: true,
///     amount: "12.00".parse()?,
///     regular_value: "12.00".parse()?,
///     takes_promotions: true,
/// };
/// # let (uses, facts) = (BTreeMap::new(), BTreeMap::new());
/// # let situation = Situation {
/// #     store_id: Uuid::from_u128(1).into(), at: "2026-11-27T18:30:00".parse()?, customer_id: None,
/// #     customer_group: None, promotion_uses: &uses, coupons: &[], facts: &facts,
/// # };
/// let promoted: Promoted = promote(&promotions, &[tea], &situation, 2, Rounding::HalfUp)?;
/// // Three earn the free one, and the fourth its tenth: the best for the customer is both.
/// assert_eq!(promoted.outcomes, [Outcome::Earned, Outcome::Earned]);
/// let amounts: Vec<_> = promoted.applied.iter().map(|applied| applied.amount.to_string()).collect();
/// assert_eq!(amounts, ["3.00", "0.30"]);
/// let Applied { promotion, times, .. } = promoted.applied[0];
/// assert_eq!((promotion, times), (0, 1));
/// let of_line: Vec<_> = promoted.savings.iter().map(|Saving { line, amount, .. }| (*line, amount.to_string())).collect();
/// assert_eq!(of_line, [(0, "3.00".to_owned()), (0, "0.30".to_owned())]);
/// // What each piece costs now: a tax with a threshold looks at it.
/// let pieces: Vec<_> = promoted.pieces.iter().map(|Pieces { count, amount, .. }| (*count, amount.to_string())).collect();
/// assert_eq!(pieces.iter().map(|(count, _)| count).sum::<u32>(), 4);
/// assert!(!promoted.bound_was_hit);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`MoneyError`] when an amount is finer than `decimals`, or a sum is beyond the bounds.
pub fn promote(
    promotions: &[Promotion],
    lines: &[Line<'_>],
    situation: &Situation<'_>,
    decimals: u32,
    rounding: Rounding,
) -> Result<Promoted, MoneyError> {
    let mut result = Promoted { outcomes: Vec::with_capacity(promotions.len()), ..Promoted::default() };
    let shelf = Shelf::new(lines.iter().enumerate().filter(|(_, line)| line.takes_promotions));
    let mut selected = Selected::default();
    let mut live: Vec<Live<'_>> = Vec::new();
    for (at, promotion) in promotions.iter().enumerate() {
        match may_be_earned(promotion, lines, &shelf, &mut selected, situation) {
            Ok((left, selections)) => {
                live.push(Live { at, promotion, left, selections });
                result.outcomes.push(Outcome::NotTheBest);
            }
            Err(outcome) => result.outcomes.push(outcome),
        }
    }
    if live.is_empty() {
        return Ok(result);
    }
    live.sort_unstable_by_key(|live| (Reverse(live.promotion.priority), live.promotion.id, live.at));
    let mut cart = Cart { promotions, lines, selected, decimals, rounding, pools: Vec::new() };
    cart.fill_pools()?;
    let mut steps = MAX_STEPS;
    for class in live.chunk_by(|one, other| one.promotion.priority == other.promotion.priority) {
        cart.settle(class, &mut steps, &mut result)?;
    }
    result.pieces = cart.pieces();
    Ok(result)
}

/// The lines that selections take, by their places, all behind one another.
#[derive(Default)]
struct Selected {
    lines: Vec<u32>,
    /// Where those of each selection begin and end.
    ranges: Vec<(usize, usize)>,
}

impl Selected {
    fn of(&self, nth: usize) -> &[u32] {
        let (begin, end) = self.ranges.get(nth).copied().unwrap_or_default();
        self.lines.get(begin..end).unwrap_or_default()
    }
}

/// How often a promotion may be earned, and which of the selected lines are its own; else why it may not be.
fn may_be_earned(
    promotion: &Promotion,
    lines: &[Line<'_>],
    shelf: &Shelf<'_>,
    selected: &mut Selected,
    situation: &Situation<'_>,
) -> Result<(u32, (usize, usize)), Outcome> {
    promotion.when.is_on(situation)?;
    let (first, begin) = (selected.ranges.len(), selected.lines.len());
    promotion.offer.each_selection(|selection| {
        let begin = selected.lines.len();
        shelf.select(selection, &mut selected.lines);
        selected.ranges.push((begin, selected.lines.len()));
    });
    let is_earned = (|| {
        let about = selected.lines.get(begin..).unwrap_or_default();
        if about.is_empty() {
            return Err(Outcome::NothingSelected);
        }
        if !promotion.when.conditions.is_empty() {
            let mut about = about.to_vec();
            about.sort_unstable();
            about.dedup();
            let mut quantity = Quantity::ZERO;
            for line in about.into_iter().filter_map(|line| lines.get(line as usize)) {
                quantity = quantity.plus(line.quantity).unwrap_or(quantity);
            }
            promotion.when.conditions_hold(situation, quantity)?;
        }
        let left = promotion.times_left(situation)?;
        if promotion.validate().is_err() {
            return Err(Outcome::Invalid);
        }
        Ok((left, (first, selected.ranges.len())))
    })();
    if is_earned.is_err() {
        selected.lines.truncate(begin);
        selected.ranges.truncate(first);
    }
    is_earned
}

struct Cart<'a> {
    promotions: &'a [Promotion],
    lines: &'a [Line<'a>],
    selected: Selected,
    decimals: u32,
    rounding: Rounding,
    pools: Vec<Pool>,
}

/// The pools of a class in their order.
struct Places {
    /// Where the pools of each line begin in `pools`; there is one end more.
    begins: Vec<u32>,
    /// Places of pools, by line.
    pools: Vec<u32>,
    /// How many decimals what is searched has.
    decimals: u32,
}

impl<'a> Cart<'a> {
    fn line(&self, pool: &Pool) -> Option<&'a Line<'a>> {
        self.lines.get(pool.line)
    }

    fn fill_pools(&mut self) -> Result<(), MoneyError> {
        for (at, line) in self.lines.iter().enumerate() {
            if !line.takes_promotions || !line.amount.is_positive() || !line.quantity.is_positive() {
                continue;
            }
            let whole = line.quantity.units(0).ok().and_then(|count| u32::try_from(count).ok());
            let whole = whole.filter(|_| line.is_counted);
            let pool = Pool {
                line: at,
                count: 0,
                measured: if whole.is_some() { None } else { Some(line.quantity) },
                amount: Amount::ZERO,
                millionths: 0,
                value: 0,
                is_touched: false,
                is_closed: false,
            };
            self.pools.push(pool.with(whole.unwrap_or(1), line.amount.with_decimals(self.decimals)?)?);
        }
        Ok(())
    }

    /// Settles one class: the best combination, its savings, and what that leaves for the next.
    fn settle(
        &mut self,
        class: &[Live<'_>],
        steps: &mut u32,
        result: &mut Promoted,
    ) -> Result<(), MoneyError> {
        self.sort_pools();
        let places = self.places()?;
        let mut problem = Problem::default();
        for pool in &self.pools {
            let count = if pool.is_closed { 0 } else { pool.count };
            problem.pools.push(Units { count, value: fine(pool.value, VALUE_DECIMALS, places.decimals) });
        }
        let mut posed = Posed::default();
        for live in class {
            if !self.pose(live, &places, &mut problem, &mut posed)? {
                set(&mut result.outcomes, live.at, Outcome::TooLittle);
            }
        }
        let (combination, is_best) = best(&problem, steps);
        result.bound_was_hit |= !is_best;
        self.apply(combination, &posed, result)
    }

    /// The pools of the lines that have several, by line.
    fn pieces(mut self) -> Vec<Pieces> {
        self.pools.sort_by_key(|pool| pool.line);
        let of_lines =
            self.pools.chunk_by(|one, other| one.line == other.line).filter(|pools| pools.len() > 1);
        let pieces = of_lines.flatten();
        pieces.map(|pool| Pieces { line: pool.line, count: pool.count, amount: pool.amount }).collect()
    }

    /// Dearest first; ties by tax group, SKU, line, and what was treated alike: never by place.
    fn sort_pools(&mut self) {
        let lines = self.lines;
        let key = |pool: &Pool| {
            let line = lines.get(pool.line);
            line.map(|line| (line.tax_group, line.sku, line.id, pool.is_touched, pool.is_closed))
        };
        self.pools.sort_by(|one, other| other.value.cmp(&one.value).then_with(|| key(one).cmp(&key(other))));
    }

    /// Where the pools of each line are, and how fine values can be so that all of them together are within bounds.
    fn places(&self) -> Result<Places, MoneyError> {
        let mut begins = vec![0_u32; self.lines.len() + 1];
        let mut all: i128 = 0;
        for pool in &self.pools {
            set_with(&mut begins, pool.line + 1, |count| count + 1);
            all = all.checked_add(pool.millionths).ok_or(MoneyError::OutOfBounds)?;
        }
        let mut sum = 0;
        for begin in &mut begins {
            sum += *begin;
            *begin = sum;
        }
        let mut next = begins.clone();
        let mut pools = vec![0_u32; self.pools.len()];
        for (place, pool) in (0_u32..).zip(&self.pools) {
            let at = next.get(pool.line).copied().unwrap_or_default();
            set(&mut pools, at as usize, place);
            set_with(&mut next, pool.line, |at| at + 1);
        }
        let mut decimals = VALUE_DECIMALS;
        let mut largest = all.checked_mul(1_000).ok_or(MoneyError::OutOfBounds)?;
        while largest > MOST.into() {
            decimals = decimals.checked_sub(1).ok_or(MoneyError::OutOfBounds)?;
            largest /= 10;
        }
        Ok(Places { begins, pools, decimals })
    }

    /// The pools of a selection's lines, in their order.
    fn pools_of(&self, nth: usize, places: &Places) -> Pools {
        let lines = self.selected.of(nth);
        let mut pools = Pools::new();
        for line in lines {
            let begin = places.begins.get(*line as usize).copied().unwrap_or_default();
            let end = places.begins.get(*line as usize + 1).copied().unwrap_or_default();
            let here = places.pools.get(begin as usize..end as usize).unwrap_or_default();
            pools.extend(here.iter().map(|pool| *pool as usize));
        }
        pools.sort_unstable();
        pools
    }

    /// Which pools a selection may have for this promotion.
    fn open(&self, nth: usize, places: &Places, is_exclusive: bool, is_counted: bool) -> Pools {
        let mut pools = self.pools_of(nth, places);
        pools.retain(|pool| {
            self.pools.get(*pool).is_some_and(|pool| {
                let is_shut = pool.is_closed
                    || (is_exclusive && pool.is_touched)
                    || (is_counted && pool.measured.is_some())
                    || !pool.amount.is_positive();
                !is_shut
            })
        });
        pools
    }

    /// Says a promotion to the search; whether there is enough of its goods.
    fn pose(
        &self,
        live: &Live<'_>,
        places: &Places,
        problem: &mut Problem,
        posed: &mut Posed,
    ) -> Result<bool, MoneyError> {
        let exclusive = live.promotion.exclusive;
        let (first, _) = live.selections;
        let off = |effect: Effect| off(effect, places.decimals);
        let slot =
            |nth: usize, count: u32| Slot { count, pools: self.open(first + nth, places, exclusive, true) };
        let (slots, reward): (SmallVec<[Slot; 2]>, Reward) = match &live.promotion.offer {
            Offer::Each { effect, .. } => {
                let pools = self.open(first, places, exclusive, false);
                let savings = self.savings_of_units(pools, *effect, places.decimals, problem)?;
                problem.singles.push(Single { left: live.left, savings });
                posed.singles.push(live.at);
                return Ok(true);
            }
            Offer::Threshold { at_least, effect, .. } => {
                let all = self.pools_of(first, places);
                let costs = all.iter().filter_map(|pool| self.pools.get(*pool)).map(|pool| pool.millionths);
                if costs.sum::<i128>() < at_least.units(6)? {
                    return Ok(false);
                }
                let pools = self.open(first, places, exclusive, false);
                if let Effect::Amount(amount) = effect {
                    let amount = fine(amount.units(6)?, 6, places.decimals);
                    problem.onces.push(Once { amount, pools });
                    posed.onces.push(live.at);
                } else {
                    let savings = self.savings_of_units(pools, *effect, places.decimals, problem)?;
                    problem.singles.push(Single { left: u32::MAX, savings });
                    posed.singles.push(live.at);
                }
                return Ok(true);
            }
            Offer::BuyGet { buy_quantity, get_quantity, effect, any_value, .. } => (
                smallvec![slot(0, *buy_quantity), slot(1, *get_quantity)],
                Reward::Second { off: off(*effect)?, any_value: *any_value },
            ),
            Offer::MixAndMatch { quantity, effect, .. } => {
                let reward = match effect {
                    GroupEffect::Percent(percent) => Reward::Whole(off(Effect::Percent(*percent))?),
                    GroupEffect::Amount(amount) => Reward::Whole(off(Effect::Amount(*amount))?),
                    GroupEffect::Price(price) => Reward::Whole(off(Effect::Price(*price))?),
                    GroupEffect::CheapestFree(free) => Reward::Cheapest(*free),
                };
                (smallvec![slot(0, *quantity)], reward)
            }
            Offer::Bundle { parts, effect } => {
                let slots = parts.iter().enumerate().map(|(nth, part)| slot(nth, part.quantity));
                (slots.collect(), Reward::Whole(off(*effect)?))
            }
        };
        let has_enough = slots.iter().all(|slot: &Slot| {
            let open = slot.pools.iter().filter_map(|pool| problem.pools.get(*pool));
            open.map(|pool| u64::from(pool.count)).sum::<u64>() >= slot.count.into()
        });
        if has_enough {
            problem.groups.push(Group { left: live.left, slots, reward });
            posed.groups.push(live.at);
        }
        Ok(has_enough)
    }

    /// What an effect takes off one unit of each of these pools, where it takes off anything.
    fn savings_of_units(
        &self,
        pools: Pools,
        effect: Effect,
        decimals: u32,
        problem: &Problem,
    ) -> Result<SmallVec<[(usize, Fine); 6]>, MoneyError> {
        let off = off(effect, decimals)?;
        let mut savings = SmallVec::new();
        for place in pools {
            let (Some(pool), Some(units)) = (self.pools.get(place), problem.pools.get(place)) else {
                continue;
            };
            let saving = match pool.measured {
                None => off.of(units.value),
                Some(measured) => {
                    fine(self.off_amount(effect, pool.amount, measured)?.units(6)?, 6, decimals)
                }
            };
            if saving > 0 {
                savings.push((place, saving));
            }
        }
        Ok(savings)
    }

    /// What an effect on each unit takes off so many units that cost this.
    fn off_amount(&self, effect: Effect, cost: Amount, quantity: Quantity) -> Result<Amount, MoneyError> {
        let extend = |each: Amount| UnitPrice::from(each).extend(quantity, self.decimals, self.rounding);
        // An amount that is beyond bounds for so many is more than they cost: no promotion may stop a cart.
        match effect {
            Effect::Percent(percent) => percent.of(cost, self.decimals, self.rounding),
            Effect::Amount(amount) => match extend(amount) {
                Err(MoneyError::OutOfBounds) => Ok(cost),
                extended => Ok(extended?.min(cost)),
            },
            Effect::Price(price) => match extend(price) {
                Err(MoneyError::OutOfBounds) => Ok(Amount::ZERO),
                extended => Ok(cost.minus(extended?)?.max(Amount::ZERO)),
            },
        }
    }

    /// Turns a combination into savings, and parts the pools by what was done to their units.
    fn apply(
        &mut self,
        combination: Combination,
        posed: &Posed,
        result: &mut Promoted,
    ) -> Result<(), MoneyError> {
        let mut taking: Vec<(usize, Members, u32)> = Vec::with_capacity(combination.uses.len());
        for each in combination.uses {
            let (promotion, members, times) = match each {
                Use::Single { promotion, pool, count } => {
                    (posed.singles.get(promotion), smallvec![Member { pool, slot: 0, count }], 1)
                }
                Use::Group { promotion, members, times } => (posed.groups.get(promotion), members, times),
                Use::Once { promotion, members } => (posed.onces.get(promotion), members, 1),
            };
            if let Some(promotion) = promotion {
                taking.push((*promotion, members, times));
            }
        }
        // The uses of one promotion together, in an order of their own: the search's is of no meaning.
        let id = |at: usize| self.promotions.get(at).map(|promotion| promotion.id);
        taking.sort_by(|one, other| id(one.0).cmp(&id(other.0)).then_with(|| one.1.cmp(&other.1)));
        let mut parts = Parts::new(&self.pools, &taking, self.decimals)?;
        let mut savings: Vec<Saving> = Vec::new();
        let mut before = (None, 0);
        // Where the saving of each line stands that was found last.
        let mut of_lines = vec![0; self.lines.len()];
        for (promotion, members, times) in &taking {
            // Those of one promotion stand together: what it has taken off before is found behind this place.
            if before.0 != Some(*promotion) {
                before = (Some(*promotion), savings.len());
            }
            for (costs, times) in parts.costs_of(members, *times)? {
                let alike = Alike { at: *promotion, members, costs, times };
                let mut shares = Shares { savings: &mut savings, from: before.1, of_lines: &mut of_lines };
                self.take(&alike, &mut parts, &mut shares, result)?;
            }
        }
        savings.retain(|saving| saving.amount.is_positive());
        for saving in &savings {
            set(&mut result.outcomes, saving.promotion, Outcome::Earned);
        }
        savings.sort_by_key(|saving| (id(saving.promotion), saving.line));
        result.savings.append(&mut savings);
        self.pools = parts.into_pools(&self.pools)?;
        Ok(())
    }

    /// Uses of a promotion that are alike: what each saves, shared by its members.
    fn take(
        &self,
        alike: &Alike<'_>,
        parts: &mut Parts,
        shares: &mut Shares<'_>,
        result: &mut Promoted,
    ) -> Result<(), MoneyError> {
        let Alike { at, members, costs, times } = alike;
        let Some(promotion) = self.promotions.get(*at) else { return Ok(()) };
        let whole = Amount::sum(costs.iter().copied())?;
        let saving = self.saving_of(promotion, members, costs, whole)?.min(whole);
        if !saving.is_positive() {
            return Ok(());
        }
        for ((member, cost), amount) in members.iter().zip(costs).zip(self.shared(saving, members, costs)?) {
            let of_all = Member { count: member.count.saturating_mul(*times), ..*member };
            let amount = so_often(amount, *times)?;
            parts.take_off(&of_all, so_often(*cost, *times)?, amount, promotion.exclusive)?;
            let Some(pool) = self.pools.get(member.pool) else { continue };
            let known = shares.of_lines.get(pool.line).copied().filter(|known| *known >= shares.from);
            match known.and_then(|known| shares.savings.get_mut(known)) {
                Some(saving) if saving.line == pool.line => saving.amount = saving.amount.plus(amount)?,
                _ => {
                    set(shares.of_lines, pool.line, shares.savings.len());
                    shares.savings.push(Saving { line: pool.line, promotion: *at, amount });
                }
            }
        }
        let saving = so_often(saving, *times)?;
        let times = match (&promotion.offer, members.as_slice()) {
            (Offer::Each { .. }, [one]) => one.count,
            _ => *times,
        };
        if let Some(applied) = result.applied.iter_mut().rfind(|applied| applied.promotion == *at) {
            applied.amount = applied.amount.plus(saving)?;
            if !matches!(promotion.offer, Offer::Threshold { .. }) {
                applied.times = applied.times.saturating_add(times);
            }
        } else {
            let times = if matches!(promotion.offer, Offer::Threshold { .. }) { 1 } else { times };
            result.applied.push(Applied { promotion: *at, times, amount: saving });
        }
        Ok(())
    }

    /// A saving, shared by its members in proportion to their regular value.
    fn shared(
        &self,
        saving: Amount,
        members: &[Member],
        costs: &[Amount],
    ) -> Result<Vec<Amount>, MoneyError> {
        if members.len() == 1 {
            return Ok(vec![saving.with_decimals(self.decimals)?]);
        }
        let mut weights = Vec::with_capacity(members.len());
        for member in members {
            let Some(pool) = self.pools.get(member.pool) else { continue };
            let Some(line) = self.line(pool) else { continue };
            let weight = regular_value(line, pool, member.count)?;
            weights.push(Share {
                weight,
                key: (Reverse(weight), line.tax_group, line.sku, line.id, pool.is_touched, member.slot),
            });
        }
        allocate_within(saving, self.decimals, &weights, costs)
    }

    /// What one use saves, rounded once. `costs` are what its members cost, to the smallest unit.
    fn saving_of(
        &self,
        promotion: &Promotion,
        members: &[Member],
        costs: &[Amount],
        whole: Amount,
    ) -> Result<Amount, MoneyError> {
        let once = |effect: Effect| self.off_amount(effect, whole, Quantity::ONE);
        match &promotion.offer {
            Offer::Each { effect, .. } => {
                let Some(member) = members.first() else { return Ok(Amount::ZERO) };
                let measured = self.pools.get(member.pool).and_then(|pool| pool.measured);
                let quantity = match measured {
                    Some(quantity) => quantity,
                    None => Quantity::from_units(member.count.into(), 0)?,
                };
                self.off_amount(*effect, whole, quantity)
            }
            Offer::Threshold { effect, .. } | Offer::Bundle { effect, .. } => once(*effect),
            Offer::MixAndMatch { effect, .. } => match effect {
                GroupEffect::Percent(percent) => once(Effect::Percent(*percent)),
                GroupEffect::Amount(amount) => once(Effect::Amount(*amount)),
                GroupEffect::Price(price) => once(Effect::Price(*price)),
                GroupEffect::CheapestFree(free) => self.cheapest(members, *free),
            },
            Offer::BuyGet { effect, .. } => {
                let mut saving = Amount::ZERO;
                for (member, cost) in members.iter().zip(costs).filter(|(member, _)| member.slot == 1) {
                    let quantity = Quantity::from_units(member.count.into(), 0)?;
                    saving = saving.plus(self.off_amount(*effect, *cost, quantity)?)?;
                }
                Ok(saving)
            }
        }
    }

    /// What the cheapest units of a group cost.
    fn cheapest(&self, members: &[Member], free: u32) -> Result<Amount, MoneyError> {
        let mut units = Vec::with_capacity(members.len());
        for member in members {
            if let Some(pool) = self.pools.get(member.pool) {
                units.push((pool.value, member.count));
            }
        }
        units.sort_unstable();
        let (mut left, mut fine) = (free, 0);
        for (value, count) in units {
            let taken = count.min(left);
            fine += value * i128::from(taken);
            left -= taken;
        }
        self.rounded(fine)
    }

    /// Fine steps to the smallest unit. What parts of a price lost to fineness is given back first.
    fn rounded(&self, fine: i128) -> Result<Amount, MoneyError> {
        let millionths = divide(fine, 10_i128.pow(VALUE_DECIMALS - 6), Rounding::HalfUp)?;
        self.rounding.to_decimals(Amount::from_units(millionths, 6)?, self.decimals)
    }
}

fn set<T>(values: &mut [T], at: usize, value: T) {
    if let Some(entry) = values.get_mut(at) {
        *entry = value;
    }
}

fn set_with<T: Copy>(values: &mut [T], at: usize, with: impl Fn(T) -> T) {
    if let Some(entry) = values.get_mut(at) {
        *entry = with(*entry);
    }
}

/// A value of so many decimals as what is searched has it.
fn fine(value: i128, from: u32, decimals: u32) -> Fine {
    let scaled = if decimals >= from {
        value.saturating_mul(10_i128.pow(decimals - from))
    } else {
        value / 10_i128.pow(from - decimals)
    };
    Fine::try_from(scaled).unwrap_or(if value < 0 { Fine::MIN } else { Fine::MAX })
}

/// An effect as what is searched has it.
fn off(effect: Effect, decimals: u32) -> Result<Off, MoneyError> {
    Ok(match effect {
        Effect::Percent(percent) => Off::Part(fine(percent.units(4)?, 4, 4)),
        Effect::Amount(amount) => Off::Amount(fine(amount.units(6)?, 6, decimals)),
        Effect::Price(price) => Off::Above(fine(price.units(6)?, 6, decimals)),
    })
}

/// So many units' part of what the line is worth at its regular price.
fn regular_value(line: &Line<'_>, pool: &Pool, count: u32) -> Result<Amount, MoneyError> {
    if pool.measured.is_some() {
        return Ok(line.regular_value);
    }
    let all = line.regular_value.units(6)?.checked_mul(count.into()).ok_or(MoneyError::OutOfBounds)?;
    let whole = line.quantity.units(0)?.max(1);
    Amount::from_units(divide(all, whole, Rounding::HalfUp)?, 6)
}

/// Uses of a promotion, so many, that are alike: the promotion's place, and what the members of one use cost.
struct Alike<'m> {
    at: usize,
    members: &'m Members,
    costs: Vec<Amount>,
    times: u32,
}

/// The savings of a class. Those of the promotion that is applied stand behind `from`.
struct Shares<'s> {
    savings: &'s mut Vec<Saving>,
    from: usize,
    of_lines: &'s mut Vec<usize>,
}

/// An amount, so many times.
fn so_often(amount: Amount, times: u32) -> Result<Amount, MoneyError> {
    if times == 1 {
        return Ok(amount);
    }
    let units = amount.units(amount.decimals())?;
    let units = units.checked_mul(times.into()).ok_or(MoneyError::OutOfBounds)?;
    Amount::from_units(units, amount.decimals())
}

/// The units of each pool that the class takes something off, and what they still cost.
struct Parts {
    pools: Vec<Part>,
}

#[derive(Clone)]
struct Part {
    /// Units taken by the class, and not yet handed to a use of it.
    units: u32,
    /// What those cost.
    cost: Amount,
    /// The taken units that cost the same now, by whether an exclusive promotion took them: their price in whole smallest
    /// units, count, and what all of them cost.
    taken: SmallVec<[Taken; 2]>,
    /// What all of those cost before.
    before: Amount,
}

#[derive(Clone, Copy)]
struct Taken {
    is_closed: bool,
    each: i128,
    count: u32,
    amount: Amount,
}

impl Parts {
    fn new(pools: &[Pool], taking: &[(usize, Members, u32)], decimals: u32) -> Result<Self, MoneyError> {
        let zero = Amount::from_units(0, decimals)?;
        let mut parts =
            vec![Part { units: 0, cost: zero, taken: SmallVec::new(), before: zero }; pools.len()];
        for (_, members, times) in taking {
            for member in members {
                if let Some(part) = parts.get_mut(member.pool) {
                    part.units = part.units.saturating_add(member.count.saturating_mul(*times));
                }
            }
        }
        for (part, pool) in parts.iter_mut().zip(pools) {
            part.cost = part_of(pool.amount, part.units, pool.count, decimals)?;
        }
        Ok(Self { pools: parts })
    }

    /// Hands a member's units out of what the class takes, with their part of the cost; the last takes what is left.
    fn cost_of(&mut self, member: &Member) -> Result<Amount, MoneyError> {
        let Some(part) = self.pools.get_mut(member.pool) else { return Ok(Amount::ZERO) };
        let cost = part_of(part.cost, member.count, part.units, part.cost.decimals())?;
        part.cost = part.cost.minus(cost)?;
        part.units = part.units.saturating_sub(member.count);
        Ok(cost)
    }

    /// Hands the units of uses that are alike out: what the members of one cost, and how many cost that. They differ
    /// where a part of the cost does not go up in smallest units: then so many have one more.
    fn costs_of(&mut self, members: &[Member], times: u32) -> Result<Vec<(Vec<Amount>, u32)>, MoneyError> {
        // For each member what one use costs at least, in smallest units, and how many uses cost one more.
        let mut costs: Vec<(i128, u32, u32)> = Vec::with_capacity(members.len());
        for member in members {
            let of_all = Member { count: member.count.saturating_mul(times), ..*member };
            let cost = self.cost_of(&of_all)?;
            let (units, decimals) = (cost.units(cost.decimals())?, cost.decimals());
            let more = u32::try_from(units % i128::from(times.max(1))).unwrap_or(0);
            costs.push((units / i128::from(times.max(1)), more, decimals));
        }
        let mut ends: SmallVec<[u32; 4]> = costs.iter().map(|(_, more, _)| *more).collect();
        ends.push(times);
        ends.sort_unstable();
        let mut found = Vec::new();
        let mut begin = 0;
        for end in ends {
            if end > begin {
                let of_one = costs.iter().map(|(units, more, decimals)| {
                    Amount::from_units(units + i128::from(begin < *more), *decimals)
                });
                found.push((of_one.collect::<Result<_, _>>()?, end - begin));
                begin = end;
            }
        }
        Ok(found)
    }

    /// Takes an amount off units that were handed out at this cost.
    fn take_off(
        &mut self,
        member: &Member,
        cost: Amount,
        amount: Amount,
        exclusive: bool,
    ) -> Result<(), MoneyError> {
        let Some(part) = self.pools.get_mut(member.pool) else { return Ok(()) };
        let now = cost.minus(amount)?;
        part.before = part.before.plus(cost)?;
        // Less than a smallest unit is how uses were rounded, and nothing that tells pieces apart.
        let each = now.units(now.decimals())? / i128::from(member.count.max(1));
        match part.taken.iter_mut().find(|taken| taken.is_closed == exclusive && taken.each == each) {
            Some(taken) => {
                taken.count += member.count;
                taken.amount = taken.amount.plus(now)?;
            }
            None => part.taken.push(Taken { is_closed: exclusive, each, count: member.count, amount: now }),
        }
        Ok(())
    }

    /// The pools of the next class: what nobody took stays as it was, what was taken is apart, by what one of it costs
    /// now. Promotions of one class leave pieces of a line at prices of their own.
    fn into_pools(self, pools: &[Pool]) -> Result<Vec<Pool>, MoneyError> {
        let mut next = Vec::with_capacity(pools.len() * 2);
        for (pool, part) in pools.iter().zip(self.pools) {
            let mut untaken = (pool.count, pool.amount);
            for taken in part.taken {
                untaken.0 = untaken.0.saturating_sub(taken.count);
                next.push(Pool {
                    is_touched: true,
                    is_closed: taken.is_closed || pool.is_closed,
                    ..pool.with(taken.count, taken.amount)?
                });
            }
            untaken.1 = untaken.1.minus(part.before)?;
            if untaken.0 > 0 {
                next.push(pool.with(untaken.0, untaken.1)?);
            }
        }
        Ok(next)
    }
}

/// `count` of `whole` units' part of an amount.
fn part_of(amount: Amount, count: u32, whole: u32, decimals: u32) -> Result<Amount, MoneyError> {
    if count == whole {
        return amount.with_decimals(decimals);
    }
    let all = amount.units(decimals)?.checked_mul(count.into()).ok_or(MoneyError::OutOfBounds)?;
    Amount::from_units(divide(all, whole.max(1).into(), Rounding::HalfUp)?, decimals)
}
