//! What a line costs before anybody takes anything off by hand: price rules, then promotions over a cart. Pure: the
//! time, the place and every price come in with the call.
//!
//! 1. The regular price by level, a store's price before the chain's; then sale prices and quantity breaks, each only
//!    where lower ([`price`]); then [`PriceRule`]s whose conditions hold ([`by_rules`]).
//! 2. Promotions by priority class, the best combination inside a class ([`promote`]).
//!
//! Everything gives the same result whatever the order of prices, rules, promotions or lines.
//!
//! Most callers want a whole sale, and call `compute` of the `checkout` crate, which goes this way for each line and then
//! for the cart, and takes off by hand and taxes what is left. Whoever writes promotions and rules down checks them with
//! [`Promotion::validate`] and [`Condition::is_complete`].
//!
//! # Units
//!
//! Amounts are in the one currency of the store, which is known here by its decimals alone; prices of one unit have up to 6.
//! Percentages are percent: 10 is 10 %. Moments are the store's own clock, without a zone: a promotion that begins at six
//! begins at six in every store.
//!
//! # Bounds
//!
//! Which combination of promotions is the best is a search that can grow without end. It has [`MAX_STEPS`] steps for a
//! cart and looks at [`MAX_UNITS`] units at once. Where that was not enough, the answer is still the same every time and
//! never worse for the customer than none of the class's promotions, and [`Promoted::bound_was_hit`] says so.
//!
//! # Where the rules come from
//!
//! From the project's rules for prices; each stands where it is carried out.

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
pub use promotions::{Applied, Line, Outcome, Pieces, Promoted, Saving, promote};
pub use rules::{PriceRule, RuleEffect, RuleHeld, by_rules};
pub use search::{MAX_STEPS, MAX_UNITS};
