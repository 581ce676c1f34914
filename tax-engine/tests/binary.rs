//! The binary itself: what it writes, how it ends, and that nothing makes it panic.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

fn run(input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tax-engine"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

const DOCUMENT: &str = r#"{"id": "d", "currency_decimals": 2, "rounding": "per_document", "rounding_mode": "half_even",
    "cash_rounding": "0.05", "taxes": [{"id": "vat", "kind": "percent", "rate": "21", "price_included": true,
    "include_base_amount": false, "is_base_affected": true, "sequence": 1, "exempt_below": "1", "part_up_to": "5000"}],
    "lines": [{"id": "1", "quantity": "1", "unit_price": "100", "discount_percent": "0", "tax_ids": ["vat"]}]}"#;

#[test]
fn a_document_is_answered_on_standard_output() {
    let output = run(DOCUMENT.as_bytes());
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        answer,
        json!({
            "id": "d",
            "lines": [{"id": "1", "total_excluded": "82.64", "total_included": "100.00",
                       "taxes": [{"tax_id": "vat", "base": "82.64", "amount": "17.36"}]}],
            "document": {"base": "82.64", "tax": "17.36", "total": "100.00", "payable": "100.00",
                         "taxes": [{"tax_id": "vat", "base": "82.64", "amount": "17.36"}]},
        })
    );
}

#[test]
fn bad_input_is_a_problem_and_another_exit_status() {
    for input in ["", "{}", "nonsense"] {
        let output = run(input.as_bytes());
        assert_eq!(output.status.code(), Some(2), "{input}");
        let problem: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(problem["type"], "/problems/invalid-tax-document");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
    }
}

#[test]
fn an_argument_that_it_does_not_know_is_said() {
    let with = |argument: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tax-engine"));
        command.arg(argument).stdin(Stdio::null()).output().unwrap()
    };
    for (argument, code) in
        [("--help", 0), ("-h", 0), ("--version", 0), ("receipt.json", 2), ("--helpp", 2), ("", 2)]
    {
        let output = with(argument);
        assert_eq!(output.status.code(), Some(code), "{argument}");
        assert_eq!(output.stdout.is_empty(), code != 0, "{argument}");
        assert_eq!(output.stderr.is_empty(), code == 0, "{argument}");
    }
}

#[test]
fn an_array_is_answered_also_where_one_of_it_is_wrong() {
    let output = run(format!("[{DOCUMENT}, {{}}]").as_bytes());
    assert_eq!(output.status.code(), Some(2));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer[0]["document"]["tax"], "17.36");
    assert_eq!(answer[1]["type"], "/problems/invalid-tax-document");
    assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1);
    assert_eq!(run(b"[]").status.code(), Some(0));
}

/// A small generator (xorshift), so that a failure is repeated by its seed.
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap()
    }
}

/// Documents with pieces cut out, doubled, or replaced by what often breaks readers. `TAX_FUZZ_SECONDS` sets how long.
#[test]
fn damaged_documents_never_make_it_panic() {
    const PIECES: [&str; 20] = [
        "\"-0\"",
        "\"9999999999999.999999\"",
        "\"-9999999999999\"",
        "\"999999999.999\"",
        "\"1e9\"",
        "\"NaN\"",
        "null",
        "-1",
        "1e400",
        "[]",
        "{}",
        "\"\"",
        "\"division\"",
        "\"fixed\"",
        "\"99.9999\"",
        "\"0.000001\"",
        "\"1000\"",
        "0",
        "true",
        "\"\\ud800\"",
    ];
    let seconds = std::env::var("TAX_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let seed = std::env::var("TAX_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0x5eed_5eed);
    println!("TAX_FUZZ_SEED={seed} TAX_FUZZ_SECONDS={seconds}");
    let mut bytes = Bytes(seed);
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut tries = 0_u64;
    while Instant::now() < until {
        tries += 1;
        let mut input = DOCUMENT.as_bytes().to_vec();
        for _ in 0..=bytes.next() % 4 {
            let at = bytes.next() % input.len();
            match bytes.next() % 4 {
                0 => input[at] = u8::try_from(bytes.next() % 256).unwrap(),
                1 => {
                    let end = (at + bytes.next() % 20).min(input.len());
                    input.drain(at..end);
                }
                2 => {
                    let end = (at + bytes.next() % 40).min(input.len());
                    let piece = input[at..end].to_vec();
                    input.splice(at..at, piece);
                }
                _ => {
                    // Another value in the place of the one after a colon.
                    let Some(colon) =
                        input[at..].iter().position(|byte| *byte == b':').map(|colon| colon + at)
                    else {
                        continue;
                    };
                    let end = input[colon..]
                        .iter()
                        .position(|byte| b",}".contains(byte))
                        .map_or(input.len(), |end| end + colon);
                    let piece = PIECES[bytes.next() % PIECES.len()];
                    input.splice(colon + 1..end, piece.bytes());
                }
            }
            if input.is_empty() {
                break;
            }
        }
        let outcome = std::panic::catch_unwind(|| tax_engine::json::answer(&input).is_ok());
        assert!(outcome.is_ok(), "TAX_FUZZ_SEED={seed}, try {tries}: {}", String::from_utf8_lossy(&input));
    }
    assert!(tries > 100);
}
