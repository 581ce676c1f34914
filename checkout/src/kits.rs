//! Kits: what stock their parts lose.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared_model::ids::{SaleLineId, VariantId};
use shared_model::selling::SoldLine;
use shared_model::{MoneyError, Quantity, Rounding, divide};

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

pub(crate) fn parts_taken(lines: &[SoldLine], catalogue: &Catalogue) -> Result<Vec<PartTaken>, Refusal> {
    let mut taken = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if catalogue.kits.contains_key(&line.variant_id) {
            let mut leaves = BTreeMap::new();
            collect(&catalogue.kits, line.variant_id, line.quantity, 0, &mut leaves)
                .map_err(|reason| Refusal::line(at, "variant_id", reason))?;
            taken.extend(leaves.into_iter().map(|(variant_id, quantity)| PartTaken {
                line_id: line.id,
                variant_id,
                quantity,
            }));
        }
    }
    Ok(taken)
}

fn collect(
    kits: &BTreeMap<VariantId, Vec<KitPart>>,
    variant: VariantId,
    quantity: Quantity,
    depth: usize,
    leaves: &mut BTreeMap<VariantId, Quantity>,
) -> Result<(), RefusalReason> {
    let Some(parts) = kits.get(&variant) else {
        let sum = leaves.entry(variant).or_default();
        *sum = sum.plus(quantity)?;
        return Ok(());
    };
    if depth >= MAX_DEPTH {
        return Err(RefusalReason::CircularKit);
    }
    for part in parts {
        let product =
            part.quantity.units(3)?.checked_mul(quantity.units(3)?).ok_or(MoneyError::OutOfBounds)?;
        let quantity = Quantity::from_units(divide(product, 1_000, Rounding::HalfUp)?, 3)?.normalized();
        collect(kits, part.variant_id, quantity, depth + 1, leaves)?;
    }
    Ok(())
}
