//! Conditions of price rules and promotions: what is known of a sale, and what is asked of it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDateTime};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use shared_model::Quantity;
use shared_model::ids::{CustomerId, PromotionId, StoreId};

/// What is known of a sale while it is priced. All of it comes from the caller: nothing here asks a clock.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use pricing_engine::{Condition, Situation};
/// use shared_model::Quantity;
///
/// let (uses, facts) = (BTreeMap::new(), BTreeMap::from([("channel".to_owned(), "kiosk".to_owned())]));
/// let friday_evening = Situation {
///     store_id: uuid::Uuid::from_u128(1).into(),
///     at: "2026-11-27T18:30:00".parse()?,
///     customer_id: None,
///     customer_group: None,
///     promotion_uses: &uses,
///     coupons: &[],
///     facts: &facts,
/// };
/// let at_a_kiosk: Condition =
///     serde_json::from_str(r#"{"fact": "channel", "operator": "EQ", "value": "kiosk"}"#)?;
/// assert!(at_a_kiosk.holds(&friday_evening, Quantity::ONE));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The store.
    pub store_id: StoreId,
    /// The moment, in the store's time zone.
    pub at: NaiveDateTime,
    /// Who buys, where known.
    pub customer_id: Option<CustomerId>,
    /// The group that they are in.
    pub customer_group: Option<&'a str>,
    /// How often they have had each promotion before.
    pub promotion_uses: &'a BTreeMap<PromotionId, u32>,
    /// The coupon codes that were shown.
    pub coupons: &'a [String],
    /// What else is known, by name.
    pub facts: &'a BTreeMap<String, String>,
}

/// How a fact is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// One of several.
    In,
    /// None of several.
    Nin,
}

/// What a fact is compared with.
///
/// ```
/// use pricing_engine::{Condition, Operand, Operator};
///
/// let weekend: Condition =
///     serde_json::from_str(r#"{"fact": "weekday", "operator": "IN", "value": ["6", "7"]}"#)?;
/// assert_eq!(weekend.operator, Operator::In);
/// assert_eq!(weekend.value, Operand::Several(vec!["6".to_owned(), "7".to_owned()]));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Operand {
    /// One value.
    One(String),
    /// Several, for `IN` and `NIN`.
    Several(Vec<String>),
}

impl Operand {
    fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Several(values) => values,
        }
    }
}

/// Something that must be so.
///
/// The facts `quantity` (of the goods in question), `date`, `time`, `weekday` (1 is Monday), `customer`,
/// `customer_group` and `store` are known to the engine; any other name is looked up among the facts that came with
/// the sale. A condition on what is not known does not hold, whatever its operator. Two numbers compare as numbers,
/// anything else as text, which is right for dates and times as ISO 8601 writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What is looked at.
    pub fact: String,
    /// How.
    pub operator: Operator,
    /// With what.
    pub value: Operand,
}

impl Condition {
    /// Whether it can be answered at all: it names a fact, and has one value, or some for `IN` and `NIN`. One that cannot is
    /// refused when it is written.
    ///
    /// ```
    /// use pricing_engine::Condition;
    ///
    /// let dozen: Condition = serde_json::from_str(r#"{"fact": "quantity", "operator": "GTE", "value": "12"}"#)?;
    /// assert!(dozen.is_complete());
    /// let which: Condition = serde_json::from_str(r#"{"fact": "store", "operator": "EQ", "value": ["a", "b"]}"#)?;
    /// assert!(!which.is_complete());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let is_set = matches!(self.operator, Operator::In | Operator::Nin);
        let values = self.value.values();
        !self.fact.is_empty()
            && !values.is_empty()
            && (is_set || matches!(self.value, Operand::One(_)))
            && values.iter().all(|value| !value.is_empty())
    }

    /// Whether it holds for so many of the goods in question.
    ///
    /// ```
    /// use pricing_engine::Condition;
    /// # use std::collections::BTreeMap;
    /// # use pricing_engine::Situation;
    /// # let (uses, facts) = (BTreeMap::new(), BTreeMap::from([("channel".to_owned(), "kiosk".to_owned())]));
    /// # let situation = Situation {
    /// #     store_id: uuid::Uuid::from_u128(1).into(),
    /// #     at: "2026-11-27T18:30:00".parse()?,
    /// #     customer_id: None,
    /// #     customer_group: None,
    /// #     promotion_uses: &uses,
    /// #     coupons: &[],
    /// #     facts: &facts,
    /// # };
    /// let condition = |text: &str| serde_json::from_str::<Condition>(text);
    /// let dozen = condition(r#"{"fact": "quantity", "operator": "GTE", "value": "12"}"#)?;
    /// assert!(dozen.holds(&situation, "12.5".parse()?) && !dozen.holds(&situation, "2".parse()?));
    /// // It is a Friday.
    /// let weekend = condition(r#"{"fact": "weekday", "operator": "IN", "value": ["6", "7"]}"#)?;
    /// assert!(!weekend.holds(&situation, "1".parse()?));
    /// // Of nobody in particular it is not said that they are no members.
    /// let no_member = condition(r#"{"fact": "customer_group", "operator": "NE", "value": "members"}"#)?;
    /// assert!(!no_member.holds(&situation, "1".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn holds(&self, situation: &Situation<'_>, quantity: Quantity) -> bool {
        let Some(known) = known(&self.fact, situation, quantity) else { return false };
        let against = |test: fn(Ordering) -> bool| match &self.value {
            Operand::One(value) => test(compare(&known, value)),
            Operand::Several(_) => false,
        };
        let is_among = || self.value.values().iter().any(|value| compare(&known, value).is_eq());
        match self.operator {
            Operator::Eq => against(Ordering::is_eq),
            Operator::Ne => against(Ordering::is_ne),
            Operator::Gt => against(Ordering::is_gt),
            Operator::Gte => against(Ordering::is_ge),
            Operator::Lt => against(Ordering::is_lt),
            Operator::Lte => against(Ordering::is_le),
            Operator::In => is_among(),
            Operator::Nin => !is_among(),
        }
    }
}

fn known(fact: &str, situation: &Situation<'_>, quantity: Quantity) -> Option<String> {
    match fact {
        "quantity" => Some(quantity.to_string()),
        "date" => Some(situation.at.date().to_string()),
        "time" => Some(situation.at.format("%H:%M:%S").to_string()),
        "weekday" => Some(situation.at.weekday().number_from_monday().to_string()),
        "customer" => situation.customer_id.map(|id| id.to_string()),
        "customer_group" => situation.customer_group.map(ToOwned::to_owned),
        "store" => Some(situation.store_id.to_string()),
        other => situation.facts.get(other).cloned(),
    }
}

fn compare(one: &str, other: &str) -> Ordering {
    match (one.parse::<Decimal>(), other.parse::<Decimal>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        _ => one.cmp(other),
    }
}
