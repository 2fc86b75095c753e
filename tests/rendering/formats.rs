//! Every scene, rendered in every format.

use insta::assert_snapshot;
use keyform::plan::file;
use keyform::report::{View, markdown};

use crate::scenes::{NAMES, Scene};

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
        assert!(plain(&short).contains(&format!("- delete {name} ")), "{name}");
    }
}

#[test]
fn text_fits_in_80_columns() {
    for name in NAMES {
        let text = plain(&Scene::named(name).text(View::default()));
        let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.iter().all(|line| line.starts_with("Digest:")), "{wide:?}");
    }
}
