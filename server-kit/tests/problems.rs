//! docs/problems.md names every problem that the servers answer, and no other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const CRATES: [&str; 5] = ["server-kit", "sign-in", "hq-server", "store-server", "sync-protocol"];

fn sources(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "testing") {
                sources(&path, into);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // Tests stand at the end of a file.
            into.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The names in the calls that make a problem (the first text among the arguments, where it stands before the second
/// comma), in constants `/problems/…`, and where an error becomes a problem.
fn made(text: &str) -> impl Iterator<Item = &str> {
    ["Problem::new(", "Problem::conflict(", "Problem::unavailable(", "Self::new(", "Self::unavailable("]
        .into_iter()
        .flat_map(|call| text.split(call).skip(1))
        .filter_map(|arguments| {
            let (before, rest) = arguments.split_once('"')?;
            let (name, _) = rest.split_once('"')?;
            let is_first = before.matches(',').count() <= 1 && !before.contains([';', ')', '}', '{']);
            (is_first && is_name(name)).then_some(name)
        })
        .chain(text.split("/problems/").skip(1).filter_map(|rest| {
            let name = rest.split(['"', '`', '\\']).next()?;
            is_name(name).then_some(name)
        }))
        .chain(text.split("for Problem {").skip(1).flat_map(|rest| {
            let conversion = rest.split("\n}").next().unwrap_or_default();
            // Between quotes is every second part; codes of fields have no hyphen.
            conversion.split('"').skip(1).step_by(2).filter(|text| text.contains('-') && is_name(text))
        }))
}

#[test]
fn every_problem_is_in_the_book_and_the_book_has_no_other() {
    let mut texts = Vec::new();
    for name in CRATES {
        sources(&Path::new(ROOT).join(name).join("src"), &mut texts);
    }
    let in_code: BTreeSet<&str> = texts.iter().flat_map(|text| made(text)).collect();
    let page = fs::read_to_string(Path::new(ROOT).join("docs/problems.md")).unwrap();
    // The first column of the tables.
    let in_book: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .flat_map(|line| line.split(" |").next().unwrap_or_default().split(['`', ',', ' ']))
        .filter(|name| !name.is_empty())
        .collect();
    assert!(in_code.len() > 50, "the calls are found no more: {in_code:?}");
    let missing: Vec<_> = in_code.difference(&in_book).collect();
    let gone: Vec<_> = in_book.difference(&in_code).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in the book: {missing:?}; not in the code: {gone:?}");
}
