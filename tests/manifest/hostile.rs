//! Texts made to hurt: refused or read, and never a panic. How long they take, `benches/run` measures.

use keyform::report::problems;
use proptest::prelude::*;

use crate::support::{codes, github, leaks, list, one, plain, private_key};

#[test]
fn each_bound_is_named() {
    let many = |part: &str, bytes: usize| part.repeat(bytes / part.len());
    let mebi = 1 << 20;
    for (text, expected) in [
        (many("[", mebi), "manifest-line-too-long"),
        (many("[\n", mebi), "manifest-too-deep"),
        (many("[", 1000), "manifest-too-deep"),
        (many("{a: ", 1000), "manifest-too-deep"),
        (many("- ", 60_000), "manifest-too-deep"),
        (many("? ", 60_000), "manifest-too-deep"),
        (format!("- [{}]", many(" a,\n", 2 * mebi)), "manifest-value-too-long"),
        (format!("- {{{}}}", many(" a: b,\n", 2 * mebi)), "manifest-value-too-long"),
        (format!("keys: \"{}\"", many(" a\n", 2 * mebi)), "manifest-value-too-long"),
        (format!("keys: |\n{}", many(" a\n", 2 * mebi)), "manifest-value-too-long"),
        (many("a", 2 * mebi), "manifest-line-too-long"),
        (format!("keys: {}", many(" ", mebi)), "manifest-line-too-long"),
        (many("a", 100_000_000), "manifest-too-large"),
        (format!("version: 1\nkeys:\n{}", "- a\n".repeat(1_000_000)), "manifest-too-many-keys"),
        (format!("version: 1\nkeys:\n{}", "- {}\n".repeat(1_000_000)), "manifest-too-many-keys"),
        (many("a: b\n", 1000), "manifest-too-many-fields"),
        (many("- [a, b, c, d, e, f, g, h, i, j, k, l, m, n]\n", 9 * mebi), "manifest-too-many-values"),
    ] {
        let found = codes(&text);
        assert!(found.iter().any(|code| code.ends_with(expected)), "{expected}: {:?}", found.get(..found.len().min(3)));
    }
}

#[test]
fn aliases_are_refused_before_they_unfold() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let count = |code: &str| codes(&bomb).iter().filter(|found| found.ends_with(code)).count();
    assert_eq!((count("yaml-anchor"), count("yaml-alias")), (9, 72));
}

#[test]
fn repetitive_files_are_read_to_their_end() {
    for part in [
        "&a ",
        "!a ",
        "*a ",
        "- &a b\n",
        "a: b\n",
        "a: 1\na: 2\n",
        "'a': \n",
        "\u{200b}\n",
        "\u{200b}a",
        "\r",
        "#\n",
        "Private-Lines: ",
        "PuTTY-User-Key-File-",
        "b3BlbnNzaC1rZXktdjE",
        "--BEGIN PRIVATE KEY",
        "--END PRIVATE KEY\n",
        "--END PRIVATE KEY",
        "Private-MAC: ",
        "MIICXQIBAAKBgQDBmjc8d5M+l8mqMbpronBKDQATlmsb\n",
        "BEGIN ",
        "token: a\n",
        "- token: a\n",
        "%a b\n",
        "--- a\n",
        "- !a &b c\n",
        "? a\n: b\n",
        "\t",
        "- |\n",
        "ä: ö\n",
    ] {
        let report = one(&part.repeat((2 << 20) / part.len())).report;
        let text = plain(&report);
        assert!(!report.diagnostics.is_empty() && !text.is_empty());
    }
}

/// Pieces of manifests, put together at random, come nearer to what breaks a parser than random characters.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("version: 1\n"),
        Just("keys:\n"),
        Just("  - name: a\n"),
        Just("    publicKey: "),
        Just("ssh-ed25519 AAAA\n"),
        Just("\n"),
        Just("\r"),
        Just("\t"),
        Just(" "),
        Just("  "),
        Just("- "),
        Just("? "),
        Just(": "),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just("'"),
        Just("\""),
        Just("|\n"),
        Just(">-2\n"),
        Just("&a"),
        Just("*a"),
        Just("!!x "),
        Just("<<: "),
        Just("#"),
        Just("%YAML 1.2\n"),
        Just("---\n"),
        Just("...\n"),
        Just("\u{feff}"),
        Just("\u{0}"),
        Just("\u{202e}"),
        Just("ä日🔑"),
        Just("\\u202e"),
        Just("token: "),
        Just("policy:\n"),
        Just("account: {userId: x}\n"),
        Just("a"),
        Just("1"),
        Just("~"),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

type Form = fn(&str) -> String;

/// Ways to write a private key, and whether it is recognised wherever it is: behind escapes only in a value that is read.
const FORMS: [(Form, bool); 9] = [
    (|key| key.to_owned(), true),
    (|key| key.replace('\n', "\r\n"), true),
    (|key| key.replace('\n', " "), true),
    (|key| key.replace("-----", "—"), true),
    (|key| key.replace("-----BEGIN OPENSSH PRIVATE KEY-----\n", ""), true),
    (|key| key.replace("-----END OPENSSH PRIVATE KEY-----\n", ""), true),
    (|key| key.lines().filter(|line| !line.starts_with('-')).collect(), true),
    (|key| format!("\"{}\"", key.replace('\n', "\\n")), true),
    (|key| format!("\"{}\"", key.bytes().map(|b| format!("\\x{b:02x}")).collect::<String>()), false),
];

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![any::<String>(), pieces()]) {
        let loaded = one(&text);
        prop_assert_eq!(loaded.desired.is_none(), loaded.report.worst() == Some(keyform::manifest::Severity::Error));
        let _ = (problems::text(&loaded.report), problems::json(&loaded.report), github(&loaded.report));
    }

    #[test]
    fn every_place_is_in_the_text(text in pieces()) {
        let text = text.trim_start_matches('\u{feff}');
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        let lines: Vec<&str> = lines.split('\n').collect();
        for place in list(&one(text).report) {
            let Some((line, column)) = place.split_once(' ').and_then(|(place, _)| place.split_once(':')) else { continue };
            let (line, column): (usize, usize) = (line.parse().unwrap(), column.parse().unwrap());
            prop_assert!(line <= lines.len() + 1, "{} in {:?}", place, text);
            let length = lines.get(line - 1).map_or(0, |line| line.chars().count());
            prop_assert!(column <= length + 1, "{} in {:?}", place, text);
        }
    }

    #[test]
    fn a_private_key_between_any_pieces_is_never_shown(
        before in pieces(), after in pieces(), indent in 0..8_usize, form in 0..FORMS.len()
    ) {
        let (write, is_seen) = FORMS[form];
        let key = write(&private_key()).replace('\n', &format!("\n{}", " ".repeat(indent)));
        let report = one(&format!("{before}{key}{after}")).report;
        let shown = plain(&report) + &github(&report) + &problems::json(&report).to_string();
        let text = format!("{shown}{}{report:?}", problems::text(&report));
        prop_assert!(!leaks(&text), "{}", text);
        prop_assert!(!is_seen || text.contains("key-private"), "{}", text);
    }

    #[test]
    fn a_private_key_in_any_value_is_found_and_never_shown(
        field in "name|publicKey|publicKeyFile|owner|expires|protect|primary|onwer|token", form in 0..FORMS.len(), list in any::<bool>()
    ) {
        let key = FORMS[form].0(&private_key());
        let value = if list { format!("[a, {key}]") } else { key };
        let report = one(&format!("version: 1\nkeys:\n  - {field}: {value}\n    comment: 1\n  - name: 12\n")).report;
        let shown = plain(&report) + &github(&report) + &problems::json(&report).to_string();
        let text = format!("{shown}{}{report:?}", problems::text(&report));
        prop_assert!(!leaks(&text), "{}", text);
        prop_assert!(text.contains("key-private"), "{}", text);
    }
}
