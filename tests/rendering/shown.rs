//! Every change that a reviewer must see is in every format, and in the digest if it is a change of the plan.

use keyform::plan::file;
use keyform::report::View;
use keyform::report::markdown;

use crate::scenes::Scene;
use crate::support::world::{self, day, key};

/// The names of the formats.
const FORMATS: [&str; 4] = ["text", "markdown", "json", "diff"];

/// What changes, the world before and after as manifest, state and account, the texts that every format must have after,
/// and whether the digest differs.
type Case<'a> = (&'a str, [&'a str; 3], [&'a str; 3], Vec<String>, bool);

fn formats(scene: &Scene) -> [String; 4] {
    let plain = |text: String| anstream::adapter::strip_str(&text).to_string();
    // Lines are wrapped at the width of a terminal.
    let text =
        plain(scene.text(View { full: true, ..View::default() })).split_whitespace().collect::<Vec<_>>().join(" ");
    let comment = scene.comment(markdown::MAX_CHARS, View::default());
    // What only the folded diff of the comment has does not count.
    let comment = comment.split("<summary>Diff").next().unwrap().to_owned();
    [text, comment, file::to_text(&scene.plan), scene.diff()]
}

#[test]
fn every_change_is_shown_in_every_format_and_covered_by_the_digest() {
    let print = |letter| key(letter).blob().fingerprint().to_string();
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let same = ["a=A b=B", "a=A#1 b=B#2", "a=A#1 b=B#2"];
    let [manifest, state, account] = same;
    let cases: Vec<Case<'_>> = vec![
        ("key", same, ["a=A b=C", state, account], vec![print('B'), print('C')], true),
        ("new key", same, ["a=A b=B c=C<cy@x.io>", state, account], vec![print('C'), "cy@x.io".to_owned()], true),
        ("name", same, ["a=A bert=B", state, account], words(&["b", "bert"]), true),
        ("account name", same, ["a=A b=B(Bert)", state, account], words(&["Bert"]), true),
        (
            "removed account name",
            ["a=A b=B(Bert)", "a=A#1 b=B#2{Bert}(Bert)", "a=A#1 Bert=B#2"],
            ["a=A b=B", "a=A#1 b=B#2{Bert}(Bert)", "a=A#1 Bert=B#2"],
            words(&["Bert"]),
            true,
        ),
        (
            "owner",
            ["a=A b=B<bo@x.io>", "a=A#1 b=B#2<bo@x.io>", account],
            ["a=A b=B<eve@x.io>", "a=A#1 b=B#2<bo@x.io>", account],
            words(&["bo@x.io", "eve@x.io"]),
            true,
        ),
        (
            "expiry",
            ["a=A b=B+40", "a=A#1 b=B#2+40", account],
            ["a=A b=B+4000", "a=A#1 b=B#2+40", account],
            vec![day(40).to_string(), day(4000).to_string()],
            true,
        ),
        (
            "protection",
            ["a=A b=B!", "a=A#1 b=B#2!", account],
            ["a=A b=B", "a=A#1 b=B#2!", account],
            words(&["protect"]),
            true,
        ),
        ("primary", same, ["a=A b=B*", state, account], words(&["b", "primary"]), true),
        ("removal", same, ["a=A", "a=A#1 b=B#2<bo@x.io>", account], vec![print('B'), "bo@x.io".to_owned()], true),
        ("revocation", same, ["a=A b=B r=Z$", state, "a=A#1 b=B#2 zed=Z#9"], vec![print('Z'), "zed".to_owned()], true),
        (
            "copy of a removed key",
            ["a=A", state, account],
            ["a=A", state, "a=A#1 b=B#2 nest=B#93"],
            words(&["nest", "93"]),
            true,
        ),
        ("copy of a desired key", same, [manifest, state, "a=A#1 b=B#2 nest=B#93"], words(&["93"]), false),
        (
            "unmanaged row",
            same,
            [manifest, state, "a=A#1 b=B#2 guest=G#93"],
            vec!["guest".to_owned(), print('G')],
            false,
        ),
        (
            "row with several keys",
            same,
            [manifest, state, "a=A#1 b=B#2 both=G#93&H"],
            vec!["both".to_owned(), print('G'), print('H')],
            false,
        ),
        ("unreadable row", same, [manifest, state, "a=A#1 b=B#2 guest=G#93?"], words(&["guest"]), false),
    ];
    for (what, before, after, shown, is_covered) in cases {
        let scene = |[wanted, state, account]: [&str; 3]| Scene::of(&world::desired(wanted), state, account);
        let (before, after) = (scene(before), scene(after));
        for ((format, text), earlier) in FORMATS.iter().zip(formats(&after)).zip(formats(&before)) {
            assert_ne!(text, earlier, "{what} is not shown as {format}");
            for word in &shown {
                assert!(text.contains(word.as_str()), "{what}: {format} lacks {word}:\n{text}");
            }
        }
        assert_eq!(before.plan.digest() != after.plan.digest(), is_covered, "{what}");
    }
}
