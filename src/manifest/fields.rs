//! Takes single fields from the tree: a text, a truth, a number, a date. What does not fit is reported and left out.

use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use super::diagnostic::Diagnostic;
use super::problems::Problems;
use super::reading::{Reading, parse_date, reads_as};
use super::span::{Extent, Position};
use super::suggest::{bare, suggest};
use super::tree::{Field, Mapping, Node, Value};
use crate::terminal::sanitize;

/// How much of a value a message repeats, in characters.
pub(crate) const SHOWN: usize = 40;

/// Fields by which a manifest would aim or hold credentials, as [`bare`] gives them.
const CREDENTIALS: &[&str] = &[
    "accesstoken",
    "apiendpoint",
    "apikey",
    "apitoken",
    "apiurl",
    "authorization",
    "baseurl",
    "bearer",
    "context",
    "credentials",
    "endpoint",
    "host",
    "password",
    "primeapikey",
    "proxy",
    "secret",
    "server",
    "token",
    "tokenfile",
    "url",
];

/// One file, as it is read: where its problems go.
pub(crate) struct Scope<'p> {
    pub(crate) file: &'p Arc<Path>,
    pub(crate) problems: &'p mut Problems,
    /// Parts of the text that turned out to be secret.
    pub(crate) hidden: Vec<Extent>,
}

impl Scope<'_> {
    /// Reports an error with what to do about it.
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        extent: Extent,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.add(Diagnostic::error(code, self.file, extent, message).help(help));
    }

    /// Takes a mapping.
    pub(crate) fn mapping<'n, 'a>(&mut self, node: &'n Node<'a>, what: &str, example: &str) -> Option<&'n Mapping<'a>> {
        match &node.value {
            Value::Mapping(mapping) => Some(mapping),
            other => {
                self.wrong_type(other, node.extent, &format!("{what} must be a mapping"), example);
                None
            }
        }
    }

    /// Takes a list.
    pub(crate) fn list<'n, 'a>(&mut self, field: &'n Field<'a>, example: &str) -> Option<&'n [Node<'a>]> {
        match &field.value.value {
            Value::List(items) => Some(items),
            other => {
                self.wrong_type(other, field.value.extent, &format!("`{}` must be a list", field.name), example);
                None
            }
        }
    }

    /// Takes a text that is not empty. One without quotes that YAML reads as something else is not guessed at.
    pub(crate) fn text<'n>(&mut self, node: &'n Node<'_>, what: &str) -> Option<&'n str> {
        let text: &str = match &node.value {
            Value::Plain(text) | Value::Quoted(text) => text,
            other => {
                self.wrong_type(other, node.extent, &format!("{what} must be a text"), "write it on the same line");
                return None;
            }
        };
        let reading = if matches!(node.value, Value::Plain(_)) { reads_as(text) } else { None };
        match reading {
            _ if text.trim().is_empty() => self.empty(node.extent, what),
            Some(Reading::Nothing) => self.empty(node.extent, what),
            Some(reading) => {
                let shown = sanitize::escape_to(text, SHOWN);
                let message = format!("{what} must be a text, `{shown}` reads as {}", reading.words());
                self.error("field-quote", node.extent, message, format!("quote it: \"{shown}\""));
            }
            None => return Some(text),
        }
        None
    }

    /// Takes a text for people: bounded, on one line, every character visible.
    pub(crate) fn line<'n>(&mut self, node: &'n Node<'_>, what: &str, max: usize) -> Option<&'n str> {
        let text = self.text(node, what)?;
        if let Some(bad) = text.chars().find(|&c| sanitize::is_unsafe(c)) {
            let message = format!("{what} holds {}, which is not allowed there", sanitize::describe(bad));
            self.error("field-value", node.extent, message, "remove it");
            return None;
        }
        let length = text.chars().count();
        if length > max {
            let message = format!("{what} has {length} characters, more than {max}");
            self.error("field-value", node.extent, message, "shorten it");
            return None;
        }
        Some(text)
    }

    /// Takes `true` or `false`.
    pub(crate) fn truth(&mut self, field: &Field<'_>) -> Option<bool> {
        let what = || format!("`{}` must be true or false", field.name);
        match &field.value.value {
            Value::Plain(text) => match &**text {
                "true" | "True" | "TRUE" => return Some(true),
                "false" | "False" | "FALSE" => return Some(false),
                _ => self.wrong_value(&field.value, what(), "write `true` or `false`"),
            },
            Value::Quoted(_) => self.wrong_value(&field.value, what(), "write `true` or `false`, without quotes"),
            other => self.wrong_type(other, field.value.extent, &what(), "write `true` or `false`"),
        }
        None
    }

    /// Takes a whole number from `min` to `max`.
    pub(crate) fn number(&mut self, field: &Field<'_>, min: u32, max: u32) -> Option<u32> {
        let what = || format!("`{}` must be a whole number from {min} to {max}", field.name);
        match &field.value.value {
            Value::Plain(text) => {
                let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                let number = if digits { text.parse().ok() } else { None };
                if let Some(number) = number.filter(|number| (min..=max).contains(number)) {
                    return Some(number);
                }
                let help = if digits { "choose one in that range" } else { "write it in decimal digits" };
                self.wrong_value(&field.value, what(), help);
            }
            Value::Quoted(_) => self.wrong_value(&field.value, what(), "write it without quotes"),
            other => self.wrong_type(other, field.value.extent, &what(), "write it on the same line"),
        }
        None
    }

    /// Takes a date, `YYYY-MM-DD`.
    pub(crate) fn date(&mut self, field: &Field<'_>) -> Option<Date> {
        let what = || format!("`{}` must be a date of the form YYYY-MM-DD", field.name);
        match &field.value.value {
            Value::Plain(text) | Value::Quoted(text) => {
                let date = parse_date(text);
                if date.is_none() {
                    self.wrong_value(
                        &field.value,
                        what(),
                        "such as 2027-06-30: the last day on which the key is wanted",
                    );
                }
                date
            }
            other => {
                self.wrong_type(other, field.value.extent, &what(), "such as 2027-06-30");
                None
            }
        }
    }

    /// Reports a field that is not known here; returns the one that was probably meant.
    pub(crate) fn unknown<'k>(&mut self, field: &Field<'_>, known: &[&'k str], place: &str) -> Option<&'k str> {
        let shown = sanitize::escape_to(&field.name, SHOWN);
        if CREDENTIALS.binary_search(&bare(&field.name).as_str()).is_ok() {
            self.hidden.push(Extent { start: field.extent.start, end: end_of(&field.value) });
            let message = format!("`{shown}` cannot stand in a manifest");
            let help = "a manifest never says where to send the token or which token: both come from flags and environment \
                        alone. If it is a real token, revoke it";
            self.error("field-credentials", field.extent, message, help);
            return None;
        }
        let meant = if self.problems.are_full() { None } else { suggest(&field.name, known) };
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known there: {}", known.join(", ")),
        };
        self.error("field-unknown", field.extent, format!("{place} has no field `{shown}`"), help);
        meant
    }

    /// Reports a field that must be there. Says nothing of a mapping that was not read as a whole.
    pub(crate) fn missing(&mut self, mapping: &Mapping<'_>, extent: Extent, name: &str, place: &str, example: &str) {
        if mapping.whole {
            self.error("field-missing", extent, format!("{place} has no `{name}`"), format!("add `{example}`"));
        }
    }

    fn empty(&mut self, extent: Extent, what: &str) {
        self.error("field-value", extent, format!("{what} has no value"), "give it one, or remove the field");
    }

    fn wrong_value(&mut self, node: &Node<'_>, what: String, help: &str) {
        self.error("field-value", node.extent, what, help);
    }

    fn wrong_type(&mut self, value: &Value<'_>, extent: Extent, what: &str, help: &str) {
        let found = match value {
            Value::Refused => return,
            Value::Plain(text) if reads_as(text) == Some(Reading::Nothing) => "nothing",
            Value::Plain(_) | Value::Quoted(_) => "a text",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
        };
        self.error("field-type", extent, format!("{what}, here is {found}"), help);
    }
}

/// Returns where a value ends, as far as its parts know.
fn end_of(node: &Node<'_>) -> Position {
    let inner = match &node.value {
        Value::List(items) => items.iter().map(end_of).max(),
        Value::Mapping(mapping) => mapping.fields.iter().map(|field| end_of(&field.value)).max(),
        Value::Plain(_) | Value::Quoted(_) | Value::Refused => None,
    };
    inner.unwrap_or(node.extent.end).max(node.extent.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_credentials_is_sorted() {
        assert!(CREDENTIALS.is_sorted());
    }
}
