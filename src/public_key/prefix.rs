//! Explains a line that does not begin with the type of a key.

use super::algorithm::{self, Label};
use super::blob::KeyBlob;
use super::error::{PublicKeyError, PublicKeyErrorKind as Kind};
use super::line::Part;
use crate::terminal::escape::escape_to;

/// The options of an `authorized_keys` file (sshd(8), OpenSSH 10), lower case.
const OPTIONS: [&str; 22] = [
    "agent-forwarding",
    "cert-authority",
    "command",
    "environment",
    "expiry-time",
    "from",
    "no-agent-forwarding",
    "no-port-forwarding",
    "no-pty",
    "no-touch-required",
    "no-user-rc",
    "no-x11-forwarding",
    "permitlisten",
    "permitopen",
    "port-forwarding",
    "principals",
    "pty",
    "restrict",
    "tunnel",
    "user-rc",
    "verify-required",
    "x11-forwarding",
];

/// Explains a first word that is not a known type. The error repeats it only if it must be the name of a type.
pub(super) fn explain(line: Part<'_>, label: Part<'_>, base64: Part<'_>) -> PublicKeyError {
    let at = label.range();
    if let Some((prefix, has_type)) = split_prefix(line) {
        let first = prefix.text.split(['=', ',', '"', ' ', '\t']).next().unwrap_or_default();
        if OPTIONS.contains(&first.to_ascii_lowercase().as_str()) {
            return Kind::Options.at(prefix.range());
        }
        if has_type {
            return Kind::Prefix.at(prefix.range());
        }
    }
    if let Some(error) = odd_separator(label) {
        return error;
    }
    let meant = algorithm::guess(label.text);
    if meant.is_none() && is_path(line.text) {
        return Kind::Path.at(line.range());
    }
    // A word close to the name of a type, or named by the blob after it, is not a secret. "Close" disregards punctuation,
    // of which a password may have a lot.
    let is_close = meant.is_some() && label.text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._@\"'".contains(&b));
    let is_type = is_close || KeyBlob::of_line(line.text).is_some_and(|_| base64.text.starts_with("AAAA"));
    let name = is_type.then(|| escape_to(label.text, 64).into_owned());
    Kind::Type { name, meant: meant.map(algorithm::Algorithm::name) }.at(at)
}

/// Splits off the text before the first white space outside quotes, as sshd does, and returns whether a type follows.
fn split_prefix(line: Part<'_>) -> Option<(Part<'_>, bool)> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    let end = line.text.find(|c| {
        let ends = !is_quoted && matches!(c, ' ' | '\t');
        if c == '"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = c == '\\';
        ends
    });
    let (prefix, rest) = line.text.split_at_checked(end.unwrap_or(line.text.len()))?;
    let next = rest.split([' ', '\t']).find(|word| !word.is_empty());
    Some((Part { text: prefix, start: line.start }, next.and_then(Label::from_name).is_some()))
}

/// Finds a non-ASCII space, such as one copied from a web page, right after a type.
fn odd_separator(label: Part<'_>) -> Option<PublicKeyError> {
    let (offset, character) = label.text.char_indices().find(|(_, c)| !c.is_ascii())?;
    let is_after_type = label.text.get(..offset).and_then(Label::from_name).is_some();
    let start = label.start + offset;
    (is_after_type && character.is_whitespace())
        .then(|| Kind::Character { character }.at(start..start + character.len_utf8()))
}

/// Whether a text looks like the path of a key file.
fn is_path(text: &str) -> bool {
    let is_drive = matches!(text.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic());
    let is_key_file = [".pub", ".pem", ".ppk", ".key"].iter().any(|suffix| text.ends_with(suffix));
    is_drive
        || is_key_file
        || ["/", "~", "./", "../", "file:"].iter().any(|start| text.starts_with(start))
        || ["/id_ed25519", "/id_rsa", "/id_ecdsa"].iter().any(|end| text.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_within_quotes_does_not_end_the_options() {
        let split = |text| {
            let (prefix, has_type) = split_prefix(Part { text, start: 0 }).unwrap();
            (prefix.text, has_type)
        };
        assert_eq!(split(r#"command="a \" b",no-pty ssh-rsa AAAA"#), (r#"command="a \" b",no-pty"#, true));
        assert_eq!(split(r#"command="a b ssh-rsa AAAA"#), (r#"command="a b ssh-rsa AAAA"#, false));
        assert_eq!(split("github.com\tssh-rsa AAAA"), ("github.com", true));
    }

    #[test]
    fn the_first_word_is_shown_only_where_it_is_a_type() {
        let shown = |text| match explain_line(text).kind {
            Kind::Type { name, .. } => name,
            other => panic!("{other:?}"),
        };
        assert_eq!(shown("pit_0123456789abcdef AAAA"), None);
        assert_eq!(shown("hunter2"), None);
        assert_eq!(shown("ed25519!$%&/()=?"), None);
        assert_eq!(shown("ssh-ed2551 AAAA").as_deref(), Some("ssh-ed2551"));
        assert_eq!(shown("ssh-xyz AAAAB3NzaC14eXo=").as_deref(), Some("ssh-xyz"));
    }

    fn explain_line(text: &str) -> PublicKeyError {
        let line = Part { text, start: 0 };
        let (label, rest) = line.split_word();
        explain(line, label, rest.split_word().0)
    }
}
