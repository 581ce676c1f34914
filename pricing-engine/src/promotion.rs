//! What a promotion is, and whether one can be.

use std::collections::BTreeSet;
use std::fmt::Display;

use chrono::{Datelike, NaiveDateTime, NaiveTime};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use shared_model::ids::{DepartmentId, ProductId, PromotionId, StoreId, VariantId};
use shared_model::{Amount, Percent, Quantity};
use thiserror::Error;

use crate::conditions::{Condition, Situation};
use crate::promotions::Outcome;

/// The most units that one application of a promotion takes: 100 for the price of 99 can be, more is refused with
/// [`InvalidReason::CountOutOfRange`].
///
/// ```
/// use pricing_engine::{Invalid, InvalidReason, MAX_GROUP, Promotion, When};
/// use serde_json::json;
///
/// let november: When = serde_json::from_value(json!({"from": "2026-11-01T00:00:00", "until": "2026-12-01T00:00:00"}))?;
/// assert!(november.coupon.is_none() && november.stores.is_none(), "for everybody, everywhere");
/// let one_free_of = |quantity| serde_json::from_value::<Promotion>(json!({
///     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "name": "one free", "when": november,
///     "offer": {"kind": "mix_and_match", "of": {"everything": true}, "quantity": quantity, "effect": {"cheapest_free": 1}},
/// }));
/// assert_eq!(one_free_of(MAX_GROUP)?.validate(), Ok(()));
/// let wrong: Vec<Invalid> = one_free_of(MAX_GROUP + 1)?.validate().unwrap_err();
/// assert_eq!(wrong[0].pointer, "/offer/quantity");
/// assert!(matches!(wrong[0].reason, InvalidReason::CountOutOfRange { .. }));
/// # Ok::<(), serde_json::Error>(())
/// ```
pub const MAX_GROUP: u32 = 100;

/// A dated rule over a cart.
///
/// ```
/// use pricing_engine::{Effect, Offer, Promotion};
///
/// // A tenth off everything in two stores, from six in the morning to seven in the evening, for members.
/// let promotion: Promotion = serde_json::from_str(r#"{
///     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "name": "Members' day", "limit_per_customer": 1,
///     "when": {
///         "from": "2026-11-27T06:00:00", "until": "2026-11-27T19:00:00", "customer_groups": ["members"],
///         "stores": ["0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b12", "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b13"]
///     },
///     "offer": {"kind": "each", "of": {"everything": true}, "effect": {"percent": "10"}}
/// }"#)?;
/// assert_eq!(promotion.validate(), Ok(()));
/// assert!(!promotion.exclusive && promotion.priority == 0);
/// assert!(matches!(promotion.offer, Offer::Each { effect: Effect::Percent(_), .. }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// The promotion.
    pub id: PromotionId,
    /// Its name, on receipts.
    pub name: String,
    /// Promotions of one priority are a class; higher classes are settled first.
    #[serde(default)]
    pub priority: i32,
    /// Whether its goods take no other promotion; else promotions of other classes may come on top.
    #[serde(default)]
    pub exclusive: bool,
    /// When, where and for whom.
    pub when: When,
    /// How often it may be earned in one sale; none: as often as it is.
    #[serde(default)]
    pub limit_per_sale: Option<u32>,
    /// How often one customer may earn it in all; such a promotion needs a known customer.
    #[serde(default)]
    pub limit_per_customer: Option<u32>,
    /// What is offered.
    pub offer: Offer,
}

/// When, where and for whom a promotion is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Since when, in the store's time zone.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub from: NaiveDateTime,
    /// Until when, not included. A promotion without an end is refused.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub until: Option<NaiveDateTime>,
    /// The days of the week, 1 (Monday) to 7; none: every day.
    #[serde(default, deserialize_with = "each_once")]
    pub weekdays: Option<BTreeSet<u32>>,
    /// From and until which time of day, the end not included; over midnight where the end is earlier.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<String>>))]
    pub hours: Option<(NaiveTime, NaiveTime)>,
    /// The stores; none: every store.
    #[serde(default, deserialize_with = "each_once")]
    pub stores: Option<BTreeSet<StoreId>>,
    /// The customer groups; none: everybody.
    #[serde(default, deserialize_with = "each_once")]
    pub customer_groups: Option<BTreeSet<String>>,
    /// The coupon that must be shown; none: no coupon.
    #[serde(default)]
    pub coupon: Option<String>,
    /// What else must be so, all of it.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// Reads a set in which nothing stands twice: whoever wrote it twice has meant something else.
fn each_once<'de, D, T>(deserializer: D) -> Result<Option<BTreeSet<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Ord,
{
    let Some(elements) = Option::<Vec<T>>::deserialize(deserializer)? else { return Ok(None) };
    let count = elements.len();
    let set: BTreeSet<T> = elements.into_iter().collect();
    if set.len() == count {
        Ok(Some(set))
    } else {
        Err(D::Error::custom("an element of a set stands there twice"))
    }
}

/// Which goods.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// All that take promotions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everything: bool,
    /// These variants.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub variants: BTreeSet<VariantId>,
    /// These products, all their variants.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub products: BTreeSet<ProductId>,
    /// These departments, with those below them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub departments: BTreeSet<DepartmentId>,
    /// But not these products.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub except: BTreeSet<ProductId>,
}

/// What selections look at: a line's variant with what it hangs on.
#[derive(Debug, Clone, Copy)]
pub struct Goods<'a> {
    /// The variant.
    pub variant_id: VariantId,
    /// Its product.
    pub product_id: ProductId,
    /// Its department and those above it, in any order.
    pub departments: &'a [DepartmentId],
}

impl Selection {
    /// Everything that takes promotions. What does not (labels that bear their price, deposits, gift cards, goods that are not
    /// discountable) is not in any selection.
    #[must_use]
    pub fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// Whether the goods are among them.
    ///
    /// ```
    /// use pricing_engine::{Goods, Selection};
    /// use uuid::Uuid;
    ///
    /// let (drinks, wine) = (Uuid::from_u128(1), Uuid::from_u128(2));
    /// let all_drinks_but_this: Selection = serde_json::from_value(serde_json::json!({
    ///     "departments": [drinks], "except": [Uuid::from_u128(9)],
    /// }))?;
    /// let departments = [wine.into(), drinks.into()];
    /// let bottle = |product| Goods {
    ///     variant_id: Uuid::from_u128(3).into(),
    ///     product_id: Uuid::from_u128(product).into(),
    ///     departments: &departments,
    /// };
    /// assert!(all_drinks_but_this.takes(&bottle(4)));
    /// assert!(!all_drinks_but_this.takes(&bottle(9)));
    /// assert!(Selection::everything().takes(&bottle(9)));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn takes(&self, goods: &Goods<'_>) -> bool {
        let is_named = self.everything
            || self.variants.contains(&goods.variant_id)
            || self.products.contains(&goods.product_id)
            || (!self.departments.is_empty()
                && goods.departments.iter().any(|department| self.departments.contains(department)));
        is_named && !self.except.contains(&goods.product_id)
    }

    fn is_empty(&self) -> bool {
        !self.everything
            && self.variants.is_empty()
            && self.products.is_empty()
            && self.departments.is_empty()
    }
}

/// What is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// A part of the price.
    Percent(Percent),
    /// An amount; never more than the price.
    Amount(Amount),
    /// All above this price.
    Price(Amount),
}

/// What is taken off a group of units.
///
/// ```
/// use pricing_engine::GroupEffect;
///
/// let three_for_two: GroupEffect = serde_json::from_str(r#"{"cheapest_free": 1}"#)?;
/// assert_eq!(three_for_two, GroupEffect::CheapestFree(1));
/// let three_for_ten: GroupEffect = serde_json::from_str(r#"{"price": "10.00"}"#)?;
/// assert_eq!(three_for_ten, GroupEffect::Price("10.00".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GroupEffect {
    /// A part of the group's price.
    Percent(Percent),
    /// An amount off the group.
    Amount(Amount),
    /// The group costs this ("3 for 10.00").
    Price(Amount),
    /// So many of the group are free, the cheapest ("3 for 2").
    CheapestFree(u32),
}

/// What a promotion offers. Counted offers (all but `Each` and `Threshold`) count whole units; goods by weight take no
/// part in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Offer {
    /// Something off each unit: a percentage, an amount, or a fixed price.
    Each {
        /// Which goods.
        of: Selection,
        /// What is taken off each unit.
        effect: Effect,
    },
    /// Who buys so many gets something off so many others.
    BuyGet {
        /// What must be bought.
        buy: Selection,
        /// How many of it.
        buy_quantity: u32,
        /// What is got.
        get: Selection,
        /// How many of it.
        get_quantity: u32,
        /// What is taken off each unit that is got; 100 % is free.
        effect: Effect,
        /// Whether what is got may be dearer than what was bought.
        #[serde(default)]
        any_value: bool,
    },
    /// So many of a range, in any mixture.
    MixAndMatch {
        /// The range.
        of: Selection,
        /// How many of it.
        quantity: u32,
        /// What is taken off them together.
        effect: GroupEffect,
    },
    /// Several things together.
    Bundle {
        /// What belongs to it.
        parts: Vec<BundlePart>,
        /// What is taken off all of it.
        effect: Effect,
    },
    /// Something off when enough is bought.
    Threshold {
        /// Of what.
        of: Selection,
        /// For how much at least, after the promotions of higher classes.
        at_least: Amount,
        /// A percentage of those goods, or an amount once.
        effect: Effect,
    },
}

/// Part of a bundle.
///
/// ```
/// use pricing_engine::{BundlePart, Offer};
///
/// // A burger and a drink for 7.50 together.
/// let meal: Offer = serde_json::from_str(r#"{
///     "kind": "bundle", "effect": {"price": "7.50"}, "parts": [
///         {"of": {"variants": ["0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b12"]}, "quantity": 1},
///         {"of": {"departments": ["0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b13"]}, "quantity": 1}
///     ]
/// }"#)?;
/// let Offer::Bundle { parts, .. } = meal else { panic!() };
/// assert!(matches!(parts.as_slice(), [BundlePart { quantity: 1, .. }, _]));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BundlePart {
    /// Which goods.
    pub of: Selection,
    /// How many of them.
    pub quantity: u32,
}

/// Why a promotion cannot be, and where: see [`Promotion::validate`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{pointer}: {reason}")]
pub struct Invalid {
    /// A JSON pointer into the promotion: `/offer/effect/percent`.
    pub pointer: String,
    /// What is wrong with it.
    #[source]
    pub reason: InvalidReason,
}

/// What is wrong with a promotion. What it displays is a sentence for people; [`code`](Self::code) is for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidReason {
    /// No name.
    #[error("a promotion has a name")]
    NoName,
    /// No end.
    #[error("a promotion has an end")]
    NoEnd,
    /// An end that is not after the beginning.
    #[error("a promotion ends after it begins")]
    EndsBeforeItBegins,
    /// A set that is there and has nothing in it.
    #[error("nothing is selected here")]
    EmptySet,
    /// A day that is none.
    #[error("days of the week are 1 (Monday) to 7")]
    NoSuchDay,
    /// Hours of no length.
    #[error("the hours end at another time than they begin")]
    EmptyHours,
    /// A coupon without a code.
    #[error("a coupon has a code")]
    EmptyCoupon,
    /// A condition that cannot be answered.
    #[error("a condition names a fact, and has one value, or some for IN and NIN")]
    IncompleteCondition,
    /// A limit of nothing.
    #[error("a limit is at least 1")]
    LimitOfNothing,
    /// A percentage that takes off nothing, or more than all.
    #[error("a percentage taken off is above 0 and at most 100")]
    PercentOutOfRange,
    /// An amount of nothing.
    #[error("an amount taken off is above zero")]
    AmountNotPositive,
    /// A price below zero.
    #[error("a price is not below zero")]
    NegativePrice,
    /// A count of nothing, or of too many.
    #[error("a count here is at least {least} and at most {most}")]
    CountOutOfRange {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// As many free as there are, or more.
    #[error("fewer are free than are bought together")]
    AllFree,
    /// An effect that this kind of offer cannot have.
    #[error("this kind of offer takes off a percentage or an amount")]
    EffectOnNothing,
    /// A bundle in which the same goods stand twice, each waiting for the other.
    #[error("the parts of a bundle select the same goods: say the quantity of one part")]
    CircularBundle,
}

impl InvalidReason {
    /// A stable word for programs: it never changes, sentences may.
    ///
    /// ```
    /// use pricing_engine::InvalidReason;
    ///
    /// assert_eq!(InvalidReason::NoEnd.code(), "no_end");
    /// assert_eq!(InvalidReason::NoEnd.to_string(), "a promotion has an end");
    /// ```
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoName => "no_name",
            Self::NoEnd => "no_end",
            Self::EndsBeforeItBegins => "ends_before_it_begins",
            Self::EmptySet => "empty_set",
            Self::NoSuchDay => "no_such_day",
            Self::EmptyHours => "empty_hours",
            Self::EmptyCoupon => "empty_coupon",
            Self::IncompleteCondition => "incomplete_condition",
            Self::LimitOfNothing => "limit_of_nothing",
            Self::PercentOutOfRange => "percent_out_of_range",
            Self::AmountNotPositive => "amount_not_positive",
            Self::NegativePrice => "negative_price",
            Self::CountOutOfRange { .. } => "count_out_of_range",
            Self::AllFree => "all_free",
            Self::EffectOnNothing => "effect_on_nothing",
            Self::CircularBundle => "circular_bundle",
        }
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Findings(Vec<Invalid>);

impl Findings {
    fn add(&mut self, pointer: impl Display, reason: InvalidReason) {
        self.0.push(Invalid { pointer: pointer.to_string(), reason });
    }

    fn check(&mut self, is_right: bool, pointer: impl Display, reason: InvalidReason) {
        if !is_right {
            self.add(pointer, reason);
        }
    }

    fn selection(&mut self, pointer: impl Display, selection: &Selection) {
        self.check(!selection.is_empty(), pointer, InvalidReason::EmptySet);
    }

    fn count(&mut self, pointer: impl Display, count: u32, least: u32) {
        let is_right = (least..=MAX_GROUP).contains(&count);
        self.check(is_right, pointer, InvalidReason::CountOutOfRange { least, most: MAX_GROUP });
    }

    fn percent(&mut self, pointer: &str, percent: Percent) {
        if !percent.is_positive() || percent > Percent::HUNDRED {
            self.add(format_args!("{pointer}/percent"), InvalidReason::PercentOutOfRange);
        }
    }

    fn amount(&mut self, pointer: &str, amount: Amount) {
        if !amount.is_positive() {
            self.add(format_args!("{pointer}/amount"), InvalidReason::AmountNotPositive);
        }
    }

    fn price(&mut self, pointer: &str, price: Amount) {
        if price.is_negative() {
            self.add(format_args!("{pointer}/price"), InvalidReason::NegativePrice);
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Percent(percent) => self.percent("/offer/effect", percent),
            Effect::Amount(amount) => self.amount("/offer/effect", amount),
            Effect::Price(price) => self.price("/offer/effect", price),
        }
    }
}

impl Promotion {
    /// Whether it can be: what is written once is right for every cart. One that cannot be takes nothing off
    /// ([`Outcome::Invalid`]).
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    ///
    /// ```
    /// use pricing_engine::{InvalidReason, Promotion};
    ///
    /// let endless: Promotion = serde_json::from_value(serde_json::json!({
    ///     "id": "0190b0c4-7b1e-7cc2-8c2a-3a4d7f0e9b11", "name": "Spring",
    ///     "when": {"from": "2026-03-01T00:00:00", "until": null},
    ///     "offer": {"kind": "each", "of": {"everything": true}, "effect": {"percent": "110"}},
    /// }))?;
    /// let wrong = endless.validate().unwrap_err();
    /// assert_eq!(wrong[0].reason, InvalidReason::NoEnd);
    /// assert_eq!(wrong[1].pointer, "/offer/effect/percent");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn validate(&self) -> Result<(), Vec<Invalid>> {
        let mut found = Findings::default();
        found.check(!self.name.trim().is_empty(), "/name", InvalidReason::NoName);
        found.check(self.limit_per_sale != Some(0), "/limit_per_sale", InvalidReason::LimitOfNothing);
        found.check(self.limit_per_customer != Some(0), "/limit_per_customer", InvalidReason::LimitOfNothing);
        self.when.validate(&mut found);
        self.offer.validate(&mut found);
        if found.0.is_empty() { Ok(()) } else { Err(found.0) }
    }

    /// How often it may be earned in this sale.
    pub(crate) fn times_left(&self, situation: &Situation<'_>) -> Result<u32, Outcome> {
        let of_sale = self.limit_per_sale.unwrap_or(u32::MAX);
        let Some(limit) = self.limit_per_customer else { return Ok(of_sale) };
        if situation.customer_id.is_none() {
            return Err(Outcome::CustomerUnknown);
        }
        let used = situation.promotion_uses.get(&self.id).copied().unwrap_or_default();
        match limit.saturating_sub(used).min(of_sale) {
            0 => Err(Outcome::LimitReached),
            left => Ok(left),
        }
    }
}

impl When {
    fn validate(&self, found: &mut Findings) {
        match self.until {
            None => found.add("/when/until", InvalidReason::NoEnd),
            Some(until) => {
                found.check(until > self.from, "/when/until", InvalidReason::EndsBeforeItBegins);
            }
        }
        if let Some(days) = &self.weekdays {
            found.check(!days.is_empty(), "/when/weekdays", InvalidReason::EmptySet);
            let are_days = days.iter().all(|day| (1..=7).contains(day));
            found.check(are_days, "/when/weekdays", InvalidReason::NoSuchDay);
        }
        if let Some((from, until)) = self.hours {
            found.check(from != until, "/when/hours", InvalidReason::EmptyHours);
        }
        let is_some = |is_empty: Option<bool>| is_empty != Some(true);
        let stores = self.stores.as_ref().map(BTreeSet::is_empty);
        found.check(is_some(stores), "/when/stores", InvalidReason::EmptySet);
        let groups = self.customer_groups.as_ref().map(BTreeSet::is_empty);
        found.check(is_some(groups), "/when/customer_groups", InvalidReason::EmptySet);
        let coupon = self.coupon.as_ref().map(|code| code.trim().is_empty());
        found.check(is_some(coupon), "/when/coupon", InvalidReason::EmptyCoupon);
        for (at, condition) in self.conditions.iter().enumerate() {
            if !condition.is_complete() {
                found.add(format_args!("/when/conditions/{at}"), InvalidReason::IncompleteCondition);
            }
        }
    }

    /// Whether it is on here and now, for this customer, with these coupons; else why not.
    pub(crate) fn is_on(&self, situation: &Situation<'_>) -> Result<(), Outcome> {
        if situation.at < self.from {
            return Err(Outcome::NotYet);
        }
        if self.until.is_none_or(|until| situation.at >= until) {
            return Err(Outcome::Over);
        }
        if self
            .weekdays
            .as_ref()
            .is_some_and(|days| !days.contains(&situation.at.weekday().number_from_monday()))
        {
            return Err(Outcome::OtherDay);
        }
        if let Some((from, until)) = self.hours {
            let now = situation.at.time();
            let is_on = if from <= until { from <= now && now < until } else { now >= from || now < until };
            if !is_on {
                return Err(Outcome::OtherHour);
            }
        }
        if self.stores.as_ref().is_some_and(|stores| !stores.contains(&situation.store_id)) {
            return Err(Outcome::OtherStore);
        }
        if let Some(groups) = &self.customer_groups
            && !situation.customer_group.is_some_and(|group| groups.contains(group))
        {
            return Err(Outcome::OtherCustomers);
        }
        if let Some(code) = &self.coupon
            && !situation.coupons.iter().any(|shown| shown == code)
        {
            return Err(Outcome::NoCoupon);
        }
        Ok(())
    }

    /// Whether its conditions hold for so many of its goods.
    pub(crate) fn conditions_hold(
        &self,
        situation: &Situation<'_>,
        quantity: Quantity,
    ) -> Result<(), Outcome> {
        if self.conditions.iter().all(|condition| condition.holds(situation, quantity)) {
            Ok(())
        } else {
            Err(Outcome::ConditionFails)
        }
    }
}

impl Offer {
    fn validate(&self, found: &mut Findings) {
        match self {
            Self::Each { of, effect } => {
                found.selection("/offer/of", of);
                found.effect(*effect);
            }
            Self::BuyGet { buy, buy_quantity, get, get_quantity, effect, .. } => {
                found.selection("/offer/buy", buy);
                found.selection("/offer/get", get);
                found.count("/offer/buy_quantity", *buy_quantity, 1);
                found.count("/offer/get_quantity", *get_quantity, 1);
                found.effect(*effect);
            }
            Self::MixAndMatch { of, quantity, effect } => {
                found.selection("/offer/of", of);
                found.count("/offer/quantity", *quantity, 2);
                match *effect {
                    GroupEffect::Percent(percent) => found.percent("/offer/effect", percent),
                    GroupEffect::Amount(amount) => found.amount("/offer/effect", amount),
                    GroupEffect::Price(price) => found.price("/offer/effect", price),
                    GroupEffect::CheapestFree(free) => {
                        found.count("/offer/effect/cheapest_free", free, 1);
                        found.check(free < *quantity, "/offer/effect/cheapest_free", InvalidReason::AllFree);
                    }
                }
            }
            Self::Bundle { parts, effect } => {
                found.check(!parts.is_empty(), "/offer/parts", InvalidReason::EmptySet);
                for (at, part) in parts.iter().enumerate() {
                    found.selection(format_args!("/offer/parts/{at}/of"), &part.of);
                    found.count(format_args!("/offer/parts/{at}/quantity"), part.quantity, 1);
                    if parts.iter().take(at).any(|earlier| earlier.of == part.of) {
                        found.add(format_args!("/offer/parts/{at}/of"), InvalidReason::CircularBundle);
                    }
                }
                let units = parts.iter().map(|part| u64::from(part.quantity)).sum::<u64>();
                let is_right = (2..=u64::from(MAX_GROUP)).contains(&units) || parts.is_empty();
                let reason = InvalidReason::CountOutOfRange { least: 2, most: MAX_GROUP };
                found.check(is_right, "/offer/parts", reason);
                found.effect(*effect);
            }
            Self::Threshold { of, at_least, effect } => {
                found.selection("/offer/of", of);
                found.check(at_least.is_positive(), "/offer/at_least", InvalidReason::AmountNotPositive);
                match effect {
                    Effect::Price(_) => found.add("/offer/effect/price", InvalidReason::EffectOnNothing),
                    other => found.effect(*other),
                }
            }
        }
    }

    /// Goes through its selections, in their order.
    pub(crate) fn each_selection<'a>(&'a self, mut each: impl FnMut(&'a Selection)) {
        match self {
            Self::Each { of, .. } | Self::MixAndMatch { of, .. } | Self::Threshold { of, .. } => each(of),
            Self::BuyGet { buy, get, .. } => {
                each(buy);
                each(get);
            }
            Self::Bundle { parts, .. } => parts.iter().for_each(|part| each(&part.of)),
        }
    }
}
