//! What a row of the file says of a product, understood field by field.

use std::collections::BTreeSet;

use server_kit::FieldError;
use shared_model::UnitPrice;

use super::csv::Record;
use crate::catalogue::limits;
use crate::master::{Mistake, code_mistake, text_mistake};

/// The most mistakes that are told; the others are counted.
pub(super) const MOST_MISTAKES: usize = 100;
/// The most barcodes of one row.
const MOST_BARCODES: usize = 200;

/// The mistakes of a file.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    pub(super) told: Vec<FieldError>,
    pub(super) count: u64,
}

impl Mistakes {
    /// A mistake on a line, in a column (`""`: the whole line).
    pub(super) fn add(&mut self, line: u64, column: &str, code: &'static str, detail: impl Into<String>) {
        self.count += 1;
        if self.told.len() < MOST_MISTAKES {
            let pointer = if column.is_empty() { format!("/{line}") } else { format!("/{line}/{column}") };
            self.told.push(FieldError { pointer, code: code.into(), detail: detail.into() });
        }
    }
}

macro_rules! columns {
    ($($name:ident),+ $(,)?) => {
        /// Where in a record each column stands; none: the file has no such column.
        #[derive(Clone, Copy, Debug, Default)]
        pub(super) struct Columns {
            $(pub(super) $name: Option<usize>,)+
            /// How many fields the first line has, and so every other.
            width: usize,
        }

        impl Columns {
            /// The names that a file's first line may have.
            const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            fn place(&mut self, name: &str) -> Option<&mut Option<usize>> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)+
                    _ => None,
                }
            }
        }
    };
}

columns! {
    sku, name, department_code, description, barcodes, price, tax_group_code, unit, quantity_decimals, discountable,
}

impl Columns {
    /// Understands the first line.
    pub(super) fn read(head: &Record, mistakes: &mut Mistakes) -> Self {
        let mut columns = Self::default();
        let fields = match &head.fields {
            Ok(fields) => fields,
            Err(malformed) => {
                mistakes.add(head.line, "", malformed.code(), malformed.detail());
                return columns;
            }
        };
        columns.width = fields.len();
        for (number, field) in fields.iter().enumerate() {
            let field =
                if number == 0 { field.strip_prefix(b"\xef\xbb\xbf").unwrap_or(field) } else { field };
            let name = String::from_utf8_lossy(field).trim().to_ascii_lowercase();
            match columns.place(&name) {
                None => {
                    let shown: String = name.chars().filter(|letter| !letter.is_control()).take(40).collect();
                    let known = Self::NAMES.join(", ");
                    mistakes.add(
                        head.line,
                        "",
                        "unknown_column",
                        format!("There is no column “{shown}”. Columns are {known}."),
                    );
                }
                Some(Some(_)) => {
                    mistakes.add(head.line, &name, "duplicate", "This column stands here twice.");
                }
                Some(place) => *place = Some(number),
            }
        }
        for (name, place) in
            [("sku", columns.sku), ("name", columns.name), ("department_code", columns.department_code)]
        {
            if place.is_none() {
                mistakes.add(head.line, name, "missing_column", "The file needs this column.");
            }
        }
        columns
    }
}

/// One product, as a row has it. None: the file has no such column, or the field is empty.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) department_code: String,
    pub(super) description: Option<String>,
    pub(super) barcodes: Vec<String>,
    pub(super) price: Option<UnitPrice>,
    pub(super) tax_group_code: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) quantity_decimals: Option<i16>,
    pub(super) discountable: Option<bool>,
}

impl Row {
    /// Understands a record; none where a mistake was found.
    pub(super) fn read(record: Record, columns: &Columns, mistakes: &mut Mistakes) -> Option<Self> {
        let line = record.line;
        let before = mistakes.count;
        let fields = match record.fields {
            Ok(fields) => fields,
            Err(malformed) => {
                mistakes.add(line, "", malformed.code(), malformed.detail());
                return None;
            }
        };
        if fields.len() != columns.width {
            mistakes.add(
                line,
                "",
                "field_count",
                format!("It has {} fields, and the first line {}.", fields.len(), columns.width),
            );
            return None;
        }
        let field = |name: &str, place: Option<usize>, mistakes: &mut Mistakes| -> Option<String> {
            let bytes = fields.get(place?)?;
            if let Ok(text) = std::str::from_utf8(bytes) {
                Some(text.trim().to_owned()).filter(|text| !text.is_empty())
            } else {
                mistakes.add(line, name, "not_utf8", "The file must be in UTF-8.");
                None
            }
        };
        let check = |name: &str, result: Result<(), Mistake>, mistakes: &mut Mistakes| {
            if let Err(mistake) = result {
                mistakes.add(line, name, mistake.code, mistake.detail);
            }
        };

        let sku = field("sku", columns.sku, mistakes).unwrap_or_default();
        check("sku", code_mistake(&sku, limits::LONGEST_SKU), mistakes);
        let name = field("name", columns.name, mistakes).unwrap_or_default();
        check("name", text_mistake(&name, limits::LONGEST_NAME, false), mistakes);
        if name.is_empty() {
            mistakes.add(line, "name", "empty", "It may not be empty.");
        }
        let department_code = field("department_code", columns.department_code, mistakes).unwrap_or_default();
        check("department_code", code_mistake(&department_code, 64), mistakes);
        let description = field("description", columns.description, mistakes);
        if let Some(text) = &description {
            check("description", text_mistake(text, limits::LONGEST_DESCRIPTION, true), mistakes);
        }
        let tax_group_code = field("tax_group_code", columns.tax_group_code, mistakes);
        if let Some(code) = &tax_group_code {
            check("tax_group_code", code_mistake(code, 64), mistakes);
        }
        let unit = field("unit", columns.unit, mistakes);
        if let Some(text) = &unit {
            check("unit", text_mistake(text, limits::LONGEST_UNIT, false), mistakes);
        }

        let barcodes: Vec<String> = field("barcodes", columns.barcodes, mistakes)
            .map(|codes| {
                codes.split('|').map(|code| code.trim().to_owned()).take(MOST_BARCODES + 1).collect()
            })
            .unwrap_or_default();
        if barcodes.len() > MOST_BARCODES {
            mistakes.add(
                line,
                "barcodes",
                "too_many",
                format!("A row has {MOST_BARCODES} barcodes at most."),
            );
        }
        let mut seen = BTreeSet::new();
        for code in &barcodes {
            if let Err(mistake) = code_mistake(code, limits::LONGEST_SKU) {
                mistakes.add(line, "barcodes", mistake.code, mistake.detail);
                break;
            }
            if !seen.insert(code) {
                mistakes.add(line, "barcodes", "duplicate", format!("The barcode {code} stands here twice."));
                break;
            }
        }

        let price =
            field("price", columns.price, mistakes).and_then(|text| match text.parse::<UnitPrice>() {
                Ok(price) if !price.is_negative() => Some(price),
                Ok(_) => {
                    mistakes.add(line, "price", "out_of_range", "It may not be negative.");
                    None
                }
                Err(error) => {
                    mistakes.add(line, "price", "malformed", format!("It is not a price: {error}."));
                    None
                }
            });
        let quantity_decimals =
            field("quantity_decimals", columns.quantity_decimals, mistakes).and_then(|text| {
                let decimals = text.parse::<i16>().ok().filter(|decimals| (0..=3).contains(decimals));
                if decimals.is_none() {
                    mistakes.add(line, "quantity_decimals", "out_of_range", "It is a number from 0 to 3.");
                }
                decimals
            });
        let discountable = field("discountable", columns.discountable, mistakes).and_then(|text| match text
            .to_ascii_lowercase()
            .as_str()
        {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => {
                mistakes.add(line, "discountable", "malformed", "It is true or false.");
                None
            }
        });
        (mistakes.count == before).then_some(Self {
            line,
            sku,
            name,
            department_code,
            description,
            barcodes,
            price,
            tax_group_code,
            unit,
            quantity_decimals,
            discountable,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(line: u64, fields: &[&str]) -> Record {
        Record { line, fields: Ok(fields.iter().map(|field| field.as_bytes().to_vec()).collect()) }
    }

    #[test]
    fn a_mistake_is_named_by_line_and_column() {
        let mut mistakes = Mistakes::default();
        let columns = Columns::read(
            &record(1, &["\u{feff}SKU", "name", "department_code", "price", "barcodes"]),
            &mut mistakes,
        );
        assert_eq!(mistakes.count, 0);
        let row =
            Row::read(record(2, &["A1", "Mug", "GIFT", "2.55", "501|502"]), &columns, &mut mistakes).unwrap();
        assert_eq!(row.barcodes, ["501", "502"]);
        assert_eq!(row.price.unwrap().to_string(), "2.55");
        for fields in [
            ["A 1", "Mug", "GIFT", "2.55", ""],
            ["A1", "", "GIFT", "2.55", ""],
            ["A1", "Mug", "GIFT", "-2.55", ""],
            ["A1", "Mug", "GIFT", "2,55", ""],
            ["A1", "Mug", "GIFT", "", "1|1"],
        ] {
            assert!(Row::read(record(9, &fields), &columns, &mut mistakes).is_none());
        }
        let pointers: Vec<&str> = mistakes.told.iter().map(|mistake| mistake.pointer.as_str()).collect();
        assert_eq!(pointers, ["/9/sku", "/9/name", "/9/price", "/9/price", "/9/barcodes"]);
    }

    #[test]
    fn a_file_without_its_columns_is_refused() {
        let mut mistakes = Mistakes::default();
        Columns::read(&record(1, &["sku", "sku", "colour"]), &mut mistakes);
        let codes: Vec<&str> = mistakes.told.iter().map(|mistake| &*mistake.code).collect();
        assert_eq!(codes, ["duplicate", "unknown_column", "missing_column", "missing_column"]);
    }

    #[test]
    fn only_so_many_mistakes_are_kept() {
        let mut mistakes = Mistakes::default();
        for line in 0..100_000 {
            mistakes.add(line, "sku", "empty", "It may not be empty.");
        }
        assert_eq!((mistakes.told.len(), mistakes.count), (MOST_MISTAKES, 100_000));
    }
}
