//! The comment, parsed as GitHub Flavored Markdown.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, parse_document};
use keyform::plan::{Change, Plan};
use keyform::public_key::KeyBlob;
use keyform::report::{View, markdown};

use crate::scenes::{NAMES, Scene, many};
use crate::support::world;

/// The parsed contents of a comment.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The items of all lists.
    pub(crate) items: Vec<String>,
    /// Text outside of code, which alone can contain mentions, links or markup.
    pub(crate) text: String,
    /// Raw HTML.
    pub(crate) html: Vec<String>,
    /// Blocks of code with their language.
    pub(crate) blocks: Vec<(String, String)>,
    /// Nodes that must not be in a comment.
    pub(crate) foreign: Vec<String>,
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
        NodeValue::Item(_) => found.items.push(text_of(node)),
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
        | NodeValue::BlockQuote
        | NodeValue::SoftBreak => {}
        other => found.foreign.push(format!("{other:?}")),
    }
    node.children().for_each(|child| walk(child, found));
}

/// Returns all text below a node, including code.
fn text_of<'a>(node: &'a AstNode<'a>) -> String {
    match &node.data.borrow().value {
        NodeValue::Text(text) => text.to_string(),
        NodeValue::Code(code) => code.literal.clone(),
        _ => node.children().map(text_of).collect(),
    }
}

/// Asserts that a comment contains an item for each action, and nothing that must not be in it.
pub(crate) fn assert_items(plan: &Plan, comment: &str, shown: impl Fn(&str) -> String) {
    let found = parse(comment);
    assert!(found.foreign.is_empty(), "{:?} in\n{comment}", found.foreign);
    let allowed = |html: &&String| {
        let known = ["</details>", markdown::MARKER, ""];
        let fold = html.starts_with("<details><summary>") && html.ends_with("</summary>");
        !(known.contains(&html.as_str()) || fold)
    };
    assert_eq!(found.html.iter().filter(allowed).collect::<Vec<_>>(), Vec::<&String>::new(), "{comment}");
    assert_eq!(found.html[0], markdown::MARKER);
    assert_eq!(found.html.iter().filter(|html| *html == markdown::MARKER).count(), 1);

    let mut items = found.items;
    for action in &plan.actions {
        let expected = meant(action, &shown);
        let item = items.iter().position(|item| item.starts_with(&expected));
        items.remove(item.unwrap_or_else(|| panic!("no item begins with `{expected}` in\n{comment}")));
    }
    let moves = plan.actions.iter().filter(|action| action.change.promotes()).count();
    let others = moves + plan.drift.len() + plan.remarks().len();
    assert_eq!(items.len(), others, "{items:?}");
}

/// Returns the expected beginning of an item: name, owner, type and fingerprint.
fn meant(action: &keyform::plan::Action, shown: &impl Fn(&str) -> String) -> String {
    let verb = match &action.change {
        Change::Upload(_) | Change::Delete(_) => String::new(),
        change => format!("{} ", change.kind().verb()),
    };
    let owner = action.owner().map(|owner| format!(" · {}", shown(owner))).unwrap_or_default();
    let described = |blob: &KeyBlob| format!("{} {}", blob.kind().unwrap(), blob.fingerprint());
    let new = action.change.blob();
    let olds = match &action.change {
        Change::Replace { old, .. } => old.as_slice(),
        _ => &[],
    };
    let olds: String = olds.iter().filter(|old| old.blob != *new).map(|old| described(&old.blob) + " → ").collect();
    format!("{verb}{}{owner} · {olds}{}: ", shown(action.name.as_str()), described(new))
}

#[test]
fn every_action_has_an_item() {
    for name in NAMES.into_iter().filter(|name| *name != "many") {
        let scene = Scene::named(name);
        assert_items(&scene.plan, &scene.comment(markdown::MAX_CHARS, View::default()), str::to_owned);
    }
}

#[test]
fn who_loses_or_gains_access_is_named_above_every_fold() {
    for name in ["each", "guards", "many"] {
        let scene = Scene::named(name);
        let comment = scene.comment(markdown::MAX_CHARS, View::default());
        let above = comment.split("<details>").next().unwrap();
        for action in &scene.plan.actions {
            if matches!(action.change, Change::Upload(_) | Change::Replace { .. } | Change::Delete(_)) {
                assert!(above.contains(&format!("`{}`", action.name)), "{} is not in\n{above}", action.name);
            }
        }
    }
}

#[test]
fn sixty_new_keys_are_shown_in_full_above_every_fold() {
    let scene = Scene::of(&many(60), "", "");
    let comment = scene.comment(markdown::MAX_CHARS, View::default());
    let above = parse(comment.split("<details>").next().unwrap());
    let fingerprints = above.items.iter().filter(|item| item.contains(" · ED25519 256 SHA256:")).count();
    assert_eq!(fingerprints, 60, "{comment}");
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
        let text = found.items.join("\n");
        let named = scene.plan.actions.iter().filter(|action| text.contains(action.name.as_str())).count();
        let left_out = scene.plan.actions.len() - named;
        assert_eq!(comment.contains(&format!("_{left_out} changes not shown")), left_out > 0, "{max}");
        for name in ["xia", "yan", "zoe"] {
            assert!(found.items.iter().any(|item| item.starts_with(name)), "deletions come first: {max}");
        }
        let is_whole = !text.contains(" more: ");
        // Details are left out before keys.
        let has_diff = found.blocks.iter().any(|(language, _)| language == "diff");
        assert!(!has_diff || is_whole, "{max}");
        assert_eq!(has_diff, max == 1_000_000, "{max}");
    }
}

#[test]
fn only_a_replaced_key_is_called_the_old_key_of_its_name() {
    let comment = |recorded: &str, account: &str| {
        Scene::of(&world::desired("alice=A*"), recorded, account).comment(markdown::MAX_CHARS, View::default())
    };
    let replaced = comment("alice=B#2", "alice=B#2*");
    assert!(replaced.contains("- from the old key of `alice` to its new key"), "{replaced}");
    let foreign = comment("", "alice=B#2*");
    assert!(foreign.contains("- from another key named `alice` on the account to `alice`"), "{foreign}");
}
