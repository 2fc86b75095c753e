//! Finds the markers that Git leaves where it could not merge two versions of a file.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::code::Code;
use super::diagnostic::{Diagnostic, Problems};
use super::source::lines;

/// Reports every conflict; returns whether there is one.
pub(crate) fn report(text: &str, file: &Arc<Path>, problems: &mut Problems) -> bool {
    let found = find(text);
    for Conflict { first, last } in &found {
        let help =
            "keep what belongs in the file, and remove the lines that start with `<<<<<<<`, `=======` and `>>>>>>>`";
        let problem = match last {
            Some(last) => Diagnostic::error(Code::GitConflict, file, first, "a Git conflict that is not resolved")
                .related(file, last, "it ends here"),
            None => Diagnostic::error(Code::GitConflict, file, first, "a marker of a Git conflict"),
        };
        problems.add(problem.help(help));
    }
    !found.is_empty()
}

/// The lines of a conflict's markers.
#[derive(Debug, PartialEq, Eq)]
struct Conflict {
    first: Range<usize>,
    /// Missing if only the first marker is left.
    last: Option<Range<usize>>,
}

fn find(text: &str) -> Vec<Conflict> {
    let mut found: Vec<Conflict> = Vec::new();
    let mut is_open = false;
    for line in lines(text) {
        match marker(text.get(line.clone()).unwrap_or_default()) {
            None => {}
            Some('<') => {
                found.push(Conflict { first: line, last: None });
                is_open = true;
            }
            Some(sign) => match found.last_mut().filter(|_| is_open) {
                Some(conflict) => {
                    conflict.last = Some(line);
                    is_open = sign != '>';
                }
                None => found.push(Conflict { first: line, last: None }),
            },
        }
    }
    found
}

/// Returns the sign that a line repeats seven times at its start, if the line is a marker. No line of a manifest is one.
fn marker(line: &str) -> Option<char> {
    let sign = line.chars().next().filter(|sign| "<|=>".contains(*sign))?;
    let rest = line.trim_start_matches(sign);
    (line.len() - rest.len() == 7 && (rest.is_empty() || rest.starts_with(' '))).then_some(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_conflict_is_found_with_its_first_and_last_marker() {
        let text = "a\n<<<<<<< HEAD\nb\n||||||| base\n=======\nc\n>>>>>>> branch\nd\n=======\n<<<<<<< x\r\ne\n";
        let shown = |range: &Range<usize>| text[range.clone()].to_owned();
        let found: Vec<_> =
            find(text).iter().map(|found| (shown(&found.first), found.last.as_ref().map(shown))).collect();
        let expected = [("<<<<<<< HEAD", Some(">>>>>>> branch")), ("=======", None), ("<<<<<<< x", None)];
        assert_eq!(found, expected.map(|(first, last)| (first.to_owned(), last.map(str::to_owned))));
    }

    #[test]
    fn other_lines_are_not_markers() {
        for line in ["", "<<: *a", "<<<<<<", "<<<<<<<<", "  <<<<<<< HEAD", "# =======", "========", "=======a"] {
            assert_eq!(marker(line), None, "{line}");
        }
    }
}
