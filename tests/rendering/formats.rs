//! Every scene, rendered in every format.

use insta::assert_snapshot;
use keyform::plan::file;
use keyform::report::{View, markdown, text};

use crate::scenes::{NAMES, SCENES, Scene};
use crate::support::world;

/// The number of lines that a snapshot keeps at either end of a long text.
const KEPT: usize = 60;

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// Leaves out the middle of a long text.
fn shortened(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    if lines.len() <= 4 * KEPT {
        return text.to_owned();
    }
    let (head, tail) = (&lines[..KEPT], &lines[lines.len() - KEPT..]);
    format!("{}\n[… {} lines …]\n{}\n", head.join("\n"), lines.len() - 2 * KEPT, tail.join("\n"))
}

#[test]
fn every_scene_as_text() {
    for name in NAMES {
        let scene = Scene::named(name);
        let text = scene.text(View::default());
        assert_snapshot!(format!("text_{name}"), plain(&text));
        assert!(text.contains('\u{1b}') && !plain(&text).contains('\u{1b}'));
    }
}

#[test]
fn every_scene_as_a_comment() {
    for name in NAMES {
        let comment = Scene::named(name).comment(markdown::MAX_CHARS, View::default());
        assert_snapshot!(format!("markdown_{name}"), shortened(&comment));
    }
}

#[test]
fn every_scene_as_a_diff() {
    for name in NAMES {
        assert_snapshot!(format!("diff_{name}"), shortened(&Scene::named(name).diff()));
    }
}

#[test]
fn every_scene_as_json() {
    for name in NAMES {
        let json = file::to_text(&Scene::named(name).plan);
        let json = json.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        assert_snapshot!(format!("json_{name}"), shortened(&json));
    }
}

#[test]
fn a_saved_plan_is_rendered_as_the_plan_was() {
    for name in SCENES {
        let scene = Scene::named(name);
        let saved = file::to_text(&scene.plan);
        let read = Scene { plan: file::from_text(saved.as_bytes()).unwrap() };
        let views = [(false, None), (true, None), (false, Some(60)), (true, Some(120))];
        for view in views.map(|(full, columns)| View { full, columns, randomart: full }) {
            assert_eq!(read.text(view), scene.text(view), "{name}");
            for max_chars in [markdown::MIN_CHARS, markdown::MAX_CHARS] {
                assert_eq!(read.comment(max_chars, view), scene.comment(max_chars, view), "{name}");
            }
        }
        assert_eq!(read.diff(), scene.diff(), "{name}");
        assert_eq!(file::to_text(&read.plan), saved, "{name}");
        assert_eq!(text::refusals(&read.plan.refusals), text::refusals(&scene.plan.refusals), "{name}");
    }
}

#[test]
fn randomart_is_shown_with_each_key() {
    let view = View { randomart: true, ..View::default() };
    let scene = Scene::named("each");
    assert_snapshot!("text_each_randomart", plain(&scene.text(view)));
    assert_snapshot!("markdown_each_randomart", scene.comment(markdown::MAX_CHARS, view));
}

#[test]
fn a_long_list_is_shortened_without_full() {
    let scene = Scene::named("many");
    let (short, full) = (scene.text(View::default()), scene.text(View { full: true, ..View::default() }));
    assert!(short.lines().count() < 120, "{}", short.lines().count());
    assert!(short.contains("… and 1980 more to upload (use --full to show all)"));
    for action in &scene.plan.actions {
        assert!(full.contains(action.change.blob().fingerprint().as_str()));
    }
    // Deletions are never shortened.
    for name in ["xia", "yan", "zoe"] {
        assert!(plain(&short).contains(&format!("- {name} ")), "{name}");
    }
}

#[test]
fn text_fits_terminals_of_every_width() {
    for (columns, name) in [60, 80, 120].into_iter().flat_map(|columns| NAMES.map(|name| (columns, name))) {
        for full in [false, true] {
            let view = View { full, columns: Some(columns), ..View::default() };
            let text = plain(&Scene::named(name).text(view));
            let is_wide = |line: &&str| line.chars().count() > columns && !line.starts_with("Digest:");
            let wide: Vec<_> = text.lines().filter(is_wide).collect();
            // A whole fingerprint has 50 columns.
            assert!(wide.is_empty() || full && columns == 60, "{columns}: {wide:?}");
        }
    }
}

#[test]
fn fingerprints_are_shortened_only_for_narrow_terminals_and_never_in_full_views() {
    let scene = Scene::named("each");
    let fingerprint = world::key('E').blob().fingerprint().to_string();
    for (columns, full, is_short) in [
        (None, false, false),
        (Some(120), false, false),
        (Some(80), false, true),
        (Some(60), false, true),
        (Some(60), true, false),
    ] {
        let text = plain(&scene.text(View { full, columns, randomart: false }));
        assert_eq!(text.contains(&fingerprint), !is_short, "{columns:?}: {text}");
        assert_eq!(text.contains("Use --full to show them whole"), is_short, "{columns:?}: {text}");
        // What is left of it still takes 2^72 attempts to imitate.
        assert!(text.contains(&fingerprint[..19]), "{columns:?}: {text}");
    }
}

#[test]
fn an_action_has_one_line_unless_there_is_more_to_say() {
    let lines = |full| {
        let view = View { full, columns: Some(120), randomart: false };
        let text = plain(&Scene::named("first").text(view));
        text.lines().filter(|line| line.starts_with("  ")).count()
    };
    // Three uploads, and the primary key with the reason why it changes.
    assert_eq!(lines(false), 5);
    assert_eq!(lines(true), 8);
}

#[test]
fn the_summary_is_the_last_line() {
    for name in NAMES {
        let text = plain(&Scene::named(name).text(View::default()));
        let last = text.split("\n\n").last().unwrap();
        assert!(
            last.lines().nth(1).is_some_and(|line| line.starts_with("Plan: ") || line.starts_with("No changes")),
            "{text}"
        );
    }
}

#[test]
fn text_for_terminals_of_every_width() {
    for columns in [60, 80, 120] {
        let view = View { columns: Some(columns), ..View::default() };
        assert_snapshot!(format!("text_each_{columns}"), plain(&Scene::named("each").text(view)));
    }
}
