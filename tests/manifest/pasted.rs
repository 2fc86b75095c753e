//! Private keys of every format, pasted into manifests and key files in every way: no part of them is in any output.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyform::manifest::LoadedManifest;
use keyform::report::problems;
use proptest::prelude::*;
use proptest::sample::select;

use crate::private_keys::{KEYS, body, is_known_bare};
use crate::support::{Folder, github, key, one, plain};

/// How many characters of a key are too many.
const RUN: usize = 12;

/// Lines shorter than what tells a format.
const SHORT_LINES: &str = "its base64 in short lines";

/// The sign of an added line is a symbol of base64, too.
const DIFF: &str = "from a diff";

/// A key as it is copied: its text, or a part of it that can still be recognised.
fn copies((name, key): (&str, &str)) -> Vec<(&'static str, String)> {
    let key = key.trim_end();
    let lines: Vec<&str> = key.lines().collect();
    let (first, last) = (lines[0], lines[lines.len() - 1]);
    let middle = lines.len() / 2;
    let mut copies = vec![
        ("whole", key.to_owned()),
        ("without its last line", key.strip_suffix(last).unwrap().to_owned()),
        ("without its first line", key.strip_prefix(first).unwrap().to_owned()),
        ("its first half", key[..key.len() / 2].to_owned()),
        ("its second half", lines[middle..].join("\n")),
        ("with blank lines", lines.join("\n\n")),
        ("in base64", STANDARD.encode(format!("{key}\n"))),
        ("in base64 of 76 columns", wrapped(&STANDARD.encode(key), 76)),
    ];
    if first.starts_with('-') {
        copies.push(("from within its first line", key[12..].to_owned()));
        copies.push(("up to within its last line", key[..key.len() - 12].to_owned()));
    }
    if is_known_bare(name) {
        let bare = body(key).collect::<String>();
        copies.push(("half of its base64", bare[..bare.len() / 2].to_owned()));
        copies.push((SHORT_LINES, wrapped(&bare, 16)));
        copies.extend([40, 64, 70].map(|columns| ("its base64", wrapped(&bare, columns))));
        copies.push(("its base64 in one line", bare));
    }
    if name == "pem-rsa-encrypted" {
        copies.push(("its headers and base64", lines[1..lines.len() - 1].join("\n")));
    }
    copies
}

fn wrapped(text: &str, columns: usize) -> String {
    let lines: Vec<&str> = text.as_bytes().chunks(columns).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n")
}

type Write = fn(&str) -> String;

/// How the lines of a copy are written into one value or comment.
const WRITTEN: [(&str, Write); 13] = [
    ("as it is", |key| key.to_owned()),
    ("indented", |key| key.replace('\n', "\n      ")),
    ("with CRLF", |key| key.replace('\n', "\r\n")),
    ("as a block", |key| format!("|\n      {}", key.replace('\n', "\n      "))),
    ("folded", |key| format!(">-\n      {}", key.replace('\n', "\n      "))),
    ("in one line", |key| key.replace('\n', " ")),
    ("in quotes", |key| format!("'{}'", key.replace('\n', "\n      "))),
    ("with escapes", |key| format!("\"{}\"", key.replace('\n', "\\n"))),
    ("after an escape", |key| format!("\"\\n{}\\n\"", key.replace('\n', "\\n"))),
    ("with continued lines", |key| format!("\"{}\"", key.replace('\n', "\\n\\\n      "))),
    ("as a list", |key| format!("\n      - {}", key.replace('\n', "\n      - "))),
    ("as a list in one line", |key| format!("[\"{}\"]", key.replace('\n', "\", \""))),
    (DIFF, |key| format!("|\n      +{}", key.replace('\n', "\n      +"))),
];

/// Where it is pasted: the text of a manifest around it.
fn places() -> Vec<(&'static str, String, String)> {
    let head = "version: 1\nkeys:\n";
    let entry = format!("  - name: a\n    publicKey: {}\n", key(7));
    let tail = "  - name: 12\n    onwer: x\n";
    let mut places: Vec<_> =
        ["name", "publicKey", "publicKeyFile", "owner", "expires", "primary", "privateKey", "note", "token"]
            .map(|field| ("a field", format!("{head}  - {field}: "), format!("\n{tail}")))
            .into();
    places.extend([
        ("the policy", "version: 1\npolicy:\n  namePattern: ".to_owned(), format!("\nkeys:\n{entry}{tail}")),
        ("below a key", format!("{head}{entry}      "), format!("\n{tail}")),
        ("behind a key", format!("{head}  - name: a\n    publicKey: {} ", key(7)), format!("\n{tail}")),
        ("the end of a comment", format!("{head}{entry}    # "), format!("\n{tail}")),
        ("the beginning", String::new(), format!("\n{head}{entry}{tail}")),
        ("the end", format!("{head}{entry}{tail}"), String::new()),
        ("the name of a field", format!("{head}{entry}    "), format!(": b\n{tail}")),
        ("a mapping in one line", format!("{head}  - {{name: a, privateKey: "), format!(", owner: x}}\n{tail}")),
    ]);
    places
}

/// Everything that is printed of a manifest.
fn outputs(loaded: &LoadedManifest) -> [String; 5] {
    let report = &loaded.report;
    [plain(report), problems::text(report), problems::json(report).to_string(), github(report), format!("{loaded:?}")]
}

/// Returns the first run of characters of a key that a text repeats, unless the public key of the manifest has it too.
fn leaked(key: &str, copy: &str, text: &str) -> Option<String> {
    let public = crate::support::key(7);
    let public: HashSet<&[u8]> = runs(&public).collect();
    let secret: String = body(key).collect();
    // A copy may be encoded.
    let secret: HashSet<&[u8]> = runs(&secret).chain(body(copy).flat_map(runs)).collect();
    let run = runs(text).find(|run| secret.contains(run) && !public.contains(run))?;
    Some(String::from_utf8_lossy(run).into_owned())
}

fn runs(text: &str) -> impl Iterator<Item = &[u8]> {
    text.as_bytes().windows(RUN)
}

fn check(key: &str, copy: &str, loaded: &LoadedManifest) -> Result<(), TestCaseError> {
    prop_assert!(loaded.desired.is_none());
    for text in outputs(loaded) {
        prop_assert_eq!(leaked(key, copy, &text), None, "{}", text);
    }
    let shown = plain(&loaded.report);
    prop_assert!(shown.contains("key-private"), "{}", shown);
    Ok(())
}

fn pasted() -> impl Strategy<Value = (&'static str, &'static str, String)> {
    let all = KEYS.iter().flat_map(|&key| copies(key).into_iter().map(move |(how, copy)| (key.1, how, copy)));
    select(all.collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn no_part_of_a_private_key_in_a_manifest_is_printed(
        (key, how, copy) in pasted(),
        (written, write) in select(WRITTEN.to_vec()),
        (place, before, after) in select(places()),
    ) {
        prop_assume!(how != SHORT_LINES || written != DIFF);
        let text = format!("{before}{}{after}", write(&copy));
        let result = check(key, &copy, &one(&text));
        prop_assert!(result.is_ok(), "{} {} in {}: {:?}\n{}", how, written, place, result, text);
    }

    #[test]
    fn no_part_of_a_private_key_in_a_key_file_is_printed((key, how, copy) in pasted(), (written, write) in select(WRITTEN.to_vec())) {
        prop_assume!(how != SHORT_LINES || written != DIFF);
        let text = "version: 1\nkeys:\n  - name: a\n    publicKeyFile: id\n";
        let folder = Folder::new(&[("keys.yaml", text), ("id", &write(&copy))]);
        let result = check(key, &copy, &folder.load(&["keys.yaml"]));
        prop_assert!(result.is_ok(), "{} {}: {:?}", how, written, result);
    }
}
