//! The keys of an account as a manifest, for accounts without one.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::words::counted;
use crate::account::{Listing, Row};
use crate::manifest::Desired;
use crate::names::{AccountName, MAX_NAME_CHARS};
use crate::public_key::{KeyContent, PublicKey};
use crate::terminal::escape::{escape, escape_to};

/// Words that YAML 1.1 parses as booleans, and that a manifest must quote.
const NOT_TEXT: [&str; 6] = ["y", "yes", "n", "no", "on", "off"];

/// Renders the user keys of an account as a manifest, without those in `existing`, a manifest that it is added to.
///
/// The result is a valid manifest, and its plan uploads nothing. Keys that a manifest cannot contain are listed in a comment
/// with the reasons.
pub fn manifest(observed: &Listing, existing: Option<&Desired>) -> String {
    let listed: HashSet<_> = existing.iter().flat_map(|desired| &desired.keys).map(|key| key.key.blob()).collect();
    let mut names = Names::default();
    for key in existing.iter().flat_map(|desired| &desired.keys) {
        names.unique(key.name.as_str());
    }
    let has_account = existing.is_some_and(|desired| desired.account.is_some());
    let has_primary = existing.is_some_and(|desired| desired.keys.iter().any(|key| key.primary));

    let mut rows: Vec<&Row> = observed.rows().iter().collect();
    // Of several rows with the same key, the primary or the oldest is listed, which is also the choice of the plan.
    rows.sort_by_key(|row| (!row.is_primary, row.created_at.is_none(), row.created_at, &row.id));
    let mut entries = Vec::new();
    let mut left_out = Vec::new();
    let mut seen = HashSet::new();
    for row in rows {
        match key_of(row) {
            Ok(key) if listed.contains(key.blob()) => {}
            Ok(key) if seen.insert(key.blob().clone()) => entries.push((row, key)),
            Ok(_) => left_out.push((row, "duplicate of a key above".to_owned())),
            Err(why) => left_out.push((row, why)),
        }
    }
    entries.sort_by(|(a, _), (b, _)| (&a.name, &a.id).cmp(&(&b.name, &b.id)));

    let mut out = String::from("version: 1\n");
    if let Some(user) = observed.user_id().filter(|_| !has_account) {
        let _ = writeln!(out, "account:\n  userId: {}", scalar(user.as_str()));
    }
    let _ = writeln!(out, "keys:{}", if entries.is_empty() { " []" } else { "" });
    for (row, key) in entries {
        let name = names.unique(&row.name);
        let account_name = AccountName::new(&row.name).ok().filter(|_| name != row.name);
        if name != row.name && account_name.is_none() {
            let _ = writeln!(out, "  # named {} on the account", quoted(&row.name));
        }
        let _ = writeln!(out, "  - name: {}", scalar(&name));
        let _ = writeln!(out, "    publicKey: {}", scalar(&key.to_line()));
        if let Some(account_name) = account_name {
            let _ = writeln!(out, "    accountName: {}", scalar(account_name.as_str()));
        }
        if row.is_primary && !has_primary {
            let _ = writeln!(out, "    primary: true");
        }
    }
    if !left_out.is_empty() {
        let _ = writeln!(out, "# Not imported: {}", counted(left_out.len(), "key"));
    }
    for (row, why) in left_out {
        let _ = writeln!(out, "#   {} {}: {}", row.id, quoted(&row.name), escape(&why));
    }
    out
}

#[derive(Default)]
struct Names {
    taken: HashSet<String>,
    /// The last number that was appended to a name.
    last: HashMap<String, usize>,
}

impl Names {
    /// Makes a valid, unique name from the name of a row: what is not allowed in a name becomes `-`.
    fn unique(&mut self, account_name: &str) -> String {
        let words = account_name.split(|c: char| !(c.is_ascii_alphanumeric() || "._@+-".contains(c)));
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        let joined = words.join("-");
        let base = joined.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).trim_end_matches('-');
        let base = if base.is_empty() { "key" } else { base };
        let mut candidate = cut(base, MAX_NAME_CHARS);
        let number = self.last.entry(candidate.clone()).or_insert(1);
        while !self.taken.insert(candidate.clone()) {
            *number += 1;
            let suffix = format!("-{number}");
            candidate = cut(base, MAX_NAME_CHARS - suffix.len()) + &suffix;
        }
        candidate
    }
}

/// Formats the name of a row in quotes, on one line.
fn quoted(account_name: &str) -> String {
    format!("\"{}\"", escape_to(account_name, MAX_NAME_CHARS))
}

fn key_of(row: &Row) -> Result<PublicKey, String> {
    if let KeyContent::Mixed(keys) = &row.content {
        let fingerprints: Vec<_> = keys.iter().map(|key| key.fingerprint().to_string()).collect();
        return Err(format!("several keys or options: {}", fingerprints.join(", ")));
    }
    let line = row.public_key.as_deref().ok_or("the account does not return its public key")?;
    PublicKey::parse(line).map_err(|error| error.to_string())
}

fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

/// Formats a text as a YAML scalar, quoted if a parser might not read it as the same text.
fn scalar(text: &str) -> String {
    let plain = serde_yaml::to_string(text).is_ok_and(|yaml| yaml.trim_end() == text);
    let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic());
    if plain && is_word && !NOT_TEXT.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    // A JSON string is also a YAML string. Writing it into memory cannot fail.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::KeyName;

    #[test]
    fn names_become_valid_and_unique() {
        let mut names = Names::default();
        for (account, expected) in [
            ("alice", "alice"),
            ("alice", "alice-2"),
            (" alice\n", "alice-3"),
            ("Bob's YubiKey (5C)", "Bob-s-YubiKey-5C"),
            ("a\u{202e}b", "a-b"),
            ("-rf", "rf"),
            ("", "key"),
            ("日本", "key-2"),
        ] {
            let name = names.unique(account);
            assert_eq!(name, expected);
            assert!(KeyName::new(name).is_ok());
        }
        let long = names.unique(&"x".repeat(300));
        let longer = names.unique(&"x".repeat(300));
        assert!(KeyName::new(long).is_ok() && KeyName::new(longer).is_ok());
    }

    #[test]
    fn a_scalar_reads_back_as_the_same_text() {
        for text in [
            "alice",
            "yes",
            "Off",
            "12:30",
            "0x1f",
            "2027-06-30",
            "~",
            "a #b",
            "e: ",
            "inf",
            "123",
            "a: b",
            "# no",
            "\"",
            "ü 日本",
            "- a",
            "*x",
            "null",
            "ssh-ed25519 AAAA= a@b",
        ] {
            let document = format!("value: {}\n", scalar(text));
            let read: std::collections::BTreeMap<String, String> = serde_yaml::from_str(&document).unwrap();
            assert_eq!(read["value"], text, "{document}");
        }
    }
}
