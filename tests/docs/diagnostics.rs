//! Every code has an example that produces it.

use std::collections::HashMap;
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
    let printed = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|first| {
                let mine = examples.iter().skip(first).step_by(threads);
                scope.spawn(move || mine.map(|example| (example.code, output(example))).collect::<Vec<_>>())
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<HashMap<_, _>>()
    });
    let mut all = String::new();
    for Example { code, .. } in &examples {
        let text = &printed[code];
        assert!(text.contains(&format!("[{code}]")), "the example of {code} prints:\n{text}");
        let problem = text.split("\n\n").find(|problem| problem.contains(&format!("[{code}]"))).unwrap();
        all += &format!("{}\n\n", problem.trim_end());
    }
    // The last day of the maximum lifetime depends on today.
    let date = regex::Regex::new(r"set `expires` to [0-9-]{10} or earlier").unwrap();
    insta::assert_snapshot!(date.replace(&all, "set `expires` to DATE or earlier"));
}

#[test]
fn the_page_has_exactly_the_codes_of_the_program() {
    let documented: Vec<_> = examples().iter().map(|example| example.code).collect();
    let known: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(documented, known);
}

fn output(Example { code: _, language, text }: &Example<'_>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let script = if *language == "yaml" {
        fs::write(folder.path().join("keyform.yaml"), text).unwrap();
        "keyform validate"
    } else {
        text
    };
    shell(folder.path(), script)
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
