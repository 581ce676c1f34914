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
pub const MAX_STEPS: u32 = 5_000;
/// The most competing units that are searched exhaustively; more are combined greedily.
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
    Single { promotion: usize, pool: usize, count: u32 },
    Group { promotion: usize, members: Members },
    Once { promotion: usize, members: Members },
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
            (Reward::Whole(off), [slot]) => {
                let mut dearest = Dearest::new(self, slot, from);
                in_turn(times, || Some(off.of(dearest.next(slot.count, slot.count)?)))
            }
            (Reward::Whole(off), slots) => {
                let mut dearest: SmallVec<[(Dearest<'_>, u32); 3]> =
                    slots.iter().map(|slot| (Dearest::new(self, slot, from), slot.count)).collect();
                in_turn(times, || {
                    let mut value = 0_i64;
                    for (dearest, count) in &mut dearest {
                        value = value.saturating_add(dearest.next(*count, *count)?);
                    }
                    Some(off.of(value))
                })
            }
            (Reward::Cheapest(free), [slot]) => {
                let mut dearest = Dearest::new(self, slot, from);
                in_turn(times, || dearest.next(slot.count, free))
            }
            (Reward::Second { off, any_value: false }, [buy, get]) if buy.pools == get.pools => {
                let mut dearest = Dearest::new(self, buy, from);
                let count = buy.count.saturating_add(get.count);
                in_turn(times, || dearest.next_each(count, get.count, off))
            }
            (Reward::Second { off, .. }, [buy, get]) => {
                let mut bought = Dearest::new(self, buy, from);
                let mut got = Dearest::new(self, get, from);
                in_turn(times, || {
                    bought.next(buy.count, 0)?;
                    got.next_each(get.count, get.count, off)
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
            self.take_onces(0, value);
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
                self.current
                    .push(Use::Group { promotion: filling.group, members: SmallVec::from_slice(members) });
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

    /// What the rest of a pool's units earn by themselves, every way that could be better.
    fn take_singles(&mut self, place: usize, pool: usize, offer: usize, rest: u32, value: Fine) {
        let (Some((saving, single)), true) = (self.offers.nth(pool, offer), rest > 0) else {
            change(&mut self.left_over, pool, i64::from(rest));
            self.node(place + 1, value);
            change(&mut self.left_over, pool, -i64::from(rest));
            return;
        };
        let left = at(&self.singles_left, single);
        let most = rest.min(left);
        let is_limited = left < u32::MAX;
        // An offer without a limit is taken whole or, for the sake of a promotion of all that is left, not at all.
        let least = if is_limited || at(&self.is_wanted_once, pool) { 0 } else { most };
        for count in (least..=most).rev() {
            if count > 0 {
                self.current.push(Use::Single { promotion: single, pool, count });
            }
            if is_limited {
                change(&mut self.singles_left, single, -i64::from(count));
            }
            let saving = saving * Fine::from(count);
            self.take_singles(place, pool, offer + 1, rest - count, value + saving);
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
        let (members, saving) = self.left_over_of(once);
        if saving > 0 {
            for member in &members {
                change(&mut self.left_over, member.pool, -i64::from(member.count));
            }
            self.current.push(Use::Once { promotion: once, members: SmallVec::from_slice(&members) });
            self.take_onces(at + 1, value + saving);
            self.current.pop();
            for member in &members {
                change(&mut self.left_over, member.pool, i64::from(member.count));
            }
        }
        self.take_onces(at + 1, value);
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
        while at(&self.groups_left, at_group) > 0 && self.dearest(group, &mut members) {
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
            for _ in 0..times {
                for member in &members {
                    self.take(member.pool, member.count);
                }
                change(&mut self.groups_left, at_group, -1);
                self.current
                    .push(Use::Group { promotion: at_group, members: SmallVec::from_slice(&members) });
                value += saving;
            }
        }
        self.members = members;
        value
    }

    /// The dearest units that make the group; whether there are enough.
    fn dearest(&self, group: &Group, members: &mut Vec<Member>) -> bool {
        if let (Reward::Second { any_value, .. }, [buy, get]) = (group.reward, group.slots.as_slice()) {
            return (0..get.pools.len()).any(|from| self.bought_and_got(buy, get, any_value, from, members));
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
        for pool in buy.pools.iter().rev() {
            if need == 0 {
                break;
            }
            if !any_value && self.value(*pool) < dearest {
                continue;
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

/// The sum of what comes so many times, or until there is no more.
fn in_turn(times: u32, mut next: impl FnMut() -> Option<Fine>) -> Fine {
    let mut sum: Fine = 0;
    for _ in 0..times {
        let Some(saving) = next() else { break };
        sum = sum.saturating_add(saving);
    }
    sum
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

        fn onces(&self, unused: u32, done: u32) -> Fine {
            let mut best = 0;
            for (at, once) in self.problem.onces.iter().enumerate() {
                if done & (1 << at) != 0 {
                    continue;
                }
                let takes: u32 = (0..self.units.len())
                    .filter(|unit| unused & (1 << unit) != 0 && once.pools.contains(&self.units[*unit]))
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
                proptest::collection::vec(once, 0..2),
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
}
