//! Pictures of a plan in the documentation: a terminal with its colours, and the comment on a pull request.

use std::fs;
use std::path::Path;

use keyform::account::Endpoint;
use keyform::names::UserId;
use keyform::report::{View, markdown};

use crate::scenes::Scene;
use crate::support::world;

/// Where the picture is.
const PICTURE: &str = "examples/plan.svg";
/// Where the comment is in its page.
const BEGIN: &str = "<!-- The comment, as `plan --format markdown` writes it. -->\n";
const END: &str = "<!-- End of the comment. -->\n";

/// A team's ordinary change: one joins, one has a new key, one leaves.
fn scene() -> Scene {
    let mut desired = world::desired("alice=A* bob-yubikey=F erin=E");
    for (key, owner) in desired.keys.iter_mut().zip(["alice", "bob", "erin"]) {
        key.owner = Some(format!("{owner}@example.com"));
    }
    let recorded =
        "alice=A#cm4x2fk3fejt53prtya0vie72 bob-yubikey=B#cm4xnw4b36a99py5ddpxfewf0 dana=D#cm4xg14hylktmme7ljb86sua2";
    let account = "alice=A#cm4x2fk3fejt53prtya0vie72 bob-yubikey=B#cm4xnw4b36a99py5ddpxfewf0 \
                   dana=D#cm4xg14hylktmme7ljb86sua2* web-page=G#cm4x7u1c0m2k5b8rtz3hq9d4e";
    let mut scene = Scene::of(&desired, recorded, account);
    scene.plan.endpoint = Endpoint::parse("https://api.primeintellect.ai").unwrap();
    scene.plan.user_id = Some(UserId::new("cm4x0aq81e9k2v6tz4nd7s3yb").unwrap());
    scene
}

#[test]
fn the_picture_shows_what_a_terminal_shows() {
    let text = format!("$ keyform plan\n{}", scene().text(View::default()));
    holds(PICTURE, &anstyle_svg::Term::new().palette(anstyle_svg::WIN10_CONSOLE).render_svg(&text), |_, drawn| {
        drawn.to_owned()
    });
}

#[test]
fn the_documentation_shows_the_comment() {
    let comment = scene().comment(markdown::MAX_CHARS, View::default());
    let quoted: String = comment.lines().map(|line| format!("> {line}").trim_end().to_owned() + "\n").collect();
    holds("docs/pipelines.md", &quoted, |readme, quoted| {
        let (before, rest) = readme.split_once(BEGIN).expect("the page has lost its comment");
        let (_, after) = rest.split_once(END).expect("the comment has no end");
        format!("{before}{BEGIN}{quoted}{END}{after}")
    });
}

/// That a file shows what it should; or makes it so, where that is asked for.
fn holds(name: &str, shown: &str, put: impl Fn(&str, &str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let there = fs::read_to_string(&path).unwrap_or_default();
    let wanted = put(&there, shown);
    if is_to_be_drawn() {
        fs::write(&path, &wanted).unwrap();
    } else {
        assert!(
            there == wanted,
            "{name} shows something else: KEYFORM_DRAW=1 cargo test --test rendering writes it anew"
        );
    }
}

#[expect(clippy::disallowed_methods, reason = "whether files are written is for whoever runs the test to say")]
fn is_to_be_drawn() -> bool {
    std::env::var_os("KEYFORM_DRAW").is_some()
}
