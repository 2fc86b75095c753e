//! A plan in the documentation: as a picture of a terminal, and as a comment on a pull request.

use std::fs;
use std::path::Path;

use keyform::account::Endpoint;
use keyform::names::{CommitId, UserId};
use keyform::report::{View, markdown};

use crate::scenes::{SCENES, Scene};
use crate::support::world;

/// The path of the picture.
const PICTURE: &str = "examples/plan.svg";
/// The markers around the comment in its page.
const BEGIN: &str = "<!-- The comment, as `plan --format markdown` writes it. -->\n";
const END: &str = "<!-- End of the comment. -->\n";

/// An ordinary change in a team: one person joins, one has a new key, one leaves.
fn scene() -> Scene {
    let mut desired = world::desired("alice=A* bob-yubikey=F erin=E");
    for (key, owner) in desired.keys.iter_mut().zip(["alice", "bob", "erin"]) {
        key.owner = Some(format!("{owner}@example.com"));
    }
    let recorded = "alice=A#cm4x2fk3fejt53prtya0vie72<alice@example.com> bob-yubikey=B#cm4xnw4b36a99py5ddpxfewf0<bob@example.com> \
         dana=D#cm4xg14hylktmme7ljb86sua2<dana@example.com>";
    let account = "alice=A#cm4x2fk3fejt53prtya0vie72 bob-yubikey=B#cm4xnw4b36a99py5ddpxfewf0 \
                   dana=D#cm4xg14hylktmme7ljb86sua2* web-page=G#cm4x7u1c0m2k5b8rtz3hq9d4e";
    let mut scene = Scene::of(&desired, recorded, account);
    scene.plan.endpoint = Endpoint::parse("https://api.primeintellect.ai").unwrap();
    scene.plan.commit = Some(CommitId::new("3f2c9ab").unwrap());
    scene.plan.user_id = Some(UserId::new("cm4x0aq81e9k2v6tz4nd7s3yb").unwrap());
    scene
}

#[test]
fn the_picture_matches_the_terminal_output() {
    let text = format!("$ keyform plan\n{}", scene().text(View { columns: Some(100), ..View::default() }));
    assert_contents(
        PICTURE,
        &anstyle_svg::Term::new().palette(anstyle_svg::WIN10_CONSOLE).render_svg(&text),
        |_, drawn| drawn.to_owned(),
    );
}

#[test]
fn the_documentation_contains_the_comment() {
    let comment = scene().comment(markdown::MAX_CHARS, View::default());
    let quoted: String = comment.lines().map(|line| format!("> {line}").trim_end().to_owned() + "\n").collect();
    assert_contents("docs/pipelines.md", &quoted, |page, quoted| {
        let (before, rest) = page.split_once(BEGIN).expect("the page has no comment");
        let (_, after) = rest.split_once(END).expect("the comment has no end");
        format!("{before}{BEGIN}{quoted}{END}{after}")
    });
}

/// Asserts that a file has the expected contents, or writes them if `KEYFORM_DRAW` is set.
fn assert_contents(name: &str, shown: &str, put: impl Fn(&str, &str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let found = fs::read_to_string(&path).unwrap_or_default();
    let expected = put(&found, shown);
    if is_to_be_drawn() {
        fs::write(&path, &expected).unwrap();
    } else {
        assert!(found == expected, "{name} is outdated, update it with: KEYFORM_DRAW=1 cargo test --test rendering");
    }
}

#[expect(clippy::disallowed_methods, reason = "the person who runs the test decides whether files are written")]
fn is_to_be_drawn() -> bool {
    std::env::var_os("KEYFORM_DRAW").is_some()
}

/// Draws comments and terminals to look at, for `KEYFORM_DRAW`.
#[test]
fn scenes_can_be_drawn() {
    if !is_to_be_drawn() {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scenes");
    fs::create_dir_all(&folder).unwrap();
    for name in SCENES {
        let scene = Scene::named(name);
        fs::write(folder.join(format!("{name}.md")), scene.comment(markdown::MAX_CHARS, View::default())).unwrap();
        for columns in [60, 80, 120] {
            let text = format!("$ keyform plan\n{}", scene.text(View { columns: Some(columns), ..View::default() }));
            let term = anstyle_svg::Term::new().palette(anstyle_svg::WIN10_CONSOLE);
            fs::write(folder.join(format!("{name}-{columns}.svg")), term.render_svg(&text)).unwrap();
        }
    }
}
