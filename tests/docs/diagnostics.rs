//! Every code has an example that produces it.

use std::fs;
use std::num::NonZero;
use std::thread;

use keyform::manifest::Code;

use super::shell;

const PAGE: &str = include_str!("../../docs/diagnostics.md");

/// A code with its example.
struct Example<'p> {
    code: &'p str,
    /// `yaml`, a manifest, or `sh`, commands.
    language: &'p str,
    text: &'p str,
}

#[test]
fn each_example_produces_its_code() {
    let examples = examples();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for first in 0..threads {
            let mine = examples.iter().skip(first).step_by(threads);
            scope.spawn(move || mine.for_each(produces_its_code));
        }
    });
}

#[test]
fn the_page_has_exactly_the_codes_of_the_program() {
    let documented: Vec<_> = examples().iter().map(|example| example.code).collect();
    let known: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(documented, known);
}

fn produces_its_code(Example { code, language, text }: &Example<'_>) {
    let folder = tempfile::tempdir().unwrap();
    let script = if *language == "yaml" {
        fs::write(folder.path().join("keyform.yaml"), text).unwrap();
        "keyform validate"
    } else {
        text
    };
    let printed = shell(folder.path(), script);
    assert!(printed.contains(&format!("[{code}]")), "the example of {code} prints:\n{printed}");
}

fn examples() -> Vec<Example<'static>> {
    let sections = PAGE.split("\n### `").skip(1);
    sections
        .map(|section| {
            let (code, rest) = section.split_once('`').unwrap();
            let (_, block) = rest.split_once("```").unwrap_or_else(|| panic!("{code} has no example"));
            let (language, block) = block.split_once('\n').unwrap();
            let (text, _) = block.split_once("```").unwrap();
            Example { code, language, text }
        })
        .collect()
}
