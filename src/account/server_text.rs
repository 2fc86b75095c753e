//! The text that a server sends in the body of an error, made fit for a message.
//!
//! Never trusted: escaped, put on one line, cut, and the token masked.

use serde_json::Value;

use super::failure::Permission;
use super::token::Token;
use crate::terminal::escape::escape_to;

/// The most characters of a server's text in a message.
const MAX_CHARACTERS: usize = 300;

/// The most complaints of a list that are quoted.
const MAX_COMPLAINTS: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ServerText {
    Nothing,
    /// From the account, or at least from a program.
    Message(String),
    /// The title of an HTML page, which may be empty.
    Page(String),
}

impl ServerText {
    /// Reads a body: either shape of the account's errors, other JSON, HTML, or plain text.
    pub(super) fn read(body: &[u8], token: &Token) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Self::Nothing;
        }
        if is_html(text) {
            return Self::Page(one_line(title(text).unwrap_or_default(), token));
        }
        let said = serde_json::from_str(text).ok().and_then(|json| complaints(&json));
        let said = one_line(said.as_deref().unwrap_or(text), token);
        if said.is_empty() { Self::Nothing } else { Self::Message(said) }
    }

    /// Which permission the words say is missing, if that is what they say. `attempted` is what the request needs.
    ///
    /// Seen: `Token permission missing: scope 'ssh_keys', permission 'read'`.
    pub(super) fn missing_permission(&self, needed: Permission) -> Option<Permission> {
        let Self::Message(said) = self else { return None };
        let said = said.to_ascii_lowercase();
        let lacks = ["missing", "insufficient", "required", "lack", "not have"];
        if !(said.contains("scope") || said.contains("permission")) || !lacks.iter().any(|word| said.contains(word)) {
            return None;
        }
        match said.split_once("permission '").map(|(_, rest)| rest) {
            Some(rest) if rest.starts_with("read'") => Some(Permission::Read),
            Some(rest) if rest.starts_with("write'") => Some(Permission::Write),
            _ => Some(needed),
        }
    }
}

/// Makes any text fit for a message: one line, escaped, at most [`MAX_CHARACTERS`] characters, without the token.
pub(super) fn one_line(text: &str, token: &Token) -> String {
    // Masked before it is cut: half a token is still a secret.
    let text = token.mask(text);
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.len() > MAX_CHARACTERS * 4 {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    escape_to(&line, MAX_CHARACTERS).into_owned()
}

pub(super) fn is_html(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with('<')
}

/// Reads the account's `{"errors":[{param,details}]}`, FastAPI's `{"detail": …}`, and common fields of other programs.
fn complaints(json: &Value) -> Option<String> {
    if let Some(errors) = json.get("errors").and_then(Value::as_array) {
        return joined(errors.iter().map(|error| {
            let param = error.get("param").and_then(Value::as_str).map(str::to_owned);
            (param, error.get("details").and_then(Value::as_str).map(str::to_owned))
        }));
    }
    match json.get("detail") {
        Some(Value::String(detail)) => return Some(detail.clone()),
        Some(Value::Array(details)) => {
            return joined(details.iter().map(|detail| {
                (detail.get("loc").map(location), detail.get("msg").and_then(Value::as_str).map(str::to_owned))
            }));
        }
        _ => {}
    }
    let text = ["message", "error", "error_description"].iter().find_map(|name| json.get(name)?.as_str());
    text.or_else(|| json.as_str()).map(str::to_owned)
}

fn joined(complaints: impl Iterator<Item = (Option<String>, Option<String>)>) -> Option<String> {
    let message: Vec<String> = complaints
        .filter_map(|complaint| match complaint {
            (Some(place), Some(what)) => Some(format!("{place}: {what}")),
            (place, what) => place.or(what),
        })
        .take(MAX_COMPLAINTS)
        .collect();
    (!message.is_empty()).then(|| message.join("; "))
}

/// Writes FastAPI's `["body", "publicKey"]` as `body.publicKey`.
fn location(loc: &Value) -> String {
    let step = |step: &Value| step.as_str().map_or_else(|| step.to_string(), str::to_owned);
    match loc.as_array() {
        Some(steps) => steps.iter().take(8).map(step).collect::<Vec<_>>().join("."),
        None => step(loc),
    }
}

fn title(html: &str) -> Option<&str> {
    let lower = html.to_ascii_lowercase();
    let from = lower.find("<title")?;
    let from = from + lower.get(from..)?.find('>')? + 1;
    let to = from + lower.get(from..)?.find("</title")?;
    html.get(from..to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> ServerText {
        ServerText::read(body.as_bytes(), &Token::parse("s3cret").unwrap())
    }

    fn said(body: &str) -> String {
        match read(body) {
            ServerText::Message(said) => said,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_shapes_of_error_are_read() {
        assert_eq!(
            said(r#"{"errors":[{"param":"name","details":"too long"},{"param":"publicKey","details":"bad"}]}"#),
            "name: too long; publicKey: bad"
        );
        assert_eq!(said(r#"{"detail":"Not authenticated"}"#), "Not authenticated");
        assert_eq!(
            said(r#"{"detail":[{"loc":["body","publicKey",0],"msg":"Field required","type":"missing"}]}"#),
            "body.publicKey.0: Field required"
        );
        assert_eq!(said(r#"{"message":"slow down"}"#), "slow down");
        assert_eq!(said(r#"{"odd":1}"#), r#"{"odd":1}"#);
        assert_eq!(said("upstream\n  gone"), "upstream gone");
        assert_eq!(read(" \n"), ServerText::Nothing);
    }

    #[test]
    fn an_html_page_is_recognised_by_its_title() {
        assert_eq!(
            read("<!DOCTYPE html><html><head><TITLE>502 Bad\nGateway</TITLE></head><body>nginx</body>"),
            ServerText::Page("502 Bad Gateway".to_owned())
        );
        assert_eq!(
            read("<html><script>var x = '<b>';</script><style>p{}</style><p>Please <b>log in</b></p>"),
            ServerText::Page(String::new())
        );
        assert_eq!(read("<"), ServerText::Page(String::new()));
    }

    #[test]
    fn server_messages_are_bounded_escaped_and_free_of_the_token() {
        assert_eq!(said(&"x".repeat(5000)).chars().count(), MAX_CHARACTERS);
        assert_eq!(said("{\"detail\":\"\\u001b[31mred\\u202e\"}"), "\\u{1b}[31mred\\u{202e}");
        assert_eq!(said(r#"{"detail":"bad token s3cret"}"#), "bad token [token]");
        let cut_inside = format!("{} s3cret", "x".repeat(MAX_CHARACTERS - 4));
        assert!(!said(&cut_inside).contains("s3c"));
    }

    #[test]
    fn a_missing_permission_is_distinguished_from_an_invalid_token() {
        let scope = |text: &str| read(&format!(r#"{{"detail":"{text}"}}"#)).missing_permission(Permission::Write);
        let seen = |what: &str| format!("Token permission missing: scope 'ssh_keys', permission '{what}'");
        assert_eq!(scope(&seen("read")), Some(Permission::Read));
        assert_eq!(scope(&seen("write")), Some(Permission::Write));
        assert_eq!(scope("insufficient scope"), Some(Permission::Write));
        assert_eq!(scope("Authorization failed"), None);
        assert_eq!(scope("Invalid API key"), None);
    }
}
