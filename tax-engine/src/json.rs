//! The binary's JSON: documents read strictly, with the place of everything that is wrong; results and problems
//! written. The way in is [`answer`]; the format is in the crate's documentation.

use std::fmt;
use std::str::FromStr;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use shared_model::taxes::TaxRounding;
use shared_model::{Amount, MoneyError, Percent, Quantity, Rounding, UnitPrice};

use crate::compute::{MAX_LINES, MAX_TAXES, MAX_TAXES_ON_A_LINE};
use crate::document::{Computed, Document, Levy, Line, LinePrice, Tax};
use crate::refusal::{Reason, TaxError};

/// The longest name of a document, tax or line, in bytes.
const MAX_NAME: usize = 200;
/// More wrong things than this are not listed.
const MAX_ERRORS: usize = 50;

/// A document as it is read, with its name, which is given back with the result.
struct NamedDocument {
    id: String,
    document: Document<String, String>,
}

/// A result as it is written: the document's name, and beside it what [`Computed`] has.
///
/// ```
/// use tax_engine::json::answer;
///
/// let input = br#"{"id": "empty", "currency_decimals": 2, "rounding": "per_line", "taxes": [], "lines": []}"#;
/// let result = serde_json::to_value(answer(input).map_err(|problem| problem.detail().to_owned())?)?;
/// assert_eq!((&result["id"], &result["document"]["total"]), (&"empty".into(), &"0.00".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedResult {
    /// The document's name.
    pub id: String,
    /// The result.
    #[serde(flatten)]
    pub computed: Computed<String, String>,
}

/// What is written where there is no result: a problem of RFC 9457, with `errors` of pointer, code and sentence.
///
/// ```
/// use tax_engine::json::answer;
///
/// let problem = answer(br#"{"id": "1", "currency_decimals": 2, "rounding": "sometimes", "taxes": [], "lines": []}"#)
///     .unwrap_err();
/// assert_eq!(problem.detail(), "/rounding: one of per_line, per_document");
/// assert_eq!(serde_json::to_value(&problem)?["errors"][0]["code"], "unknown_word");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The document's name, where it is one of many and has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    errors: Vec<ProblemError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ProblemError {
    pointer: String,
    code: &'static str,
    detail: String,
}

impl Problem {
    fn new(errors: Vec<TaxError>) -> Self {
        let errors: Vec<ProblemError> = errors
            .into_iter()
            .map(|error| ProblemError {
                code: error.reason.code(),
                detail: error.to_string(),
                pointer: error.pointer,
            })
            .collect();
        let detail = match errors.as_slice() {
            [one] if one.pointer.is_empty() => one.detail.clone(),
            [one] => format!("{}: {}", one.pointer, one.detail),
            all => format!("{} fields are wrong", all.len()),
        };
        Self {
            id: None,
            kind: "/problems/invalid-tax-document",
            title: "The document cannot be computed",
            status: 422,
            detail,
            errors,
        }
    }

    /// What is wrong, in a sentence; where it is one thing, with its place.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// One result, or one for each of many documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a document.
    One(Box<NamedResult>),
    /// To an array of them: one for each, in its place.
    Many(Vec<Outcome>),
}

impl Answer {
    /// What is wrong with documents of an array, in their order; the binary exits with 2 when there is anything.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        let outcomes = match self {
            Self::One(_) => &[],
            Self::Many(outcomes) => outcomes.as_slice(),
        };
        outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Computed(_) => None,
            Outcome::Refused(problem) => Some(problem),
        })
    }
}

/// What became of one document of an array.
///
/// ```
/// use tax_engine::json::{Answer, Outcome, answer};
///
/// let right = r#"{"id": "1", "currency_decimals": 2, "rounding": "per_line", "taxes": [], "lines": []}"#;
/// let both = format!(r#"[{right}, {{"id": "2"}}]"#);
/// let Ok(Answer::Many(outcomes)) = answer(both.as_bytes()) else { panic!() };
/// let [Outcome::Computed(result), Outcome::Refused(problem)] = outcomes.as_slice() else { panic!() };
/// assert_eq!(result.id, "1");
/// assert_eq!(serde_json::to_value(problem)?["id"], "2");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// It was computed.
    Computed(Box<NamedResult>),
    /// It is wrong; the others are computed all the same.
    Refused(Problem),
}

/// Computes the document, or the array of documents, that `input` is. In an array, one that is wrong has a problem in
/// its place, with its `id` and with pointers from the array on; at most 50 errors are told of one document.
///
/// # Errors
/// A problem when `input` is no JSON, or is one document and wrong.
///
/// ```
/// use tax_engine::json::answer;
///
/// let problem = answer(br#"{"id": "1"}"#).unwrap_err();
/// assert!(serde_json::to_string(&problem)?.contains("/currency_decimals"));
/// let answer = answer(br#"[{"id": "1"}]"#).map_err(|problem| problem.detail().to_owned())?;
/// assert_eq!(serde_json::to_value(&answer)?[0]["id"], "1");
/// assert_eq!(answer.problems().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn answer(input: &[u8]) -> Result<Answer, Problem> {
    let Strict(value) = serde_json::from_slice(input).map_err(|error| {
        Problem::new(vec![TaxError::new("", Reason::NotJson { detail: error.to_string() })])
    })?;
    if let Value::Array(documents) = &value {
        let outcomes =
            documents.iter().enumerate().map(|(at, document)| match one(document, &format!("/{at}")) {
                Ok(result) => Outcome::Computed(Box::new(result)),
                Err(problem) => {
                    let id = document.get("id").and_then(Value::as_str).map(str::to_owned);
                    Outcome::Refused(Problem { id, ..problem })
                }
            });
        return Ok(Answer::Many(outcomes.collect()));
    }
    Ok(Answer::One(Box::new(one(&value, "")?)))
}

/// A JSON value in which no object has a name twice: of two rates, none is the right one.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = elements.next_element()? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if object.contains_key(&name) {
                return Err(serde::de::Error::custom(format_args!("the field {name:?} is there twice")));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

fn one(value: &Value, at: &str) -> Result<NamedResult, Problem> {
    let NamedDocument { id, document } = read(value).map_err(|errors| Problem::new(placed(errors, at)))?;
    let computed = crate::compute(&document).map_err(|error| Problem::new(placed(vec![error], at)))?;
    Ok(NamedResult { id, computed })
}

fn placed(errors: Vec<TaxError>, at: &str) -> Vec<TaxError> {
    errors.into_iter().map(|error| TaxError { pointer: format!("{at}{}", error.pointer), ..error }).collect()
}

/// Reads one document; all that is wrong with it otherwise.
fn read(value: &Value) -> Result<NamedDocument, Vec<TaxError>> {
    let mut reader = Reader { errors: Vec::new() };
    let document = reader.document(value);
    match document {
        Some(document) if reader.errors.is_empty() => Ok(document),
        _ => {
            reader.errors.truncate(MAX_ERRORS);
            Err(reader.errors)
        }
    }
}

/// A decimal without the zeros at the end of its fraction: 1.5000 has one decimal.
fn without_zeros(text: &str) -> &str {
    match text.split_once('.') {
        Some((_, fraction)) if fraction.bytes().all(|byte| byte.is_ascii_digit()) && !fraction.is_empty() => {
            text.trim_end_matches('0').trim_end_matches('.')
        }
        _ => text,
    }
}

/// A whole number, as one or as a string.
fn whole(value: &Value) -> Option<i64> {
    match value {
        // No plus, as nowhere in the format.
        Value::String(text) if !text.starts_with('+') => text.parse().ok(),
        other => other.as_i64(),
    }
}

struct Reader {
    errors: Vec<TaxError>,
}

/// A field: what it is in, where that is, and its name.
#[derive(Clone, Copy)]
struct Field<'v> {
    object: &'v Map<String, Value>,
    at: &'v str,
    name: &'static str,
}

impl<'v> Field<'v> {
    fn pointer(self) -> String {
        format!("{}/{}", self.at, self.name)
    }

    /// Its value; null is as good as nothing.
    fn value(self) -> Option<&'v Value> {
        self.object.get(self.name).filter(|value| !value.is_null())
    }
}

impl Reader {
    fn wrong<V>(&mut self, pointer: impl Into<String>, reason: Reason) -> Option<V> {
        self.errors.push(TaxError::new(pointer, reason));
        None
    }

    fn object<'v>(&mut self, value: &'v Value, at: &str, known: &[&str]) -> Option<&'v Map<String, Value>> {
        let Value::Object(object) = value else {
            return self.wrong(at, Reason::WrongType { expected: "an object" });
        };
        for name in object.keys() {
            if !known.contains(&name.as_str()) {
                let name = name.replace('~', "~0").replace('/', "~1");
                self.wrong::<()>(format!("{at}/{name}"), Reason::UnknownField);
            }
        }
        Some(object)
    }

    fn required<'v>(&mut self, field: Field<'v>) -> Option<&'v Value> {
        match field.value() {
            Some(value) => Some(value),
            None => self.wrong(field.pointer(), Reason::Missing),
        }
    }

    fn text<'v>(&mut self, field: Field<'v>) -> Option<&'v str> {
        match self.required(field)? {
            Value::String(text) => Some(text),
            _ => self.wrong(field.pointer(), Reason::WrongType { expected: "a string" }),
        }
    }

    fn name(&mut self, field: Field<'_>) -> Option<String> {
        let text = self.text(field)?;
        if text.is_empty() || text.len() > MAX_NAME {
            return self.wrong(field.pointer(), Reason::BadName { most: MAX_NAME });
        }
        Some(text.to_owned())
    }

    fn number<N: FromStr<Err = MoneyError>>(&mut self, field: Field<'_>) -> Option<N> {
        let text = match self.required(field)? {
            Value::String(text) => without_zeros(text),
            // A whole number is the same in any reader; one with a fraction may have been rounded on its way.
            Value::Number(number) if !number.is_f64() => &number.to_string(),
            _ => {
                return self.wrong(
                    field.pointer(),
                    Reason::WrongType { expected: "a decimal as a string, such as \"12.50\"" },
                );
            }
        };
        match text.parse() {
            Ok(number) => Some(number),
            Err(error) => self.wrong(field.pointer(), Reason::Number(error)),
        }
    }

    /// `None` where there is none, and where it is wrong: then there is an error.
    fn optional_number<N: FromStr<Err = MoneyError>>(&mut self, field: Field<'_>) -> Option<N> {
        field.value()?;
        self.number(field)
    }

    fn flag(&mut self, field: Field<'_>, default: Option<bool>) -> Option<bool> {
        match (field.value(), default) {
            (None, Some(default)) => Some(default),
            (None, None) => self.wrong(field.pointer(), Reason::Missing),
            (Some(Value::Bool(flag)), _) => Some(*flag),
            (Some(_), _) => self.wrong(field.pointer(), Reason::WrongType { expected: "true or false" }),
        }
    }

    fn list<'v>(&mut self, field: Field<'v>, most: usize, what: &'static str) -> Option<&'v [Value]> {
        match self.required(field)? {
            Value::Array(list) if list.len() > most => {
                self.wrong(field.pointer(), Reason::TooMany { what, most })
            }
            Value::Array(list) => Some(list),
            _ => self.wrong(field.pointer(), Reason::WrongType { expected: "an array" }),
        }
    }

    fn document(&mut self, value: &Value) -> Option<NamedDocument> {
        let known =
            ["id", "currency_decimals", "rounding", "rounding_mode", "cash_rounding", "taxes", "lines"];
        let object = self.object(value, "", &known)?;
        let field = |name| Field { object, at: "", name };
        let id = self.name(field("id"));
        let decimals = self.decimals(field("currency_decimals"));
        let rounding = self.rounding(field("rounding"));
        let rounding_mode = self.rounding_mode(field("rounding_mode"));
        let cash_rounding = self.optional_number::<Amount>(field("cash_rounding"));
        let taxes = self.list(field("taxes"), MAX_TAXES, "taxes in a document").map(|taxes| {
            taxes
                .iter()
                .enumerate()
                .map(|(at, tax)| self.tax(tax, &format!("/taxes/{at}")))
                .collect::<Vec<_>>()
        });
        let lines = self.list(field("lines"), MAX_LINES, "lines in a document").map(|lines| {
            lines
                .iter()
                .enumerate()
                .map(|(at, line)| self.line(line, &format!("/lines/{at}")))
                .collect::<Vec<_>>()
        });
        let mut document = Document {
            decimals: decimals?,
            rounding: rounding?,
            rounding_mode: rounding_mode?,
            cash_rounding,
            taxes: taxes?.into_iter().collect::<Option<Vec<_>>>()?,
            lines: lines?.into_iter().collect::<Option<Vec<_>>>()?,
        };
        document.order_as_listed();
        Some(NamedDocument { id: id?, document })
    }

    fn decimals(&mut self, field: Field<'_>) -> Option<u32> {
        let expected = "a whole number of decimals, such as 2";
        match self.required(field).map(whole)?.map(u32::try_from) {
            Some(Ok(decimals)) => Some(decimals),
            _ => self.wrong(field.pointer(), Reason::WrongType { expected }),
        }
    }

    fn rounding(&mut self, field: Field<'_>) -> Option<TaxRounding> {
        match self.text(field)? {
            "per_line" => Some(TaxRounding::PerLine),
            "per_document" => Some(TaxRounding::PerDocument),
            _ => self.wrong(field.pointer(), Reason::UnknownWord { allowed: "per_line, per_document" }),
        }
    }

    fn rounding_mode(&mut self, field: Field<'_>) -> Option<Rounding> {
        if field.value().is_none() {
            return Some(Rounding::default());
        }
        match self.text(field)? {
            "half_up" => Some(Rounding::HalfUp),
            "half_even" => Some(Rounding::HalfEven),
            "down" => Some(Rounding::Down),
            "up" => Some(Rounding::Up),
            _ => self.wrong(field.pointer(), Reason::UnknownWord { allowed: "half_up, half_even, down, up" }),
        }
    }

    fn tax(&mut self, value: &Value, at: &str) -> Option<Tax<String>> {
        let known = [
            "id",
            "kind",
            "rate",
            "price_included",
            "include_base_amount",
            "is_base_affected",
            "sequence",
            "exempt_below",
            "part_above",
            "part_up_to",
        ];
        let object = self.object(value, at, &known)?;
        let field = |name| Field { object, at, name };
        let id = self.name(field("id"));
        let levy = self.levy(field("kind"), field("rate"));
        let price_included = self.flag(field("price_included"), None);
        let include_base_amount = self.flag(field("include_base_amount"), Some(false));
        let is_base_affected = self.flag(field("is_base_affected"), Some(true));
        let sequence = self.sequence(field("sequence"));
        let exempt_below = self.optional_number(field("exempt_below"));
        let part_above = self.optional_number(field("part_above"));
        let part_up_to = self.optional_number(field("part_up_to"));
        Some(Tax {
            id: id?,
            levy: levy?,
            price_included: price_included?,
            include_base_amount: include_base_amount?,
            is_base_affected: is_base_affected?,
            sequence: sequence?,
            exempt_below,
            part_above,
            part_up_to,
        })
    }

    fn levy(&mut self, kind: Field<'_>, rate: Field<'_>) -> Option<Levy> {
        match self.text(kind)? {
            "percent" => self.number::<Percent>(rate).map(Levy::Percent),
            "division" => self.number::<Percent>(rate).map(Levy::Division),
            "fixed" => self.number::<UnitPrice>(rate).map(Levy::Fixed),
            _ => self.wrong(kind.pointer(), Reason::UnknownWord { allowed: "percent, fixed, division" }),
        }
    }

    fn sequence(&mut self, field: Field<'_>) -> Option<i32> {
        let expected = "a whole number";
        match field.value().map(|value| whole(value).map(i32::try_from)) {
            None => Some(0),
            Some(Some(Ok(sequence))) => Some(sequence),
            Some(_) => self.wrong(field.pointer(), Reason::WrongType { expected }),
        }
    }

    fn line(&mut self, value: &Value, at: &str) -> Option<Line<String, String>> {
        let object =
            self.object(value, at, &["id", "quantity", "unit_price", "discount_percent", "tax_ids"])?;
        let field = |name| Field { object, at, name };
        let id = self.name(field("id"));
        let quantity = self.number::<Quantity>(field("quantity"));
        let unit_price = self.number::<UnitPrice>(field("unit_price"));
        let discount_percent = self.optional_number::<Percent>(field("discount_percent"));
        let tax_ids = self.list(field("tax_ids"), MAX_TAXES_ON_A_LINE, "taxes on a line").map(|tax_ids| {
            tax_ids.iter().enumerate().map(|(nth, id)| self.tax_id(id, at, nth)).collect::<Vec<_>>()
        });
        Some(Line {
            id: id?,
            quantity: quantity?,
            price: LinePrice::Unit {
                unit_price: unit_price?,
                discount_percent: discount_percent.unwrap_or_default(),
            },
            tax_ids: tax_ids?.into_iter().collect::<Option<Vec<_>>>()?,
            spared: Vec::new(),
        })
    }

    fn tax_id(&mut self, value: &Value, at: &str, nth: usize) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            _ => self.wrong(format!("{at}/tax_ids/{nth}"), Reason::WrongType { expected: "a string" }),
        }
    }
}
