//! The best combination of the promotions of one class: which units go into which offer.
//!
//! Within a class a unit earns one promotion at most. So a combination is a packing of units into offers, and the best
//! one is searched by branch and bound, apart for each set of goods that have no offer in common. The search is bounded
//! in steps; where the bound is hit, or more units compete than are searched at all, the best combination found so far
//! stands: the same one every time, never worse than none, and it is said.
//!
//! A till waits for it, so values are 64-bit integers, offers list the pools that they take instead of being asked about
//! each, and what a node needs to know of the units that are still open is kept as they are taken and put back.

use std::cmp::Reverse;

use smallvec::SmallVec;

/// The most steps that the search for the best combination takes in one sale, all classes together. A step is a look at
/// one offer or one choice of units: well below a microsecond.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use pricing_engine::{Goods, Line, MAX_STEPS, MAX_UNITS, Promotion, Situation, promote};
/// use serde_json::json;
/// use shared_model::{Amount, Quantity, Rounding};
/// use uuid::Uuid;
///
/// // Four offers about overlapping parts of more goods, each of another price, than are looked at together.
/// let goods = |at: u32| Uuid::from_u128((1_000 + at).into());
/// let promotions: Vec<Promotion> = (0..4_u32)
///     .map(|at| serde_json::from_value(json!({
///         "id": Uuid::from_u128(at.into()), "name": "one free",
///         "when": {"from": "2026-11-01T00:00:00", "until": "2026-12-01T00:00:00"},
///         "offer": {"kind": "mix_and_match", "of": {"variants": (3 * at..=MAX_UNITS).map(goods).collect::<Vec<_>>()},
///             "quantity": 3 + at, "effect": {"cheapest_free": 1 + at / 2}},
///     })))
///     .collect::<Result<_, _>>()?;
/// let line = |at: u32| {
///     let amount = Amount::from_units(i128::from(3_000 - 37 * at), 2)?;
///     Ok::<_, shared_model::MoneyError>(Line {
///         id: Uuid::from_u128(at.into()).into(),
///         tax_group: "standard",
///         sku: "GOODS",
///         goods: Goods { variant_id: goods(at).into(), product_id: Uuid::nil().into(), departments: &[] },
///         quantity: Quantity::ONE,
///         is_counted: true,
///         amount,
///         regular_value: amount,
///         takes_promotions: true,
///     })
/// };
/// let lines: Vec<_> = (0..=MAX_UNITS).map(line).collect::<Result<_, _>>()?;
/// # let (uses, facts) = (BTreeMap::new(), BTreeMap::new());
/// # let situation = Situation {
/// #     store_id: Uuid::from_u128(1).into(), at: "2026-11-27T18:30:00".parse()?, customer_id: None,
/// #     customer_group: None, promotion_uses: &uses, coupons: &[], facts: &facts,
/// # };
/// let promoted = promote(&promotions, &lines, &situation, 2, Rounding::HalfUp)?;
/// assert!(promoted.bound_was_hit, "not all combinations were looked at, in {MAX_STEPS} steps at most");
/// // What was found stands, and is the same every time.
/// assert!(!promoted.savings.is_empty());
/// assert_eq!(promote(&promotions, &lines, &situation, 2, Rounding::HalfUp)?, promoted);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const MAX_STEPS: u32 = 5_000;
/// The most competing units that are searched exhaustively; more are combined greedily (example: [`MAX_STEPS`]).
pub const MAX_UNITS: u32 = 40;
/// How many competing units may take all steps there are, and how many steps more units take.
const FEW_UNITS: u32 = 24;
const MANY_UNITS_STEPS: u32 = 400;
/// How many offers are looked at in all while combinations are tried greedily, each with another offer first.
const GREEDY_LOOKS: usize = 24;

/// A small part of a currency's unit, see [`Problem`]: fine enough that a part of a price compares right.
pub(crate) type Fine = i64;
/// Places of pools, in their order. Most offers take few of a cart's.
pub(crate) type Pools = SmallVec<[usize; 8]>;
/// The members of a group.
pub(crate) type Members = SmallVec<[Member; 3]>;
/// A sum of bounds, which may count a unit several times.
type Bound = i128;

/// The whole of a value, for parts of it.
const WHOLE: Fine = 1_000_000;

/// What is taken off a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Off {
    /// So many millionths of it, at most all.
    Part(Fine),
    /// An amount; never more than the value.
    Amount(Fine),
    /// All above a price.
    Above(Fine),
}

impl Off {
    pub(crate) fn of(self, value: Fine) -> Fine {
        match self {
            // Whole millions and the rest apart, so that nothing is multiplied beyond 64 bits.
            Self::Part(part) => value / WHOLE * part + value % WHOLE * part / WHOLE,
            Self::Amount(amount) => amount.min(value),
            Self::Above(price) => value.saturating_sub(price).max(0),
        }
    }
}

/// Units that are alike: of one line, of one value.
#[derive(Debug, Clone)]
pub(crate) struct Units {
    pub(crate) count: u32,
    /// Of one of them.
    pub(crate) value: Fine,
}

/// A promotion that takes something off each unit by itself.
#[derive(Debug, Clone)]
pub(crate) struct Single {
    /// How many units may earn it; `u32::MAX`: any number.
    pub(crate) left: u32,
    /// What it takes off one unit of a pool, where that is something; in the order of the pools.
    pub(crate) savings: SmallVec<[(usize, Fine); 6]>,
}

/// What a group of units saves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reward {
    /// Something off all of it.
    Whole(Off),
    /// Its cheapest units.
    Cheapest(u32),
    /// Something off each unit of the second slot.
    Second {
        off: Off,
        /// Whether those may be dearer than the units of the first slot.
        any_value: bool,
    },
}

/// A promotion that takes several units together.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// How often it may be earned.
    pub(crate) left: u32,
    pub(crate) slots: SmallVec<[Slot; 2]>,
    pub(crate) reward: Reward,
}

/// A part of a group: so many units of these pools.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) count: u32,
    /// In their order.
    pub(crate) pools: Pools,
}

impl Slot {
    fn takes(&self, pool: usize) -> bool {
        self.pools.binary_search(&pool).is_ok()
    }

    /// Where in its list the pools from this one on begin.
    fn from(&self, pool: usize) -> usize {
        self.pools.partition_point(|other| *other < pool)
    }
}

/// A promotion that takes an amount off what is left of some goods, once.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    pub(crate) amount: Fine,
    /// In their order.
    pub(crate) pools: Pools,
}

/// The promotions of a class and the units that they may have. Pools are in their order: dearest first.
///
/// All values are in one small part of the currency's unit, such that all units together stay below [`MOST`].
#[derive(Debug, Default)]
pub(crate) struct Problem {
    pub(crate) pools: Vec<Units>,
    pub(crate) singles: Vec<Single>,
    pub(crate) groups: Vec<Group>,
    pub(crate) onces: Vec<Once>,
}

/// The most that all units of a problem may be worth together.
pub(crate) const MOST: Fine = 4_000_000_000_000_000_000;

/// So many units of a pool in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    pub(crate) pool: usize,
    pub(crate) slot: usize,
    pub(crate) count: u32,
}

/// One use of a promotion, by its place among those of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Use {
    Single {
        promotion: usize,
        pool: usize,
        count: u32,
    },
    /// So many times, of the same members each time.
    Group {
        promotion: usize,
        members: Members,
        times: u32,
    },
    Once {
        promotion: usize,
        members: Members,
    },
}

/// A combination.
#[derive(Debug, Clone, Default)]
pub(crate) struct Combination {
    pub(crate) value: Fine,
    pub(crate) uses: Vec<Use>,
}

/// The best combination, and whether it is known to be the best.
pub(crate) fn best(problem: &Problem, steps: &mut u32) -> (Combination, bool) {
    let mut whole = Combination::default();
    let mut is_best = true;
    let offers = Offers::of(problem);
    let (components, is_bound) = components(problem);
    // Units that no other ones compete with: each earns what takes the most off it.
    for (pool, units) in problem.pools.iter().enumerate() {
        if let (false, Some((saving, promotion))) = (at(&is_bound, pool), offers.best(pool)) {
            whole.value += saving * Fine::from(units.count);
            whole.uses.push(Use::Single { promotion, pool, count: units.count });
        }
    }
    if components.is_empty() {
        return (whole, is_best);
    }
    let mut search = Search::new(problem, offers);
    for component in components {
        search.enter(component);
        search.greedy();
        if Bound::from(search.best.value) < search.upper_bound(0, search.best.value) {
            let units: u64 = search.component.pools.iter().map(|pool| u64::from(search.count(*pool))).sum();
            if units > MAX_UNITS.into() {
                is_best = false;
            } else {
                // Where many units compete a search seldom comes to its end, and what it finds it finds early.
                let most = if units > FEW_UNITS.into() { MANY_UNITS_STEPS } else { MAX_STEPS };
                let given = most.min(*steps);
                search.steps = given;
                search.node(0, 0);
                *steps -= given - search.steps;
                is_best &= !search.is_cut;
            }
        }
        whole.value += search.best.value;
        whole.uses.append(&mut search.best.uses);
    }
    (whole, is_best)
}

/// What the singles take off a unit of each pool: of each the most first, then in their order.
struct Offers {
    all: Vec<(usize, Reverse<Fine>, usize)>,
    /// Where those of each pool begin, and of the last one end.
    begins: Vec<usize>,
}

impl Offers {
    fn of(problem: &Problem) -> Self {
        let mut all = Vec::with_capacity(problem.singles.iter().map(|single| single.savings.len()).sum());
        for (at, single) in problem.singles.iter().enumerate() {
            all.extend(single.savings.iter().map(|(pool, saving)| (*pool, Reverse(*saving), at)));
        }
        all.sort_unstable();
        // After the best offer without a limit no other one of the pool is ever a choice.
        let mut ended = None;
        all.retain(|(pool, _, single)| {
            let is_choice = ended != Some(*pool);
            if is_choice && problem.singles.get(*single).is_some_and(|single| single.left == u32::MAX) {
                ended = Some(*pool);
            }
            is_choice
        });
        let mut begins = Vec::with_capacity(problem.pools.len() + 1);
        let mut begin = 0;
        for pool in 0..=problem.pools.len() {
            while all.get(begin).is_some_and(|(of, _, _)| *of < pool) {
                begin += 1;
            }
            begins.push(begin);
        }
        Self { all, begins }
    }

    /// The offers of a pool: what each takes off a unit, and which single it is.
    fn nth(&self, pool: usize, nth: usize) -> Option<(Fine, usize)> {
        let begin = self.begins.get(pool)? + nth;
        if begin >= *self.begins.get(pool + 1)? {
            return None;
        }
        self.all.get(begin).map(|(_, Reverse(saving), single)| (*saving, *single))
    }

    fn best(&self, pool: usize) -> Option<(Fine, usize)> {
        self.nth(pool, 0)
    }
}

/// Pools that compete for offers, and those offers.
#[derive(Default)]
struct Component {
    /// In their order.
    pools: Vec<usize>,
    groups: Vec<usize>,
    onces: Vec<usize>,
}

/// Pools that have no offer in common are searched apart; and of each pool, whether it is in any of them. Offers that
/// units earn each by themselves, without a limit, bind nothing.
fn components(problem: &Problem) -> (Vec<Component>, Vec<bool>) {
    let count = problem.pools.len();
    let mut leader: Vec<usize> = (0..count).collect();
    let mut is_bound = vec![false; count];
    let mut bind = |pools: &mut dyn Iterator<Item = usize>| {
        let mut first = None;
        for pool in pools {
            let this = find(&leader, pool);
            let root = find(&leader, *first.get_or_insert(this));
            set(&mut leader, this, root);
            set(&mut is_bound, pool, true);
        }
    };
    for group in &problem.groups {
        bind(&mut group.slots.iter().flat_map(|slot| slot.pools.iter().copied()));
    }
    for once in &problem.onces {
        bind(&mut once.pools.iter().copied());
    }
    for single in problem.singles.iter().filter(|single| single.left < u32::MAX) {
        bind(&mut single.savings.iter().map(|(pool, _)| *pool));
    }
    let mut found: Vec<Component> = Vec::new();
    let mut component_of = vec![usize::MAX; count];
    for pool in (0..count).filter(|pool| at(&is_bound, *pool)) {
        let root = find(&leader, pool);
        let mut component = component_of.get(root).copied().unwrap_or(usize::MAX);
        if component == usize::MAX {
            component = found.len();
            found.push(Component::default());
            set(&mut component_of, root, component);
        }
        if let Some(component) = found.get_mut(component) {
            component.pools.push(pool);
        }
    }
    let component_at = |pool: Option<&usize>| component_of.get(find(&leader, *pool?)).copied();
    for (at, group) in problem.groups.iter().enumerate() {
        let first = group.slots.iter().find_map(|slot| slot.pools.first());
        if let Some(component) = component_at(first).and_then(|at| found.get_mut(at)) {
            component.groups.push(at);
        }
    }
    for (at, once) in problem.onces.iter().enumerate() {
        if let Some(component) = component_at(once.pools.first()).and_then(|at| found.get_mut(at)) {
            component.onces.push(at);
        }
    }
    (found, is_bound)
}

fn find(leader: &[usize], mut pool: usize) -> usize {
    while let Some(next) = leader.get(pool).copied().filter(|next| *next != pool) {
        pool = next;
    }
    pool
}

struct Search<'p> {
    problem: &'p Problem,
    offers: Offers,
    /// Of each pool of the problem, the units not yet decided about.
    remaining: Vec<u32>,
    /// Of each pool, the units decided to earn nothing by themselves: what [`Once`] takes from.
    left_over: Vec<u32>,
    singles_left: Vec<u32>,
    groups_left: Vec<u32>,
    /// Of each pool, the most that one unit can save in any offer, and by itself.
    most: Vec<(Fine, Fine)>,
    /// Of each pool, the component's groups that take it, in the order in which they are tried.
    groups_of: Vec<Vec<usize>>,
    /// Whether a promotion of what is left wants the pool.
    is_wanted_once: Vec<bool>,
    component: Component,
    /// The most that the component's onces take off.
    most_once: Bound,
    /// The sums of `most` over the units not yet decided about.
    open: (Bound, Bound),
    current: Vec<Use>,
    best: Combination,
    steps: u32,
    is_cut: bool,
    /// Room for members that are looked at.
    members: Vec<Member>,
    /// Of each once of the component, the units that are given to it.
    gathered: Vec<Gathered>,
}

/// Units given to an amount off what is left over, and what they are worth.
#[derive(Clone, Default)]
struct Gathered {
    worth: Fine,
    members: Vec<Member>,
}

impl<'p> Search<'p> {
    fn new(problem: &'p Problem, offers: Offers) -> Self {
        let pools = problem.pools.len();
        let mut is_wanted_once = vec![false; pools];
        for pool in problem.onces.iter().flat_map(|once| &once.pools) {
            set(&mut is_wanted_once, *pool, true);
        }
        Self {
            remaining: problem.pools.iter().map(|units| units.count).collect(),
            left_over: vec![0; pools],
            singles_left: problem.singles.iter().map(|single| single.left).collect(),
            groups_left: problem.groups.iter().map(|group| group.left).collect(),
            most: vec![(0, 0); pools],
            groups_of: vec![Vec::new(); pools],
            is_wanted_once,
            component: Component::default(),
            most_once: 0,
            open: (0, 0),
            current: Vec::new(),
            best: Combination::default(),
            steps: MAX_STEPS,
            is_cut: false,
            members: Vec::new(),
            gathered: Vec::new(),
            problem,
            offers,
        }
    }

    /// Turns to a component, of which nothing is decided.
    fn enter(&mut self, component: Component) {
        let problem = self.problem;
        for pool in &component.pools {
            let single = self.offers.best(*pool).map_or(0, |(saving, _)| saving);
            set(&mut self.most, *pool, (single, single));
        }
        for group in component.groups.iter().filter_map(|group| problem.groups.get(*group)) {
            for (nth, slot) in group.slots.iter().enumerate() {
                for pool in &slot.pools {
                    let value = self.value(*pool);
                    if let Some(most) = self.most.get_mut(*pool) {
                        most.0 = most.0.max(most_of_a_unit(group, nth, value));
                    }
                }
            }
        }
        self.open = (0, 0);
        for pool in &component.pools {
            let (most, units) = (at(&self.most, *pool), Bound::from(self.count(*pool)));
            self.open.0 += Bound::from(most.0) * units;
            self.open.1 += Bound::from(most.1) * units;
        }
        let onces = component.onces.iter().filter_map(|once| problem.onces.get(*once));
        self.most_once = onces.map(|once| Bound::from(once.amount)).sum();
        self.component = component;
        self.best = Combination::default();
        self.is_cut = false;
    }

    fn count(&self, pool: usize) -> u32 {
        self.problem.pools.get(pool).map_or(0, |units| units.count)
    }

    fn value(&self, pool: usize) -> Fine {
        self.problem.pools.get(pool).map_or(0, |units| units.value)
    }

    fn remaining(&self, pool: usize) -> u32 {
        at(&self.remaining, pool)
    }

    /// Decides about units of a pool.
    fn take(&mut self, pool: usize, count: u32) {
        if let Some(remaining) = self.remaining.get_mut(pool) {
            *remaining = remaining.saturating_sub(count);
        }
        let most = at(&self.most, pool);
        self.open.0 -= Bound::from(most.0) * Bound::from(count);
        self.open.1 -= Bound::from(most.1) * Bound::from(count);
    }

    /// Undoes [`Search::take`].
    fn put_back(&mut self, pool: usize, count: u32) {
        if let Some(remaining) = self.remaining.get_mut(pool) {
            *remaining = remaining.saturating_add(count);
        }
        let most = at(&self.most, pool);
        self.open.0 += Bound::from(most.0) * Bound::from(count);
        self.open.1 += Bound::from(most.1) * Bound::from(count);
    }

    /// The most that one unit saves by itself.
    fn best_single(&self, pool: usize) -> Fine {
        at(&self.most, pool).1
    }

    /// More than nothing can save from this pool on. No closer than it takes to be at most `enough`: the closer bound
    /// costs a look at every offer.
    fn upper_bound(&self, from: usize, enough: Fine) -> Bound {
        let (by_unit, mut by_offer) = self.open;
        if by_unit + self.most_once <= Bound::from(enough) {
            return by_unit + self.most_once;
        }
        for group in &self.component.groups {
            if by_offer >= by_unit {
                break;
            }
            by_offer += Bound::from(self.alone(*group, from));
        }
        by_unit.min(by_offer) + self.most_once
    }

    /// The most that a group's promotion saves if no other one took its units: its dearest units from this pool on
    /// together.
    fn alone(&self, group: usize, from: usize) -> Fine {
        let times = at(&self.groups_left, group);
        let Some(group) = self.problem.groups.get(group) else { return 0 };
        match (group.reward, group.slots.as_slice()) {
            // Other groups may use an amount up where the dearest units together do not.
            (Reward::Whole(Off::Amount(amount)), slots) => {
                let mut times = times;
                for slot in slots {
                    let pools = slot.pools.get(slot.from(from)..).unwrap_or_default();
                    let units: u32 =
                        pools.iter().map(|pool| self.remaining(*pool)).fold(0, u32::saturating_add);
                    times = times.min(units / slot.count.max(1));
                }
                amount.saturating_mul(times.into())
            }
            (Reward::Whole(off), slots) => {
                let mut dearest: SmallVec<[(Dearest<'_>, u32); 2]> =
                    slots.iter().map(|slot| (Dearest::new(self, slot, from), slot.count)).collect();
                in_turn(times, &mut dearest, |dearest| {
                    let mut value = 0_i64;
                    for (dearest, count) in dearest {
                        value = value.saturating_add(dearest.next(*count, *count)?);
                    }
                    Some(off.of(value))
                })
            }
            (Reward::Cheapest(free), [slot]) => {
                let mut dearest = [(Dearest::new(self, slot, from), slot.count)];
                in_turn(times, &mut dearest, |[(dearest, count)]| dearest.next(*count, free))
            }
            (Reward::Second { off, any_value: false }, [buy, get]) if buy.pools == get.pools => {
                let count = buy.count.saturating_add(get.count);
                let mut dearest = [(Dearest::new(self, buy, from), count)];
                in_turn(times, &mut dearest, |[(dearest, count)]| dearest.next_each(*count, get.count, off))
            }
            (Reward::Second { off, .. }, [buy, get]) => {
                let bought = (Dearest::new(self, buy, from), buy.count);
                let mut dearest = [bought, (Dearest::new(self, get, from), get.count)];
                in_turn(times, &mut dearest, |[(bought, buy), (got, get)]| {
                    bought.next(*buy, 0)?;
                    got.next_each(*get, *get, off)
                })
            }
            _ => 0,
        }
    }

    fn keep_if_best(&mut self, value: Fine) {
        if value > self.best.value {
            self.best.value = value;
            self.best.uses.clone_from(&self.current);
        }
    }

    /// Decides about the first undecided pool of the component from this place on, every way.
    fn node(&mut self, place: usize, value: Fine) {
        // Its upper bound looks at every offer.
        let cost = u32::try_from(self.component.groups.len()).unwrap_or(u32::MAX).saturating_add(1);
        if self.steps < cost {
            self.steps = 0;
            self.is_cut = true;
            return;
        }
        self.steps -= cost;
        let open = self.component.pools.get(place..).unwrap_or_default();
        let Some(ahead) = open.iter().position(|pool| self.remaining(*pool) > 0) else {
            self.take_onces(value);
            return;
        };
        let place = place + ahead;
        let Some(pool) = self.component.pools.get(place).copied() else { return };
        let missing = self.best.value - value;
        if self.upper_bound(pool, missing) <= Bound::from(missing) {
            return;
        }
        let problem = self.problem;
        let mut nth = 0;
        while let Some(group) = self.groups_of.get(pool).and_then(|groups| groups.get(nth)).copied() {
            nth += 1;
            if at(&self.groups_left, group) == 0 {
                continue;
            }
            let Some(slots) = problem.groups.get(group).map(|group| group.slots.as_slice()) else { continue };
            // The pool may be in any of the slots that take it; in the last one it must be, if it is in no other.
            let Some(last) = slots.iter().rposition(|slot| slot.takes(pool)) else { continue };
            let Some(first) = slots.first() else { continue };
            let mut members = std::mem::take(&mut self.members);
            members.clear();
            let filling = Filling { group, slots, place, pool, last };
            self.fill(&filling, 0, first.from(pool), first.count, &mut members, value);
            self.members = members;
        }
        let rest = self.remaining(pool);
        self.take(pool, rest);
        self.take_singles(place, pool, 0, rest, value);
        self.put_back(pool, rest);
    }

    /// Fills a slot of a group from this place of its list on; the pool that is decided about must be in the group.
    fn fill(
        &mut self,
        filling: &Filling<'_>,
        slot: usize,
        from: usize,
        need: u32,
        members: &mut Vec<Member>,
        value: Fine,
    ) {
        if self.steps == 0 {
            self.is_cut = true;
            return;
        }
        self.steps -= 1;
        if need == 0 {
            if let Some(next) = filling.slots.get(slot + 1) {
                self.fill(filling, slot + 1, next.from(filling.pool), next.count, members, value);
                return;
            }
            let group = self.problem.groups.get(filling.group);
            let saving = group.map_or(0, |group| self.saving(group, members));
            if saving > 0 {
                self.current.push(Use::Group {
                    promotion: filling.group,
                    members: SmallVec::from_slice(members),
                    times: 1,
                });
                change(&mut self.groups_left, filling.group, -1);
                self.node(filling.place, value + saving);
                change(&mut self.groups_left, filling.group, 1);
                self.current.pop();
            }
            return;
        }
        let Some(pool) = filling.slots.get(slot).and_then(|slot| slot.pools.get(from)).copied() else {
            return;
        };
        let most = need.min(self.remaining(pool));
        let is_due = slot == filling.last && members.iter().all(|member| member.pool != filling.pool);
        let least = match is_due {
            // Those ahead in the list are of the pool that must be in it, or it is passed by already.
            true if pool == filling.pool => 1,
            true => return,
            false => 0,
        };
        for count in (least..=most).rev() {
            if count > 0 {
                members.push(Member { pool, slot, count });
                self.take(pool, count);
            }
            self.fill(filling, slot, from + 1, need - count, members, value);
            if count > 0 {
                self.put_back(pool, count);
                members.pop();
            }
        }
    }

    /// What the rest of a pool's units earn by themselves, every way that could be better: from this offer on, the next
    /// one that is taken, or none. So this is nested no deeper than there are units, however many offers there are.
    fn take_singles(&mut self, place: usize, pool: usize, from: usize, rest: u32, value: Fine) {
        let mut offer = from;
        while let (Some((saving, single)), true) = (self.offers.nth(pool, offer), rest > 0) {
            offer += 1;
            let left = at(&self.singles_left, single);
            let is_limited = left < u32::MAX;
            let most = rest.min(left);
            // An offer without a limit is taken whole or, for the sake of a promotion of all that is left, in part.
            let is_forced = !is_limited && !at(&self.is_wanted_once, pool);
            let least = if is_forced { most } else { 1 };
            for count in (least..=most).rev() {
                if !self.may_step() {
                    return;
                }
                self.current.push(Use::Single { promotion: single, pool, count });
                if is_limited {
                    change(&mut self.singles_left, single, -i64::from(count));
                }
                self.take_singles(place, pool, offer, rest - count, value + saving * Fine::from(count));
                if is_limited {
                    change(&mut self.singles_left, single, i64::from(count));
                }
                self.current.pop();
            }
            if is_forced {
                return;
            }
        }
        change(&mut self.left_over, pool, i64::from(rest));
        self.node(place + 1, value);
        change(&mut self.left_over, pool, -i64::from(rest));
    }

    /// Takes a step, where one is left.
    fn may_step(&mut self) -> bool {
        match self.steps.checked_sub(1) {
            Some(steps) => self.steps = steps,
            None => self.is_cut = true,
        }
        !self.is_cut
    }

    /// Shares what is left over among the amounts off it, every way that could be better.
    fn take_onces(&mut self, value: Fine) {
        if self.component.onces.is_empty() {
            self.keep_if_best(value);
            return;
        }
        self.gathered.clear();
        self.gathered.resize(self.component.onces.len(), Gathered::default());
        self.share_left_over(0, value);
    }

    /// Shares the units of the component's pools from this place on among the amounts off them.
    fn share_left_over(&mut self, place: usize, value: Fine) {
        let open = self.component.pools.get(place..).unwrap_or_default();
        let wanted = |pool: &usize| at(&self.left_over, *pool) > 0 && at(&self.is_wanted_once, *pool);
        let Some(ahead) = open.iter().position(wanted) else {
            self.keep_gathered(value);
            return;
        };
        let place = place + ahead;
        if value.saturating_add(self.most_of_left_over(place)) <= self.best.value || !self.may_step() {
            return;
        }
        let Some(pool) = self.component.pools.get(place).copied() else { return };
        let all = at(&self.left_over, pool);
        let mut takers = (0..self.component.onces.len()).filter(|nth| self.once_takes(*nth, pool));
        if let (Some(only), None) = (takers.next(), takers.next()) {
            self.gather(only, pool, all, 1);
            self.share_left_over(place + 1, value);
            self.gather(only, pool, all, -1);
        } else {
            self.share_pool(place, pool, 0, all, value);
        }
    }

    /// Shares the rest of a pool's units among the amounts from this one on. One that is reached already takes none but
    /// what nobody else has a use for: the saving is shared by all that is left of its goods.
    fn share_pool(&mut self, place: usize, pool: usize, from: usize, rest: u32, value: Fine) {
        let mut nth = from;
        let mut is_needed = false;
        while let (Some(missing), true) = (self.missing_of(nth), rest > 0) {
            nth += 1;
            if missing <= 0 || !self.once_takes(nth - 1, pool) {
                continue;
            }
            is_needed = true;
            // More than it takes to reach the amount is of no use, but for the last one.
            let enough = divided_up(missing, self.value(pool));
            for count in (1..=rest.min(enough)).rev() {
                if !self.may_step() {
                    return;
                }
                self.gather(nth - 1, pool, count, 1);
                self.share_pool(place, pool, nth, rest - count, value);
                self.gather(nth - 1, pool, count, -1);
            }
        }
        if from == 0 && is_needed {
            return;
        }
        // What is left of the pool goes along with the first amount off it.
        let first = (0..self.component.onces.len()).find(|nth| self.once_takes(*nth, pool));
        if let (Some(first), true) = (first, rest > 0) {
            self.gather(first, pool, rest, 1);
            self.share_left_over(place + 1, value);
            self.gather(first, pool, rest, -1);
        } else {
            self.share_left_over(place + 1, value);
        }
    }

    /// What an amount off what is left over still lacks.
    fn missing_of(&self, nth: usize) -> Option<Fine> {
        let once = self.problem.onces.get(*self.component.onces.get(nth)?)?;
        Some(once.amount - self.gathered.get(nth)?.worth)
    }

    fn once_takes(&self, nth: usize, pool: usize) -> bool {
        let once = self.component.onces.get(nth).and_then(|once| self.problem.onces.get(*once));
        once.is_some_and(|once| once.pools.binary_search(&pool).is_ok())
    }

    /// Gives units to an amount off what is left over, or (`-1`) takes those given last back.
    fn gather(&mut self, nth: usize, pool: usize, count: u32, way: Fine) {
        let worth = self.value(pool) * Fine::from(count) * way;
        let Some(gathered) = self.gathered.get_mut(nth) else { return };
        gathered.worth += worth;
        if way > 0 {
            gathered.members.push(Member { pool, slot: 0, count });
        } else {
            gathered.members.pop();
        }
    }

    /// More than the amounts take off what they have and what is left over from this place on.
    fn most_of_left_over(&self, place: usize) -> Fine {
        let open = self.component.pools.get(place..).unwrap_or_default();
        let mut all: Fine = 0;
        for pool in open.iter().filter(|pool| at(&self.is_wanted_once, **pool)) {
            all += self.value(*pool) * Fine::from(at(&self.left_over, *pool));
        }
        let (mut taken, mut missing): (Fine, Fine) = (0, 0);
        for nth in 0..self.component.onces.len() {
            let lacks = self.missing_of(nth).unwrap_or(0).max(0);
            missing = missing.saturating_add(lacks.min(all));
            taken += self.taken_off(nth);
        }
        taken.saturating_add(missing.min(all))
    }

    /// What an amount takes off what it was given.
    fn taken_off(&self, nth: usize) -> Fine {
        let once = self.component.onces.get(nth).and_then(|once| self.problem.onces.get(*once));
        let worth = self.gathered.get(nth).map_or(0, |gathered| gathered.worth);
        once.map_or(0, |once| once.amount.min(worth))
    }

    /// Keeps what is gathered, if that is the best.
    fn keep_gathered(&mut self, value: Fine) {
        let saving: Fine = (0..self.component.onces.len()).map(|nth| self.taken_off(nth)).sum();
        if value + saving <= self.best.value {
            return;
        }
        let length = self.current.len();
        for (once, gathered) in self.component.onces.iter().zip(&self.gathered) {
            let mut members = Members::new();
            for member in &gathered.members {
                match members.iter_mut().find(|other| other.pool == member.pool) {
                    Some(other) => other.count += member.count,
                    None => members.push(*member),
                }
            }
            if !members.is_empty() {
                members.sort_unstable();
                self.current.push(Use::Once { promotion: *once, members });
            }
        }
        self.keep_if_best(value + saving);
        self.current.truncate(length);
    }

    /// A sharing without a search: goods that few amounts are off come first, and go where the most is lacking.
    fn share_at_once(&mut self, value: Fine) {
        self.gathered.clear();
        self.gathered.resize(self.component.onces.len(), Gathered::default());
        let onces = self.component.onces.len();
        let mut pools: Vec<(usize, usize)> = Vec::new();
        for pool in self.component.pools.iter().filter(|pool| at(&self.left_over, **pool) > 0) {
            let takers = (0..onces).filter(|nth| self.once_takes(*nth, *pool)).count();
            if takers > 0 {
                pools.push((takers, *pool));
            }
        }
        pools.sort_unstable();
        for (_, pool) in pools {
            let mut rest = at(&self.left_over, pool);
            while rest > 0 {
                let takers = (0..onces).filter(|nth| self.once_takes(*nth, pool));
                let lacking =
                    takers.map(|nth| (self.missing_of(nth).unwrap_or(0).max(0), Reverse(nth))).max();
                let Some((missing, Reverse(nth))) = lacking else { break };
                let enough = if missing > 0 { divided_up(missing, self.value(pool)) } else { rest };
                let count = rest.min(enough);
                self.gather(nth, pool, count, 1);
                rest -= count;
            }
        }
        self.keep_gathered(value);
    }

    /// What is left over of the goods of an amount off them all, and how much of it that takes off.
    fn left_over_of(&self, once: usize) -> (Members, Fine) {
        let mut members = Members::new();
        let Some(once) = self.problem.onces.get(once) else { return (members, 0) };
        let mut worth = 0;
        for pool in &once.pools {
            let count = at(&self.left_over, *pool);
            if count > 0 {
                worth += self.value(*pool) * Fine::from(count);
                members.push(Member { pool: *pool, slot: 0, count });
            }
        }
        (members, once.amount.min(worth))
    }

    /// What a group of these members saves; nothing where it is none.
    fn saving(&self, group: &Group, members: &[Member]) -> Fine {
        let worth = |member: &Member| self.value(member.pool) * Fine::from(member.count);
        match group.reward {
            Reward::Whole(off) => off.of(members.iter().map(worth).sum()),
            // Pools are in the order of their values: the cheapest are the last.
            Reward::Cheapest(free) => {
                let (mut left, mut saving) = (free, 0);
                for member in members.iter().rev() {
                    let taken = member.count.min(left);
                    saving += self.value(member.pool) * Fine::from(taken);
                    left -= taken;
                }
                saving
            }
            Reward::Second { off, any_value } => {
                let of_slot = |slot: usize| members.iter().filter(move |member| member.slot == slot);
                let cheapest_bought = of_slot(0).map(|member| self.value(member.pool)).min().unwrap_or(0);
                let dearest_got = of_slot(1).map(|member| self.value(member.pool)).max().unwrap_or(0);
                if !any_value && dearest_got > cheapest_bought {
                    return 0;
                }
                of_slot(1).map(|member| off.of(self.value(member.pool)) * Fine::from(member.count)).sum()
            }
        }
    }

    /// Good combinations without a search: each promotion of groups first once, its best groups until they save no
    /// more than their units would by themselves; then the rest; with and without leaving units for amounts off all.
    fn greedy(&mut self) {
        // The most promising first; what saves nothing even alone is left out for good.
        let mut promising: Vec<(Reverse<Fine>, usize)> = Vec::with_capacity(self.component.groups.len());
        for group in &self.component.groups {
            let saving = self.alone(*group, 0);
            if saving > 0 {
                promising.push((Reverse(saving), *group));
            }
        }
        promising.sort_unstable();
        let groups: Vec<usize> = promising.into_iter().map(|(_, group)| group).collect();
        for group in &groups {
            let slots = self.problem.groups.get(*group).map(|group| group.slots.as_slice());
            for pool in slots.unwrap_or_default().iter().flat_map(|slot| &slot.pools) {
                if let Some(of_pool) = self.groups_of.get_mut(*pool)
                    && of_pool.last() != Some(group)
                {
                    of_pool.push(*group);
                }
            }
        }
        self.component.groups.clone_from(&groups);
        let rounds =
            GREEDY_LOOKS.checked_div(groups.len()).map_or(0, |rounds| rounds.max(1).min(groups.len()));
        for first in (0..rounds).chain([groups.len()]) {
            for is_saved_for_onces in [false, true] {
                if is_saved_for_onces && self.component.onces.is_empty() {
                    continue;
                }
                let mut value = 0;
                // The last round takes no groups at all.
                let (later, earlier) = groups.split_at_checked(first).unwrap_or_default();
                if !earlier.is_empty() {
                    for group in earlier.iter().chain(later) {
                        value += self.take_groups(*group);
                    }
                }
                value += self.take_rest(is_saved_for_onces);
                if self.component.onces.len() > 1 {
                    self.share_at_once(value);
                }
                for nth in 0..self.component.onces.len() {
                    value += self.take_once(nth);
                }
                self.keep_if_best(value);
                self.start_again();
            }
        }
    }

    /// Puts everything of the component back.
    fn start_again(&mut self) {
        let problem = self.problem;
        self.current.clear();
        for nth in 0..self.component.pools.len() {
            let Some(pool) = self.component.pools.get(nth).copied() else { continue };
            let taken = self.count(pool) - self.remaining(pool);
            self.put_back(pool, taken);
            set(&mut self.left_over, pool, 0);
            let mut offer = 0;
            while let Some((_, single)) = self.offers.nth(pool, offer) {
                set(
                    &mut self.singles_left,
                    single,
                    problem.singles.get(single).map_or(0, |single| single.left),
                );
                offer += 1;
            }
        }
        for group in &self.component.groups {
            set(&mut self.groups_left, *group, problem.groups.get(*group).map_or(0, |group| group.left));
        }
    }

    fn take_groups(&mut self, at_group: usize) -> Fine {
        let Some(group) = self.problem.groups.get(at_group) else { return 0 };
        let mut members = std::mem::take(&mut self.members);
        let mut value = 0;
        let mut from = 0;
        while at(&self.groups_left, at_group) > 0 && self.dearest(group, &mut from, &mut members) {
            let saving = self.saving(group, &members);
            let apart: Fine =
                members.iter().map(|member| self.best_single(member.pool) * Fine::from(member.count)).sum();
            if saving <= apart {
                break;
            }
            // As often as the same pools have enough: what is best once is best again.
            let times = members
                .iter()
                .map(|member| self.remaining(member.pool) / taken_of(&members, member.pool).max(1))
                .min()
                .unwrap_or(1)
                .max(1)
                .min(at(&self.groups_left, at_group));
            for member in &members {
                self.take(member.pool, member.count * times);
            }
            change(&mut self.groups_left, at_group, -i64::from(times));
            let taken = SmallVec::from_slice(&members);
            self.current.push(Use::Group { promotion: at_group, members: taken, times });
            value += saving * Fine::from(times);
        }
        self.members = members;
        value
    }

    /// The dearest units that make the group; whether there are enough. Where nothing could be got from a place of the
    /// list on, nothing can once there are fewer units: `from` moves on.
    fn dearest(&self, group: &Group, from: &mut usize, members: &mut Vec<Member>) -> bool {
        if let (Reward::Second { any_value, .. }, [buy, get]) = (group.reward, group.slots.as_slice()) {
            while let Some(pool) = get.pools.get(*from) {
                if self.remaining(*pool) > 0 && self.bought_and_got(buy, get, any_value, *from, members) {
                    return true;
                }
                *from += 1;
            }
            return false;
        }
        members.clear();
        for (slot, part) in group.slots.iter().enumerate() {
            let mut need = part.count;
            for pool in &part.pools {
                if need == 0 {
                    break;
                }
                let count = (self.remaining(*pool) - taken_of(members, *pool)).min(need);
                if count > 0 {
                    members.push(Member { pool: *pool, slot, count });
                    need -= count;
                }
            }
            if need > 0 {
                return false;
            }
        }
        true
    }

    /// Gets the dearest units from this place of the list on, and buys the cheapest that are dear enough for them.
    fn bought_and_got(
        &self,
        buy: &Slot,
        get: &Slot,
        any_value: bool,
        from: usize,
        members: &mut Vec<Member>,
    ) -> bool {
        members.clear();
        let mut need = get.count;
        let mut dearest = 0;
        for pool in get.pools.get(from..).unwrap_or_default() {
            if need == 0 {
                break;
            }
            let count = self.remaining(*pool).min(need);
            if count > 0 {
                dearest = dearest.max(self.value(*pool));
                members.push(Member { pool: *pool, slot: 1, count });
                need -= count;
            }
        }
        if need > 0 {
            return false;
        }
        let mut need = buy.count;
        let dear_enough = buy.pools.partition_point(|pool| any_value || self.value(*pool) >= dearest);
        let bought = buy.pools.get(..dear_enough).unwrap_or_default();
        for pool in bought.iter().rev() {
            if need == 0 {
                break;
            }
            let count = (self.remaining(*pool) - taken_of(members, *pool)).min(need);
            if count > 0 {
                members.push(Member { pool: *pool, slot: 0, count });
                need -= count;
            }
        }
        need == 0
    }

    fn take_rest(&mut self, is_saved_for_onces: bool) -> Fine {
        let mut value = 0;
        for nth in 0..self.component.pools.len() {
            let Some(pool) = self.component.pools.get(nth).copied() else { continue };
            let mut rest = self.remaining(pool);
            self.take(pool, rest);
            let is_wanted = is_saved_for_onces && at(&self.is_wanted_once, pool);
            let mut offer = 0;
            while let (false, true, Some((saving, single))) =
                (is_wanted, rest > 0, self.offers.nth(pool, offer))
            {
                offer += 1;
                let left = at(&self.singles_left, single);
                let count = rest.min(left);
                if count > 0 {
                    if left < u32::MAX {
                        change(&mut self.singles_left, single, -i64::from(count));
                    }
                    self.current.push(Use::Single { promotion: single, pool, count });
                    value += saving * Fine::from(count);
                    rest -= count;
                }
            }
            set(&mut self.left_over, pool, rest);
        }
        value
    }

    fn take_once(&mut self, nth: usize) -> Fine {
        let Some(once) = self.component.onces.get(nth).copied() else { return 0 };
        let (members, saving) = self.left_over_of(once);
        if saving <= 0 {
            return 0;
        }
        for member in &members {
            change(&mut self.left_over, member.pool, -i64::from(member.count));
        }
        self.current.push(Use::Once { promotion: once, members });
        saving
    }
}

/// A group that is being filled.
struct Filling<'p> {
    group: usize,
    slots: &'p [Slot],
    /// The pool that is decided about, its place in the component, and the last slot that takes it.
    place: usize,
    pool: usize,
    last: usize,
}

/// The units of a slot that are not decided about, dearest first, so many at a time.
struct Dearest<'s> {
    search: &'s Search<'s>,
    pools: std::slice::Iter<'s, usize>,
    value: Fine,
    count: u32,
}

impl<'s> Dearest<'s> {
    fn new(search: &'s Search<'s>, slot: &'s Slot, from: usize) -> Self {
        let pools = slot.pools.get(slot.from(from)..).unwrap_or_default().iter();
        Self { search, pools, value: 0, count: 0 }
    }

    /// How many times so many units come from one pool.
    fn alike(&mut self, count: u32) -> u32 {
        while self.count == 0 {
            let Some(pool) = self.pools.next() else { return 0 };
            self.count = self.search.remaining(*pool);
            self.value = self.search.value(*pool);
        }
        self.count / count.max(1)
    }

    /// Takes so many units, and says what the cheapest of them are worth; none where there are not so many.
    fn next(&mut self, count: u32, cheapest: u32) -> Option<Fine> {
        self.next_of(count, cheapest, |value| value)
    }

    /// As [`Dearest::next`]; what each of the cheapest saves.
    fn next_each(&mut self, count: u32, cheapest: u32, off: Off) -> Option<Fine> {
        self.next_of(count, cheapest, |value| off.of(value))
    }

    fn next_of(&mut self, count: u32, cheapest: u32, each: impl Fn(Fine) -> Fine) -> Option<Fine> {
        let (mut need, mut sum) = (count, 0_i64);
        while need > 0 {
            if self.count == 0 {
                let pool = *self.pools.next()?;
                self.count = self.search.remaining(pool);
                self.value = self.search.value(pool);
                continue;
            }
            let taken = self.count.min(need);
            self.count -= taken;
            // Of those taken, the last `cheapest` of all count.
            let counting = taken.min(cheapest.saturating_sub(need - taken));
            need -= taken;
            if counting > 0 {
                sum = sum.saturating_add(each(self.value).saturating_mul(counting.into()));
            }
        }
        Some(sum)
    }
}

/// The sum of what comes so many times, or until there is no more. What comes from the same pools comes at once, so the
/// time it takes goes by the pools, not by the units.
fn in_turn<'s, D: AsMut<[(Dearest<'s>, u32)]> + ?Sized>(
    times: u32,
    from: &mut D,
    mut next: impl FnMut(&mut D) -> Option<Fine>,
) -> Fine {
    let (mut sum, mut left): (Fine, u32) = (0, times);
    while left > 0 {
        let alike = from.as_mut().iter_mut().map(|(dearest, count)| dearest.alike(*count)).min().unwrap_or(0);
        let alike = alike.clamp(1, left);
        let Some(saving) = next(from) else { break };
        for (dearest, count) in from.as_mut() {
            dearest.count = dearest.count.saturating_sub((alike - 1).saturating_mul(*count));
        }
        sum = sum.saturating_add(saving.saturating_mul(alike.into()));
        left -= alike;
    }
    sum
}

/// How many of a value it takes to reach an amount; at least one.
fn divided_up(amount: Fine, value: Fine) -> u32 {
    let value = value.max(1);
    let count = amount / value + Fine::from(amount % value > 0);
    u32::try_from(count.max(1)).unwrap_or(u32::MAX)
}

/// How many units of the pool are among the members.
fn taken_of(members: &[Member], pool: usize) -> u32 {
    members.iter().filter(|member| member.pool == pool).map(|member| member.count).sum()
}

fn at<T: Copy + Default>(values: &[T], at: usize) -> T {
    values.get(at).copied().unwrap_or_default()
}

fn set<T>(values: &mut [T], at: usize, value: T) {
    if let Some(entry) = values.get_mut(at) {
        *entry = value;
    }
}

/// Changes a count that stays within its bounds.
fn change(counts: &mut [u32], at: usize, by: i64) {
    if let Some(count) = counts.get_mut(at) {
        *count = u32::try_from(i64::from(*count) + by).unwrap_or(*count);
    }
}

/// More than a unit of this value in this slot can contribute to what a group saves.
fn most_of_a_unit(group: &Group, slot: usize, value: Fine) -> Fine {
    let size: Fine = group.slots.iter().map(|slot| Fine::from(slot.count)).sum::<Fine>().max(1);
    match group.reward {
        Reward::Whole(Off::Part(part)) => Off::Part(part).of(value) + 1,
        Reward::Whole(Off::Amount(amount)) => amount / size + 1,
        Reward::Whole(Off::Above(price)) => (value - price / size).max(0),
        Reward::Cheapest(free) => {
            let free = Fine::from(free);
            value / size * free + value % size * free / size + 1
        }
        Reward::Second { off, .. } => {
            if slot == 1 {
                off.of(value)
            } else {
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const CENT: Fine = 10_000_000;

    /// Every packing there is, unit by unit, without a thought.
    struct Brute<'p> {
        problem: &'p Problem,
        /// The pool of each unit.
        units: Vec<usize>,
    }

    impl Brute<'_> {
        fn value(&self, unit: usize) -> Fine {
            self.problem.pools[self.units[unit]].value
        }

        fn best(&self, free: u32, unused: u32, singles: &[u32], groups: &[u32]) -> Fine {
            if free == 0 {
                return self.onces(unused, 0);
            }
            let unit = free.trailing_zeros() as usize;
            let without = free & !(1 << unit);
            let mut best = self.best(without, unused | (1 << unit), singles, groups);
            for (at, single) in self.problem.singles.iter().enumerate() {
                let pool = self.units[unit];
                let saving =
                    single.savings.iter().find(|(of, _)| *of == pool).map_or(0, |(_, saving)| *saving);
                if singles[at] > 0 && saving > 0 {
                    let mut left = singles.to_vec();
                    left[at] -= 1;
                    best = best.max(saving + self.best(without, unused, &left, groups));
                }
            }
            for (at, group) in self.problem.groups.iter().enumerate() {
                if groups[at] == 0 {
                    continue;
                }
                let mut left = groups.to_vec();
                left[at] -= 1;
                for slots in self.fillings(group, 0, free, &mut Vec::new()) {
                    let taken: u32 = slots.iter().sum();
                    if taken & (1 << unit) != 0 {
                        let saving = self.saving(group, &slots);
                        best = best.max(saving + self.best(free & !taken, unused, singles, &left));
                    }
                }
            }
            best
        }

        /// All ways to fill the slots of a group, as sets of units.
        fn fillings(&self, group: &Group, slot: usize, free: u32, before: &mut Vec<u32>) -> Vec<Vec<u32>> {
            let Some(this) = group.slots.get(slot) else { return vec![before.clone()] };
            let mut found = Vec::new();
            for set in 0..(1_u32 << self.units.len()) {
                let is_right = set & !free == 0
                    && set.count_ones() == this.count
                    && (0..self.units.len())
                        .all(|unit| set & (1 << unit) == 0 || this.pools.contains(&self.units[unit]));
                if is_right {
                    before.push(set);
                    found.append(&mut self.fillings(group, slot + 1, free & !set, before));
                    before.pop();
                }
            }
            found
        }

        fn saving(&self, group: &Group, slots: &[u32]) -> Fine {
            let values = |set: u32| -> Vec<Fine> {
                let mut values: Vec<Fine> = (0..self.units.len())
                    .filter(|unit| set & (1 << unit) != 0)
                    .map(|unit| self.value(unit))
                    .collect();
                values.sort_unstable();
                values
            };
            match group.reward {
                Reward::Whole(off) => off.of(values(slots.iter().sum()).iter().sum()),
                Reward::Cheapest(free) => values(slots[0]).iter().take(free as usize).sum(),
                Reward::Second { off, any_value } => {
                    let (bought, got) = (values(slots[0]), values(slots[1]));
                    if any_value || got.last() <= bought.first() {
                        got.iter().map(|value| off.of(*value)).sum()
                    } else {
                        0
                    }
                }
            }
        }

        /// The best way to hand the units to the amounts from this one on.
        fn onces(&self, unused: u32, from: usize) -> Fine {
            let Some(once) = self.problem.onces.get(from) else { return 0 };
            let takes: u32 = (0..self.units.len())
                .filter(|unit| unused & (1 << unit) != 0 && once.pools.contains(&self.units[*unit]))
                .map(|unit| 1 << unit)
                .sum();
            let mut best = 0;
            let mut set = takes;
            loop {
                let worth: Fine = (0..self.units.len())
                    .filter(|unit| set & (1 << unit) != 0)
                    .map(|unit| self.value(unit))
                    .sum();
                best = best.max(once.amount.min(worth) + self.onces(unused & !set, from + 1));
                if set == 0 {
                    return best;
                }
                set = (set - 1) & takes;
            }
        }
    }

    fn offs() -> impl Strategy<Value = Off> {
        prop_oneof![
            (1_i64..=100).prop_map(|percent| Off::Part(percent * WHOLE / 100)),
            (1_i64..=1_200).prop_map(|cents| Off::Amount(cents * CENT)),
            (0_i64..=2_500).prop_map(|cents| Off::Above(cents * CENT)),
        ]
    }

    fn pools_taken(pools: usize) -> impl Strategy<Value = Vec<usize>> {
        proptest::collection::vec(proptest::bool::weighted(0.7), pools)
            .prop_map(|takes| (0..takes.len()).filter(|pool| takes[*pool]).collect())
    }

    fn limits() -> impl Strategy<Value = u32> {
        prop_oneof![Just(u32::MAX), 1_u32..3]
    }

    fn groups(pools: usize) -> impl Strategy<Value = Group> {
        let slot = move |count: std::ops::RangeInclusive<u32>| {
            (count, pools_taken(pools)).prop_map(|(count, pools)| Slot { count, pools: pools.into() })
        };
        prop_oneof![
            (limits(), slot(2..=3), 1_u32..3).prop_map(|(left, slot, free)| {
                let free = free.min(slot.count - 1);
                Group { left, slots: [slot].into_iter().collect(), reward: Reward::Cheapest(free) }
            }),
            (limits(), slot(2..=3), offs()).prop_map(|(left, slot, off)| Group {
                left,
                slots: [slot].into_iter().collect(),
                reward: Reward::Whole(off)
            }),
            (limits(), slot(1..=2), slot(1..=1), offs()).prop_map(|(left, one, two, off)| Group {
                left,
                slots: [one, two].into_iter().collect(),
                reward: Reward::Whole(off)
            }),
            (limits(), slot(1..=2), slot(1..=1), offs(), any::<bool>()).prop_map(
                |(left, buy, get, off, any_value)| {
                    Group {
                        left,
                        slots: [buy, get].into_iter().collect(),
                        reward: Reward::Second { off, any_value },
                    }
                }
            ),
        ]
    }

    fn problems() -> impl Strategy<Value = Problem> {
        proptest::collection::vec((1_u32..3, 1_i32..1_500), 1..4).prop_flat_map(|mut pools| {
            pools.sort_by_key(|(_, cents)| -cents);
            let count = pools.len();
            let single = (limits(), pools_taken(count), offs());
            let once = (1_i32..2_000, pools_taken(count));
            (
                Just(pools),
                proptest::collection::vec(single, 0..3),
                proptest::collection::vec(groups(count), 0..3),
                proptest::collection::vec(once, 0..5),
            )
                .prop_map(|(pools, singles, groups, onces)| {
                    let pools: Vec<Units> = pools
                        .into_iter()
                        .map(|(count, cents)| Units { count, value: Fine::from(cents) * CENT })
                        .collect();
                    let singles = singles
                        .into_iter()
                        .map(|(left, takes, off)| Single {
                            left,
                            savings: takes
                                .into_iter()
                                .map(|pool| (pool, off.of(pools[pool].value)))
                                .filter(|(_, saving)| *saving > 0)
                                .collect(),
                        })
                        .collect();
                    let onces = onces
                        .into_iter()
                        .map(|(cents, pools)| Once { amount: Fine::from(cents) * CENT, pools: pools.into() })
                        .collect();
                    Problem { pools, singles, groups, onces }
                })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        #[test]
        fn the_best_combination_is_as_good_as_every_other(problem in problems()) {
            let mut steps = MAX_STEPS;
            let (found, is_best) = best(&problem, &mut steps);
            let units: Vec<usize> = problem
                .pools
                .iter()
                .enumerate()
                .flat_map(|(pool, units)| std::iter::repeat_n(pool, units.count as usize))
                .collect();
            let brute = Brute { problem: &problem, units };
            let singles: Vec<u32> = problem.singles.iter().map(|single| single.left).collect();
            let groups: Vec<u32> = problem.groups.iter().map(|group| group.left).collect();
            let all = (1_u32 << brute.units.len()) - 1;
            let want = brute.best(all, 0, &singles, &groups);
            prop_assert!(is_best);
            prop_assert_eq!(found.value, want);
        }

        #[test]
        fn a_combination_takes_no_unit_twice_and_keeps_the_limits(problem in problems()) {
            let (found, _) = best(&problem, &mut MAX_STEPS.clone());
            let mut taken: BTreeMap<usize, u32> = BTreeMap::new();
            let mut times: BTreeMap<(u8, usize), u32> = BTreeMap::new();
            for each in &found.uses {
                let (key, members, count): (_, Members, _) = match each {
                    Use::Single { promotion, pool, count } => {
                        ((0, *promotion), vec![Member { slot: 0, pool: *pool, count: *count }].into(), *count)
                    }
                    Use::Group { promotion, members, times } => {
                        let mut members = members.clone();
                        members.iter_mut().for_each(|member| member.count *= times);
                        ((1, *promotion), members, *times)
                    }
                    Use::Once { promotion, members } => ((2, *promotion), members.clone(), 1),
                };
                *times.entry(key).or_default() += count;
                for member in members {
                    *taken.entry(member.pool).or_default() += member.count;
                }
            }
            for (pool, count) in taken {
                prop_assert!(count <= problem.pools[pool].count);
            }
            for ((kind, promotion), count) in times {
                let limit = match kind {
                    0 => problem.singles[promotion].left,
                    1 => problem.groups[promotion].left,
                    _ => 1,
                };
                prop_assert!(count <= limit);
            }
        }
    }

    #[test]
    fn an_amount_off_a_pair_is_used_up_by_pairing_dear_with_cheap() {
        let units = |count, cents: i32| Units { count, value: Fine::from(cents) * CENT };
        let problem = Problem {
            pools: vec![units(2, 1_190), units(1, 419), units(1, 363)],
            groups: vec![Group {
                left: u32::MAX,
                slots: vec![Slot { count: 2, pools: vec![0, 1, 2].into() }].into(),
                reward: Reward::Whole(Off::Amount(783 * CENT)),
            }],
            ..Problem::default()
        };
        let (found, is_best) = best(&problem, &mut MAX_STEPS.clone());
        assert_eq!((found.value, is_best), (1_566 * CENT, true));
    }

    #[test]
    fn a_search_that_is_cut_short_is_still_good_and_says_so() {
        let pools = (0..30_i64).map(|at| Units { count: 1, value: (3_000 - 37 * at) * CENT }).collect();
        let slot = |count, from: usize| Slot { count, pools: (from..30).collect() };
        let groups = (0..4)
            .map(|at| Group {
                left: u32::MAX,
                slots: vec![slot(3 + at, at as usize * 3)].into(),
                reward: Reward::Cheapest(1 + at / 2),
            })
            .collect();
        let problem = Problem { pools, groups, ..Problem::default() };
        let mut steps = 50;
        let (short, is_best) = best(&problem, &mut steps);
        assert!(!is_best);
        assert!(short.value > 0);
        assert_eq!(steps, 0);
        let (again, _) = best(&problem, &mut 50);
        assert_eq!(again.uses, short.uses);
    }

    fn alike(count: u32, cents: i64) -> Units {
        Units { count, value: cents * CENT }
    }

    #[test]
    fn many_promotions_of_each_unit_beside_an_amount_off_all_end_and_save() {
        for (limit, offers) in [(u32::MAX, 40), (1, 40), (1, 20_000)] {
            let singles =
                (1..=offers).map(|at| Single { left: limit, savings: vec![(0, at * 1_000)].into() });
            let problem = Problem {
                pools: vec![alike(40, 300)],
                singles: singles.collect(),
                onces: vec![Once { amount: 500 * CENT, pools: vec![0].into() }],
                ..Problem::default()
            };
            let (found, is_best) = best(&problem, &mut MAX_STEPS.clone());
            assert!(found.value >= 500 * CENT);
            assert_eq!(found.uses, best(&problem, &mut MAX_STEPS.clone()).0.uses);
            assert!(is_best || limit == 1);
        }
    }

    #[test]
    fn many_amounts_off_what_is_left_end_and_save() {
        let all: Pools = (0..20).collect();
        let onces =
            (0..20).map(|pool| Once { amount: 100 * CENT, pools: vec![pool, (pool + 7) % 20].into() });
        let onces = onces.map(|mut once| {
            once.pools.sort_unstable();
            once
        });
        let problem = Problem {
            pools: vec![alike(1, 300); 20],
            groups: vec![Group {
                left: 1,
                slots: vec![Slot { count: 2, pools: all }].into(),
                reward: Reward::Whole(Off::Amount(150 * CENT)),
            }],
            onces: onces.collect(),
            ..Problem::default()
        };
        let (found, _) = best(&problem, &mut MAX_STEPS.clone());
        assert!(found.value >= 1_950 * CENT);
    }

    #[test]
    fn amounts_off_go_where_the_others_leave_something() {
        for pools in [[vec![0, 1], vec![1]], [vec![1], vec![0, 1]]] {
            let amounts = pools.map(|pools| {
                let cents = if pools.len() == 2 { 1_000 } else { 800 };
                Once { amount: cents * CENT, pools: pools.into() }
            });
            let problem = Problem {
                pools: vec![alike(1, 1_000), alike(1, 800)],
                onces: amounts.into(),
                ..Problem::default()
            };
            let (found, is_best) = best(&problem, &mut MAX_STEPS.clone());
            assert_eq!((found.value, is_best), (1_800 * CENT, true));
        }
    }

    #[test]
    fn a_quantity_takes_no_time_of_its_own() {
        let problem = Problem {
            pools: vec![alike(999_999_999, 1)],
            groups: vec![Group {
                left: u32::MAX,
                slots: vec![Slot { count: 3, pools: vec![0].into() }].into(),
                reward: Reward::Cheapest(1),
            }],
            ..Problem::default()
        };
        let (found, _) = best(&problem, &mut MAX_STEPS.clone());
        assert_eq!((found.value, found.uses.len()), (333_333_333 * CENT, 1));
    }
}
