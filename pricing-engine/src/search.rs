//! The best combination of the promotions of one class: which units go into which offer.
//!
//! Within a class a unit earns one promotion at most. So a combination is a packing of units into offers, and the best
//! one is searched by branch and bound, apart for each set of goods that have no offer in common. The search is bounded
//! in steps; where the bound is hit, or more units compete than are searched at all, the best combination found so far
//! stands: the same one every time, never worse than none, and it is said.

use shared_model::Percent;

use crate::promotion::Effect;

/// The most steps that the search for the best combination takes in one sale, all classes together. A step is a look at
/// one offer or one choice of units: well below a microsecond.
pub const MAX_STEPS: u32 = 5_000;
/// The most competing units that are searched exhaustively; more are combined greedily.
pub const MAX_UNITS: u32 = 40;
/// How many competing units may take all steps there are, and how many steps more units take.
const FEW_UNITS: u32 = 24;
const MANY_UNITS_STEPS: u32 = 400;
/// How many offers are looked at in all while combinations are tried greedily, each with another offer first.
const GREEDY_LOOKS: usize = 24;

/// A billionth of a currency's unit: fine enough that a part of a price compares right.
pub(crate) type Fine = i128;

pub(crate) const FINE_DECIMALS: u32 = 9;

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
    /// What it takes off one unit of each pool; zero: nothing.
    pub(crate) saving: Vec<Fine>,
}

/// What a group of units saves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reward {
    /// Something off all of it.
    Whole(Effect),
    /// Its cheapest units.
    Cheapest(u32),
    /// Something off each unit of the second slot.
    Second {
        effect: Effect,
        /// Whether those may be dearer than the units of the first slot.
        any_value: bool,
    },
}

/// A promotion that takes several units together.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// How often it may be earned.
    pub(crate) left: u32,
    pub(crate) slots: Vec<Slot>,
    pub(crate) reward: Reward,
}

/// A part of a group: so many units of these pools.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) count: u32,
    pub(crate) takes: Vec<bool>,
}

/// A promotion that takes an amount off what is left of some goods, once.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    pub(crate) amount: Fine,
    pub(crate) takes: Vec<bool>,
}

/// The promotions of a class and the units that they may have. Pools are in their order: dearest first.
#[derive(Debug, Default)]
pub(crate) struct Problem {
    pub(crate) pools: Vec<Units>,
    pub(crate) singles: Vec<Single>,
    pub(crate) groups: Vec<Group>,
    pub(crate) onces: Vec<Once>,
}

/// So many units of a pool in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) slot: usize,
    pub(crate) pool: usize,
    pub(crate) count: u32,
}

/// One use of a promotion, by its place among those of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Use {
    Single { promotion: usize, pool: usize, count: u32 },
    Group { promotion: usize, members: Vec<Member> },
    Once { promotion: usize, members: Vec<Member> },
}

/// A combination.
#[derive(Debug, Clone, Default)]
pub(crate) struct Combination {
    pub(crate) value: Fine,
    pub(crate) uses: Vec<Use>,
}

/// What an effect takes off a value, `count` times an amount or a price.
pub(crate) fn off(effect: Effect, value: Fine, count: u32) -> Fine {
    let fine = |amount: shared_model::Amount| {
        amount
            .units(FINE_DECIMALS.min(6))
            .unwrap_or_default()
            .saturating_mul(1_000)
            .saturating_mul(count.into())
    };
    match effect {
        Effect::Percent(percent) => part(percent, value),
        Effect::Amount(amount) => fine(amount).min(value),
        Effect::Price(price) => value.saturating_sub(fine(price)).max(0),
    }
}

fn part(percent: Percent, value: Fine) -> Fine {
    value.saturating_mul(percent.units(4).unwrap_or_default()) / 1_000_000
}

/// The best combination, and whether it is known to be the best.
pub(crate) fn best(problem: &Problem, steps: &mut u32) -> (Combination, bool) {
    let mut whole = Combination::default();
    let mut is_best = true;
    for component in components(problem) {
        if component.groups.is_empty() && component.onces.is_empty() && !component.is_limited {
            for pool in component.pools {
                take_best_single(problem, pool, &mut whole);
            }
            continue;
        }
        let mut search = Search::new(problem, component);
        search.greedy();
        if search.best.value < search.upper_bound(0, search.best.value) {
            let units: u64 = search.component.pools.iter().map(|pool| u64::from(count(problem, *pool))).sum();
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

/// Units that no other ones compete with: each earns what takes the most off it.
fn take_best_single(problem: &Problem, pool: usize, whole: &mut Combination) {
    let savings = problem.singles.iter().map(|single| single.saving.get(pool).copied().unwrap_or_default());
    let mut best = (0, 0);
    for (promotion, saving) in savings.enumerate() {
        if saving > best.0 {
            best = (saving, promotion);
        }
    }
    let (saving, promotion) = best;
    if saving > 0 {
        let count = count(problem, pool);
        whole.value += saving * Fine::from(count);
        whole.uses.push(Use::Single { promotion, pool, count });
    }
}

fn count(problem: &Problem, pool: usize) -> u32 {
    problem.pools.get(pool).map_or(0, |units| units.count)
}

/// Pools that compete for offers, and those offers.
struct Component {
    pools: Vec<usize>,
    groups: Vec<usize>,
    onces: Vec<usize>,
    /// Whether they compete for an offer that only so many units may earn.
    is_limited: bool,
}

/// Pools that have no offer in common are searched apart. Offers that units earn each by themselves, without a limit,
/// bind nothing.
fn components(problem: &Problem) -> Vec<Component> {
    let mut leader: Vec<usize> = (0..problem.pools.len()).collect();
    let mut bind = |takes: &dyn Fn(usize) -> bool| {
        let mut first = None;
        for pool in (0..problem.pools.len()).filter(|pool| takes(*pool)) {
            let this = find(&leader, pool);
            match first {
                None => first = Some(this),
                Some(root) => {
                    let root = find(&leader, root);
                    if let Some(entry) = leader.get_mut(this) {
                        *entry = root;
                    }
                }
            }
        }
    };
    let has = |takes: &[bool], pool: usize| takes.get(pool).copied().unwrap_or_default();
    for group in &problem.groups {
        bind(&|pool| group.slots.iter().any(|slot| has(&slot.takes, pool)));
    }
    for once in &problem.onces {
        bind(&|pool| has(&once.takes, pool));
    }
    for single in problem.singles.iter().filter(|single| single.left < u32::MAX) {
        bind(&|pool| single.saving.get(pool).is_some_and(|saving| *saving > 0));
    }
    let mut found: Vec<Component> = Vec::new();
    let mut at_root: Vec<Option<usize>> = vec![None; problem.pools.len()];
    let mut component_of = Vec::with_capacity(problem.pools.len());
    for pool in 0..problem.pools.len() {
        let root = find(&leader, pool);
        let at = at_root.get(root).copied().flatten().unwrap_or(found.len());
        if at == found.len() {
            let (pools, groups, onces) = (Vec::new(), Vec::new(), Vec::new());
            found.push(Component { pools, groups, onces, is_limited: false });
        }
        if let (Some(entry), Some(component)) = (at_root.get_mut(root), found.get_mut(at)) {
            *entry = Some(at);
            component.pools.push(pool);
        }
        component_of.push(at);
    }
    let mut of = |takes: &dyn Fn(usize) -> bool, add: &dyn Fn(&mut Component)| {
        let pool = (0..problem.pools.len()).find(|pool| takes(*pool));
        let at = pool.and_then(|pool| component_of.get(pool));
        if let Some(component) = at.and_then(|at| found.get_mut(*at)) {
            add(component);
        }
    };
    for (at, group) in problem.groups.iter().enumerate() {
        let takes = |pool| group.slots.iter().any(|slot| has(&slot.takes, pool));
        of(&takes, &|component| component.groups.push(at));
    }
    for (at, once) in problem.onces.iter().enumerate() {
        of(&|pool| has(&once.takes, pool), &|component| component.onces.push(at));
    }
    for single in problem.singles.iter().filter(|single| single.left < u32::MAX) {
        let takes = |pool: usize| single.saving.get(pool).is_some_and(|saving| *saving > 0);
        of(&takes, &|component| component.is_limited = true);
    }
    found
}

fn find(leader: &[usize], mut pool: usize) -> usize {
    while let Some(next) = leader.get(pool).copied().filter(|next| *next != pool) {
        pool = next;
    }
    pool
}

struct Search<'p> {
    problem: &'p Problem,
    component: Component,
    /// Of each pool of the problem, the units not yet decided about.
    remaining: Vec<u32>,
    /// Of each pool, the units decided to earn nothing by themselves: what [`Once`] takes from.
    left_over: Vec<u32>,
    singles_left: Vec<u32>,
    groups_left: Vec<u32>,
    /// Of each pool, the singles that take something off, the most first.
    offers: Vec<Vec<usize>>,
    /// Of each pool, the most that one unit can save in any offer.
    most: Vec<Fine>,
    current: Vec<Use>,
    best: Combination,
    steps: u32,
    is_cut: bool,
}

impl<'p> Search<'p> {
    fn new(problem: &'p Problem, component: Component) -> Self {
        let pools = problem.pools.len();
        let mut offers = vec![Vec::new(); pools];
        let mut most = vec![0; pools];
        for pool in &component.pools {
            let mut here: Vec<(Fine, usize)> = problem
                .singles
                .iter()
                .enumerate()
                .filter_map(|(at, single)| {
                    single.saving.get(*pool).filter(|saving| **saving > 0).map(|saving| (*saving, at))
                })
                .collect();
            here.sort_by_key(|(saving, at)| (std::cmp::Reverse(*saving), *at));
            let value = problem.pools.get(*pool).map_or(0, |units| units.value);
            let of_groups = component
                .groups
                .iter()
                .filter_map(|at| problem.groups.get(*at))
                .map(|group| most_of_a_unit(group, *pool, value));
            let of_singles = here.first().map_or(0, |(saving, _)| *saving);
            if let Some(most) = most.get_mut(*pool) {
                *most = of_groups.max().unwrap_or(0).max(of_singles);
            }
            if let Some(offers) = offers.get_mut(*pool) {
                *offers = here.into_iter().map(|(_, at)| at).collect();
            }
        }
        Self {
            remaining: problem.pools.iter().map(|units| units.count).collect(),
            left_over: vec![0; pools],
            singles_left: problem.singles.iter().map(|single| single.left).collect(),
            groups_left: problem.groups.iter().map(|group| group.left).collect(),
            offers,
            most,
            current: Vec::new(),
            best: Combination::default(),
            steps: MAX_STEPS,
            is_cut: false,
            problem,
            component,
        }
    }

    fn value(&self, pool: usize) -> Fine {
        self.problem.pools.get(pool).map_or(0, |units| units.value)
    }

    fn remaining(&self, pool: usize) -> u32 {
        self.remaining.get(pool).copied().unwrap_or_default()
    }

    fn single_saving(&self, single: usize, pool: usize) -> Fine {
        self.problem
            .singles
            .get(single)
            .and_then(|single| single.saving.get(pool))
            .copied()
            .unwrap_or_default()
    }

    /// The most that one unit saves by itself.
    fn best_single(&self, pool: usize) -> Fine {
        let best = self.offers.get(pool).and_then(|offers| offers.first());
        best.map_or(0, |single| self.single_saving(*single, pool))
    }

    /// More than nothing can save from the component's pool at this place on. No closer than it takes to be at most
    /// `enough`: the closer bound costs a look at every offer.
    fn upper_bound(&self, at: usize, enough: Fine) -> Fine {
        let open = self.component.pools.get(at..).unwrap_or_default();
        let (mut by_unit, mut by_offer) = (0, 0);
        for pool in open {
            let units = Fine::from(self.remaining(*pool));
            by_unit += units * self.most.get(*pool).copied().unwrap_or_default();
            by_offer += units * self.best_single(*pool);
        }
        let once: Fine = self
            .component
            .onces
            .iter()
            .filter_map(|once| self.problem.onces.get(*once))
            .map(|once| once.amount)
            .sum();
        if by_unit + once <= enough {
            return by_unit + once;
        }
        for group in &self.component.groups {
            by_offer += self.alone(*group, open);
            if by_offer >= by_unit {
                break;
            }
        }
        by_unit.min(by_offer) + once
    }

    /// The most that a group's promotion saves if no other one took its units: its dearest units together.
    fn alone(&self, at: usize, open: &[usize]) -> Fine {
        let Some(group) = self.problem.groups.get(at) else { return 0 };
        let left = self.groups_left.get(at).copied().unwrap_or_default();
        let values = |slot: &Slot| -> Vec<Fine> {
            let mut values = Vec::new();
            for pool in open.iter().filter(|pool| takes(slot, **pool)) {
                let most = (left as usize).saturating_mul(slot.count as usize).saturating_sub(values.len());
                let units = (self.remaining(*pool) as usize).min(most);
                values.extend(std::iter::repeat_n(self.value(*pool), units));
            }
            values
        };
        let chunks = |values: &[Fine], size: u32| -> Vec<Vec<Fine>> {
            values.chunks_exact((size as usize).max(1)).map(<[Fine]>::to_vec).collect()
        };
        match group.reward {
            Reward::Whole(effect) => {
                let slots: Vec<Vec<Vec<Fine>>> =
                    group.slots.iter().map(|slot| chunks(&values(slot), slot.count)).collect();
                let times = slots.iter().map(Vec::len).min().unwrap_or(0);
                (0..times)
                    .map(|time| slots.iter().filter_map(|slot| slot.get(time)).flatten().sum())
                    .map(|value: Fine| match effect {
                        // Other groups may use an amount up where the dearest units together do not.
                        Effect::Amount(_) => off(effect, Fine::MAX, 1),
                        _ => off(effect, value, 1),
                    })
                    .sum()
            }
            Reward::Cheapest(free) => group.slots.first().map_or(0, |slot| {
                let free = free as usize;
                chunks(&values(slot), slot.count)
                    .iter()
                    .map(|chunk| chunk.iter().rev().take(free).sum::<Fine>())
                    .sum()
            }),
            Reward::Second { effect, any_value } => {
                let [buy, get] = group.slots.as_slice() else { return 0 };
                let got: Vec<Vec<Fine>> = if !any_value && buy.takes == get.takes {
                    let both = Slot { count: buy.count + get.count, takes: buy.takes.clone() };
                    chunks(&values(&both), both.count)
                        .into_iter()
                        .map(|chunk| chunk.into_iter().rev().take(get.count as usize).collect())
                        .collect()
                } else {
                    let times = chunks(&values(buy), buy.count).len();
                    chunks(&values(get), get.count).into_iter().take(times).collect()
                };
                got.iter().flatten().map(|value| off(effect, *value, 1)).sum()
            }
        }
    }

    fn keep_if_best(&mut self, value: Fine) {
        if value > self.best.value {
            self.best = Combination { value, uses: self.current.clone() };
        }
    }

    /// Decides about the first undecided pool of the component from this place on, every way.
    fn node(&mut self, at: usize, value: Fine) {
        // Its upper bound looks at every offer.
        let cost = u32::try_from(self.component.groups.len()).unwrap_or(u32::MAX).saturating_add(1);
        if self.steps < cost {
            self.steps = 0;
            self.is_cut = true;
            return;
        }
        self.steps -= cost;
        let open = self.component.pools.get(at..).unwrap_or_default();
        let Some(ahead) = open.iter().position(|pool| self.remaining(*pool) > 0) else {
            self.take_onces(0, value);
            return;
        };
        let at = at + ahead;
        if value + self.upper_bound(at, self.best.value - value) <= self.best.value {
            return;
        }
        let Some(pool) = self.component.pools.get(at).copied() else { return };
        for group in self.component.groups.clone() {
            let is_open = self.groups_left.get(group).is_some_and(|left| *left > 0);
            let Some(slots) = self.problem.groups.get(group).map(|group| &group.slots) else { continue };
            if is_open && slots.iter().any(|slot| takes(slot, pool)) {
                let need = slots.first().map_or(0, |slot| slot.count);
                self.fill(group, 0, at, at, need, &mut Vec::new(), value);
            }
        }
        let rest = self.remaining(pool);
        if let Some(remaining) = self.remaining.get_mut(pool) {
            *remaining = 0;
        }
        self.take_singles(at, pool, 0, rest, value);
        if let Some(remaining) = self.remaining.get_mut(pool) {
            *remaining = rest;
        }
    }

    /// Fills a slot of a group from the pool at `from` on; the pool at `at` must be in the group.
    #[expect(clippy::too_many_arguments, reason = "the state of one recursion, private to it")]
    fn fill(
        &mut self,
        group: usize,
        slot: usize,
        at: usize,
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
        let problem = self.problem;
        let Some(slots) = problem.groups.get(group).map(|group| group.slots.as_slice()) else { return };
        if need == 0 {
            if let Some(next) = slots.get(slot + 1) {
                self.fill(group, slot + 1, at, at, next.count, members, value);
                return;
            }
            let first = self.component.pools.get(at).copied();
            if !members.iter().any(|member| Some(member.pool) == first) {
                return;
            }
            let saving = problem.groups.get(group).map_or(0, |group| self.saving(group, members));
            if saving > 0 {
                self.current.push(Use::Group { promotion: group, members: members.clone() });
                change(&mut self.groups_left, group, -1);
                self.node(at, value + saving);
                change(&mut self.groups_left, group, 1);
                self.current.pop();
            }
            return;
        }
        let Some(pool) = self.component.pools.get(from).copied() else { return };
        let most =
            slots.get(slot).filter(|slot| takes(slot, pool)).map_or(0, |_| need.min(self.remaining(pool)));
        for count in (0..=most).rev() {
            if count > 0 {
                members.push(Member { slot, pool, count });
                change(&mut self.remaining, pool, -i64::from(count));
            }
            self.fill(group, slot, at, from + 1, need - count, members, value);
            if count > 0 {
                change(&mut self.remaining, pool, i64::from(count));
                members.pop();
            }
        }
    }

    /// What the rest of a pool's units earn by themselves, every way that could be better.
    fn take_singles(&mut self, at: usize, pool: usize, offer: usize, rest: u32, value: Fine) {
        let single = self.offers.get(pool).and_then(|offers| offers.get(offer)).copied();
        let (Some(single), true) = (single, rest > 0) else {
            change(&mut self.left_over, pool, i64::from(rest));
            self.node(at + 1, value);
            change(&mut self.left_over, pool, -i64::from(rest));
            return;
        };
        let left = self.singles_left.get(single).copied().unwrap_or_default();
        let most = rest.min(left);
        let is_limited = left < u32::MAX;
        let is_wanted_once = self
            .component
            .onces
            .iter()
            .filter_map(|once| self.problem.onces.get(*once))
            .any(|once| once.takes.get(pool).copied().unwrap_or_default());
        // An offer without a limit is taken whole or, for the sake of a promotion of all that is left, not at all.
        let counts: Vec<u32> =
            if is_limited || is_wanted_once { (0..=most).rev().collect() } else { vec![most] };
        for count in counts {
            if count > 0 {
                self.current.push(Use::Single { promotion: single, pool, count });
            }
            if is_limited {
                change(&mut self.singles_left, single, -i64::from(count));
            }
            let saving = self.single_saving(single, pool) * Fine::from(count);
            self.take_singles(at, pool, offer + 1, rest - count, value + saving);
            if is_limited {
                change(&mut self.singles_left, single, i64::from(count));
            }
            if count > 0 {
                self.current.pop();
            }
        }
    }

    /// Takes, or not, each amount off what is left over.
    fn take_onces(&mut self, at: usize, value: Fine) {
        let Some(once) = self.component.onces.get(at).copied() else {
            self.keep_if_best(value);
            return;
        };
        let members = self.left_over_of(once);
        let worth: Fine =
            members.iter().map(|member| self.value(member.pool) * Fine::from(member.count)).sum();
        let amount = self.problem.onces.get(once).map_or(0, |once| once.amount);
        let saving = amount.min(worth);
        if saving > 0 {
            for member in &members {
                change(&mut self.left_over, member.pool, -i64::from(member.count));
            }
            self.current.push(Use::Once { promotion: once, members: members.clone() });
            self.take_onces(at + 1, value + saving);
            self.current.pop();
            for member in &members {
                change(&mut self.left_over, member.pool, i64::from(member.count));
            }
        }
        self.take_onces(at + 1, value);
    }

    fn left_over_of(&self, once: usize) -> Vec<Member> {
        let Some(once) = self.problem.onces.get(once) else { return Vec::new() };
        let mut members = Vec::new();
        for pool in &self.component.pools {
            let count = self.left_over.get(*pool).copied().unwrap_or_default();
            if count > 0 && once.takes.get(*pool).copied().unwrap_or_default() {
                members.push(Member { slot: 0, pool: *pool, count });
            }
        }
        members
    }

    /// What a group of these members saves; nothing where it is none.
    fn saving(&self, group: &Group, members: &[Member]) -> Fine {
        let worth = |member: &Member| self.value(member.pool) * Fine::from(member.count);
        match group.reward {
            Reward::Whole(effect) => off(effect, members.iter().map(worth).sum(), 1),
            Reward::Cheapest(free) => {
                let mut units: Vec<(Fine, u32)> =
                    members.iter().map(|member| (self.value(member.pool), member.count)).collect();
                units.sort_unstable();
                let mut left = free;
                let mut saving = 0;
                for (value, count) in units {
                    let taken = count.min(left);
                    saving += value * Fine::from(taken);
                    left -= taken;
                }
                saving
            }
            Reward::Second { effect, any_value } => {
                let of_slot = |slot: usize| members.iter().filter(move |member| member.slot == slot);
                let cheapest_bought = of_slot(0).map(|member| self.value(member.pool)).min().unwrap_or(0);
                let dearest_got = of_slot(1).map(|member| self.value(member.pool)).max().unwrap_or(0);
                if !any_value && dearest_got > cheapest_bought {
                    return 0;
                }
                of_slot(1)
                    .map(|member| off(effect, self.value(member.pool), 1) * Fine::from(member.count))
                    .sum()
            }
        }
    }

    /// Good combinations without a search: each promotion of groups first once, its best groups until they save no
    /// more than their units would by themselves; then the rest; with and without leaving units for amounts off all.
    fn greedy(&mut self) {
        // The most promising first; what saves nothing even alone is left out for good.
        let mut promising: Vec<(Fine, usize)> = self
            .component
            .groups
            .iter()
            .map(|group| (self.alone(*group, &self.component.pools), *group))
            .collect();
        promising.retain(|(saving, _)| *saving > 0);
        promising.sort_by_key(|(saving, group)| (std::cmp::Reverse(*saving), *group));
        let groups: Vec<usize> = promising.into_iter().map(|(_, group)| group).collect();
        self.component.groups.clone_from(&groups);
        let rounds =
            GREEDY_LOOKS.checked_div(groups.len()).map_or(0, |rounds| rounds.max(1).min(groups.len()));
        for first in (0..rounds).chain([groups.len()]) {
            for is_saved_for_onces in [false, true] {
                if is_saved_for_onces && self.component.onces.is_empty() {
                    continue;
                }
                let start = (self.remaining.clone(), self.singles_left.clone(), self.groups_left.clone());
                let mut value = 0;
                // The last round takes no groups at all.
                let order = if first < groups.len() { groups.len() } else { 0 };
                for turn in 0..order {
                    let Some(group) = groups.get((first + turn) % groups.len()).copied() else { continue };
                    value += self.take_groups(group);
                }
                value += self.take_rest(is_saved_for_onces);
                for once in self.component.onces.clone() {
                    value += self.take_once(once);
                }
                self.keep_if_best(value);
                self.current.clear();
                self.left_over.iter_mut().for_each(|count| *count = 0);
                (self.remaining, self.singles_left, self.groups_left) = start;
            }
        }
    }

    fn take_groups(&mut self, at: usize) -> Fine {
        let Some(group) = self.problem.groups.get(at) else { return 0 };
        let mut value = 0;
        while self.groups_left.get(at).is_some_and(|left| *left > 0) {
            let Some(members) = self.dearest(group) else { break };
            let saving = self.saving(group, &members);
            let apart: Fine =
                members.iter().map(|member| self.best_single(member.pool) * Fine::from(member.count)).sum();
            if saving <= apart {
                break;
            }
            // As often as the same pools have enough: what is best once is best again.
            let mut needs = vec![0_u32; self.remaining.len()];
            for member in &members {
                change(&mut needs, member.pool, member.count.into());
            }
            let enough = members
                .iter()
                .map(|member| {
                    let need = needs.get(member.pool).copied().unwrap_or(1).max(1);
                    self.remaining(member.pool) / need
                })
                .min()
                .unwrap_or(1)
                .max(1);
            let times = enough.min(self.groups_left.get(at).copied().unwrap_or_default());
            for _ in 0..times {
                for member in &members {
                    change(&mut self.remaining, member.pool, -i64::from(member.count));
                }
                change(&mut self.groups_left, at, -1);
                self.current.push(Use::Group { promotion: at, members: members.clone() });
                value += saving;
            }
        }
        value
    }

    /// The dearest units that make the group; none where there are not enough.
    fn dearest(&self, group: &Group) -> Option<Vec<Member>> {
        if let (Reward::Second { any_value, .. }, [buy, get]) = (group.reward, group.slots.as_slice()) {
            return (0..self.component.pools.len())
                .filter(|from| self.component.pools.get(*from).is_some_and(|pool| takes(get, *pool)))
                .find_map(|from| self.bought_and_got(buy, get, any_value, from));
        }
        let mut remaining = self.remaining.clone();
        let mut members = Vec::new();
        for (slot, part) in group.slots.iter().enumerate() {
            let mut need = part.count;
            for pool in self.component.pools.iter().filter(|pool| takes(part, **pool)) {
                let count = remaining.get(*pool).copied().unwrap_or_default().min(need);
                if count > 0 {
                    members.push(Member { slot, pool: *pool, count });
                    change(&mut remaining, *pool, -i64::from(count));
                    need -= count;
                }
            }
            if need > 0 {
                return None;
            }
        }
        Some(members)
    }

    /// Gets the dearest units from the pool at `from` on, and buys the cheapest that are dear enough for them.
    fn bought_and_got(&self, buy: &Slot, get: &Slot, any_value: bool, from: usize) -> Option<Vec<Member>> {
        let mut remaining = self.remaining.clone();
        let mut members = Vec::new();
        let mut need = get.count;
        let mut dearest = 0;
        for pool in self.component.pools.get(from..)?.iter().filter(|pool| takes(get, **pool)) {
            let count = remaining.get(*pool).copied().unwrap_or_default().min(need);
            if count > 0 {
                dearest = dearest.max(self.value(*pool));
                members.push(Member { slot: 1, pool: *pool, count });
                change(&mut remaining, *pool, -i64::from(count));
                need -= count;
            }
        }
        if need > 0 {
            return None;
        }
        let mut need = buy.count;
        for pool in self.component.pools.iter().rev().filter(|pool| takes(buy, **pool)) {
            if !any_value && self.value(*pool) < dearest {
                continue;
            }
            let count = remaining.get(*pool).copied().unwrap_or_default().min(need);
            if count > 0 {
                members.push(Member { slot: 0, pool: *pool, count });
                change(&mut remaining, *pool, -i64::from(count));
                need -= count;
            }
        }
        (need == 0).then_some(members)
    }

    fn take_rest(&mut self, is_saved_for_onces: bool) -> Fine {
        let mut value = 0;
        for pool in self.component.pools.clone() {
            let mut rest = self.remaining(pool);
            let is_wanted = is_saved_for_onces
                && self
                    .component
                    .onces
                    .iter()
                    .filter_map(|once| self.problem.onces.get(*once))
                    .any(|once| once.takes.get(pool).copied().unwrap_or_default());
            let offers =
                if is_wanted { Vec::new() } else { self.offers.get(pool).cloned().unwrap_or_default() };
            for single in offers {
                let left = self.singles_left.get(single).copied().unwrap_or_default();
                let count = rest.min(left);
                if count > 0 {
                    if left < u32::MAX {
                        change(&mut self.singles_left, single, -i64::from(count));
                    }
                    self.current.push(Use::Single { promotion: single, pool, count });
                    value += self.single_saving(single, pool) * Fine::from(count);
                    rest -= count;
                }
            }
            change(&mut self.left_over, pool, i64::from(rest));
            if let Some(remaining) = self.remaining.get_mut(pool) {
                *remaining = 0;
            }
        }
        value
    }

    fn take_once(&mut self, once: usize) -> Fine {
        let members = self.left_over_of(once);
        let worth: Fine =
            members.iter().map(|member| self.value(member.pool) * Fine::from(member.count)).sum();
        let saving = self.problem.onces.get(once).map_or(0, |once| once.amount).min(worth);
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

fn takes(slot: &Slot, pool: usize) -> bool {
    slot.takes.get(pool).copied().unwrap_or_default()
}

/// Changes a count that stays within its bounds.
fn change(counts: &mut [u32], at: usize, by: i64) {
    if let Some(count) = counts.get_mut(at) {
        *count = u32::try_from(i64::from(*count) + by).unwrap_or(*count);
    }
}

/// More than a unit of this value in the pool can contribute to what a group saves.
fn most_of_a_unit(group: &Group, pool: usize, value: Fine) -> Fine {
    if !group.slots.iter().any(|slot| takes(slot, pool)) {
        return 0;
    }
    let size: Fine = group.slots.iter().map(|slot| Fine::from(slot.count)).sum::<Fine>().max(1);
    match group.reward {
        Reward::Whole(Effect::Percent(percent)) => part(percent, value) + 1,
        Reward::Whole(Effect::Amount(_)) => off_per_unit(group.reward, size) + 1,
        Reward::Whole(Effect::Price(_)) => (value - off_per_unit(group.reward, size)).max(0),
        Reward::Cheapest(free) => value * Fine::from(free) / size + 1,
        Reward::Second { effect, .. } => {
            if group.slots.get(1).is_some_and(|get| takes(get, pool)) {
                off(effect, value, 1)
            } else {
                0
            }
        }
    }
}

/// A group's amount or price, spread over its units.
fn off_per_unit(reward: Reward, size: Fine) -> Fine {
    match reward {
        Reward::Whole(Effect::Amount(amount) | Effect::Price(amount)) => {
            amount.units(6).unwrap_or_default().saturating_mul(1_000) / size
        }
        _ => 0,
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
                let saving = single.saving[self.units[unit]];
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
                        .all(|unit| set & (1 << unit) == 0 || this.takes[self.units[unit]]);
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
                Reward::Whole(effect) => off(effect, values(slots.iter().sum()).iter().sum(), 1),
                Reward::Cheapest(free) => values(slots[0]).iter().take(free as usize).sum(),
                Reward::Second { effect, any_value } => {
                    let (bought, got) = (values(slots[0]), values(slots[1]));
                    if any_value || got.last() <= bought.first() {
                        got.iter().map(|value| off(effect, *value, 1)).sum()
                    } else {
                        0
                    }
                }
            }
        }

        fn onces(&self, unused: u32, done: u32) -> Fine {
            let mut best = 0;
            for (at, once) in self.problem.onces.iter().enumerate() {
                if done & (1 << at) != 0 {
                    continue;
                }
                let takes: u32 = (0..self.units.len())
                    .filter(|unit| unused & (1 << unit) != 0 && once.takes[self.units[*unit]])
                    .map(|unit| 1 << unit)
                    .sum();
                let worth: Fine = (0..self.units.len())
                    .filter(|unit| takes & (1 << unit) != 0)
                    .map(|unit| self.value(unit))
                    .sum();
                best = best.max(once.amount.min(worth) + self.onces(unused & !takes, done | (1 << at)));
            }
            best
        }
    }

    fn effects() -> impl Strategy<Value = Effect> {
        prop_oneof![
            (1_u32..=100).prop_map(|percent| Effect::Percent(percent.to_string().parse().unwrap())),
            (1_u32..=1_200).prop_map(|cents| Effect::Amount(
                format!("{}.{:02}", cents / 100, cents % 100).parse().unwrap()
            )),
            (0_u32..=2_500).prop_map(|cents| Effect::Price(
                format!("{}.{:02}", cents / 100, cents % 100).parse().unwrap()
            )),
        ]
    }

    fn pools_taken(pools: usize) -> impl Strategy<Value = Vec<bool>> {
        proptest::collection::vec(proptest::bool::weighted(0.7), pools)
    }

    fn limits() -> impl Strategy<Value = u32> {
        prop_oneof![Just(u32::MAX), 1_u32..3]
    }

    fn groups(pools: usize) -> impl Strategy<Value = Group> {
        let slot = move |count: std::ops::RangeInclusive<u32>| {
            (count, pools_taken(pools)).prop_map(|(count, takes)| Slot { count, takes })
        };
        prop_oneof![
            (limits(), slot(2..=3), 1_u32..3).prop_map(|(left, slot, free)| {
                let free = free.min(slot.count - 1);
                Group { left, slots: vec![slot], reward: Reward::Cheapest(free) }
            }),
            (limits(), slot(2..=3), effects()).prop_map(|(left, slot, effect)| Group {
                left,
                slots: vec![slot],
                reward: Reward::Whole(effect)
            }),
            (limits(), slot(1..=2), slot(1..=1), effects()).prop_map(|(left, one, two, effect)| Group {
                left,
                slots: vec![one, two],
                reward: Reward::Whole(effect)
            }),
            (limits(), slot(1..=2), slot(1..=1), effects(), any::<bool>()).prop_map(
                |(left, buy, get, effect, any_value)| {
                    Group { left, slots: vec![buy, get], reward: Reward::Second { effect, any_value } }
                }
            ),
        ]
    }

    fn problems() -> impl Strategy<Value = Problem> {
        proptest::collection::vec((1_u32..3, 1_i32..1_500), 1..4).prop_flat_map(|mut pools| {
            pools.sort_by_key(|(_, cents)| -cents);
            let count = pools.len();
            let single = (limits(), pools_taken(count), effects());
            let once = (1_i32..2_000, pools_taken(count));
            (
                Just(pools),
                proptest::collection::vec(single, 0..3),
                proptest::collection::vec(groups(count), 0..3),
                proptest::collection::vec(once, 0..2),
            )
                .prop_map(|(pools, singles, groups, onces)| {
                    let pools: Vec<Units> = pools
                        .into_iter()
                        .map(|(count, cents)| Units { count, value: Fine::from(cents) * CENT })
                        .collect();
                    let singles = singles
                        .into_iter()
                        .map(|(left, takes, effect)| Single {
                            left,
                            saving: pools
                                .iter()
                                .zip(takes)
                                .map(|(pool, takes)| if takes { off(effect, pool.value, 1) } else { 0 })
                                .collect(),
                        })
                        .collect();
                    let onces = onces
                        .into_iter()
                        .map(|(cents, takes)| Once { amount: Fine::from(cents) * CENT, takes })
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
                let (key, members, count) = match each {
                    Use::Single { promotion, pool, count } => {
                        ((0, *promotion), vec![Member { slot: 0, pool: *pool, count: *count }], *count)
                    }
                    Use::Group { promotion, members } => ((1, *promotion), members.clone(), 1),
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
        let effect = Effect::Amount("7.83".parse().unwrap());
        let problem = Problem {
            pools: vec![units(2, 1_190), units(1, 419), units(1, 363)],
            groups: vec![Group {
                left: u32::MAX,
                slots: vec![Slot { count: 2, takes: vec![true; 3] }],
                reward: Reward::Whole(effect),
            }],
            ..Problem::default()
        };
        let (found, is_best) = best(&problem, &mut MAX_STEPS.clone());
        assert_eq!((found.value, is_best), (1_566 * CENT, true));
    }

    #[test]
    fn a_search_that_is_cut_short_is_still_good_and_says_so() {
        let pools = (0..30_i128).map(|at| Units { count: 1, value: (3_000 - 37 * at) * CENT }).collect();
        let slot = |count, from: usize| Slot { count, takes: (0..30).map(|pool| pool >= from).collect() };
        let groups = (0..4)
            .map(|at| Group {
                left: u32::MAX,
                slots: vec![slot(3 + at, at as usize * 3)],
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
}
