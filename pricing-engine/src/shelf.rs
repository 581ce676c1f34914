//! What the lines of a cart hold, the other way round: which lines are of a variant, a product or a department.

use std::collections::BTreeSet;

use shared_model::ids::{DepartmentId, ProductId, VariantId};
use uuid::Uuid;

use crate::promotion::Selection;
use crate::promotions::Line;

/// A selection is looked up here in the shorter of two ways: each id that it names, or each that a line has. Most of what
/// is named lies in no cart, and is told so by a small filter before anything is searched.
pub(crate) struct Shelf<'a> {
    lines: Vec<(u32, &'a Line<'a>)>,
    variants: Ids<VariantId>,
    products: Ids<ProductId>,
    departments: Ids<DepartmentId>,
}

impl<'a> Shelf<'a> {
    /// The lines with their places, in order.
    pub(crate) fn new(lines: impl Iterator<Item = (usize, &'a Line<'a>)>) -> Self {
        let lines: Vec<(u32, &Line<'_>)> =
            lines.filter_map(|(at, line)| Some((u32::try_from(at).ok()?, line))).collect();
        let mut departments = Vec::with_capacity(lines.len() * 2);
        for (at, line) in &lines {
            departments.extend(line.goods.departments.iter().map(|department| (*department, *at)));
        }
        Self {
            variants: Ids::new(lines.iter().map(|(at, line)| (line.goods.variant_id, *at)).collect()),
            products: Ids::new(lines.iter().map(|(at, line)| (line.goods.product_id, *at)).collect()),
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
struct Ids<T> {
    all: Vec<(T, u32)>,
    filter: [u64; 16],
}

impl<T: Copy + Ord + Into<Uuid>> Ids<T> {
    fn new(mut all: Vec<(T, u32)>) -> Self {
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

    fn find(&self, named: &BTreeSet<T>, found: &mut Vec<u32>) {
        if named.len() > self.all.len() {
            found.extend(self.all.iter().filter(|(id, _)| named.contains(id)).map(|(_, line)| *line));
            return;
        }
        for id in named {
            let (word, bit) = place(*id);
            if self.filter.get(word).is_none_or(|word| word & bit == 0) {
                continue;
            }
            let first = self.all.partition_point(|(other, _)| other < id);
            let here = self.all.get(first..).unwrap_or_default();
            found.extend(here.iter().take_while(|(other, _)| other == id).map(|(_, line)| *line));
        }
    }
}

/// Where the filter says whether an id may be there.
fn place<T: Into<Uuid>>(id: T) -> (usize, u64) {
    let (high, low) = id.into().as_u64_pair();
    // Ids of one moment differ in few bits: the multiplication spreads them to the upper ones, which are taken.
    let mixed = (high ^ low.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    (usize::try_from(mixed / 64).unwrap_or_default(), 1 << (mixed % 64))
}
