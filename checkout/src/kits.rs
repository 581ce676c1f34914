//! Kits: what stock their parts lose.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared_model::ids::{SaleLineId, VariantId};
use shared_model::selling::SoldLine;
use shared_model::{MoneyError, Quantity, Rounding, divide};

use crate::MAX_LINES;
use crate::catalogue::{Catalogue, KitPart};
use crate::refusal::{Refusal, RefusalReason};

/// How deep kits are made of kits.
const MAX_DEPTH: usize = 8;

/// What a line takes of the stock of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartTaken {
    /// The kit's line.
    pub line_id: SaleLineId,
    /// The part.
    pub variant_id: VariantId,
    /// How much of it; negative where the kit comes back.
    pub quantity: Quantity,
}

/// What the kits among the lines take, at most [`MAX_LINES`] parts in all.
pub(crate) fn parts_taken(lines: &[SoldLine], catalogue: &Catalogue) -> Result<Vec<PartTaken>, Refusal> {
    let mut taken = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if catalogue.kits.contains_key(&line.variant_id) {
            let here = |reason| Refusal::line(at, "variant_id", reason);
            let leaves = leaves(&catalogue.kits, line.variant_id, line.quantity).map_err(here)?;
            if taken.len() + leaves.len() > MAX_LINES {
                return Err(here(RefusalReason::TooMany { most: MAX_LINES }));
            }
            taken.extend(leaves.into_iter().map(|(variant_id, quantity)| PartTaken {
                line_id: line.id,
                variant_id,
                quantity,
            }));
        }
    }
    Ok(taken)
}

/// What so many of a kit are made of in the end. Level by level, so that a part that many kits have is looked at once a
/// level and not once a way.
fn leaves(
    kits: &BTreeMap<VariantId, Vec<KitPart>>,
    kit: VariantId,
    quantity: Quantity,
) -> Result<BTreeMap<VariantId, Quantity>, RefusalReason> {
    let mut leaves = BTreeMap::new();
    let mut level = BTreeMap::from([(kit, quantity)]);
    for _ in 0..=MAX_DEPTH {
        let mut below = BTreeMap::new();
        for (variant, quantity) in level {
            let Some(parts) = kits.get(&variant) else {
                add(&mut leaves, variant, quantity)?;
                continue;
            };
            for part in parts {
                let product =
                    part.quantity.units(3)?.checked_mul(quantity.units(3)?).ok_or(MoneyError::OutOfBounds)?;
                let quantity = Quantity::from_units(divide(product, 1_000, Rounding::HalfUp)?, 3)?;
                add(&mut below, part.variant_id, quantity)?;
            }
        }
        if below.len() + leaves.len() > MAX_LINES {
            return Err(RefusalReason::TooMany { most: MAX_LINES });
        }
        level = below;
    }
    if !level.is_empty() {
        return Err(RefusalReason::CircularKit);
    }
    // Less than a thousandth of a part is nothing that moves.
    leaves.retain(|_, quantity| !quantity.is_zero());
    Ok(leaves)
}

fn add(
    sums: &mut BTreeMap<VariantId, Quantity>,
    variant: VariantId,
    quantity: Quantity,
) -> Result<(), MoneyError> {
    let sum = sums.entry(variant).or_default();
    *sum = sum.plus(quantity)?.normalized();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(level: u128, nth: u128) -> VariantId {
        VariantId::new(uuid::Uuid::from_u128(level * 1_000 + nth))
    }

    #[test]
    fn a_wide_and_deep_kit_is_folded_by_level() {
        let part = |level, nth| KitPart { variant_id: variant(level, nth), quantity: "2".parse().unwrap() };
        let mut kits = BTreeMap::new();
        for level in 0..7 {
            for nth in 0..20 {
                kits.insert(variant(level, nth), (0..20).map(|below| part(level + 1, below)).collect());
            }
        }
        // 20^7 ways down; more of each than a quantity can be.
        assert_eq!(
            leaves(&kits, variant(0, 0), Quantity::ONE),
            Err(RefusalReason::Number(MoneyError::OutOfBounds))
        );
        let thousandth = "0.001".parse().unwrap();
        let found = leaves(&kits, variant(0, 0), thousandth).unwrap();
        assert_eq!(found.len(), 20);
        // 0.001 × 2^7 × 20^6.
        assert_eq!(found.get(&variant(7, 3)), Some(&"8192000".parse().unwrap()));
    }

    #[test]
    fn a_kit_in_itself_is_told() {
        let part = |nth| KitPart { variant_id: variant(0, nth), quantity: Quantity::ONE };
        let kits = BTreeMap::from([(variant(0, 1), vec![part(2)]), (variant(0, 2), vec![part(1), part(3)])]);
        assert_eq!(leaves(&kits, variant(0, 1), Quantity::ONE), Err(RefusalReason::CircularKit));
    }

    #[test]
    fn a_kit_of_hardly_anything_moves_nothing() {
        let part = KitPart { variant_id: variant(0, 2), quantity: "0.001".parse().unwrap() };
        let kits = BTreeMap::from([(variant(0, 1), vec![part])]);
        assert!(leaves(&kits, variant(0, 1), "0.1".parse().unwrap()).unwrap().is_empty());
    }
}
