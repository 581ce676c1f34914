//! Promotions over a cart: which are on, which class by class are earned, and what each line has of it.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use shared_model::ids::SaleLineId;
use shared_model::{Amount, MoneyError, Quantity, Rounding, Share, UnitPrice, allocate_within, divide};

use crate::conditions::Situation;
use crate::promotion::{Effect, Goods, GroupEffect, Offer, Promotion, Selection};
use crate::search::{
    Combination, FINE_DECIMALS, Fine, Group, MAX_STEPS, Member, Once, Problem, Reward, Single, Slot, Units,
    Use, best, off,
};

/// A line of the cart, priced by the rules.
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
    /// The line, by its place.
    pub line: usize,
    /// The promotion, by its place.
    pub promotion: usize,
    /// How much.
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

/// What promotions do to a cart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promoted {
    /// What each line has of each promotion, by class, then by promotion and line.
    pub savings: Vec<Saving>,
    /// The promotions that were earned, in the order of their classes.
    pub applied: Vec<Applied>,
    /// What became of each promotion, in the order in which they came.
    pub outcomes: Vec<Outcome>,
    /// Whether the search for the best combination was cut short by its bound: what stands is good, and the same every
    /// time, but perhaps not the best.
    pub bound_was_hit: bool,
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
    /// Whether a promotion of a higher class has taken something off.
    is_touched: bool,
    /// Whether an exclusive promotion has: nothing else may.
    is_closed: bool,
}

/// A promotion of the class that may be earned, as the search knows it.
#[derive(Clone, Copy)]
enum Kind {
    Single,
    Group,
    Once,
}

/// Finds what promotions take off the lines of a cart.
///
/// Higher priorities first; of one priority, the combination that takes off the most, each unit earning one promotion
/// of the class at most. An exclusive promotion takes only units that nothing was taken off yet, and nothing is taken
/// off them afterwards. A saving is shared by all lines that earned it, in proportion to their regular value.
pub fn promote(
    promotions: &[Promotion],
    lines: &[Line<'_>],
    situation: &Situation<'_>,
    decimals: u32,
    rounding: Rounding,
) -> Result<Promoted, MoneyError> {
    let mut result = Promoted { outcomes: Vec::with_capacity(promotions.len()), ..Promoted::default() };
    let mut live: Vec<(Reverse<i32>, shared_model::ids::PromotionId, usize, u32)> = Vec::new();
    for (at, promotion) in promotions.iter().enumerate() {
        match may_be_earned(promotion, lines, situation) {
            Ok(left) => {
                live.push((Reverse(promotion.priority), promotion.id, at, left));
                result.outcomes.push(Outcome::NotTheBest);
            }
            Err(outcome) => result.outcomes.push(outcome),
        }
    }
    if live.is_empty() {
        return Ok(result);
    }
    live.sort_unstable();
    let mut cart = Cart { promotions, lines, decimals, rounding, pools: Vec::new() };
    cart.fill_pools()?;
    let mut steps = MAX_STEPS;
    for class in live.chunk_by(|one, other| one.0 == other.0) {
        cart.settle(class, &mut steps, &mut result)?;
    }
    Ok(result)
}

fn may_be_earned(
    promotion: &Promotion,
    lines: &[Line<'_>],
    situation: &Situation<'_>,
) -> Result<u32, Outcome> {
    promotion.when.is_on(situation)?;
    let mut quantity = Quantity::ZERO;
    let mut is_about_any = false;
    for line in lines.iter().filter(|line| line.takes_promotions) {
        if promotion.offer.is_about(&line.goods) {
            is_about_any = true;
            quantity = quantity.plus(line.quantity).unwrap_or(quantity);
        }
    }
    if !is_about_any {
        return Err(Outcome::NothingSelected);
    }
    promotion.when.conditions_hold(situation, quantity)?;
    let left = promotion.times_left(situation)?;
    if promotion.validate().is_err() {
        return Err(Outcome::Invalid);
    }
    Ok(left)
}

struct Cart<'a> {
    promotions: &'a [Promotion],
    lines: &'a [Line<'a>],
    decimals: u32,
    rounding: Rounding,
    pools: Vec<Pool>,
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
            self.pools.push(Pool {
                line: at,
                count: whole.unwrap_or(1),
                measured: if whole.is_some() { None } else { Some(line.quantity) },
                amount: line.amount.with_decimals(self.decimals)?,
                is_touched: false,
                is_closed: false,
            });
        }
        Ok(())
    }

    /// The value of one unit, for comparison.
    fn value(pool: &Pool) -> Result<Fine, MoneyError> {
        let all = pool.amount.units(6)?.checked_mul(1_000).ok_or(MoneyError::OutOfBounds)?;
        divide(all, pool.count.max(1).into(), Rounding::HalfUp)
    }

    /// Settles one class: the best combination, its savings, and what that leaves for the next.
    fn settle(
        &mut self,
        class: &[(Reverse<i32>, shared_model::ids::PromotionId, usize, u32)],
        steps: &mut u32,
        result: &mut Promoted,
    ) -> Result<(), MoneyError> {
        self.sort_pools()?;
        let mut problem = Problem::default();
        for pool in &self.pools {
            let count = if pool.is_closed { 0 } else { pool.count };
            problem.pools.push(Units { count, value: Self::value(pool)? });
        }
        let mut kinds: Vec<(Kind, usize)> = Vec::new();
        for (_, _, at, left) in class {
            let Some(promotion) = self.promotions.get(*at) else { continue };
            match self.pose(promotion, *left, &mut problem)? {
                Some(kind) => kinds.push((kind, *at)),
                None => set(&mut result.outcomes, *at, Outcome::TooLittle),
            }
        }
        let (combination, is_best) = best(&problem, steps);
        result.bound_was_hit |= !is_best;
        self.apply(&combination, &kinds, result)
    }

    /// Dearest first; ties by tax group, SKU, line, and what was treated alike: never by place.
    fn sort_pools(&mut self) -> Result<(), MoneyError> {
        let mut keyed = Vec::with_capacity(self.pools.len());
        for pool in self.pools.drain(..) {
            keyed.push((Self::value(&pool)?, pool));
        }
        let key = |pool: &Pool| {
            let line = self.lines.get(pool.line);
            line.map(|line| (line.tax_group, line.sku, line.id, pool.is_touched, pool.is_closed))
        };
        keyed.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| key(&one.1).cmp(&key(&other.1))));
        self.pools = keyed.into_iter().map(|(_, pool)| pool).collect();
        Ok(())
    }

    /// Which pools a selection may have for this promotion.
    fn open(&self, of: &Selection, is_exclusive: bool, is_counted: bool) -> Vec<bool> {
        self.pools
            .iter()
            .map(|pool| {
                let is_shut = pool.is_closed
                    || (is_exclusive && pool.is_touched)
                    || (is_counted && pool.measured.is_some())
                    || !pool.amount.is_positive();
                !is_shut && self.line(pool).is_some_and(|line| of.takes(&line.goods))
            })
            .collect()
    }

    /// Says a promotion to the search; none when there is too little of its goods.
    fn pose(
        &self,
        promotion: &Promotion,
        left: u32,
        problem: &mut Problem,
    ) -> Result<Option<Kind>, MoneyError> {
        let exclusive = promotion.exclusive;
        let slot = |of: &Selection, count: u32| Slot { count, takes: self.open(of, exclusive, true) };
        let (slots, reward) = match &promotion.offer {
            Offer::Each { of, effect } => {
                let saving = self.savings_of_units(&self.open(of, exclusive, false), *effect)?;
                problem.singles.push(Single { left, saving });
                return Ok(Some(Kind::Single));
            }
            Offer::Threshold { of, at_least, effect } => {
                let takes = self.open(of, exclusive, false);
                let amounts = self.lines_amount(of)?;
                if amounts < *at_least {
                    return Ok(None);
                }
                if let Effect::Amount(amount) = effect {
                    let amount = amount.units(6)?.checked_mul(1_000).ok_or(MoneyError::OutOfBounds)?;
                    problem.onces.push(Once { amount, takes });
                    return Ok(Some(Kind::Once));
                }
                let saving = self.savings_of_units(&takes, *effect)?;
                problem.singles.push(Single { left: u32::MAX, saving });
                return Ok(Some(Kind::Single));
            }
            Offer::BuyGet { buy, buy_quantity, get, get_quantity, effect, any_value } => (
                vec![slot(buy, *buy_quantity), slot(get, *get_quantity)],
                Reward::Second { effect: *effect, any_value: *any_value },
            ),
            Offer::MixAndMatch { of, quantity, effect } => {
                let reward = match effect {
                    GroupEffect::Percent(percent) => Reward::Whole(Effect::Percent(*percent)),
                    GroupEffect::Amount(amount) => Reward::Whole(Effect::Amount(*amount)),
                    GroupEffect::Price(price) => Reward::Whole(Effect::Price(*price)),
                    GroupEffect::CheapestFree(free) => Reward::Cheapest(*free),
                };
                (vec![slot(of, *quantity)], reward)
            }
            Offer::Bundle { parts, effect } => {
                (parts.iter().map(|part| slot(&part.of, part.quantity)).collect(), Reward::Whole(*effect))
            }
        };
        let has_enough = slots.iter().all(|slot: &Slot| {
            let open = problem.pools.iter().zip(&slot.takes).filter(|(_, takes)| **takes);
            open.map(|(pool, _)| u64::from(pool.count)).sum::<u64>() >= slot.count.into()
        });
        if !has_enough {
            return Ok(None);
        }
        problem.groups.push(Group { left, slots, reward });
        Ok(Some(Kind::Group))
    }

    /// What the goods of a selection cost now, all together.
    fn lines_amount(&self, of: &Selection) -> Result<Amount, MoneyError> {
        let selected =
            self.pools.iter().filter(|pool| self.line(pool).is_some_and(|line| of.takes(&line.goods)));
        Amount::sum(selected.map(|pool| pool.amount))
    }

    /// What an effect takes off one unit of each pool.
    fn savings_of_units(&self, takes: &[bool], effect: Effect) -> Result<Vec<Fine>, MoneyError> {
        self.pools
            .iter()
            .zip(takes)
            .map(|(pool, takes)| {
                if !takes {
                    return Ok(0);
                }
                let Some(measured) = pool.measured else {
                    return Ok(off(effect, Self::value(pool)?, 1));
                };
                self.off_amount(effect, pool.amount, measured)?
                    .units(6)?
                    .checked_mul(1_000)
                    .ok_or(MoneyError::OutOfBounds)
            })
            .collect()
    }

    /// What an effect on each unit takes off so many units that cost this.
    fn off_amount(&self, effect: Effect, cost: Amount, quantity: Quantity) -> Result<Amount, MoneyError> {
        let extend = |each: Amount| UnitPrice::from(each).extend(quantity, self.decimals, self.rounding);
        match effect {
            Effect::Percent(percent) => percent.of(cost, self.decimals, self.rounding),
            Effect::Amount(amount) => Ok(extend(amount)?.min(cost)),
            Effect::Price(price) => Ok(cost.minus(extend(price)?)?.max(Amount::ZERO)),
        }
    }

    /// Turns a combination into savings, and parts the pools by what was done to their units.
    fn apply(
        &mut self,
        combination: &Combination,
        kinds: &[(Kind, usize)],
        result: &mut Promoted,
    ) -> Result<(), MoneyError> {
        let place = |kind: fn(Kind) -> bool, nth: usize| {
            kinds.iter().filter(|(this, _)| kind(*this)).nth(nth).map(|(_, at)| *at)
        };
        let mut taking = Vec::with_capacity(combination.uses.len());
        for each in &combination.uses {
            let (promotion, members) = match each {
                Use::Single { promotion, pool, count } => (
                    place(|kind| matches!(kind, Kind::Single), *promotion),
                    vec![Member { slot: 0, pool: *pool, count: *count }],
                ),
                Use::Group { promotion, members } => {
                    (place(|kind| matches!(kind, Kind::Group), *promotion), members.clone())
                }
                Use::Once { promotion, members } => {
                    (place(|kind| matches!(kind, Kind::Once), *promotion), members.clone())
                }
            };
            if let Some(promotion) = promotion {
                taking.push((promotion, members));
            }
        }
        // The uses of one promotion together, in an order of their own: the search's is of no meaning.
        taking.sort_by(|one, other| {
            let key = |(promotion, members): &(usize, Vec<Member>)| {
                let id = self.promotions.get(*promotion).map(|promotion| promotion.id);
                (
                    id,
                    members.iter().map(|member| (member.pool, member.slot, member.count)).collect::<Vec<_>>(),
                )
            };
            key(one).cmp(&key(other))
        });
        let mut parts = Parts::new(&self.pools, &taking, self.decimals)?;
        let mut savings: Vec<Saving> = Vec::new();
        for (promotion, members) in &taking {
            self.take(*promotion, members, &mut parts, &mut savings, result)?;
        }
        savings.retain(|saving| saving.amount.is_positive());
        for saving in &savings {
            set(&mut result.outcomes, saving.promotion, Outcome::Earned);
        }
        let order = |saving: &Saving| {
            let id = self.promotions.get(saving.promotion).map(|promotion| promotion.id);
            (id, saving.line)
        };
        savings.sort_by_key(order);
        result.savings.append(&mut savings);
        self.pools = parts.into_pools(&self.pools)?;
        Ok(())
    }

    /// One use of a promotion: what it saves, shared by its members.
    fn take(
        &self,
        at: usize,
        members: &[Member],
        parts: &mut Parts,
        savings: &mut Vec<Saving>,
        result: &mut Promoted,
    ) -> Result<(), MoneyError> {
        let Some(promotion) = self.promotions.get(at) else { return Ok(()) };
        let mut costs = Vec::with_capacity(members.len());
        for member in members {
            costs.push(parts.cost_of(member)?);
        }
        let whole = Amount::sum(costs.iter().copied())?;
        let saving = self.saving_of(promotion, members, &costs, whole)?.min(whole);
        if !saving.is_positive() {
            return Ok(());
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
        for (member, amount) in members.iter().zip(allocate_within(saving, self.decimals, &weights, &costs)?)
        {
            parts.take_off(member, amount, promotion.exclusive)?;
            let Some(pool) = self.pools.get(member.pool) else { continue };
            match savings.iter_mut().find(|saving| saving.line == pool.line && saving.promotion == at) {
                Some(saving) => saving.amount = saving.amount.plus(amount)?,
                None => savings.push(Saving { line: pool.line, promotion: at, amount }),
            }
        }
        let times = match (&promotion.offer, members) {
            (Offer::Each { .. }, [one]) => one.count,
            _ => 1,
        };
        match result.applied.iter_mut().find(|applied| applied.promotion == at) {
            Some(applied) => {
                applied.amount = applied.amount.plus(saving)?;
                if !matches!(promotion.offer, Offer::Threshold { .. }) {
                    applied.times = applied.times.saturating_add(times);
                }
            }
            None => result.applied.push(Applied { promotion: at, times, amount: saving }),
        }
        Ok(())
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
                units.push((Self::value(pool)?, member.count));
            }
        }
        units.sort_unstable();
        let (mut left, mut fine) = (free, 0);
        for (value, count) in units {
            let taken = count.min(left);
            fine += value * Fine::from(taken);
            left -= taken;
        }
        self.rounded(fine)
    }

    /// Fine steps to the smallest unit. What parts of a price lost to fineness is given back first.
    fn rounded(&self, fine: Fine) -> Result<Amount, MoneyError> {
        let millionths = divide(fine, 10_i128.pow(FINE_DECIMALS - 6), Rounding::HalfUp)?;
        self.rounding.to_decimals(Amount::from_units(millionths, 6)?, self.decimals)
    }
}

fn set(outcomes: &mut [Outcome], at: usize, outcome: Outcome) {
    if let Some(entry) = outcomes.get_mut(at) {
        *entry = outcome;
    }
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
    /// The taken units by who took them (exclusive or not): count, and what they cost now.
    open: (u32, Amount),
    closed: (u32, Amount),
    /// What all of those cost before.
    before: Amount,
    /// What was handed to the use that is being settled.
    handed: Vec<(Member, Amount)>,
}

impl Parts {
    fn new(pools: &[Pool], taking: &[(usize, Vec<Member>)], decimals: u32) -> Result<Self, MoneyError> {
        let zero = Amount::from_units(0, decimals)?;
        let mut parts = vec![
            Part {
                units: 0,
                cost: zero,
                open: (0, zero),
                closed: (0, zero),
                before: zero,
                handed: Vec::new()
            };
            pools.len()
        ];
        for member in taking.iter().flat_map(|(_, members)| members) {
            if let Some(part) = parts.get_mut(member.pool) {
                part.units += member.count;
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
        part.handed.push((*member, cost));
        Ok(cost)
    }

    fn take_off(&mut self, member: &Member, amount: Amount, exclusive: bool) -> Result<(), MoneyError> {
        let Some(part) = self.pools.get_mut(member.pool) else { return Ok(()) };
        let Some(at) = part.handed.iter().position(|(handed, _)| handed == member) else { return Ok(()) };
        let (member, cost) = part.handed.swap_remove(at);
        let now = cost.minus(amount)?;
        part.before = part.before.plus(cost)?;
        let taken = if exclusive { &mut part.closed } else { &mut part.open };
        *taken = (taken.0 + member.count, taken.1.plus(now)?);
        Ok(())
    }

    /// The pools of the next class: what nobody took stays as it was, what was taken is apart.
    fn into_pools(self, pools: &[Pool]) -> Result<Vec<Pool>, MoneyError> {
        let mut next = Vec::with_capacity(pools.len() * 2);
        for (pool, part) in pools.iter().zip(self.pools) {
            let mut untaken = (pool.count, pool.amount);
            for (taken, is_closed) in [(part.open, false), (part.closed, true)] {
                if taken.0 > 0 {
                    untaken.0 = untaken.0.saturating_sub(taken.0);
                    next.push(Pool {
                        count: taken.0,
                        amount: taken.1,
                        is_touched: true,
                        is_closed: is_closed || pool.is_closed,
                        ..pool.clone()
                    });
                }
            }
            untaken.1 = untaken.1.minus(part.before)?;
            if untaken.0 > 0 {
                next.push(Pool { count: untaken.0, amount: untaken.1, ..pool.clone() });
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
