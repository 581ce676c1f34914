//! What a line costs before anybody takes anything off by hand: price rules, then promotions over a cart. Pure: the
//! time, the place and every price come in with the call.
//!
//! Rules: the regular price by level, a store's price before the chain's; then sale prices and quantity breaks, each
//! only where lower ([`price`]).

mod price;

pub use price::{Asked, Priced, price};
