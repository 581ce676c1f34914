//! What a line costs before anybody takes anything off by hand: price rules, then promotions over a cart. Pure: the
//! time, the place and every price come in with the call.
//!
//! 1. The regular price by level, a store's price before the chain's; then sale prices and quantity breaks, each only
//!    where lower ([`price`]); then [`PriceRule`]s whose conditions hold ([`by_rules`]).
//! 2. Promotions by priority class, the best combination inside a class ([`promote`]).
//!
//! Everything gives the same result whatever the order of prices, rules, promotions or lines.

mod conditions;
mod price;
mod promotion;
mod promotions;
mod rules;
mod search;
mod shelf;

pub use conditions::{Condition, Operand, Operator, Situation};
pub use price::{Asked, Priced, price};
pub use promotion::{
    BundlePart, Effect, Goods, GroupEffect, Invalid, InvalidReason, MAX_GROUP, Offer, Promotion, Selection,
    When,
};
pub use promotions::{Applied, Line, Outcome, Promoted, Saving, promote};
pub use rules::{PriceRule, RuleEffect, RuleHeld, by_rules};
pub use search::{MAX_STEPS, MAX_UNITS};
