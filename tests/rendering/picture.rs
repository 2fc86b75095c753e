//! The picture of a plan in the README: what a terminal shows, with its colours.

use std::fs;
use std::path::Path;

use keyform::report::View;

use crate::scenes::Scene;

/// Where the picture is.
const PICTURE: &str = "examples/plan.svg";

#[test]
fn the_picture_shows_what_a_terminal_shows() {
    let text = format!("$ keyform plan\n{}", Scene::named("each").text(View::default()));
    let drawn = anstyle_svg::Term::new().render_svg(&text);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PICTURE);
    if is_to_be_drawn() {
        fs::write(&path, &drawn).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == drawn, "{PICTURE} shows something else: KEYFORM_DRAW=1 cargo test --test rendering draws it anew");
}

#[expect(clippy::disallowed_methods, reason = "whether files are written is for whoever runs the test to say")]
fn is_to_be_drawn() -> bool {
    std::env::var_os("KEYFORM_DRAW").is_some()
}
