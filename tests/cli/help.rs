//! What the program says of itself.

use insta::assert_snapshot;

use crate::support::program::Folder;

/// Every command by its words, the program itself first.
fn commands() -> Vec<String> {
    fn walk(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        found.push(path.trim_start().to_owned());
        for subcommand in command.get_subcommands() {
            walk(subcommand, &format!("{path} {}", subcommand.get_name()), found);
        }
    }
    let mut found = Vec::new();
    walk(&keyform::cli::command(), "", &mut found);
    found
}

#[test]
fn the_help_of_every_command_fits_a_screen_and_names_the_environment() {
    let folder = Folder::new();
    assert!(commands().len() > 10);
    for command in commands() {
        let long = folder.keyform(&format!("{command} --help")).run().expect(0);
        let lines: Vec<_> = long.stdout.lines().collect();
        assert!(lines.len() <= 60, "{} lines: {long}", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= 100), "{long}");
        assert!(lines[0].len() > 15 && lines[0].starts_with(char::is_uppercase), "says what it does: {long}");
        assert!(long.stdout.contains("KEYFORM_"), "{long}");
        assert!(lines.iter().all(|line| *line == line.trim_end()), "blanks at the end of a line: {long}");
        assert!(long.stderr.is_empty(), "{long}");
        let short = folder.keyform(&format!("{command} -h")).run().expect(0);
        assert_eq!(short.stdout, long.stdout);
        assert_snapshot!(format!("help_{}", command.replace(' ', "_")), long);
    }
}

#[test]
fn every_flag_has_its_variable() {
    fn check(command: &clap::Command) {
        for arg in command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
            let Some(long) = arg.get_long() else { continue };
            let expected = match (command.get_name(), long) {
                // Not to be mistaken for the account's.
                ("emulator", "token") => "KEYFORM_EMULATOR_TOKEN".to_owned(),
                _ => format!("KEYFORM_{}", long.to_uppercase().replace('-', "_")),
            };
            assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(expected.as_str()));
        }
        command.get_subcommands().for_each(check);
    }
    check(&keyform::cli::command());
}

#[test]
fn without_a_command_the_help_is_the_answer_and_an_error() {
    let folder = Folder::new();
    let ran = folder.keyform("").run().expect(1);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("Usage: keyform"), "{ran}");
    let version = folder.keyform("--version").run().expect(0);
    assert_eq!(version.stdout, concat!("keyform ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn manual_pages_and_completions_know_every_command() {
    let folder = Folder::new();
    let page = folder.keyform("man").run().expect(0).stdout;
    assert!(page.starts_with(".ie") && page.contains("keyform"), "{page}");
    folder.keyform("man --out-dir pages").run().expect(0);
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = folder.keyform(&format!("completions {shell}")).run().expect(0).stdout;
        for command in commands() {
            let last = command.split(' ').next_back().unwrap();
            assert!(script.contains(last), "{shell} knows no {command}");
        }
    }
    let files = folder.files();
    for command in commands() {
        let name = format!("pages/keyform {command}").trim_end().replace(' ', "-") + ".1";
        let page = files.get(&name).unwrap_or_else(|| panic!("no {name} in {:?}", files.keys()));
        assert!(page.windows(4).any(|part| part == b".SH "), "{name}");
    }
}
