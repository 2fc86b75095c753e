//! The documentation is true: its console sessions run and print what they show.
//!
//! `KEYFORM_DRAW=1 cargo test --test docs` writes what the program prints today into the pages.

#![cfg(test)]

mod daily;
mod diagnostics;
mod reference;
mod sessions;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::tools;

/// Every page with console sessions.
const PAGES: [&str; 7] = [
    "README.md",
    "docs/diagnostics.md",
    "docs/manifest.md",
    "docs/pipelines.md",
    "docs/reference.md",
    "docs/state.md",
    "examples/lifecycle/README.md",
];

/// Checks that a page is what `render` makes of it, or rewrites the page if the caller asks for that.
fn check(page: &str, render: impl FnOnce(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let before = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
    let after = render(&before);
    if draws() {
        fs::write(&path, &after).unwrap();
    } else if before != after {
        let diff = similar::TextDiff::from_lines(&before, &after).unified_diff().header(page, "today").to_string();
        panic!("{page} is out of date; KEYFORM_DRAW=1 cargo test --test docs updates it:\n{diff}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the person who runs the test chooses whether pages are rewritten")]
fn draws() -> bool {
    std::env::var_os("KEYFORM_DRAW").is_some()
}

/// Runs a script with the program on its path. Returns both streams together.
fn shell(folder: &Path, script: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_keyform")).parent().unwrap();
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{}:{}", binary.display(), tools::path()))
        .env("HOME", folder)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}
