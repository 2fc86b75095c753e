//! Help and manual pages.

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
fn short_help_is_one_screen_with_one_line_per_flag() {
    let folder = Folder::new();
    assert!(commands().len() > 10);
    for command in commands() {
        let help = folder.keyform(&format!("{command} -h")).run().expect(0);
        let lines: Vec<_> = help.stdout.lines().collect();
        assert!(lines.len() <= 42, "{} lines: {help}", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= 100 && *line == line.trim_end()), "{help}");
        assert!(lines[0].len() > 15 && lines[0].starts_with(char::is_uppercase), "{help}");
        let is_continued = |line: &&str| line.starts_with("          ");
        assert!(!lines.iter().any(is_continued), "a flag needs two lines: {help}");
        assert!(help.stderr.is_empty(), "{help}");
        assert_snapshot!(format!("short_help_{}", command.replace(' ', "_")), help);
    }
}

#[test]
fn long_help_adds_examples_the_environment_and_exit_codes() {
    let folder = Folder::new();
    for command in commands() {
        let short = folder.keyform(&format!("{command} -h")).run().stdout;
        let long = folder.keyform(&format!("{command} --help")).run().expect(0);
        for section in ["Examples:\n", "Environment:\n  KEYFORM_", "Exit codes:\n  0"] {
            assert!(long.stdout.contains(section) && !short.contains(section), "{section} {long}");
        }
        assert!(long.stdout.lines().all(|line| line.chars().count() <= 100), "{long}");
        assert!(long.stderr.is_empty(), "{long}");
        assert_eq!(folder.keyform(&format!("help {command}")).run().expect(0).stdout, long.stdout);
    }
    for command in ["", "apply", "plan", "emulator", "state"] {
        let long = folder.keyform(&format!("{command} --help")).run();
        assert_snapshot!(format!("long_help_{}", command.replace(' ', "_")), without_blanks_at_ends(&long.to_string()));
    }
}

/// Clap indents empty lines.
fn without_blanks_at_ends(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn help_suggests_the_nearest_command() {
    assert_snapshot!(Folder::new().keyform("help state rebiuld").run().expect(1));
}

#[test]
fn the_help_of_a_flag_has_up_to_60_characters() {
    fn check(command: &clap::Command) {
        for arg in command.get_arguments() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let help = help.split(" [default: ").next().unwrap();
            let name = format!("{} {}", command.get_name(), arg.get_id());
            assert!((5..=60).contains(&help.chars().count()), "{name}: {help}");
            assert!(help.starts_with(char::is_uppercase) && !help.ends_with('.'), "{name}: {help}");
        }
        command.get_subcommands().for_each(check);
    }
    check(&keyform::cli::command());
}

#[test]
fn every_example_parses_and_uses_only_flags_of_its_command() {
    let folder = Folder::new();
    for command in commands() {
        let help = folder.keyform(&format!("{command} --help")).run().stdout;
        let (_, examples) = help.split_once("Examples:\n").unwrap();
        let (examples, _) = examples.split_once("Environment:\n").unwrap();
        let lines: Vec<_> = examples.lines().filter(|line| !line.is_empty() && !line.starts_with("  # ")).collect();
        assert!((2..=4).contains(&lines.len()), "{command}: {examples}");
        for line in lines {
            assert!(line.contains(&format!("keyform {command}")), "{line} is not about {command}");
            for program in line.split(" && ") {
                parse(program);
            }
        }
    }
}

/// Parses an example up to the redirection or pipe.
fn parse(line: &str) {
    let (_, line) = line.split_once("keyform ").unwrap();
    let line = line.split([')', '|', '>']).next().unwrap();
    let words = ["keyform"].into_iter().chain(line.split_whitespace());
    let mut command = &keyform::cli::command();
    let matches = command.clone().try_get_matches_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
    let mut matches = &matches;
    while let Some((name, below)) = matches.subcommand() {
        (command, matches) = (command.find_subcommand(name).unwrap(), below);
    }
    for word in line.split_whitespace().filter(|word| word.starts_with("--")) {
        let arg = command.get_arguments().find(|arg| arg.get_long() == word.strip_prefix("--"));
        assert!(arg.is_some_and(|arg| !arg.is_hide_set()), "{line} does not use {word}");
    }
}

#[test]
fn every_flag_has_a_variable_except_those_that_approve_or_limit_one_run() {
    const WITHOUT: [&str; 10] = [
        "allow-",
        "append",
        "auto-approve",
        "destroy",
        "exclude",
        "no-deletes",
        "offline",
        "only-expired",
        "plan-digest",
        "target",
    ];
    fn check(command: &clap::Command) {
        for arg in command.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
            let Some(long) = arg.get_long() else { continue };
            let is_edit = ["add", "rm", "revoke"].contains(&command.get_name());
            let is_setting = arg.is_global_set() || long == "today";
            let of_one_run =
                is_edit && !is_setting || WITHOUT.iter().any(|name| long.starts_with(name)) || long.starts_with("out");
            let prefix = if command.get_name() == "emulator" { "KEYFORM_EMULATOR" } else { "KEYFORM" };
            let expected = (!of_one_run).then(|| format!("{prefix}_{}", long.to_uppercase().replace('-', "_")));
            assert_eq!(arg.get_env().and_then(|name| name.to_str()), expected.as_deref(), "--{long}");
        }
        command.get_subcommands().for_each(check);
    }
    check(&keyform::cli::command());
}

#[test]
fn without_a_command_short_help_goes_to_stderr_with_exit_code_1() {
    let folder = Folder::new();
    let ran = folder.keyform("").run().expect(1);
    assert_eq!((ran.stdout.as_str(), ran.stderr), ("", folder.keyform("-h").run().expect(0).stdout));
    let version = folder.keyform("--version").run().expect(0);
    assert_eq!(version.stdout, concat!("keyform ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn every_command_has_a_manual_page_with_all_sections() {
    let folder = Folder::new();
    let page = folder.keyform("man").run().expect(0).stdout;
    folder.keyform("man --out-dir pages").run().expect(0);
    assert_eq!(page, folder.read("pages/keyform.1"));
    let names: Vec<_> =
        commands().iter().map(|command| format!("keyform {command}").trim_end().replace(' ', "-")).collect();
    for name in &names {
        let page = folder.read(&format!("pages/{name}.1"));
        let (_, mut rest) = page.split_once(".SH NAME\n").unwrap();
        let sections = ["SYNOPSIS", "DESCRIPTION", "EXAMPLES", "FILES", "EXIT STATUS", "ENVIRONMENT", "SEE ALSO"];
        for section in sections {
            let heading =
                format!(".SH {}\n", if section.contains(' ') { format!("\"{section}\"") } else { section.into() });
            let (before, after) =
                rest.split_once(&heading).unwrap_or_else(|| panic!("{name} has no {section}: {page}"));
            assert!(before.lines().count() > 0, "{name}: the section before {section} is empty");
            rest = after;
        }
        let others = names.iter().filter(|other| rest.contains(&other.replace('-', "\\-")));
        assert!(others.count() >= 1 && rest.contains("ssh\\-keygen"), "{name} points nowhere: {rest}");
    }
    assert_eq!(folder.files().len(), names.len());
    assert_snapshot!("manual_page_state_rebuild", folder.read("pages/keyform-state-rebuild.1"));
}
