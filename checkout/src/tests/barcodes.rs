//! Codes and labels.

use crate::barcode::{BarcodeError, Bears, PrefixRule, Scanned, check_digit, read};

fn rule(prefix: &str, bears: Bears, item: usize, value: usize, decimals: u32, proved: bool) -> PrefixRule {
    PrefixRule {
        prefix: prefix.to_owned(),
        bears,
        item_digits: item,
        value_digits: value,
        value_decimals: decimals,
        value_check_digit: proved,
    }
}

fn with_check(digits: &str) -> String {
    format!("{digits}{}", check_digit(digits).unwrap())
}

#[test]
fn a_misread_digit_is_found_in_every_length_of_gs1() {
    for code in ["96385074", "036000291452", "4006381333931", "10614141000415"] {
        assert!(matches!(read(code, &[]), Ok(Scanned::Code { .. })), "{code}");
        for at in 0..code.len() {
            let mut digits: Vec<u8> = code.bytes().collect();
            digits[at] = b'0' + (digits[at] - b'0' + 1) % 10;
            let misread = String::from_utf8(digits).unwrap();
            assert_eq!(read(&misread, &[]), Err(BarcodeError::CheckDigit), "{misread}");
        }
    }
}

#[test]
fn a_code_of_the_house_is_taken_as_it_is() {
    for code in ["A-17", "12345", "SKU 9"] {
        assert_eq!(read(code, &[]), Ok(Scanned::Code { code: code.to_owned() }));
    }
    assert_eq!(read("", &[]), Err(BarcodeError::NoCode));
    assert_eq!(read(&"9".repeat(49), &[]), Err(BarcodeError::NoCode));
}

#[test]
fn a_weight_is_read_by_its_rule_and_the_longest_prefix_counts() {
    let rules = [rule("2", Bears::Price, 6, 5, 2, false), rule("29", Bears::Weight, 5, 5, 3, false)];
    let label = with_check("291234501250");
    let Scanned::Weight { item, quantity } = read(&label, &rules).unwrap() else { panic!("{label}") };
    assert_eq!((item, quantity), (with_check("291234500000"), "1.25".parse().unwrap()));
    let Scanned::Price { amount, .. } = read(&with_check("281234501250"), &rules).unwrap() else { panic!() };
    assert_eq!(amount, "12.50".parse().unwrap());
}

#[test]
fn a_upc_label_is_the_ean_with_a_leading_zero_and_its_value_is_proved() {
    // Number system 2, item 12345, price check digit, 4 digits of price.
    let rules = [rule("02", Bears::Price, 5, 4, 2, true)];
    let label = with_check("21234592875");
    assert_eq!(label.len(), 12);
    let Scanned::Price { amount, item } = read(&label, &rules).unwrap() else { panic!("{label}") };
    assert_eq!((amount, item), ("28.75".parse().unwrap(), with_check("021234500000")));
    assert_eq!(read(&with_check("21234582875"), &rules), Err(BarcodeError::ValueCheckDigit));
}

#[test]
fn a_rule_whose_digits_do_not_add_up_is_refused_and_reads_nothing() {
    for wrong in [
        rule("22", Bears::Price, 5, 4, 2, false),
        rule("22", Bears::Price, 0, 10, 2, false),
        rule("", Bears::Price, 7, 5, 2, false),
        rule("2x", Bears::Price, 5, 5, 2, false),
        rule("22", Bears::Price, 6, 3, 2, true),
        rule("22", Bears::Price, 5, 5, 6, false),
    ] {
        assert_eq!(wrong.validate(), Err(BarcodeError::RuleLength), "{wrong:?}");
        assert!(matches!(read(&with_check("221234500446"), &[wrong]), Ok(Scanned::Code { .. })));
    }
}
