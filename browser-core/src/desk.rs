//! The calls, from JSON to JSON.

use checkout::barcode::{self, PrefixRule};
use checkout::{
    Cart, Catalogue, ComputedSale, Receipt, RefundAsked, RefusalRecord, Refusals, Rules, Settlement, Tendered,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared_model::ids::{PaymentId, SaleLineId};
use shared_model::selling::SaleCompleted;
use shared_model::tenders::TenderRecord;

/// Why a call could not be read at all: a mistake of the caller's, not of the customer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// What a call answers: what it came to, or everything that is wrong.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer<T> {
    Ok(T),
    Refused(Vec<RefusalRecord>),
}

impl<T> From<Result<T, Refusals>> for Answer<T> {
    fn from(result: Result<T, Refusals>) -> Self {
        match result {
            Ok(value) => Self::Ok(value),
            Err(refusals) => Self::Refused(refusals.iter().map(RefusalRecord::from).collect()),
        }
    }
}

/// A refund, or a sale undone, with how it is given back.
#[derive(Serialize)]
struct Refunded {
    sale: ComputedSale,
    settlement: Settlement,
}

/// A receipt as it is sent: the sale, and what came back of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WholeReceipt {
    sale: SaleCompleted,
    #[serde(default)]
    returned: Vec<SaleCompleted>,
}

impl WholeReceipt {
    fn receipt(&self) -> Receipt<'_> {
        Receipt { sale: &self.sale, returned: &self.returned }
    }
}

/// A till's place: what carts are computed against, read once and kept.
#[derive(Debug, Clone)]
pub struct Desk {
    catalogue: Catalogue,
    rules: Rules,
    tenders: Vec<TenderRecord>,
}

fn read<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, Malformed> {
    serde_json::from_str(json).map_err(|error| Malformed(format!("{what}: {error}")))
}

fn write<T: Serialize>(answer: &T) -> Result<String, Malformed> {
    serde_json::to_string(answer).map_err(|error| Malformed(error.to_string()))
}

/// Gives ids that came with a call, one after the other. As many are asked for at most as there have to be, so that they
/// never run out.
fn ids<T: DeserializeOwned + Copy>(
    what: &str,
    json: &str,
    enough: usize,
) -> Result<impl FnMut() -> T, Malformed> {
    let ids: Vec<T> = read(what, json)?;
    let Some(spare) = ids.first().copied().filter(|_| ids.len() >= enough) else {
        return Err(Malformed(format!("{what}: one for each of the receipt's")));
    };
    let mut ids = ids.into_iter();
    Ok(move || ids.next().unwrap_or(spare))
}

fn records(refusals: Option<Refusals>) -> Vec<RefusalRecord> {
    refusals.into_iter().flatten().map(|refusal| RefusalRecord::from(&refusal)).collect()
}

impl Desk {
    /// A desk with this catalogue, these rules and these tenders.
    pub fn new(catalogue: &str, rules: &str, tenders: &str) -> Result<Self, Malformed> {
        Ok(Self {
            catalogue: read("catalogue", catalogue)?,
            rules: read("rules", rules)?,
            tenders: read("tenders", tenders)?,
        })
    }

    /// Other rules: the clock went on, another person stands here.
    pub fn set_rules(&mut self, rules: &str) -> Result<(), Malformed> {
        self.rules = read("rules", rules)?;
        Ok(())
    }

    /// Variants that were looked up since, or changed.
    pub fn add_items(&mut self, items: &str) -> Result<(), Malformed> {
        let items: Vec<checkout::Item> = read("items", items)?;
        self.catalogue.items.extend(items.into_iter().map(|item| (item.variant_id, item)));
        Ok(())
    }

    /// [`checkout::compute`]: a cart with every amount.
    pub fn compute(&self, cart: &str) -> Result<String, Malformed> {
        let cart: Cart = read("cart", cart)?;
        write(&Answer::from(checkout::compute(&cart, &self.catalogue, &self.rules)))
    }

    /// [`checkout::settle`]: its payments with change and rounding.
    pub fn settle(&self, sale: &str, payments: &str) -> Result<String, Malformed> {
        let sale: ComputedSale = read("sale", sale)?;
        let payments: Vec<Tendered> = read("payments", payments)?;
        write(&Answer::from(checkout::settle(&sale, &payments, &self.tenders)))
    }

    /// [`checkout::refund`] and [`checkout::give_back`]. `payment_ids` are for what is given back: one for each payment of
    /// the receipt is enough, and one more where `rest_tender` (an id) takes what no payment covers.
    pub fn refund(
        &self,
        asked: &str,
        receipt: &str,
        payment_ids: &str,
        rest_tender: Option<&str>,
    ) -> Result<String, Malformed> {
        let asked: Vec<RefundAsked> = read("asked", asked)?;
        let whole: WholeReceipt = read("receipt", receipt)?;
        let rest = self.rest(rest_tender)?;
        let enough = whole.sale.payments.len() + usize::from(rest.is_some());
        let next = ids::<PaymentId>("payment_ids", payment_ids, enough)?;
        let receipt = whole.receipt();
        let refunded = checkout::refund(&asked, &receipt).and_then(|sale| {
            let settlement = checkout::give_back(&sale, &receipt, &self.tenders, rest, next)?;
            Ok(Refunded { sale, settlement })
        });
        write(&Answer::from(refunded))
    }

    /// [`checkout::void`]: the whole sale undone, payments too. `line_ids` are for its lines, `payment_ids` for its payments:
    /// one for each.
    pub fn void(receipt: &str, line_ids: &str, payment_ids: &str) -> Result<String, Malformed> {
        let whole: WholeReceipt = read("receipt", receipt)?;
        let lines = ids::<SaleLineId>("line_ids", line_ids, whole.sale.lines.len())?;
        let payments = ids::<PaymentId>("payment_ids", payment_ids, whole.sale.payments.len())?;
        let voided = checkout::void(&whole.receipt(), lines, payments);
        write(&Answer::from(voided.map(|(sale, settlement)| Refunded { sale, settlement })))
    }

    /// [`checkout::compute`], [`checkout::refund`] and [`checkout::exchange`]: what is bought and what comes back of a
    /// receipt, in one document. What is owed then is settled; what is owed back is given back ([`Self::give_back`]).
    /// What is wrong with `asked` is told under `/back`.
    pub fn exchange(&self, cart: &str, asked: &str, receipt: &str) -> Result<String, Malformed> {
        let cart: Cart = read("cart", cart)?;
        let asked: Vec<RefundAsked> = read("asked", asked)?;
        let whole: WholeReceipt = read("receipt", receipt)?;
        let bought = checkout::compute(&cart, &self.catalogue, &self.rules);
        let back = checkout::refund(&asked, &whole.receipt());
        write(&match (bought, back) {
            (Ok(bought), Ok(back)) => Answer::from(checkout::exchange(bought, back)),
            (bought, back) => {
                let mut refused = records(bought.err());
                refused.extend(records(back.err()).into_iter().map(|refusal| RefusalRecord {
                    pointer: format!("/back{}", refusal.pointer.strip_prefix("/lines").unwrap_or_default()),
                    ..refusal
                }));
                Answer::Refused(refused)
            }
        })
    }

    /// [`checkout::give_back`]: how what a computed document owes back goes to the tenders that paid. `payment_ids` and
    /// `rest_tender`: as for [`Self::refund`].
    pub fn give_back(
        &self,
        sale: &str,
        receipt: &str,
        payment_ids: &str,
        rest_tender: Option<&str>,
    ) -> Result<String, Malformed> {
        let sale: ComputedSale = read("sale", sale)?;
        let whole: WholeReceipt = read("receipt", receipt)?;
        let rest = self.rest(rest_tender)?;
        let enough = whole.sale.payments.len() + usize::from(rest.is_some());
        let next = ids::<PaymentId>("payment_ids", payment_ids, enough)?;
        write(&Answer::from(checkout::give_back(&sale, &whole.receipt(), &self.tenders, rest, next)))
    }

    /// The tender that takes what no payment covers.
    fn rest(&self, id: Option<&str>) -> Result<Option<&TenderRecord>, Malformed> {
        let Some(id) = id else { return Ok(None) };
        let tender = self.tenders.iter().find(|tender| tender.id.to_string() == id);
        tender.map(Some).ok_or_else(|| Malformed(format!("rest_tender: there is no tender {id}")))
    }

    /// [`checkout::barcode::read`]: what a scanned code says.
    pub fn scan(code: &str, rules: &str) -> Result<String, Malformed> {
        let rules: Vec<PrefixRule> = read("rules", rules)?;
        write(&match barcode::read(code, &rules) {
            Ok(scanned) => Answer::Ok(scanned),
            Err(error) => Answer::Refused(vec![RefusalRecord {
                pointer: String::new(),
                code: "barcode".to_owned(),
                detail: error.to_string(),
            }]),
        })
    }

    /// [`checkout::prove`]: whether a completed sale adds up.
    pub fn prove(sale: &str) -> Result<String, Malformed> {
        let sale: SaleCompleted = read("sale", sale)?;
        write(&match checkout::prove(&sale) {
            Ok(()) => Answer::Ok(true),
            Err(error) => Answer::Refused(vec![RefusalRecord {
                pointer: error.pointer.clone(),
                code: error.reason.code().to_owned(),
                detail: error.reason.to_string(),
            }]),
        })
    }
}
