//! Looking at input field by field, so that a person hears of every mistake at once.

use std::borrow::Cow;

use chrono::{Datelike, NaiveDate};
use server_kit::{FieldError, Problem};

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    errors: Vec<FieldError>,
}

impl Checks {
    /// The most mistakes that are told at once.
    const MOST: usize = 100;

    pub(crate) fn fail(
        &mut self,
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) {
        if self.errors.len() < Self::MOST {
            self.errors.push(FieldError {
                pointer: pointer.into(),
                code: code.into(),
                detail: detail.into(),
            });
        }
    }

    /// Fails unless it holds.
    pub(crate) fn ensure(
        &mut self,
        holds: bool,
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) {
        if !holds {
            self.fail(pointer, code, detail);
        }
    }

    /// A name or note: at most so many characters, of which none is a control character.
    pub(crate) fn text(&mut self, pointer: impl Into<String>, text: &str, most: usize) {
        if let Err(mistake) = text_mistake(text, most, false) {
            self.fail(pointer, mistake.code, mistake.detail);
        }
    }

    /// As `text`, over several lines.
    pub(crate) fn lines(&mut self, pointer: impl Into<String>, text: &str, most: usize) {
        if let Err(mistake) = text_mistake(text, most, true) {
            self.fail(pointer, mistake.code, mistake.detail);
        }
    }

    /// As `text`, and not empty.
    pub(crate) fn name(&mut self, pointer: impl Into<String>, text: &str, most: usize) {
        if text.is_empty() {
            self.fail(pointer, "empty", "It may not be empty.");
        } else {
            self.text(pointer, text, most);
        }
    }

    /// A short code of letters, digits and `-`, `_`, `.`, `/`.
    pub(crate) fn code(&mut self, pointer: impl Into<String>, code: &str, most: usize) {
        if let Err(mistake) = code_mistake(code, most) {
            self.fail(pointer, mistake.code, mistake.detail);
        }
    }

    /// A day within what people plan for and the database keeps.
    pub(crate) fn day(&mut self, pointer: impl Into<String>, day: Option<NaiveDate>) {
        self.ensure(
            day.is_none_or(|day| (1900..=2200).contains(&day.year())),
            pointer,
            "out_of_range",
            "It is between the years 1900 and 2200.",
        );
    }

    /// The problem that names them all, where there are any.
    pub(crate) fn done(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::invalid_fields(self.errors)) }
    }
}

/// What is wrong with a value, before it is known where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) code: &'static str,
    pub(crate) detail: Cow<'static, str>,
}

pub(crate) fn text_mistake(text: &str, most: usize, lines: bool) -> Result<(), Mistake> {
    if text.chars().nth(most).is_some() {
        return Err(Mistake {
            code: "too_long",
            detail: format!("It may have {most} characters at most.").into(),
        });
    }
    let is_forbidden = |letter: char| letter.is_control() && !(lines && matches!(letter, '\n' | '\t'));
    if text.contains(is_forbidden) {
        return Err(Mistake {
            code: "control_character",
            detail: "It may not contain control characters.".into(),
        });
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return Err(Mistake { code: "outer_space", detail: "It may not begin or end with a space.".into() });
    }
    Ok(())
}

pub(crate) fn code_mistake(code: &str, most: usize) -> Result<(), Mistake> {
    if code.is_empty() {
        return Err(Mistake { code: "empty", detail: "It may not be empty.".into() });
    }
    if code.len() > most {
        return Err(Mistake {
            code: "too_long",
            detail: format!("It may have {most} characters at most.").into(),
        });
    }
    if !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte)) {
        return Err(Mistake {
            code: "malformed",
            detail: "It may have letters, digits, and - _ . / only.".into(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_measured_in_characters_and_has_no_control_characters() {
        assert_eq!(text_mistake("Crème brûlée", 12, false), Ok(()));
        assert_eq!(text_mistake("Crème brûlées", 12, false).unwrap_err().code, "too_long");
        for text in ["a\0b", "a\nb", "\u{85}"] {
            assert_eq!(text_mistake(text, 12, false).unwrap_err().code, "control_character", "{text:?}");
        }
        assert_eq!(text_mistake("a\nb", 12, true), Ok(()));
        assert_eq!(text_mistake(" a", 12, true).unwrap_err().code, "outer_space");
    }
}
