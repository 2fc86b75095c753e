//! Console sessions: fenced `console` blocks whose commands show an output.

use std::path::Path;

use super::support::files::copy_folder;
use super::{PAGES, check, shell};

/// Separates the outputs of two commands.
const MARK: &str = "\u{1}";

/// How a reader without an installed keyform starts it in a clone.
const CARGO_RUN: &str = "cargo run --release --locked -- ";

#[test]
fn every_console_session_prints_what_the_page_shows() {
    let mut sessions = 0;
    for page in PAGES {
        check(page, |text| {
            let (rendered, count) = render(text);
            sessions += count;
            rendered
        });
    }
    assert!(sessions >= 4, "the pages have lost their sessions");
}

/// Replaces the output of every session by what its commands print, and counts the sessions.
///
/// A block without any output is not run: it needs an account, or tools that keyform does not bring.
fn render(page: &str) -> (String, usize) {
    let mut rendered = String::new();
    let mut count = 0;
    let mut rest = page;
    while let Some((before, block)) = rest.split_once("```console\n") {
        let (block, after) = block.split_once("```").expect("a console block ends");
        let commands: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
        rendered += &format!("{before}```console\n");
        if commands.len() == block.lines().count() {
            rendered += block;
        } else {
            count += 1;
            for (command, output) in commands.iter().zip(run(&commands)) {
                rendered += &format!("$ {command}\n{output}");
            }
        }
        rendered += "```";
        rest = after;
    }
    (rendered + rest, count)
}

/// Runs the commands of one session in a fresh folder with the examples. Returns what each prints, both streams together,
/// without the output of cargo.
fn run(commands: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &folder.path().join("examples"));
    let line = |command: &&str| {
        format!("{}\nstatus=$?; printf '{MARK}'; (exit $status)\n", command.replace(CARGO_RUN, "keyform "))
    };
    let script: String = commands.iter().map(line).collect();
    let text = shell(folder.path(), &script);
    text.split(MARK).take(commands.len()).map(str::to_owned).collect()
}
