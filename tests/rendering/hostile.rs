//! Hostile texts in every format: none of them can affect a terminal, a page or a program.

use keyform::account::{Effect, Failure, Listing, Row};
use keyform::apply::{Status, Verification};
use keyform::manifest::{PolicyCheck, Violation};
use keyform::names::KeyName;
use keyform::plan::{Plan, Sight, file};
use keyform::report::problems;
use keyform::report::{View, json, markdown, text};
use keyform::terminal::escape::{escape_to, is_unsafe, unsafe_chars};
use proptest::prelude::*;

use crate::markdown::{assert_lines, parse};
use crate::outcomes::{events, failure, outcome};
use crate::scenes::Scene;
use crate::support::world;

/// A word that appears only in hostile texts, and shows where they end up.
const SENTINEL: &str = "zq_EVIL_qz";

const PARTS: [&str; 49] = [
    "@octocat",
    "@here",
    "#1",
    "GH-1",
    "!12",
    "$3",
    "%4",
    "&5",
    "~label",
    "https://evil.example/x",
    "www.evil.example",
    "mallory@evil.example",
    "![i](http://evil.example/i.png)",
    "[l](javascript:alert(1))",
    "[[wiki]]",
    "<img src=x>",
    "<script>",
    "</details>",
    "<!-- keyform:plan -->",
    "-->",
    "`",
    "``",
    "```\n",
    "~~~\n",
    "|",
    "\\|",
    "\\",
    "\n| a | b |\n",
    "\r\n# head\r\n",
    "**b**",
    "~~s~~",
    "||spoiler||",
    ":smile:",
    "&lt;",
    "&#124;",
    "$x^2$",
    "- [ ] t",
    "\u{1b}[31m",
    "\u{1b}]8;;http://evil.example\u{7}",
    "\u{202e}",
    "\u{200b}",
    "\u{200d}",
    "\u{fe0f}",
    "👩\u{200d}💻",
    "❤\u{fe0f}\u{200d}🔥",
    "می\u{200c}خواهم",
    "\u{2028}",
    "\u{85}",
    " \t ",
];

/// A hostile text: parts in any order, including the sentinel, sometimes very long.
fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![8 => prop::sample::select(&PARTS[..]).prop_map(str::to_owned), 2 => any::<String>(), 1 => Just("x".repeat(10_000))];
    (prop::collection::vec(part, 0..6), any::<prop::sample::Index>()).prop_map(|(mut parts, at)| {
        parts.insert(at.index(parts.len() + 1), SENTINEL.to_owned());
        parts.concat()
    })
}

/// A hostile text as the name of a key. A state may have any.
fn name() -> impl Strategy<Value = KeyName> {
    hostile().prop_map(|text| {
        let visible: String = text.chars().filter(|&c| !is_unsafe(c)).take(120).collect();
        KeyName::recorded(if visible.trim().is_empty() { SENTINEL } else { visible.trim() })
    })
}

/// Returns a text as a code span shows it.
fn shown(text: &str) -> String {
    let text = escape_to(text, 200);
    let inner = text.trim_matches(' ');
    let blanks = |count: usize| "\\u{20}".repeat(count);
    let before = text.len() - text.trim_start_matches(' ').len();
    let after = if inner.is_empty() { 0 } else { text.len() - text.trim_end_matches(' ').len() };
    blanks(before) + &inner.replace('`', "\\u{60}").replace('|', "\\u{7c}") + &blanks(after)
}

/// One action of each kind, in which every text from outside is hostile.
fn scene(names: &[KeyName], owner: &str, account_name: &str, comment: &str) -> Scene {
    let mut desired = world::desired("alice=F bob-laptop=B erin=E frank=H* gina=I");
    for (key, name) in desired.keys.iter_mut().zip(names) {
        key.owner = Some(owner.to_owned());
        let line = format!("{} {}", key.key.blob(), comment.split_whitespace().collect::<Vec<_>>().join(" "));
        key.key = keyform::public_key::PublicKey::parse(&line).unwrap_or_else(|_| key.key.clone());
        key.name = name.clone();
        key.expires = Some(world::today());
    }
    desired.keys.sort_by(|a, b| a.name.cmp(&b.name));
    desired.keys.dedup_by(|a, b| a.name == b.name);
    let mut recorded = world::recorded("alice=A#1 bob=B#2 carol=C#3 dave=D#4 gina=I#6");
    let mut records: Vec<_> = recorded.records.values_mut().collect();
    records.sort_by(|a, b| a.id.cmp(&b.id));
    for (record, name) in records.into_iter().zip(names.iter().rev()) {
        record.name = name.clone();
        record.account_name = Some(account_name.to_owned());
    }
    let listing = world::listing("alice=A#1* bob=B#2 carol=C#3 erin=E#5 gina=I#6 guest=G#9 gina=I#8 frank=X#7?");
    let rows = listing.rows().iter().cloned().map(|row| Row { name: account_name.to_owned(), ..row });
    let listing = Listing::new(rows).unwrap();
    let mut plan = keyform::plan::compare(keyform::plan::Input {
        desired: &desired,
        recorded: Some(&recorded),
        observed: Some(&listing),
        endpoint: &world::endpoint(),
        today: world::today(),
        destroy: false,
    });
    let violation = |message: &str| Violation {
        name: names[0].clone(),
        check: PolicyCheck::NamePattern,
        message: format!("`{}` does not match `{message}`", names[0]),
        help: message.to_owned(),
    };
    plan.violations = vec![violation(owner), violation(account_name)];
    Scene::guarded(plan)
}

fn has_only_styles(text: &str) -> Result<(), TestCaseError> {
    let plain = anstream::adapter::strip_str(text).to_string();
    let bad = unsafe_chars(&plain).find(|(_, c)| *c != '\n');
    prop_assert!(bad.is_none(), "{bad:?} in {plain}");
    // Only colours were stripped: nothing else may follow an escape character.
    for after in text.split('\u{1b}').skip(1) {
        let is_style = after.strip_prefix('[').and_then(|rest| rest.split_once('m'));
        prop_assert!(
            is_style.is_some_and(|(codes, _)| codes.chars().all(|c| c.is_ascii_digit() || c == ';')),
            "{text:?}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_comment_contains_exactly_the_expected_lines(
        names in prop::collection::vec(name(), 5), owner in hostile(), account_name in hostile(), comment in hostile()
    ) {
        let scene = scene(&names, &owner, &account_name, &comment);
        let text = scene.comment(markdown::MAX_CHARS, View { randomart: true, ..View::default() });
        assert_lines(&scene.plan, &text, shown);
        let found = parse(&text);
        prop_assert!(!found.text.contains(SENTINEL), "outside of code: {}", found.text);
        prop_assert!(found.html.iter().all(|html| !html.contains(SENTINEL)), "{:?}", found.html);
        prop_assert!(unsafe_chars(&text).all(|(_, c)| c == '\n'));
        prop_assert!(text.chars().count() <= markdown::MAX_CHARS);
        let small = scene.comment(markdown::MIN_CHARS, View::default());
        prop_assert!(small.chars().count() <= markdown::MIN_CHARS, "{}", small.chars().count());
        prop_assert!(parse(&small).foreign.is_empty());
    }

    #[test]
    fn terminal_output_contains_only_text_and_colours(
        names in prop::collection::vec(name(), 5), owner in hostile(), account_name in hostile(), message in hostile()
    ) {
        let scene = scene(&names, &owner, &account_name, "");
        has_only_styles(&scene.text(View { randomart: true, full: true, columns: Some(60) }))?;
        has_only_styles(&text::refusals(&scene.plan.refusals))?;
        let failed = outcome(&scene, &[Status::Failed(failure(&message)), Status::Pending(failure(&message)), Status::Skipped { reason: message.clone() }], vec![]);
        has_only_styles(&text::outcome(&scene.plan, &failed, &message, View::default()))?;
        let uncertain = Failure { effect: Effect::Unknown, ..failure(&message) };
        let unverified = keyform::apply::Outcome { verification: Verification::Failed(message), ..outcome(&scene, &[Status::Failed(uncertain)], vec![]) };
        has_only_styles(&text::outcome(&scene.plan, &unverified, "s", View::default()))?;
        let mut state = world::recorded("");
        state.records.extend(scene.plan.recorded.iter().map(|record| (record.id.clone(), record.clone())));
        has_only_styles(&text::records(&state))?;
        for record in &scene.plan.recorded {
            has_only_styles(&text::record(record, View::default()))?;
        }
    }

    #[test]
    fn a_program_reads_every_text_back_unchanged(
        names in prop::collection::vec(name(), 5), owner in hostile(), account_name in hostile(), message in hostile()
    ) {
        let scene = scene(&names, &owner, &account_name, &message);
        let written = file::to_text(&scene.plan);
        prop_assert!(unsafe_chars(&written).all(|(_, c)| c == '\n'));
        let read: serde_json::Value = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(&read, &serde_json::to_value(scene.plan.document()).unwrap());
        let saved = file::from_text(written.as_bytes()).unwrap();
        prop_assert_eq!(&saved, &Plan { sight: Sight::Unseen, ..scene.plan.clone() });
        let saved = Scene { plan: saved };
        let view = View { full: true, randomart: true, columns: Some(70) };
        prop_assert_eq!(scene.text(view), saved.text(view));
        prop_assert_eq!(scene.diff(), saved.diff());
        prop_assert_eq!(scene.comment(markdown::MAX_CHARS, view), saved.comment(markdown::MAX_CHARS, view));
        let failed = outcome(&scene, &[Status::Failed(failure(&message)), Status::Skipped { reason: message.clone() }], vec![]);
        for text in [json::outcome(&scene.plan, &failed), json::refused(&scene.plan)] {
            prop_assert!(unsafe_chars(&text).all(|(_, c)| c == '\n'));
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
        for line in events(&scene, &failed).lines() {
            prop_assert!(unsafe_chars(line).next().is_none());
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            prop_assert!(line["event"].is_string() && line["time"].is_string(), "{}", line);
        }
    }

    #[test]
    fn a_diff_remains_valid(
        names in prop::collection::vec(name(), 5), owner in hostile(), account_name in hostile()
    ) {
        let scene = scene(&names, &owner, &account_name, "");
        let diff = scene.diff();
        prop_assert!(unsafe_chars(&diff).all(|(_, c)| c == '\n'));
        let lines = || diff.lines().filter(|line| !line.starts_with("# ")).skip(2);
        for line in lines() {
            let is_field = |line: &str| ["- ", "  "].iter().any(|indent| line.starts_with(indent));
            prop_assert!(line.starts_with("@@ -") || "+- ".contains(&line[..1]) && is_field(&line[1..]), "{line}");
        }
        let new: String = lines().filter(|line| line.starts_with('+')).map(|line| format!("{}\n", &line[1..])).collect();
        prop_assert!(!new.contains("name: ") || diff.contains(SENTINEL));
    }

    #[test]
    fn each_problem_is_one_annotation(names in prop::collection::vec(name(), 3), owner in hostile()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.yaml");
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let line = crate::support::keys::line(1);
        let mut manifest = "version: 1\nkeys:\n".to_owned();
        for name in &names {
            manifest += &format!("  - name: {}\n    publicKey: {line}\n    owner: {}\n    {}: 1\n", quoted(name.as_str()), quoted(&owner), quoted(&owner));
        }
        std::fs::write(&path, manifest).unwrap();
        let report = keyform::manifest::load(&[path], world::today()).report;
        let text = problems::github(&report, |file| file.display().to_string());
        prop_assert_eq!(text.lines().count(), report.diagnostics.len());
        for line in text.lines() {
            prop_assert!(line.starts_with("::error ") || line.starts_with("::warning "), "{line}");
            prop_assert!(unsafe_chars(line).next().is_none());
            let data = line.splitn(3, "::").nth(2).unwrap().replace("%25", "").replace("%0A", "");
            prop_assert!(!data.contains('%'), "{line}");
        }
        has_only_styles(&problems::text(&report))?;
    }
}
