//! A private key is recognised however it is pasted, and nothing of it is printed.

use keyform::public_key::{KeyBlob, PublicKey, private};
use proptest::prelude::*;

use crate::private_keys::{KEYS, body, is_known_bare};
use crate::{ED25519, good};

/// The ways in which a key arrives in a value that should be a public one.
fn disguises(key: &str) -> Vec<(&'static str, String)> {
    let lines: Vec<&str> = key.lines().collect();
    let header_end = key.find('\n').unwrap();
    vec![
        ("as it is", key.to_owned()),
        ("without the last line end", key.trim_end().to_owned()),
        ("with CRLF", lines.join("\r\n")),
        ("with CR alone", lines.join("\r")),
        ("after a BOM and blanks", format!("\u{feff} \t\n{key}")),
        ("in quotes", format!("\"{}\"", key.trim_end())),
        ("indented", prefixed("    ", &lines)),
        ("quoted like a mail", prefixed("> ", &lines)),
        ("folded to one line", lines.join(" ")),
        ("joined to one line", lines.concat()),
        ("with escaped line ends", lines.join("\\n")),
        ("as a shell variable", format!("SSH_KEY='{key}'")),
        ("after a label", format!("ssh-rsa {}", lines.join(" "))),
        ("after a public key", format!("{ED25519} alice\n{key}")),
        ("in the comment of a public key", format!("{ED25519} {}", lines.join(" "))),
        ("before a public key", format!("{key}{ED25519} alice\n")),
        ("in comment lines", prefixed("# ", &lines)),
        ("in lower case", format!("{}{}", key[..header_end].to_lowercase(), &key[header_end..])),
        ("with an invisible character in its header", key.replacen("PRIVATE", "PRI\u{200b}VATE", 1)),
        ("without its end", lines[..lines.len() - 1].join("\n")),
    ]
}

fn prefixed(prefix: &str, lines: &[&str]) -> String {
    prefix.to_owned() + &lines.join(&format!("\n{prefix}"))
}

/// Any eight characters of the secret parts, except for the beginning that every Ed25519 key has.
fn secrets(key: &str) -> impl Iterator<Item = &str> {
    let parts = body(key).flat_map(|line| (8..=line.len()).filter_map(move |end| line.get(end - 8..end)));
    parts.filter(|part| !ED25519.contains(part))
}

fn check(name: &str, key: &str, disguise: &str, text: &str) {
    let error = PublicKey::parse(text).unwrap_err();
    let printed = format!(
        "{error} {error:?} {error:#?} {} {}",
        error.kind.help(),
        keyform::manifest::Code::from(&error.kind).name()
    );
    assert_eq!(keyform::manifest::Code::from(&error.kind).name(), "key-private", "{name} {disguise}");
    for secret in secrets(key) {
        assert!(!printed.contains(secret), "{name} {disguise}: {printed}");
    }
}

#[test]
fn every_format_is_recognised_in_every_disguise() {
    for (name, key) in KEYS {
        for (disguise, text) in disguises(key) {
            // A header of PuTTY is not what the disguise is about.
            let has_header = key.starts_with("--");
            if has_header || !["in lower case", "with an invisible character in its header"].contains(&disguise) {
                check(name, key, disguise, &text);
            }
        }
    }
}

/// The ways in which the base64 of a key arrives without its armor.
fn bare(key: &str) -> Vec<(&'static str, String)> {
    let body: Vec<_> = body(key).collect();
    vec![
        ("lines", body.join("\n")),
        ("one line", body.concat()),
        ("after a label", format!("ssh-rsa {} alice", body.concat())),
    ]
}

#[test]
fn the_bare_body_is_recognised_too() {
    for (name, key) in KEYS {
        if is_known_bare(name) {
            for (disguise, text) in bare(key) {
                check(name, key, disguise, &text);
            }
        }
    }
}

/// Every format in every disguise, with or without armor: name, key, disguise and text.
fn pasted() -> Vec<(&'static str, &'static str, &'static str, String)> {
    let of_key = |(name, key): (&'static str, &'static str)| {
        let bare = if is_known_bare(name) { bare(key) } else { Vec::new() };
        let texts = disguises(key).into_iter().chain(bare);
        texts.map(move |(disguise, text)| (name, key, disguise, text)).collect::<Vec<_>>()
    };
    KEYS.into_iter().flat_map(of_key).collect()
}

/// Lines of a manifest around a key. None is base64 alone.
fn yaml() -> impl Strategy<Value = String> {
    "(version: 1\n|# -- begin private keys of alice --\n|keys:\n|  - name: [a-z]{1,8}\n|    publicKey: >-\n|    owner: Åsa\n|\n){0,6}"
}

proptest! {
    /// The finder's ranges cover all secret parts, and nothing before the paste.
    #[test]
    fn the_ranges_cover_every_format_in_every_disguise(
        (name, key, disguise, pasted) in proptest::sample::select(pasted()),
        before in yaml(),
        after in yaml(),
        indent in "( {0,8}|- |publicKey: |[\"']|)",
    ) {
        let text = format!("{before}{indent}{pasted}\n{after}");
        let found = private::find(&text);
        prop_assert!(!found.is_empty(), "{} {}", name, disguise);
        let mut shown = text.clone();
        for key in found.iter().rev() {
            shown.replace_range(key.range.clone(), "[…]");
        }
        for secret in secrets(key) {
            prop_assert!(!shown.contains(secret), "{} {}: {}", name, disguise, shown);
        }
        prop_assert!(shown.starts_with(&before), "{} {}: {}", name, disguise, shown);
        prop_assert!(found.is_sorted_by(|a, b| a.range.end < b.range.start), "{:?}", found);
    }

    #[test]
    fn public_keys_are_not_private_ones(
        keys in proptest::collection::vec((yaml(), proptest::sample::select(good::cases())), 0..4),
    ) {
        let text: String = keys.into_iter().map(|(lines, case)| format!("{lines}{}\n", case.text)).collect();
        prop_assert_eq!(private::find(&text), []);
    }

    #[test]
    fn any_text_has_ranges_that_can_be_cut_out(
        words in proptest::collection::vec("[ \t\r\n\"-]|—|é|BEGIN|END|begin|RSA|PRIVATE|KEY|Private-(Lines|MAC):|b3BlbnNzaC1rZXktdjE|MIICXQIBAAKBgQ[A-Za-z0-9+/=]{0,40}", 0..24),
    ) {
        let text = words.concat();
        for key in private::find(&text) {
            prop_assert!(text.get(key.range).is_some_and(|part| !part.is_empty()));
        }
    }
}

#[test]
fn the_format_is_named() {
    for (name, key) in KEYS {
        let format = match name.split('-').next().unwrap() {
            "openssh" => "OpenSSH's format",
            "pem" => "PEM",
            "pkcs8" => "PKCS#8",
            "putty" => "PuTTY's format",
            _ => "a format other than OpenSSH's",
        };
        let error = PublicKey::parse(key).unwrap_err();
        assert_eq!(error.to_string(), format!("a private key in {format}"), "{name}");
    }
}

#[test]
fn a_private_key_has_no_blob() {
    for (name, key) in KEYS {
        assert_eq!(KeyBlob::of_line(key), None, "{name}");
        assert_eq!(KeyBlob::of_line(&key.replace('\n', " ")), None, "{name}");
    }
}
