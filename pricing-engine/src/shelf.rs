//! What the lines of a cart hold, the other way round: which lines are of a variant, a product or a department.

use std::collections::BTreeSet;

use shared_model::ids::ProductId;
use uuid::Uuid;

use crate::promotion::Selection;
use crate::promotions::Line;

/// A selection is looked up here in the shorter of two ways: each id that it names, or each that a line has. Most of what
/// is named lies in no cart, and is told so by a small filter before anything is searched.
pub(crate) struct Shelf<'a> {
    lines: Vec<(u32, &'a Line<'a>)>,
    variants: Ids,
    products: Ids,
    departments: Ids,
}

impl<'a> Shelf<'a> {
    /// The lines with their places, in order.
    pub(crate) fn new(lines: impl Iterator<Item = (usize, &'a Line<'a>)>) -> Self {
        let lines: Vec<(u32, &Line<'_>)> =
            lines.filter_map(|(at, line)| Some((u32::try_from(at).ok()?, line))).collect();
        let departments = lines
            .iter()
            .flat_map(|(at, line)| line.goods.departments.iter().map(|department| (*department, *at)));
        Self {
            variants: Ids::new(lines.iter().map(|(at, line)| (line.goods.variant_id, *at))),
            products: Ids::new(lines.iter().map(|(at, line)| (line.goods.product_id, *at))),
            departments: Ids::new(departments),
            lines,
        }
    }

    /// Adds the places of the lines that the selection takes, in order.
    pub(crate) fn select(&self, selection: &Selection, found: &mut Vec<u32>) {
        let begin = found.len();
        if selection.everything {
            found.extend(self.lines.iter().map(|(at, _)| *at));
        } else {
            self.variants.find(&selection.variants, found);
            self.products.find(&selection.products, found);
            self.departments.find(&selection.departments, found);
        }
        let is_in_order = found.get(begin..).is_none_or(|found| found.is_sorted_by(|one, other| one < other));
        if is_in_order && (selection.except.is_empty() || found.len() == begin) {
            return;
        }
        let mut mended = found.split_off(begin);
        mended.sort_unstable();
        mended.dedup();
        if !selection.except.is_empty() {
            mended.retain(|line| !self.is_one_of(*line, &selection.except));
        }
        found.append(&mut mended);
    }

    fn is_one_of(&self, line: u32, products: &BTreeSet<ProductId>) -> bool {
        let place = self.lines.binary_search_by_key(&line, |(at, _)| *at);
        let line = place.ok().and_then(|place| self.lines.get(place));
        line.is_some_and(|(_, line)| products.contains(&line.goods.product_id))
    }
}

/// Ids with the lines that have them, in their order.
struct Ids {
    all: Vec<(u128, u32)>,
    filter: [u64; 16],
}

impl Ids {
    fn new<T: Into<Uuid>>(ids: impl Iterator<Item = (T, u32)>) -> Self {
        let mut all: Vec<(u128, u32)> = ids.map(|(id, line)| (id.into().as_u128(), line)).collect();
        all.sort_unstable();
        let mut filter = [0; 16];
        for (id, _) in &all {
            let (word, bit) = place(*id);
            if let Some(word) = filter.get_mut(word) {
                *word |= bit;
            }
        }
        Self { all, filter }
    }

    fn find<T: Copy + Ord + Into<Uuid> + From<Uuid>>(&self, named: &BTreeSet<T>, found: &mut Vec<u32>) {
        if named.len() > self.all.len() {
            let is_named = |id: u128| named.contains(&T::from(Uuid::from_u128(id)));
            found.extend(self.all.iter().filter(|(id, _)| is_named(*id)).map(|(_, line)| *line));
            return;
        }
        for id in named {
            let id = (*id).into().as_u128();
            let (word, bit) = place(id);
            if self.filter.get(word).is_none_or(|word| word & bit == 0) {
                continue;
            }
            let first = self.all.partition_point(|(other, _)| *other < id);
            let here = self.all.get(first..).unwrap_or_default();
            found.extend(here.iter().take_while(|(other, _)| *other == id).map(|(_, line)| *line));
        }
    }
}

/// Where the filter says whether an id may be there.
fn place(id: u128) -> (usize, u64) {
    // Ids of one moment differ in few bits: the multiplication spreads them to the upper ones, which are taken.
    let low = u64::try_from(id & u128::from(u64::MAX)).unwrap_or_default();
    let high = u64::try_from(id >> 64).unwrap_or_default();
    let mixed = (high ^ low.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    (usize::try_from(mixed / 64).unwrap_or_default(), 1 << (mixed % 64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared_model::ids::{DepartmentId, VariantId};
    use shared_model::{Amount, Quantity};

    use super::*;
    use crate::promotion::Goods;

    fn ids<T: From<Uuid> + Ord + std::fmt::Debug>(most: usize) -> impl Strategy<Value = BTreeSet<T>> {
        proptest::collection::btree_set(
            (0_u128..12).prop_map(|id| T::from(Uuid::from_u128(id << 60 | id))),
            0..most,
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_looked_up_is_what_a_selection_takes(
            goods in proptest::collection::vec((0_u128..12, 0_u128..12, ids::<DepartmentId>(4)), 0..9),
            everything in proptest::bool::weighted(0.1),
            variants in ids(12), products in ids(4), departments in ids(4), except in ids(4),
        ) {
            let id = |id: u128| Uuid::from_u128(id << 60 | id);
            let departments_of: Vec<Vec<DepartmentId>> =
                goods.iter().map(|(_, _, departments)| departments.iter().copied().collect()).collect();
            let lines: Vec<Line<'_>> = goods
                .iter()
                .zip(&departments_of)
                .map(|((variant, product, _), departments)| Line {
                    id: id(1).into(),
                    tax_group: "",
                    sku: "",
                    goods: Goods { variant_id: VariantId::new(id(*variant)), product_id: id(*product).into(), departments },
                    quantity: Quantity::ONE,
                    amount: Amount::ZERO,
                    regular_value: Amount::ZERO,
                    is_counted: true,
                    takes_promotions: true,
                })
                .collect();
            let selection = Selection { everything, variants, products, departments, except };
            let mut found = vec![99];
            Shelf::new(lines.iter().enumerate()).select(&selection, &mut found);
            let taken = (0_u32..).zip(&lines).filter(|(_, line)| selection.takes(&line.goods)).map(|(at, _)| at);
            prop_assert_eq!(found, std::iter::once(99).chain(taken).collect::<Vec<_>>());
        }
    }
}
