//! Each change that a reviewer approves or has to know of is in every format, and in the digest if it is approved.

use keyform::plan::{Plan, file};
use keyform::report::View;
use keyform::report::markdown::MAX_CHARS;

use crate::scenes::Scene;
use crate::support::world::{self, day, desired};

/// Two worlds that differ in one thing: manifest, state and account.
struct Case {
    what: &'static str,
    before: [&'static str; 3],
    after: [&'static str; 3],
    /// What the second plan says and the first does not: as text, diff, JSON and Markdown.
    says: [String; 4],
    is_approved: bool,
}

fn everywhere(word: &(impl ToString + ?Sized)) -> [String; 4] {
    [(); 4].map(|()| word.to_string())
}

fn each(words: [&str; 4]) -> [String; 4] {
    words.map(str::to_owned)
}

fn fingerprint(letter: char) -> String {
    world::key(letter).blob().fingerprint().to_string()
}

/// Text, diff, JSON and Markdown, as they are without further flags.
fn formats(plan: &Plan) -> [String; 4] {
    let scene = Scene { plan: plan.clone() };
    let view = View::default();
    let bare = anstream::adapter::strip_str(&scene.text(view)).to_string();
    let all = [bare, scene.diff(), file::to_text(plan), scene.comment(MAX_CHARS, view)];
    // Short words can be in a digest too.
    all.map(|text| text.replace(&plan.digest().to_string(), "DIGEST"))
}

fn cases() -> Vec<Case> {
    let case = |what, before, after, says, is_approved| Case { what, before, after, says, is_approved };
    let name = ["name: a → b", "+- name: b", r#""from": "a""#, "name: `a` → `b`"];
    let date = everywhere(&day(3680));
    let promotes = ["Primary: a\n", "# Primary: a\n", r#""action": "promote""#, "Primary: `a`."];
    let stays =
        ["Primary: \"y\" (8)", "# Primary: \"y\" (8)", "\"primaryRow\": {\n    \"id\": \"8\"", "Primary: `y` (`8`)."];
    let revoked = ["revoked in the manifest: \"stolen\"", "-  id: '9'", r#""because": "stolen""#, "`stolen`"];
    let protects = ["protected from removal", "+  protect: true", r#""protect": true"#, "protected from removal"];
    let unprotects =
        ["protect: true → false", "-  protect: true", r#""attribute": "protect""#, "protect: true → false"];
    let guarded =
        ["the state protects this key", "-  protect: true", r#""protect": true"#, "the state protects this key"];
    let kept = ["duplicates of a on", "# duplicates of a on", r#""code": "copies""#, "duplicates of `a`"];
    vec![
        case("key", ["a=A", "", ""], ["a=B", "", ""], everywhere(&fingerprint('B')), true),
        case("new key", ["a=A", "a=A#1", "a=A#1"], ["a=B", "a=A#1", "a=A#1"], everywhere(&fingerprint('B')), true),
        case("name", ["a=A", "a=A#1", "a=A#1"], ["b=A", "a=A#1", "a=A#1"], each(name), true),
        case("account name", ["a=A", "", ""], ["a=A(zed)", "", ""], everywhere("zed"), true),
        case("new account name", ["a=A", "a=A#1", "a=A#1"], ["a=A(zed)", "a=A#1", "a=A#1"], everywhere("zed"), true),
        case("name of an adopted row", ["a=A", "", "a=A#1"], ["a=A", "", "zed=A#1"], everywhere("zed"), true),
        case("owner", ["a=A", "", ""], ["a=A<eve>", "", ""], everywhere("eve"), true),
        case(
            "new owner",
            ["a=A<ann>", "a=A#1<ann>", "a=A#1"],
            ["a=A<eve>", "a=A#1<ann>", "a=A#1"],
            everywhere("eve"),
            true,
        ),
        case("owner of a leaver", ["", "a=A#1", "a=A#1"], ["", "a=A#1<eve>", "a=A#1"], everywhere("eve"), true),
        case("expiry", ["a=A+30", "", ""], ["a=A+3680", "", ""], date.clone(), true),
        case("new expiry", ["a=A+30", "a=A#1+30", "a=A#1"], ["a=A+3680", "a=A#1+30", "a=A#1"], date, true),
        case("protection", ["a=A", "", ""], ["a=A!", "", ""], each(protects), true),
        case("no protection", ["a=A!", "a=A#1!", "a=A#1"], ["a=A", "a=A#1!", "a=A#1"], each(unprotects), true),
        case("protected leaver", ["", "a=A#1", "a=A#1"], ["", "a=A#1!", "a=A#1"], each(guarded), true),
        case("primary", ["a=A", "a=A#1", "a=A#1"], ["a=A*", "a=A#1", "a=A#1"], each(promotes), true),
        case("primary that stays", ["b=B", "", "x=X#7* y=Y#8"], ["b=B", "", "x=X#7 y=Y#8*"], each(stays), true),
        case("removal", ["a=A", "a=A#1", "a=A#1"], ["", "a=A#1", "a=A#1"], everywhere(&fingerprint('A')), true),
        case("revocation", ["", "", "z=Z#9"], ["r=Z$", "", "z=Z#9"], each(revoked), true),
        case("copy of a leaver", ["", "a=A#1", "a=A#1"], ["", "a=A#1", "a=A#1 z=A#77"], everywhere("77"), true),
        case("copy", ["a=A", "a=A#1", "a=A#1"], ["a=A", "a=A#1", "a=A#1 z=A#77"], each(kept), false),
        case("unmanaged row", ["a=A", "", ""], ["a=A", "", "zed=Z#9"], everywhere(&fingerprint('Z')), false),
        case("row with several keys", ["a=A", "", ""], ["a=A", "", "zed=Z#9&Y"], everywhere(&fingerprint('Y')), false),
        case("unreadable row", ["a=A", "", ""], ["a=A", "", "zed=Z#9?"], everywhere("zed"), false),
    ]
}

#[test]
fn each_change_is_in_every_format_and_in_the_digest_if_it_is_approved() {
    let plan = |[wanted, state, account]: [&str; 3]| Scene::of(&desired(wanted), state, account).plan;
    let wrong = cases().into_iter().flat_map(|Case { what, before, after, says, is_approved }| {
        differences(what, &plan(before), &plan(after), &says, is_approved)
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns what is wrong with the formats and the digests of two plans.
fn differences(what: &str, before: &Plan, after: &Plan, says: &[String; 4], is_approved: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let names = ["text", "diff", "JSON", "Markdown"];
    for (((name, before), after), says) in names.iter().zip(formats(before)).zip(formats(after)).zip(says) {
        if before.contains(says.as_str()) {
            wrong.push(format!("{what}, {name}: {says:?} was there before"));
        }
        if !after.contains(says.as_str()) {
            wrong.push(format!("{what}, {name}: no {says:?}\n{after}"));
        }
    }
    if (before.digest() != after.digest()) != is_approved {
        wrong.push(format!("{what}: the digest"));
    }
    wrong
}

#[test]
fn another_state_is_named_in_every_format() {
    let mut after = Scene::of(&desired("a=A"), "", "").plan;
    let before = after.clone();
    after.base.location = Some("s3://team/other.json".to_owned());
    let says = everywhere("s3://team/other.json");
    assert_eq!(differences("other state", &before, &after, &says, false), [""; 0]);
    let mut after = before.clone();
    after.base.serial = 4711;
    assert_eq!(differences("serial", &before, &after, &everywhere("4711"), false), [""; 0]);
}
