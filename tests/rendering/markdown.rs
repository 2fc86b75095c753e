//! The comment, parsed as GitHub Flavored Markdown.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, parse_document};
use keyform::manifest::{PolicyCheck, Violation};
use keyform::names::{KeyName, StackName};
use keyform::plan::Plan;
use keyform::report::{View, markdown};

use crate::scenes::{NAMES, Scene};
use crate::support::world;

/// The parsed contents of a comment.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The lines of actions.
    pub(crate) lines: Vec<ActionLine>,
    /// Text outside of code, which alone can contain mentions, links or markup.
    pub(crate) text: String,
    /// Raw HTML.
    pub(crate) html: Vec<String>,
    /// Blocks of code with their language.
    pub(crate) blocks: Vec<(String, String)>,
    /// Nodes that must not be in a comment.
    pub(crate) foreign: Vec<String>,
}

/// The item of a list that names an action.
#[derive(Debug)]
pub(crate) struct ActionLine {
    /// The code spans: name, owner, fingerprint, and further ones.
    pub(crate) codes: Vec<String>,
    /// The text between them.
    text: String,
}

pub(crate) fn parse(comment: &str) -> Found {
    let arena = Arena::new();
    let mut options = Options::default();
    // Everything that GitHub or GitLab may interpret.
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.superscript = true;
    options.extension.footnotes = true;
    options.extension.description_lists = true;
    options.extension.alerts = true;
    options.extension.math_dollars = true;
    options.extension.math_code = true;
    options.extension.wikilinks_title_after_pipe = true;
    options.extension.spoiler = true;
    let mut found = Found::default();
    walk(parse_document(&arena, comment, &options), &mut found);
    found
}

fn walk<'a>(node: &'a AstNode<'a>, found: &mut Found) {
    match &node.data.borrow().value {
        // Only names of keys in actions are bold.
        NodeValue::Item(_) if has_bold(node) => {
            let (mut codes, mut text) = (Vec::new(), String::new());
            for node in node.descendants() {
                match &node.data.borrow().value {
                    NodeValue::Code(code) => codes.push(code.literal.clone()),
                    NodeValue::Text(words) => text += words,
                    _ => {}
                }
            }
            found.lines.push(ActionLine { codes, text });
        }
        NodeValue::Text(text) => found.text += &format!("{text}\n"),
        NodeValue::HtmlBlock(html) => found.html.extend(html.literal.lines().map(str::to_owned)),
        NodeValue::HtmlInline(html) => found.html.push(html.clone()),
        NodeValue::CodeBlock(block) => found.blocks.push((block.info.clone(), block.literal.clone())),
        NodeValue::Document
        | NodeValue::Heading(_)
        | NodeValue::Paragraph
        | NodeValue::Code(_)
        | NodeValue::Strong
        | NodeValue::Emph
        | NodeValue::List(_)
        | NodeValue::Item(_)
        | NodeValue::BlockQuote
        | NodeValue::SoftBreak => {}
        other => found.foreign.push(format!("{other:?}")),
    }
    node.children().for_each(|child| walk(child, found));
}

fn has_bold<'a>(node: &'a AstNode<'a>) -> bool {
    node.descendants().any(|node| matches!(node.data.borrow().value, NodeValue::Strong))
}

/// Asserts that a comment has a line for each action, and nothing that must not be in it.
pub(crate) fn assert_lines(plan: &Plan, comment: &str, shown: impl Fn(&str) -> String) {
    let found = parse(comment);
    assert!(found.foreign.is_empty(), "{:?} in\n{comment}", found.foreign);
    let marker = markdown::marker(plan.stack.as_ref());
    let is_unknown = |html: &&String| {
        let known = ["</details>", &marker, ""];
        let fold = html.starts_with("<details><summary>") && html.ends_with("</summary>");
        !(known.contains(&html.as_str()) || fold)
    };
    assert_eq!(found.html.iter().filter(is_unknown).collect::<Vec<_>>(), Vec::<&String>::new(), "{comment}");
    assert_eq!(found.html[0], marker);
    assert_eq!(found.html.iter().filter(|html| **html == marker).count(), 1);

    let mut lines = found.lines;
    assert_eq!(lines.len(), plan.actions.len(), "{comment}");
    for action in &plan.actions {
        let blob = action.change.blob();
        let mut first = vec![shown(action.name.as_str())];
        first.extend(action.owner().map(&shown).filter(|owner| !owner.is_empty()));
        first.push(blob.fingerprint().to_string());
        let replaced: Vec<_> = action.change.replaced_keys().map(|old| old.blob.fingerprint().to_string()).collect();
        let types = [blob.kind().unwrap().to_string()];
        let is_it = |line: &ActionLine| {
            line.codes.starts_with(&first)
                && replaced.iter().all(|old| line.codes.contains(old))
                && types.iter().all(|kind| line.text.contains(kind.as_str()))
        };
        let at = lines.iter().position(is_it).unwrap_or_else(|| panic!("no line with {first:?} in\n{comment}"));
        lines.remove(at);
    }
}

#[test]
fn every_action_has_a_line() {
    for name in NAMES.into_iter().filter(|name| *name != "many") {
        let scene = Scene::named(name);
        assert_lines(&scene.plan, &scene.comment(markdown::MAX_CHARS, View::default()), str::to_owned);
    }
}

/// Returns the part of a comment that is visible without a click.
fn above_the_fold(comment: &str) -> &str {
    comment.split("<details>").next().unwrap()
}

#[test]
fn every_key_that_gains_or_loses_access_is_named_above_the_fold() {
    for name in ["first", "each", "guards", "sixty"] {
        let scene = Scene::named(name);
        let comment = scene.comment(markdown::MAX_CHARS, View::default());
        let above = above_the_fold(&comment);
        for action in scene.plan.actions.iter().filter(|action| !action.change.is_record_only()) {
            assert!(above.contains(&format!("**`{}`**", action.name)), "{name}: {above}");
            assert!(above.contains(action.change.blob().fingerprint().as_str()), "{name}: {above}");
        }
    }
}

#[test]
fn who_loses_access_is_first_and_who_gains_it_last() {
    let comment = Scene::named("each").comment(markdown::MAX_CHARS, View::default());
    let at = |heading: &str| comment.find(heading).unwrap_or_else(|| panic!("no {heading} in\n{comment}"));
    let parts =
        ["#### 1 key loses access", "#### 5 changes", "#### 1 key gains access", "#### Not managed", "<details>"];
    assert!(parts.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{comment}");
}

#[test]
fn a_common_reason_is_said_once_and_others_with_each_key() {
    let comment = Scene::named("sixty").comment(markdown::MAX_CHARS, View::default());
    assert_eq!(comment.matches("not on the account").count(), 1, "{comment}");
    let scene = Scene::of(&world::desired("a=A b=B"), "a=A#1", "");
    let comment = scene.comment(markdown::MAX_CHARS, View::default());
    for reason in ["· not on the account", "· recorded, but no longer on the account"] {
        assert!(above_the_fold(&comment).contains(reason), "{comment}");
    }
}

#[test]
fn many_changes_in_the_state_alone_are_folded() {
    let words = |ids: bool| {
        let word = |number: u8| {
            let letter = char::from(b'A' + number);
            format!("key-{letter}={letter}{}", if ids { format!("#{number}") } else { String::new() })
        };
        (0..22).map(word).collect::<Vec<_>>().join(" ")
    };
    let scene = Scene::of(&world::desired(&words(false)), "", &words(true));
    let comment = scene.comment(markdown::MAX_CHARS, View::default());
    assert!(!above_the_fold(&comment).contains("key-"), "{comment}");
    assert!(comment.contains("<summary>22 changes in the state alone</summary>"), "{comment}");
}

#[test]
fn a_comment_fits_its_limit_and_counts_what_it_leaves_out() {
    let scene = Scene::named("many");
    for max in [markdown::MIN_CHARS, 20_000, markdown::MAX_CHARS, 1_000_000] {
        let comment = scene.comment(max, View { randomart: true, ..View::default() });
        let chars = comment.chars().count();
        assert!(chars <= max, "{chars} > {max}");
        let found = parse(&comment);
        assert!(found.foreign.is_empty(), "{:?}", found.foreign);
        // Those whose lines do not fit are named, as far as that fits.
        let names = comment.lines().filter_map(|line| line.strip_prefix("- ")?.split_once(" more: `"));
        let in_names: usize = names.map(|(number, _)| number.parse::<usize>().unwrap()).sum();
        let without_line = scene.plan.actions.len() - found.lines.len();
        let left_out = without_line - in_names;
        assert_eq!(comment.contains(&format!("_{left_out} changes not shown")), left_out > 0, "{max}");
        assert!(max < markdown::MAX_CHARS || left_out == 0, "2,000 names fit into a comment");
        for name in ["xia", "yan", "zoe"] {
            assert!(found.lines.iter().any(|line| line.codes[0] == name), "deletions come first: {max}");
        }
        // Details are left out before actions.
        let has_diff = found.blocks.iter().any(|(language, _)| language == "diff");
        assert!(!has_diff || without_line == 0, "{max}");
        assert_eq!(has_diff, max == 1_000_000, "{max}");
    }
}

#[test]
fn a_comment_names_the_commit_and_the_digest() {
    let scene = Scene::named("stack");
    let comment = scene.comment(markdown::MAX_CHARS, View::default());
    assert!(comment.contains("Commit `3f2c9ab`.") && comment.contains(&scene.plan.digest().to_string()), "{comment}");
}

#[test]
fn a_violated_policy_is_named_without_its_markup() {
    let mut scene = Scene::named("each");
    let violation = |message: &str, help: &str| Violation {
        name: KeyName::new("alice").unwrap(),
        check: PolicyCheck::NamePattern,
        message: message.to_owned(),
        help: help.to_owned(),
    };
    // A pattern may contain a backtick.
    scene.plan.violations = vec![
        violation("`alice` does not match `a`<img src=//evil.example>`", "choose a name that matches"),
        violation(
            "`alice` has the type ssh-rsa, which is not allowed",
            "use a key of one of these types: sk-ssh-ed25519@openssh.com",
        ),
    ];
    let scene = Scene::guarded(scene.plan);
    let comment = scene.comment(markdown::MAX_CHARS, View::default());
    assert!(parse(&comment).html.iter().all(|html| !html.contains("evil")), "{comment}");
    assert!(comment.contains("policy: `alice` has the type ssh-rsa, which is not allowed."), "{comment}");
    assert!(comment.contains("use a key of one of these types: `sk-ssh-ed25519@openssh.com`."), "{comment}");
}

#[test]
fn each_stack_has_a_comment_of_its_own() {
    let comment = |stack: Option<&str>| {
        let mut scene = Scene::named("each");
        scene.plan.stack = stack.map(|stack| StackName::new(stack).unwrap());
        scene.comment(markdown::MAX_CHARS, View::default())
    };
    let stacks = [None, Some("eu"), Some("eu-1"), Some("a--b"), Some("e.u")];
    for stack in stacks {
        let comment = comment(stack);
        let first = comment.lines().next().unwrap();
        // Pipelines find a comment by its first line.
        for other in stacks {
            let other_marker = markdown::marker(other.map(|other| StackName::new(other).unwrap()).as_ref());
            assert_eq!(comment.starts_with(&other_marker), other == stack, "{other_marker} and {first}");
        }
        assert_eq!(parse(&comment).html[0], first);
        let label = stack.map(|stack| format!(" `{stack}`")).unwrap_or_default();
        assert!(comment.lines().nth(1).unwrap().starts_with(&format!("### keyform{label}: ")), "{comment}");
    }
}

#[test]
fn only_a_replaced_key_is_called_the_old_key_of_its_name() {
    let comment = |recorded: &str, account: &str| {
        Scene::of(&world::desired("alice=A*"), recorded, account).comment(markdown::MAX_CHARS, View::default())
    };
    let replaced = comment("alice=B#2", "alice=B#2*");
    assert!(replaced.contains("becomes the primary key in place of the old key of `alice`"), "{replaced}");
    let foreign = comment("", "alice=B#2*");
    assert!(foreign.contains("in place of another key named `alice` on the account"), "{foreign}");
}
