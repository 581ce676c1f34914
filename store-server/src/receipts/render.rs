//! A receipt's layout. Pure: everything that it says comes in.

use std::fmt::Write as _;

use chrono::NaiveDateTime;
use rust_decimal::Decimal;
use shared_model::Amount;
use shared_model::selling::{AppliedReduction, SaleCompleted, SoldLine};
use shared_model::taxes::TaxKind;

/// Who sells, as the law wants it on a receipt.
#[derive(Clone, Debug)]
pub(super) struct Seller {
    pub(super) legal_name: String,
    pub(super) address: String,
    pub(super) tax_number: String,
    pub(super) store_name: String,
}

/// The languages that receipts are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Spanish,
}

impl Language {
    /// The first one of an `Accept-Language` that there is.
    pub(super) fn preferred(header: &str) -> Self {
        header
            .split(',')
            .find_map(|part| match part.trim().get(..2)?.to_ascii_lowercase().as_str() {
                "en" => Some(Self::English),
                "es" => Some(Self::Spanish),
                _ => None,
            })
            .unwrap_or(Self::English)
    }

    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }

    const fn words(self) -> &'static Words {
        match self {
            Self::English => &Words {
                receipt: "Receipt",
                tax_number: "Tax no.",
                served_by: "Served by",
                register: "Register",
                total: "TOTAL",
                net: "Net",
                tax: "Tax",
                gross: "Gross",
                change: "Change",
                rounding: "Rounding",
                off: "off",
            },
            Self::Spanish => &Words {
                receipt: "Factura simplificada",
                tax_number: "NIF",
                served_by: "Le atendió",
                register: "Caja",
                total: "TOTAL",
                net: "Base",
                tax: "Cuota",
                gross: "Total",
                change: "Cambio",
                rounding: "Redondeo",
                off: "dto.",
            },
        }
    }

    fn number(self, value: Decimal) -> String {
        let text = value.to_string();
        match self {
            Self::English => text,
            Self::Spanish => text.replace('.', ","),
        }
    }

    fn moment(self, at: NaiveDateTime) -> String {
        let form = match self {
            Self::English => "%Y-%m-%d %H:%M",
            Self::Spanish => "%d/%m/%Y %H:%M",
        };
        at.format(form).to_string()
    }
}

struct Words {
    receipt: &'static str,
    tax_number: &'static str,
    served_by: &'static str,
    register: &'static str,
    total: &'static str,
    net: &'static str,
    tax: &'static str,
    gross: &'static str,
    change: &'static str,
    rounding: &'static str,
    off: &'static str,
}

/// What stands on a receipt, in order, apart from how wide paper is.
struct Layout {
    head: Vec<String>,
    title: Vec<(String, String)>,
    lines: Vec<(String, String)>,
    total: (String, String),
    taxes: Vec<[String; 4]>,
    payments: Vec<(String, String)>,
}

fn layout(sale: &SaleCompleted, seller: &Seller, at: NaiveDateTime, language: Language) -> Layout {
    let words = language.words();
    let decimals = sale.currency.exponent();
    let amount = |value: Amount| language.number(value.with_decimals(decimals).unwrap_or(value).decimal());
    let mut head = vec![seller.legal_name.clone()];
    if seller.store_name != seller.legal_name {
        head.push(seller.store_name.clone());
    }
    head.extend(seller.address.lines().map(str::to_owned));
    if !seller.tax_number.is_empty() {
        head.push(format!("{} {}", words.tax_number, seller.tax_number));
    }
    let title = vec![
        (words.receipt.to_owned(), sale.receipt_number.clone()),
        (language.moment(at), format!("{} {}", words.register, sale.register_code)),
        (words.served_by.to_owned(), sale.cashier_name.clone()),
    ];
    let mut lines = Vec::new();
    for line in &sale.lines {
        // In label prices: what the customer saw on the shelf, and what was taken off it.
        let label = line.reductions.iter().try_fold(label_total(line), |sum, off| sum.plus(off.amount()));
        lines.push((line.name.clone(), amount(label.unwrap_or(line.gross))));
        if line.quantity != shared_model::Quantity::ONE {
            let quantity = language.number(line.quantity.normalized().decimal());
            let price =
                language.number(line.unit_price.with_decimals(decimals).unwrap_or(line.unit_price).decimal());
            let unit = if line.unit == "each" { String::new() } else { format!(" {}", line.unit) };
            lines.push((format!("  {quantity}{unit} × {price}"), String::new()));
        }
        for off in &line.reductions {
            let said = match off {
                AppliedReduction::Percent { percent, reason, .. } => {
                    format!("  {reason} {} % {}", language.number(percent.normalized().decimal()), words.off)
                }
                AppliedReduction::Amount { reason, .. } => format!("  {reason} {}", words.off),
                _ => format!("  {}", words.off),
            };
            lines.push((said, amount(off.amount().negate())));
        }
    }
    let mut taxes = vec![[String::new(), words.net.to_owned(), words.tax.to_owned(), words.gross.to_owned()]];
    for tax in &sale.taxes {
        let gross = tax.base.plus(tax.amount).unwrap_or(tax.base);
        taxes.push([
            match tax.kind {
                TaxKind::Fixed => tax.name.clone(),
                _ => format!("{} {} %", tax.name, language.number(tax.rate.normalize())),
            },
            amount(tax.base),
            amount(tax.amount),
            amount(gross),
        ]);
    }
    let mut payments: Vec<_> =
        sale.payments.iter().map(|payment| (payment.tender_name.clone(), amount(payment.amount))).collect();
    if !sale.rounding.is_zero() {
        payments.push((words.rounding.to_owned(), amount(sale.rounding)));
    }
    if !sale.change.is_zero() {
        payments.push((words.change.to_owned(), amount(sale.change)));
    }
    Layout {
        head,
        title,
        lines,
        total: (format!("{} {}", words.total, sale.currency), amount(sale.total)),
        taxes,
        payments,
    }
}

/// What a line comes to in the prices that its label shows: with the taxes that were inside.
fn label_total(line: &SoldLine) -> Amount {
    let inside = line.taxes.iter().filter(|tax| tax.price_included).map(|tax| tax.amount);
    Amount::sum(inside).and_then(|inside| line.net.plus(inside)).unwrap_or(line.gross)
}

/// For a printer of 42 columns, or a mail.
pub(super) fn text(sale: &SaleCompleted, seller: &Seller, at: NaiveDateTime, language: Language) -> String {
    const WIDTH: usize = 42;
    let layout = layout(sale, seller, at, language);
    let rule = "-".repeat(WIDTH);
    let mut out = String::new();
    for line in &layout.head {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", format!("{:^WIDTH$}", cut(line, WIDTH)).trim_end());
    }
    let _ = writeln!(out, "{rule}");
    let pair = |out: &mut String, (left, right): &(String, String)| {
        let room = WIDTH.saturating_sub(right.chars().count() + 1);
        let left = cut(left, room);
        let _ = writeln!(out, "{}", format!("{left:<room$} {right}").trim_end());
    };
    for line in &layout.title {
        pair(&mut out, line);
    }
    let _ = writeln!(out, "{rule}");
    for line in &layout.lines {
        pair(&mut out, line);
    }
    let _ = writeln!(out, "{rule}");
    pair(&mut out, &layout.total);
    let _ = writeln!(out, "{rule}");
    for [name, net, tax, gross] in &layout.taxes {
        let name = cut(name, 12);
        let _ = writeln!(out, "{name:<12}{net:>10}{tax:>10}{gross:>10}");
    }
    let _ = writeln!(out, "{rule}");
    for line in &layout.payments {
        pair(&mut out, line);
    }
    out
}

fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

/// For a screen. No script and no style: it is shown under the strictest policy.
pub(super) fn html(sale: &SaleCompleted, seller: &Seller, at: NaiveDateTime, language: Language) -> String {
    let layout = layout(sale, seller, at, language);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n<body>\n<header>\n",
        language.code(),
        escape(&sale.receipt_number)
    );
    for line in &layout.head {
        let _ = writeln!(out, "<div>{}</div>", escape(line));
    }
    out.push_str("</header>\n");
    let table = |out: &mut String, class: &str, rows: &[(String, String)]| {
        let _ = writeln!(out, "<table class=\"{class}\">");
        for (left, right) in rows {
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td align=\"right\">{}</td></tr>",
                escape(left.trim()),
                escape(right)
            );
        }
        out.push_str("</table>\n");
    };
    table(&mut out, "title", &layout.title);
    table(&mut out, "lines", &layout.lines);
    table(&mut out, "total", std::slice::from_ref(&layout.total));
    out.push_str("<table class=\"taxes\">\n");
    for row in &layout.taxes {
        out.push_str("<tr>");
        for cell in row {
            let _ = write!(out, "<td>{}</td>", escape(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
    table(&mut out, "payments", &layout.payments);
    out.push_str("</body>\n</html>\n");
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sale() -> SaleCompleted {
        serde_json::from_str(r#"{
            "id": "0190b0c4-7b1e-7cc2-8c2a-000000000001", "register_session_id": "0190b0c4-7b1e-7cc2-8c2a-000000000002",
            "register_id": "0190b0c4-7b1e-7cc2-8c2a-000000000003", "register_code": "R01", "series": "R01", "number": 7,
            "receipt_number": "ST01-R01-000007", "business_date": "2026-03-02", "completed_at": "2026-03-02T10:15:00Z",
            "local_hour": 10, "cashier_id": "0190b0c4-7b1e-7cc2-8c2a-000000000004", "cashier_name": "Ana <b>", "customer_id": null,
            "currency": "GBP", "lines": [
                {"id": "0190b0c4-7b1e-7cc2-8c2a-000000000005", "variant_id": "0190b0c4-7b1e-7cc2-8c2a-000000000006",
                 "product_id": "0190b0c4-7b1e-7cc2-8c2a-000000000007", "department_id": "0190b0c4-7b1e-7cc2-8c2a-000000000008",
                 "department_name": "Kitchen", "sku": "85123A", "name": "White hanging heart T-light holder & a name that is far too long",
                 "quantity": "3", "unit": "each", "regular_unit_price": "2.95", "unit_price": "2.95",
                 "price_reason": {"kind": "listed", "price_id": "0190b0c4-7b1e-7cc2-8c2a-000000000009", "price_kind": "regular", "reason": ""},
                 "reductions": [{"kind": "percent", "percent": "10", "reason": "Scratched", "amount": "0.89"}], "reduction": "0.89",
                 "net": "6.63", "tax": "1.33", "gross": "7.96",
                 "taxes": [{"tax_id": "0190b0c4-7b1e-7cc2-8c2a-00000000000a", "code": "vat20", "name": "VAT", "kind": "percent", "rate": "20", "price_included": true, "base": "6.63", "amount": "1.33"}],
                 "sales_rep_id": null, "movement_id": "0190b0c4-7b1e-7cc2-8c2a-00000000000b"}],
            "taxes": [{"tax_id": "0190b0c4-7b1e-7cc2-8c2a-00000000000a", "code": "vat20", "name": "VAT", "kind": "percent", "rate": "20", "price_included": true, "base": "6.63", "amount": "1.33"}],
            "payments": [{"id": "0190b0c4-7b1e-7cc2-8c2a-00000000000c", "tender_id": "0190b0c4-7b1e-7cc2-8c2a-00000000000d", "tender_code": "cash",
                 "tender_name": "Cash", "tender_kind": "cash", "amount": "10.00", "change": "2.04", "reference": null}],
            "net": "6.63", "tax": "1.33", "total": "7.96", "rounding": "0.00", "change": "2.04", "feed_position": 5
        }"#)
        .unwrap()
    }

    fn seller() -> Seller {
        Seller {
            legal_name: "Hearts & Lights Ltd".into(),
            address: "1 High Street\nLondon".into(),
            tax_number: "GB123456789".into(),
            store_name: "High Street".into(),
        }
    }

    #[test]
    fn a_receipt_as_text_is_a_simplified_invoice() {
        let at = "2026-03-02T10:15:00".parse().unwrap();
        insta::assert_snapshot!(text(&sale(), &seller(), at, Language::English));
    }

    #[test]
    fn a_spanish_receipt_has_spanish_words_and_commas() {
        let at = "2026-03-02T10:15:00".parse().unwrap();
        insta::assert_snapshot!(text(&sale(), &seller(), at, Language::Spanish));
    }

    #[test]
    fn a_receipt_as_html_lets_no_name_become_a_tag() {
        let at = "2026-03-02T10:15:00".parse().unwrap();
        let page = html(&sale(), &seller(), at, Language::English);
        assert!(page.contains("Ana &lt;b&gt;") && !page.contains("<b>") && !page.contains("<script"));
        for said in ["Hearts &amp; Lights Ltd", "GB123456789", "ST01-R01-000007", "7.96", "1.33", "2.04"] {
            assert!(page.contains(said), "{said}");
        }
    }

    #[test]
    fn the_language_is_the_first_that_there_is() {
        assert_eq!(Language::preferred("de-DE,es;q=0.8,en"), Language::Spanish);
        assert_eq!(Language::preferred(""), Language::English);
    }
}
