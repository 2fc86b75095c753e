//! Workflow commands of GitHub Actions: lines that the runner obeys when a job prints them.

use std::borrow::Cow;

/// Disarms workflow commands in text that we print: `##[cmd]` anywhere, and `::cmd::` at the start of a line, after blanks
/// and colors.
pub fn disarm(text: &str) -> Cow<'_, str> {
    if !text.contains("##[") && !text.lines().any(is_command) {
        return Cow::Borrowed(text);
    }
    let lines = text.split_inclusive('\n').map(|line| {
        let line = line.replace("##[", "#\\u{23}[");
        if is_command(&line) { line.replacen("::", "\\u{3a}:", 1) } else { line }
    });
    Cow::Owned(lines.collect())
}

fn is_command(line: &str) -> bool {
    let mut rest = line.trim_start();
    while let Some((_, after)) = rest.strip_prefix("\u{1b}[").and_then(|style| style.split_once('m')) {
        rest = after.trim_start();
    }
    rest.starts_with("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_disarmed_and_other_text_is_not_changed() {
        for (text, expected) in [
            ("a name\nan::other\n", "a name\nan::other\n"),
            ("::error::x", "\\u{3a}:error::x"),
            ("a\n  \u{1b}[1m::stop-commands::x\u{1b}[0m\n", "a\n  \u{1b}[1m\\u{3a}:stop-commands::x\u{1b}[0m\n"),
            ("+ ###[set-output name=digest]x", "+ ##\\u{23}[set-output name=digest]x"),
        ] {
            assert_eq!(disarm(text), expected);
        }
    }
}
