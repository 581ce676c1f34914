//! The bindings: values of JavaScript in and out.

use wasm_bindgen::prelude::*;

use crate::desk::{Desk, Malformed};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = include_str!("types.d.ts");

/// A value as JSON.
fn json(value: &JsValue) -> Result<String, JsValue> {
    js_sys::JSON::stringify(value)?.as_string().ok_or_else(|| JsValue::from_str("this is no value of JSON"))
}

/// An answer as a value.
fn value(answer: Result<String, Malformed>) -> Result<JsValue, JsValue> {
    js_sys::JSON::parse(&answer.map_err(|error| js_sys::Error::new(&error.0))?)
}

/// What carts are computed against, read once and kept.
#[wasm_bindgen(js_name = Desk)]
pub struct JsDesk(Desk);

#[wasm_bindgen(js_class = Desk)]
impl JsDesk {
    /// A desk with this catalogue, these rules and these tenders.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "Catalogue")] catalogue: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Rules")] rules: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "TenderRecord[]")] tenders: &JsValue,
    ) -> Result<JsDesk, JsValue> {
        let desk = Desk::new(&json(catalogue)?, &json(rules)?, &json(tenders)?);
        Ok(Self(desk.map_err(|error| js_sys::Error::new(&error.0))?))
    }

    /// Other rules: the clock went on, another person stands here.
    #[wasm_bindgen(js_name = setRules)]
    pub fn set_rules(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Rules")] rules: &JsValue,
    ) -> Result<(), JsValue> {
        Ok(self.0.set_rules(&json(rules)?).map_err(|error| js_sys::Error::new(&error.0))?)
    }

    /// Variants that were looked up since, or changed.
    #[wasm_bindgen(js_name = addItems)]
    pub fn add_items(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "Item[]")] items: &JsValue,
    ) -> Result<(), JsValue> {
        Ok(self.0.add_items(&json(items)?).map_err(|error| js_sys::Error::new(&error.0))?)
    }

    /// A cart with every amount, or everything that is wrong with it.
    #[wasm_bindgen(unchecked_return_type = "Answer<ComputedSale>")]
    pub fn compute(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Cart")] cart: &JsValue,
    ) -> Result<JsValue, JsValue> {
        value(self.0.compute(&json(cart)?))
    }

    /// The payments of a sale with change and rounding.
    #[wasm_bindgen(unchecked_return_type = "Answer<Settlement>")]
    pub fn settle(
        &self,
        #[wasm_bindgen(unchecked_param_type = "ComputedSale")] sale: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Tendered[]")] payments: &JsValue,
    ) -> Result<JsValue, JsValue> {
        value(self.0.settle(&json(sale)?, &json(payments)?))
    }

    /// What comes back of a receipt and how it is given back.
    #[wasm_bindgen(unchecked_return_type = "Answer<Refunded>")]
    pub fn refund(
        &self,
        #[wasm_bindgen(unchecked_param_type = "RefundAsked[]")] asked: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "WholeReceipt")] receipt: &JsValue,
        #[wasm_bindgen(js_name = paymentIds, unchecked_param_type = "string[]")] payment_ids: &JsValue,
        #[wasm_bindgen(js_name = restTender)] rest_tender: Option<String>,
    ) -> Result<JsValue, JsValue> {
        let rest = rest_tender.as_deref();
        value(self.0.refund(&json(asked)?, &json(receipt)?, &json(payment_ids)?, rest))
    }

    /// What is bought and what comes back of a receipt, in one document.
    #[wasm_bindgen(unchecked_return_type = "Answer<ComputedSale>")]
    pub fn exchange(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Cart")] cart: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "RefundAsked[]")] asked: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "WholeReceipt")] receipt: &JsValue,
    ) -> Result<JsValue, JsValue> {
        value(self.0.exchange(&json(cart)?, &json(asked)?, &json(receipt)?))
    }

    /// How what a document owes back goes to the tenders that paid.
    #[wasm_bindgen(js_name = giveBack, unchecked_return_type = "Answer<Settlement>")]
    pub fn give_back(
        &self,
        #[wasm_bindgen(unchecked_param_type = "ComputedSale")] sale: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "WholeReceipt")] receipt: &JsValue,
        #[wasm_bindgen(js_name = paymentIds, unchecked_param_type = "string[]")] payment_ids: &JsValue,
        #[wasm_bindgen(js_name = restTender)] rest_tender: Option<String>,
    ) -> Result<JsValue, JsValue> {
        let rest = rest_tender.as_deref();
        value(self.0.give_back(&json(sale)?, &json(receipt)?, &json(payment_ids)?, rest))
    }
}

/// A whole sale undone, payments too.
#[wasm_bindgen(js_name = voidSale, unchecked_return_type = "Answer<Refunded>")]
pub fn void_sale(
    #[wasm_bindgen(unchecked_param_type = "WholeReceipt")] receipt: &JsValue,
    #[wasm_bindgen(js_name = lineIds, unchecked_param_type = "string[]")] line_ids: &JsValue,
    #[wasm_bindgen(js_name = paymentIds, unchecked_param_type = "string[]")] payment_ids: &JsValue,
) -> Result<JsValue, JsValue> {
    value(Desk::void(&json(receipt)?, &json(line_ids)?, &json(payment_ids)?))
}

/// What a scanned code says.
#[wasm_bindgen(unchecked_return_type = "Answer<Scanned>")]
pub fn scan(
    code: &str,
    #[wasm_bindgen(unchecked_param_type = "PrefixRule[]")] rules: &JsValue,
) -> Result<JsValue, JsValue> {
    value(Desk::scan(code, &json(rules)?))
}

/// Whether a completed sale adds up.
#[wasm_bindgen(unchecked_return_type = "Answer<true>")]
pub fn prove(
    #[wasm_bindgen(unchecked_param_type = "SaleCompleted")] sale: &JsValue,
) -> Result<JsValue, JsValue> {
    value(Desk::prove(&json(sale)?))
}
