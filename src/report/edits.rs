//! What an edit of manifest files changes.

use std::fmt::Write as _;
use std::path::Path;

use similar::TextDiff;

use crate::manifest::edit::FileChange;
use crate::terminal::escape::escape;

/// Renders changed files as a unified diff, which `git apply` and `patch -p1` accept.
pub fn diff(changes: &[FileChange]) -> String {
    let mut out = String::new();
    for FileChange { path, before, after } in changes {
        let path = shown(path);
        let path = path.trim_start_matches('/');
        let diff = TextDiff::from_lines(before.as_str(), after.as_str());
        let _ = write!(out, "{}", diff.unified_diff().header(&format!("a/{path}"), &format!("b/{path}")));
    }
    out
}

fn shown(path: &Path) -> String {
    escape(&path.display().to_string()).into_owned()
}
