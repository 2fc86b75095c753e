//! The comment, parsed as GitHub Flavored Markdown.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, parse_document};
use keyform::plan::{Change, Plan};
use keyform::public_key::KeyBlob;
use keyform::report::{View, markdown};

use crate::scenes::{NAMES, Scene};
use crate::support::world;

/// The parsed contents of a comment.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The cells of all tables, without headers.
    pub(crate) rows: Vec<Vec<String>>,
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
        NodeValue::TableRow(false) => found.rows.push(node.children().map(text_of).collect()),
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
        | NodeValue::Table(_)
        | NodeValue::TableRow(true)
        | NodeValue::TableCell
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
        NodeValue::HtmlInline(html) if html == "<br>" => "\n".to_owned(),
        _ => node.children().map(text_of).collect(),
    }
}

/// Asserts that a comment contains the expected cells, and nothing that must not be in it.
pub(crate) fn assert_cells(plan: &Plan, comment: &str, shown: impl Fn(&str) -> String) {
    let found = parse(comment);
    assert!(found.foreign.is_empty(), "{:?} in\n{comment}", found.foreign);
    let allowed = |html: &&String| {
        let known = ["<br>", "</details>", markdown::MARKER, ""];
        let fold = html.starts_with("<details><summary>") && html.ends_with("</summary>");
        !(known.contains(&html.as_str()) || fold)
    };
    assert_eq!(found.html.iter().filter(allowed).collect::<Vec<_>>(), Vec::<&String>::new(), "{comment}");
    assert_eq!(found.html[0], markdown::MARKER);
    assert_eq!(found.html.iter().filter(|html| *html == markdown::MARKER).count(), 1);
    assert!(found.rows.iter().all(|row| row.len() == 6), "{:?}", found.rows);

    // Each action has a row, in any order.
    let mut expected: Vec<_> = plan.actions.iter().map(|action| meant(action, &shown)).collect();
    let mut cells: Vec<_> = found.rows.into_iter().map(|row| row[..5].to_vec()).collect();
    expected.sort();
    cells.sort();
    assert_eq!(cells, expected, "{comment}");
}

/// Returns the expected cells of an action, except its reason.
fn meant(action: &keyform::plan::Action, shown: &impl Fn(&str) -> String) -> Vec<String> {
    let owner = action.owner();
    let kind = |blob: &KeyBlob| blob.kind().unwrap().to_string();
    let print = |blob: &KeyBlob| blob.fingerprint().to_string();
    let olds = match &action.change {
        Change::Replace { old, .. } => old.as_slice(),
        _ => &[],
    };
    // The old values that differ, then the new one, on separate lines.
    let lines = |of: &dyn Fn(&KeyBlob) -> String| {
        let new = of(action.change.blob());
        let old = olds.iter().map(|old| of(&old.blob)).filter(|old| *old != new).map(|old| format!("{old} →"));
        old.chain([new.clone()]).collect::<Vec<_>>().join("\n")
    };
    vec![
        action.change.kind().verb().to_owned(),
        shown(action.name.as_str()),
        owner.map(shown).unwrap_or_default(),
        lines(&kind),
        lines(&print),
    ]
}

#[test]
fn every_action_has_a_row() {
    for name in NAMES.into_iter().filter(|name| *name != "many") {
        let scene = Scene::named(name);
        assert_cells(&scene.plan, &scene.comment(markdown::MAX_CHARS, View::default()), str::to_owned);
    }
}

#[test]
fn deletions_are_shown_above_every_fold() {
    for name in ["each", "guards", "many"] {
        let scene = Scene::named(name);
        let comment = scene.comment(markdown::MAX_CHARS, View::default());
        let above = comment.split("<details>").next().unwrap();
        for action in scene.plan.actions.iter().filter(|action| action.change.deletes()) {
            assert!(above.contains(&format!("| **{}** | `{}` |", action.change.kind().verb(), action.name)), "{above}");
        }
    }
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
        let left_out = scene.plan.actions.len() - found.rows.len();
        assert_eq!(comment.contains(&format!("_{left_out} changes not shown")), left_out > 0, "{max}");
        for name in ["xia", "yan", "zoe"] {
            assert!(found.rows.iter().any(|row| row[0] == "delete" && row[1] == name), "deletes come first: {max}");
        }
        // Details are left out before rows.
        let has_diff = found.blocks.iter().any(|(language, _)| language == "diff");
        assert!(!has_diff || left_out == 0, "{max}");
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
