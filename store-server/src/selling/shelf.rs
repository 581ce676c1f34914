//! What no cart changes, kept in memory while the store stays at one checkpoint: a sale asks the database for its numbers,
//! not for the taxes of the country and the names of the departments again.
//!
//! No sale is of two checkpoints. A checkpoint is known by its version: the transaction that applied it. Every sale reads the
//! version in the statement that locks its register, and is computed against what was read at that version and no other;
//! whatever is read later brings its own version with it, and where that is another one (HQ's changes were applied in
//! between) the sale begins again at it. The checkpoint's lock is held by then, so there is no third. Where nothing is read
//! later, as all goods are known, a sale that waited while HQ's changes were applied is of the checkpoint before them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use checkout::{Catalogue, Customer, Item, KitPart, Label};
use chrono::{DateTime, Utc};
use shared_model::ids::{CustomerId, VariantId};
use sqlx::PgConnection;

use super::load::{self, Good, Standing, Wanted};
use crate::this_store::{NotReady, ThisStore};

/// How many goods and codes are kept: what a large shop sells in a week. Beyond it the shelf is filled anew.
const MOST: usize = 20_000;

/// What is kept of the checkpoint that the store is at. One for a server; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(Arc<Mutex<Option<Arc<Checkpoint>>>>);

#[derive(Debug)]
struct Checkpoint {
    version: String,
    standing: Standing,
    goods: Mutex<KnownGoods>,
}

#[derive(Debug, Default)]
struct KnownGoods {
    goods: HashMap<VariantId, Arc<Good>>,
    codes: HashMap<String, VariantId>,
}

/// A line's way of calling its goods.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Called<'a> {
    Id(VariantId),
    Sku(&'a str),
    Barcode(&'a str),
}

/// A cart's part of the shelf.
#[derive(Debug)]
pub(crate) struct Picked {
    checkpoint: Arc<Checkpoint>,
    /// The goods and their rules, in the store's tax area.
    pub(crate) catalogue: Catalogue,
    /// Who buys, where HQ knows them.
    pub(crate) customer: Option<Customer>,
    /// Those whose stock may not go below zero.
    pub(crate) blocked: Vec<VariantId>,
    /// What the barcodes that are labels say.
    pub(crate) labels: BTreeMap<String, Label>,
    by_code: HashMap<String, VariantId>,
}

impl Shelf {
    /// Everything that a cart of these goods needs, for this customer and at this moment: all of it of one checkpoint, `version`
    /// or a later one. The checkpoint is held.
    pub(crate) async fn pick(
        &self,
        connection: &mut PgConnection,
        version: Option<String>,
        called: &[Called<'_>],
        customer: Option<CustomerId>,
        now: DateTime<Utc>,
    ) -> Result<Picked, NotReady> {
        let mut version = version.ok_or(NotReady::NoCheckpoint)?;
        loop {
            let checkpoint = self.at(connection, &version).await?;
            match checkpoint.pick(connection, called, customer, now).await? {
                Ok(picked) => return Ok(picked),
                Err(later) => version = later,
            }
        }
    }

    /// The store and these goods as they are sold, for who only shows them: without promotions. The transaction sees one
    /// checkpoint throughout.
    pub(crate) async fn shown(
        &self,
        connection: &mut PgConnection,
        variants: &[VariantId],
    ) -> Result<(ThisStore, Catalogue), NotReady> {
        let version = load::version(connection).await?.ok_or(NotReady::NoCheckpoint)?;
        let checkpoint = self.at(connection, &version).await?;
        let called: Vec<_> = variants.iter().map(|variant| Called::Id(*variant)).collect();
        let mut found = Found::default();
        checkpoint.find(connection, &called, &mut found).await?.map_err(|_| NotReady::NoCheckpoint)?;
        let catalogue = Catalogue { items: found.items, ..checkpoint.standing.catalogue.clone() };
        Ok((checkpoint.standing.store.clone(), catalogue))
    }

    /// What is kept of this checkpoint, read where it is not.
    async fn at(&self, connection: &mut PgConnection, version: &str) -> Result<Arc<Checkpoint>, NotReady> {
        if let Some(known) = self.known().as_ref()
            && known.version == version
        {
            return Ok(Arc::clone(known));
        }
        let (version, standing) = load::standing(connection).await?;
        let checkpoint = Arc::new(Checkpoint { version, standing, goods: Mutex::default() });
        *self.known() = Some(Arc::clone(&checkpoint));
        Ok(checkpoint)
    }

    fn known(&self) -> MutexGuard<'_, Option<Arc<Checkpoint>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checkpoint {
    /// `Err`: the store is at a later checkpoint by now.
    async fn pick(
        self: Arc<Self>,
        connection: &mut PgConnection,
        called: &[Called<'_>],
        customer: Option<CustomerId>,
        now: DateTime<Utc>,
    ) -> Result<Result<Picked, String>, NotReady> {
        let barcodes = called.iter().filter_map(|called| match called {
            Called::Barcode(code) => Some(*code),
            Called::Id(_) | Called::Sku(_) => None,
        });
        let labels = if self.standing.barcode_rules.is_empty() {
            BTreeMap::new()
        } else {
            checkout::labels(barcodes, self.standing.barcode_rules.iter().cloned())
        };
        let of_labels = labels.values().map(|label| Called::Barcode(&label.item));
        let called: Vec<Called<'_>> = called.iter().copied().chain(of_labels).collect();

        let mut found = Found::default();
        if let Err(later) = self.find(connection, &called, &mut found).await? {
            return Ok(Err(later));
        }
        let customer = match customer {
            None => None,
            Some(id) => {
                let (version, customer) = load::customer(connection, id).await?;
                if version != self.version {
                    return Ok(Err(version));
                }
                customer
            }
        };
        let at = self.standing.store.local(now);
        let is_on = |promotion: &&checkout::Promotion| {
            promotion.when.from <= at && promotion.when.until.is_some_and(|until| until > at)
        };
        let promotions = self.standing.promotions.iter().filter(is_on).cloned().collect();
        Ok(Ok(Picked {
            catalogue: Catalogue {
                items: found.items,
                kits: found.kits,
                promotions,
                ..self.standing.catalogue.clone()
            },
            customer,
            blocked: found.blocked.into_iter().collect(),
            labels,
            by_code: found.by_code,
            checkpoint: self,
        }))
    }

    /// Finds goods, reading those that are not known yet. `Err`: the store is at a later checkpoint by now.
    async fn find(
        &self,
        connection: &mut PgConnection,
        called: &[Called<'_>],
        found: &mut Found,
    ) -> sqlx::Result<Result<(), String>> {
        let missing = found.look_for(&self.goods(), called);
        if missing.is_empty() {
            return Ok(Ok(()));
        }
        let (version, loaded) = self.standing.goods(connection, &missing).await?;
        if version != self.version {
            return Ok(Err(version));
        }
        let mut known = self.goods();
        if known.goods.len() + known.codes.len() > MOST {
            *known = KnownGoods::default();
        }
        // The cart's own first, so that a shelf that was emptied in between takes nothing from it.
        let goods: Vec<Arc<Good>> = loaded.goods.into_iter().map(Arc::new).collect();
        found.take(&goods, &loaded.codes);
        known.goods.extend(goods.into_iter().map(|good| (good.item.variant_id, good)));
        known.codes.extend(loaded.codes);
        Ok(Ok(()))
    }

    fn goods(&self) -> MutexGuard<'_, KnownGoods> {
        self.goods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was found of a cart's goods so far.
#[derive(Default)]
struct Found {
    items: BTreeMap<VariantId, Item>,
    kits: BTreeMap<VariantId, Vec<KitPart>>,
    blocked: BTreeSet<VariantId>,
    by_code: HashMap<String, VariantId>,
}

impl Found {
    /// Takes what is known, and says what is not.
    fn look_for(&mut self, known: &KnownGoods, called: &[Called<'_>]) -> Wanted {
        let mut missing = Wanted::default();
        for called in called {
            let variant = match called {
                Called::Id(id) => Some(*id),
                Called::Sku(_) | Called::Barcode(_) => {
                    let code = called.code();
                    let variant = known.codes.get(&code).copied();
                    if let Some(variant) = variant {
                        self.by_code.insert(code, variant);
                    }
                    variant
                }
            };
            if variant.is_some_and(|variant| self.put(known, variant)) {
                continue;
            }
            match called {
                Called::Id(id) => missing.variants.push(id.uuid()),
                Called::Sku(sku) => missing.skus.push((*sku).to_owned()),
                Called::Barcode(code) => missing.barcodes.push((*code).to_owned()),
            }
        }
        missing
    }

    /// Takes a variant with what it is made of, and what that is made of; false where some of it is not known.
    fn put(&mut self, known: &KnownGoods, variant: VariantId) -> bool {
        let mut next = vec![variant];
        while let Some(variant) = next.pop() {
            if self.items.contains_key(&variant) {
                continue;
            }
            let Some(good) = known.goods.get(&variant) else { return false };
            self.add(good);
            next.extend(good.parts.iter().map(|part| part.variant_id));
        }
        true
    }

    /// Takes what was loaded: the goods with everything that they are made of.
    fn take(&mut self, goods: &[Arc<Good>], codes: &[(String, VariantId)]) {
        for good in goods {
            self.add(good);
        }
        self.by_code.extend(codes.iter().cloned());
    }

    fn add(&mut self, good: &Good) {
        let id = good.item.variant_id;
        if good.is_blocked {
            self.blocked.insert(id);
        }
        if !good.parts.is_empty() {
            self.kits.insert(id, good.parts.clone());
        }
        self.items.insert(id, good.item.clone());
    }
}

impl Called<'_> {
    /// As the codes of goods are written: one text may be an SKU and a barcode.
    fn code(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Sku(sku) => format!("sku {sku}"),
            Self::Barcode(code) => format!("barcode {code}"),
        }
    }
}

impl Picked {
    /// What holds for every cart.
    pub(crate) fn standing(&self) -> &Standing {
        &self.checkpoint.standing
    }

    /// The variant that a line calls so; one by its id may be unknown.
    pub(crate) fn variant(&self, called: Called<'_>) -> Option<VariantId> {
        match called {
            Called::Id(id) => Some(id),
            Called::Sku(_) | Called::Barcode(_) => self.by_code.get(&called.code()).copied(),
        }
    }
}
