//! The README is true: its console sessions are run, and show what they say.

#![cfg(test)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../README.md");

/// What stands between the outputs of two commands.
const MARK: &str = "\u{1}";

/// A command, and what the README says it prints.
struct Shown<'r> {
    command: &'r str,
    output: String,
}

#[test]
fn every_console_session_shows_what_it_says() {
    let sessions = sessions(README);
    assert!(sessions.len() >= 3, "the README has lost its sessions");
    let mut wrong = String::new();
    for session in &sessions {
        for (shown, printed) in session.iter().zip(run(session)) {
            if shown.output.trim_end() != printed.trim_end() {
                let _ = writeln!(wrong, "$ {}\n{printed}", shown.command);
            }
        }
    }
    assert!(wrong.is_empty(), "the README shows something else than:\n{wrong}");
}

/// The sessions that can be run here: all of whose commands use the sandbox, or need no account.
fn sessions(readme: &str) -> Vec<Vec<Shown<'_>>> {
    let blocks = readme.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks
        .map(|block| {
            let mut session: Vec<Shown<'_>> = Vec::new();
            for line in block.lines() {
                match line.strip_prefix("$ ") {
                    Some(command) => session.push(Shown { command, output: String::new() }),
                    None => session.last_mut().unwrap().output += &format!("{line}\n"),
                }
            }
            session
        })
        .filter(|session| session.iter().any(|shown| !shown.output.is_empty()))
        .collect()
}

/// Runs a session in a folder of its own that holds the examples; both streams, as a terminal shows them.
fn run(session: &[Shown<'_>]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"), &folder.path().join("examples"));
    let binary = Path::new(env!("CARGO_BIN_EXE_keyform")).parent().unwrap();
    let script: String = session
        .iter()
        .map(|shown| format!("{}\nstatus=$?; printf '{MARK}'; (exit $status)\n", shown.command))
        .collect();
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", binary.display()))
        .env("HOME", folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(MARK).take(session.len()).map(str::to_owned).collect()
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
