//! Reads single values from the tree: text, boolean, number, date. What does not fit is reported and left out.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use super::code::Code;
use super::diagnostic::{Diagnostic, Problems};
use super::implicit::{Implicit, implicit_type, parse_date};
use super::key_file::KeyFiles;
use super::limits::MAX_SHOWN_CHARS;
use super::source::Source;
use super::suggest::{is_credential, suggest};
use super::tree::{Field, Mapping, Node, Value};
use crate::terminal::escape::{describe, escape_to, unsafe_chars};

/// Reads the values of one file and collects their problems.
pub(crate) struct FieldReader<'p> {
    pub(crate) source: &'p Source,
    pub(crate) file: &'p Arc<Path>,
    pub(crate) key_files: &'p mut KeyFiles,
    pub(crate) problems: &'p mut Problems,
    /// Parts of the text that turned out to be secret.
    pub(crate) secrets: Vec<Range<usize>>,
}

impl FieldReader<'_> {
    /// Reports an error with what to do about it.
    pub(crate) fn error(
        &mut self,
        code: Code,
        range: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.add(Diagnostic::error(code, self.file, range, message).help(help));
    }

    pub(crate) fn mapping<'n, 'a>(&mut self, node: &'n Node<'a>, what: &str, example: &str) -> Option<&'n Mapping<'a>> {
        match &node.value {
            Value::Mapping(mapping) => Some(mapping),
            other => {
                self.wrong_type(other, &node.head(), &format!("{what} must be a mapping"), example);
                None
            }
        }
    }

    pub(crate) fn list<'n, 'a>(&mut self, field: &'n Field<'a>, example: &str) -> Option<&'n [Node<'a>]> {
        match &field.value.value {
            Value::List(items) => Some(items),
            other => {
                self.wrong_type(other, &field.value.head(), &format!("`{}` must be a list", field.name.value), example);
                None
            }
        }
    }

    /// Reads a text that is not empty. One without quotes that YAML reads as another type is an error.
    pub(crate) fn text<'n>(&mut self, node: &'n Node<'_>, what: &str) -> Option<&'n str> {
        let text: &str = match &node.value {
            Value::Plain(text) | Value::Quoted(text) => text,
            other => {
                self.wrong_type(other, &node.head(), &format!("{what} must be text"), "write it on the same line");
                return None;
            }
        };
        let implicit = if matches!(node.value, Value::Plain(_)) { implicit_type(text) } else { None };
        match implicit {
            _ if text.trim().is_empty() => self.empty(&node.range, what),
            Some(Implicit::Null) => self.empty(&node.range, what),
            Some(implicit) => {
                let shown = escape_to(text, MAX_SHOWN_CHARS);
                let message = format!("{what} must be text, but `{shown}` is {}", implicit.words());
                self.error(Code::FieldQuote, &node.range, message, format!("put it in quotes: \"{shown}\""));
            }
            None => return Some(text),
        }
        None
    }

    /// Reads a text for people: of up to `max` characters, on one line, every character visible.
    pub(crate) fn line<'n>(&mut self, node: &'n Node<'_>, what: &str, max: usize) -> Option<&'n str> {
        let text = self.text(node, what)?;
        if let Some((_, bad)) = unsafe_chars(text).next() {
            let message = format!("{what} contains {}, which is not allowed", describe(bad));
            let help = "remove it, because a reviewer would not see it";
            self.error(Code::FieldValue, &node.range, message, help);
            return None;
        }
        let length = text.chars().count();
        if length > max {
            let message = format!("{what} has {length} characters; the maximum is {max}");
            self.error(Code::FieldValue, &node.range, message, "shorten it");
            return None;
        }
        Some(text)
    }

    pub(crate) fn bool(&mut self, field: &Field<'_>) -> Option<bool> {
        let what = || format!("`{}` must be true or false", field.name.value);
        match &field.value.value {
            Value::Plain(text) => match &**text {
                "true" | "True" | "TRUE" => return Some(true),
                "false" | "False" | "FALSE" => return Some(false),
                _ => self.wrong_value(&field.value, what(), "write `true` or `false`"),
            },
            Value::Quoted(_) => self.wrong_value(&field.value, what(), "write `true` or `false`, without quotes"),
            other => self.wrong_type(other, &field.value.head(), &what(), "write `true` or `false`"),
        }
        None
    }

    /// Reads one of several words.
    pub(crate) fn choice<T, const N: usize>(
        &mut self,
        field: &Field<'_>,
        choices: [(&'static str, T); N],
    ) -> Option<T> {
        let words: Vec<_> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
        let words = words.join(" or ");
        let what = || format!("`{}` must be {words}", field.name.value);
        match &field.value.value {
            Value::Plain(text) | Value::Quoted(text) => {
                let found = choices.into_iter().find(|(word, _)| word == text);
                if found.is_none() {
                    self.wrong_value(&field.value, what(), &format!("write {words}"));
                }
                found.map(|(_, value)| value)
            }
            other => {
                self.wrong_type(other, &field.value.head(), &what(), &format!("write {words}"));
                None
            }
        }
    }

    /// Reads a whole number from `min` to `max`.
    pub(crate) fn u32(&mut self, field: &Field<'_>, min: u32, max: u32) -> Option<u32> {
        let what = || format!("`{}` must be a whole number from {min} to {max}", field.name.value);
        match &field.value.value {
            Value::Plain(text) => {
                let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                let number = if digits { text.parse().ok() } else { None };
                if let Some(number) = number.filter(|number| (min..=max).contains(number)) {
                    return Some(number);
                }
                let help = if digits { "choose a number in this range" } else { "use decimal digits" };
                self.wrong_value(&field.value, what(), help);
            }
            Value::Quoted(_) => self.wrong_value(&field.value, what(), "write it without quotes"),
            other => self.wrong_type(other, &field.value.head(), &what(), "write it on the same line"),
        }
        None
    }

    /// Reads a date, `YYYY-MM-DD`.
    pub(crate) fn date(&mut self, field: &Field<'_>) -> Option<Date> {
        let what = || format!("`{}` must be a date such as 2027-06-30", field.name.value);
        match &field.value.value {
            Value::Plain(text) | Value::Quoted(text) => {
                let date = parse_date(text);
                if date.is_none() {
                    self.wrong_value(&field.value, what(), "use the last day on which the key is valid");
                }
                date
            }
            other => {
                self.wrong_type(other, &field.value.head(), &what(), "write it on the same line");
                None
            }
        }
    }

    /// Reports an unknown field; returns the known one that was probably meant.
    pub(crate) fn unknown<'k>(&mut self, field: &Field<'_>, known: &[&'k str], place: &str) -> Option<&'k str> {
        let Field { name, value } = field;
        let shown = escape_to(&name.value, MAX_SHOWN_CHARS);
        if is_credential(&name.value) {
            self.secrets.push(name.range.end..value.range.end.max(name.range.end));
            let message = format!("`{shown}` is not allowed in a manifest");
            let help = "a manifest never says where to send the token or which token: both come from flags and environment \
                        alone. If it is a real token, revoke it";
            self.error(Code::FieldCredentials, &name.range, message, help);
            return None;
        }
        let meant = if self.problems.are_full() { None } else { suggest(&name.value, known) };
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known fields: {}", known.join(", ")),
        };
        self.error(Code::FieldUnknown, &name.range, format!("unknown field `{shown}` in {place}"), help);
        meant
    }

    /// Reports a missing field, unless it may be among what was not read.
    pub(crate) fn missing(
        &mut self,
        mapping: &Mapping<'_>,
        range: &Range<usize>,
        name: &str,
        place: &str,
        example: &str,
    ) {
        if self.can_miss_fields(mapping) {
            self.error(Code::FieldMissing, range, format!("{place} has no `{name}`"), format!("add `{example}`"));
        }
    }

    /// Returns whether all fields of a mapping were read.
    pub(crate) fn can_miss_fields(&self, mapping: &Mapping<'_>) -> bool {
        mapping.whole && !mapping.fields.iter().any(|field| self.source.is_redacted(&field.name.range))
    }

    fn empty(&mut self, range: &Range<usize>, what: &str) {
        self.error(Code::FieldValue, range, format!("{what} has no value"), "add a value or remove the field");
    }

    fn wrong_value(&mut self, node: &Node<'_>, what: String, help: &str) {
        self.error(Code::FieldValue, &node.range, what, help);
    }

    fn wrong_type(&mut self, value: &Value<'_>, range: &Range<usize>, what: &str, help: &str) {
        let found = match value {
            Value::Refused => return,
            Value::Plain(text) if implicit_type(text) == Some(Implicit::Null) => "nothing",
            Value::Plain(_) | Value::Quoted(_) => "a string",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
        };
        self.error(Code::FieldType, range, format!("{what}, found {found}"), help);
    }
}
