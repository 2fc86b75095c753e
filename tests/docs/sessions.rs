//! Console sessions: fenced `console` blocks whose commands show an output.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::support::tools;
use super::{PAGES, check};

/// Separates the outputs of two commands.
const MARK: &str = "\u{1}";

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

/// Runs the commands of one session in a fresh folder with the examples. Returns what each prints, both streams together.
fn run(commands: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &folder.path().join("examples"));
    let binary = Path::new(env!("CARGO_BIN_EXE_keyform")).parent().unwrap();
    let script: String =
        commands.iter().map(|command| format!("{command}\nstatus=$?; printf '{MARK}'; (exit $status)\n")).collect();
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", format!("{}:{}", binary.display(), tools::path()))
        .env("HOME", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(MARK).take(commands.len()).map(str::to_owned).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (source, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        // A sandbox that somebody left in an example is not part of it.
        if source.file_name().is_some_and(|name| name == ".keyform") {
            continue;
        }
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(source, target).unwrap();
        }
    }
}
