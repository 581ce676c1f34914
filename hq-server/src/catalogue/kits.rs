//! What kits are made of: written with the variant, and never such that a kit is part of itself.

use std::collections::{BTreeMap, BTreeSet};

use server_kit::{Context, Problem, Tx};
use uuid::Uuid;

use super::products::{MOST_PARTS, Product};
use crate::locks;

/// How deep kits may be made of kits.
const DEEPEST: usize = 5;
/// How many things one kit may come to, the parts of its parts counted each time.
const MOST_THINGS: u64 = 1_000;

/// Writes what the variants of a product (whose ids are given in the same order) are made of.
pub(super) async fn write_parts(
    tx: &mut Tx,
    cx: &Context,
    variants: &[Uuid],
    product: &Product,
) -> Result<(), Problem> {
    let is_kit = product.variants.iter().any(|variant| !variant.parts.is_empty());
    if is_kit {
        locks::kits(tx).await?;
    }
    let (mut ids, mut kits, mut parts, mut quantities) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (variant, id) in product.variants.iter().zip(variants) {
        for part in &variant.parts {
            ids.push(cx.new_id());
            kits.push(*id);
            parts.push(Uuid::from(part.variant_id));
            quantities.push(part.quantity.decimal());
        }
    }
    sqlx::query!(
        "delete from kit_part k
         where k.kit_id = any($1)
           and not exists (select from unnest($2::uuid[], $3::uuid[]) as given (kit_id, part_id)
                           where given.kit_id = k.kit_id and given.part_id = k.part_id)",
        variants,
        &kits,
        &parts,
    )
    .execute(&mut **tx)
    .await?;
    if !is_kit {
        return Ok(());
    }
    refuse_unknown(tx, &parts, product).await?;
    sqlx::query!(
        "insert into kit_part as k (id, kit_id, part_id, quantity)
         select given.id, given.kit_id, given.part_id, given.quantity
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::numeric[]) as given (id, kit_id, part_id, quantity)
         where given.kit_id <> given.part_id
         on conflict (company_id, kit_id, part_id) do update set quantity = excluded.quantity
         where k.quantity <> excluded.quantity",
        &ids,
        &kits,
        &parts,
        &quantities,
    )
    .execute(&mut **tx)
    .await?;
    let known = related(tx, &kits).await?;
    for (place, (variant, id)) in product.variants.iter().zip(variants).enumerate() {
        let is_own_part = variant.parts.iter().any(|part| Uuid::from(part.variant_id) == *id);
        let mistake = if is_own_part { Err(Mistake::Circular) } else { examine(&known, *id).map(|_| ()) };
        mistake.map_err(|mistake| mistake.problem(place))?;
    }
    // What these are parts of may have become too much by it.
    let here: BTreeSet<&Uuid> = variants.iter().collect();
    for kit in known.keys().filter(|kit| !here.contains(kit)) {
        let place = product.variants.iter().position(|variant| !variant.parts.is_empty()).unwrap_or_default();
        examine(&known, *kit).map_err(|mistake| mistake.problem(place))?;
    }
    Ok(())
}

/// Refuses parts that are no variants, or are no longer sold.
async fn refuse_unknown(tx: &mut Tx, parts: &[Uuid], product: &Product) -> Result<(), Problem> {
    let missing: BTreeSet<Uuid> = sqlx::query_scalar!(
        r#"select given.id as "id!" from unnest($1::uuid[]) as given (id)
           where not exists (select from variant v where v.id = given.id and v.archived_at is null)"#,
        parts
    )
    .fetch_all(&mut **tx)
    .await?
    .into_iter()
    .collect();
    let mut problem = None;
    for (place, variant) in product.variants.iter().enumerate() {
        for (number, part) in variant.parts.iter().enumerate() {
            if missing.contains(&Uuid::from(part.variant_id)) {
                problem = Some(problem.unwrap_or_else(|| Problem::invalid_fields(Vec::new())).field(
                    format!("/variants/{place}/parts/{number}/variant_id"),
                    "unknown",
                    "There is no such variant, or it is no longer sold.",
                ));
            }
        }
    }
    problem.map_or(Ok(()), Err)
}

type Parts = BTreeMap<Uuid, Vec<Uuid>>;

/// The kits that these are part of, at any depth, and all that those are made of.
async fn related(tx: &mut Tx, kits: &[Uuid]) -> Result<Parts, sqlx::Error> {
    let rows = sqlx::query!(
        "with recursive up (kit_id) as (
             select unnest($1::uuid[])
             union select k.kit_id from kit_part k join up on k.part_id = up.kit_id
         ), down (kit_id) as (
             select kit_id from up
             union select k.part_id from kit_part k join down on k.kit_id = down.kit_id
         )
         select k.kit_id, k.part_id from kit_part k join down on k.kit_id = down.kit_id order by k.kit_id, k.part_id",
        kits
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut parts = Parts::new();
    for row in rows {
        parts.entry(row.kit_id).or_default().push(row.part_id);
    }
    Ok(parts)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    Circular,
    TooDeep,
    TooMuch,
}

impl Mistake {
    fn problem(self, place: usize) -> Problem {
        let (code, detail) = match self {
            Self::Circular => {
                ("cycle", "A kit cannot be part of itself, not by way of other kits either.".to_owned())
            }
            Self::TooDeep => ("too_deep", format!("Kits are made of kits {DEEPEST} deep at most.")),
            Self::TooMuch => (
                "too_many",
                format!("A kit comes to {MOST_THINGS} things at most, the parts of its parts counted."),
            ),
        };
        Problem::invalid(format!("/variants/{place}/parts"), code, detail)
    }
}

/// How many things a kit comes to, and how deep it is.
fn examine(parts: &Parts, kit: Uuid) -> Result<(u64, usize), Mistake> {
    fn walk(
        parts: &Parts,
        kit: Uuid,
        above: &mut Vec<Uuid>,
        known: &mut BTreeMap<Uuid, (u64, usize)>,
    ) -> Result<(u64, usize), Mistake> {
        let Some(made_of) = parts.get(&kit) else { return Ok((1, 0)) };
        if above.contains(&kit) {
            return Err(Mistake::Circular);
        }
        if let Some(found) = known.get(&kit) {
            return Ok(*found);
        }
        // A ring is found before this depth, or it is too deep anyhow.
        if above.len() > DEEPEST * 4 {
            return Err(Mistake::TooDeep);
        }
        above.push(kit);
        let (mut things, mut deep) = (0_u64, 0);
        for part in made_of {
            let (more, below) = walk(parts, *part, above, known)?;
            things = things.saturating_add(more);
            deep = deep.max(below + 1);
        }
        above.pop();
        if things > MOST_THINGS {
            return Err(Mistake::TooMuch);
        }
        known.insert(kit, (things, deep));
        Ok((things, deep))
    }
    let found = walk(parts, kit, &mut Vec::new(), &mut BTreeMap::new())?;
    if found.1 > DEEPEST { Err(Mistake::TooDeep) } else { Ok(found) }
}

/// Looks at what the variants of a product are made of, without the database.
pub(super) fn check(product: &Product, checks: &mut crate::master::Checks) {
    for (place, variant) in product.variants.iter().enumerate() {
        checks.ensure(
            variant.parts.len() <= MOST_PARTS,
            format!("/variants/{place}/parts"),
            "too_many",
            format!("A kit has {MOST_PARTS} parts at most."),
        );
        let mut seen = BTreeSet::new();
        for (number, part) in variant.parts.iter().enumerate().take(MOST_PARTS) {
            let pointer = format!("/variants/{place}/parts/{number}");
            checks.ensure(
                part.quantity.is_positive()
                    && part.quantity.decimal() < rust_decimal::Decimal::from(1_000_000),
                format!("{pointer}/quantity"),
                "out_of_range",
                "It is above zero and below 1000000.",
            );
            checks.ensure(
                seen.insert(part.variant_id),
                format!("{pointer}/variant_id"),
                "duplicate",
                "This part stands here twice: write its quantity once.",
            );
            checks.ensure(
                variant.id != Some(part.variant_id),
                format!("{pointer}/variant_id"),
                "cycle",
                "A kit cannot be part of itself.",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn parts(rows: &[(u128, &[u128])]) -> Parts {
        rows.iter().map(|(kit, parts)| (id(*kit), parts.iter().copied().map(id).collect())).collect()
    }

    #[test]
    fn a_kit_of_kits_is_counted_whole() {
        let kits = parts(&[(1, &[2, 3]), (2, &[3, 4, 5])]);
        assert_eq!(examine(&kits, id(1)), Ok((4, 2)));
        assert_eq!(examine(&kits, id(9)), Ok((1, 0)));
    }

    #[test]
    fn a_ring_of_any_length_is_found() {
        assert_eq!(examine(&parts(&[(1, &[2]), (2, &[3]), (3, &[1])]), id(1)), Err(Mistake::Circular));
        assert_eq!(examine(&parts(&[(1, &[2]), (2, &[3]), (3, &[2])]), id(1)), Err(Mistake::Circular));
    }

    #[test]
    fn kits_that_multiply_or_go_too_deep_are_refused() {
        let tens: Vec<u128> = (100..110).collect();
        let wide = parts(&[(1, &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), (2, &tens)]);
        assert_eq!(examine(&wide, id(1)), Ok((19, 2)));
        let rows: Vec<(u128, Vec<u128>)> = (0..4).map(|layer| (layer, vec![layer + 1; 10])).collect();
        let rows: Vec<(u128, &[u128])> = rows.iter().map(|(kit, parts)| (*kit, parts.as_slice())).collect();
        assert_eq!(examine(&parts(&rows), id(0)), Err(Mistake::TooMuch));
        let rows: Vec<(u128, Vec<u128>)> = (0..6).map(|layer| (layer, vec![layer + 1])).collect();
        let rows: Vec<(u128, &[u128])> = rows.iter().map(|(kit, parts)| (*kit, parts.as_slice())).collect();
        assert_eq!(examine(&parts(&rows), id(0)), Err(Mistake::TooDeep));
        assert_eq!(examine(&parts(&rows), id(1)), Ok((1, 5)));
    }
}
