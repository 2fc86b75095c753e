//! The reference lists every command and flag of the program, with the token and the lock that each command needs.

use std::fmt::Write as _;
use std::fs::File;

use clap::{Arg, Command};
use keyform::cli::{VARIABLES, Variable};
use keyform::emulator::{EmulatorConfig, Scopes};

use super::check;
use super::support::program::{Folder, STATE, account_with};

/// A token permission for `ssh_keys`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    None,
    Read,
    ReadWrite,
}

/// Every command with arguments to run it, the token permission that it needs, and whether it locks the state.
const COMMANDS: [(&str, &str, Token, bool); 21] = [
    ("init", "", Token::None, false),
    ("add", "alice --update --owner ann", Token::None, false),
    ("rm", "alice", Token::None, false),
    ("revoke", "alice", Token::None, false),
    ("validate", "", Token::None, false),
    ("plan", "", Token::Read, false),
    ("apply", "--auto-approve", Token::ReadWrite, true),
    ("show", "plan.json", Token::None, false),
    ("import", "", Token::Read, false),
    ("state list", "", Token::None, false),
    ("state show", "alice", Token::None, false),
    ("state forget", "alice", Token::None, true),
    ("state rebuild", "--auto-approve", Token::Read, true),
    ("state pull", "", Token::None, false),
    ("state push", STATE, Token::None, true),
    ("state unlock", "--auto-approve", Token::None, true),
    ("emulator", "", Token::None, false),
    ("schema", "plan", Token::None, false),
    ("completions", "bash", Token::None, false),
    ("man", "", Token::None, false),
    ("help", "", Token::None, false),
];

#[test]
fn the_reference_lists_every_command_and_flag() {
    let program = keyform::cli::command();
    check("docs/reference.md", |page| {
        let page = fill(page, "commands", &commands(&program));
        let page = fill(&page, "flags", &flags(program.get_arguments().filter(|arg| arg.is_global_set())));
        let page = fill(&page, "command flags", &command_flags(&program));
        fill(&page, "variables", &variables())
    });
}

#[test]
fn each_command_needs_the_token_that_the_reference_names() {
    for (command, arguments, token, _) in COMMANDS.into_iter().filter(|(command, ..)| *command != "emulator") {
        let folder = Folder::of("alice=1");
        let full = account_with(EmulatorConfig::default());
        folder.keyform("apply -y").on(&full).run().expect(0);
        folder.keyform("plan --out plan.json").on(&full).run().expect(0);
        folder.write("keyform.yaml", super::support::program::manifest("alice=1 bob=2"));
        let line = format!("{command} {arguments}");
        let (read, write) = (token != Token::None, token == Token::ReadWrite);
        let run = |read: bool, write: bool| {
            // A refused upload stays pending in it.
            let _ = std::fs::remove_file(folder.path("other.state.json"));
            let account = account_with(EmulatorConfig { scopes: Scopes { read, write }, ..EmulatorConfig::default() });
            let run = folder.keyform(&line);
            // The state belongs to the first account.
            let run = if token == Token::None { run } else { run.on(&account) };
            run.env("KEYFORM_STATE", if token == Token::None { STATE } else { "other.state.json" }).run().code
        };
        if read {
            assert_eq!(run(false, true), Some(1), "{line} without read permission");
        }
        if write {
            assert_eq!(run(true, false), Some(1), "{line} without write permission");
        }
        assert_eq!(run(read, write), Some(0), "{line} with the permission that it needs");
    }
}

#[test]
fn each_command_locks_the_state_as_the_reference_says() {
    for (command, arguments, _, locks) in COMMANDS.into_iter().filter(|(command, ..)| *command != "emulator") {
        let (account, folder) = (account_with(EmulatorConfig::default()), Folder::of("alice=1"));
        folder.keyform("apply -y").on(&account).run().expect(0);
        folder.keyform("plan --out plan.json").on(&account).run().expect(0);
        let lock = File::create(folder.path(&format!("{STATE}.lock"))).unwrap();
        lock.lock().unwrap();
        folder.keyform(&format!("{command} {arguments}")).on(&account).run().expect(i32::from(locks));
    }
}

/// Replaces what is between `<!-- NAME -->` and the next `<!-- end -->`.
fn fill(page: &str, name: &str, content: &str) -> String {
    let begin = format!("<!-- {name} -->\n");
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("the page has no {begin}"));
    let (_, after) = rest.split_once("<!-- end -->").expect("the page has an end of the table");
    format!("{before}{begin}\n{content}\n<!-- end -->{after}")
}

fn commands(program: &Command) -> String {
    let mut table = "| command | does | token | lock |\n|---|---|---|---|\n".to_owned();
    let mut found = leaves(program, "");
    let position = |name: &str| COMMANDS.iter().position(|(command, ..)| *command == name);
    found.sort_by_key(|(name, _)| position(name).unwrap_or_else(|| panic!("`{name}` has no row in the table above")));
    assert_eq!(found.len() + 1, COMMANDS.len(), "a command of the table above does not exist");
    for ((name, command), (_, _, token, locks)) in found.iter().zip(COMMANDS) {
        let token = match token {
            Token::None => "none",
            Token::Read => "read",
            Token::ReadWrite => "read and write",
        };
        let _ = writeln!(table, "| `{name}` | {} | {token} | {} |", about(command), if locks { "yes" } else { "no" });
    }
    table + "| `help` | Print the help of a command | none | no |\n"
}

fn command_flags(program: &Command) -> String {
    let mut text = String::new();
    for (name, command) in leaves(program, "") {
        let own = command.get_arguments().filter(|arg| !arg.is_global_set() && arg.get_id() != "help");
        // Global flags that are hidden here have a copy in the command.
        let own: Vec<_> =
            own.filter(|arg| !program.get_arguments().any(|global| global.get_id() == arg.get_id())).collect();
        let _ = write!(text, "## `keyform {name}`\n\n{}.\n\n", about(&command));
        if !own.is_empty() {
            text += &flags(own.into_iter());
            text.push('\n');
        }
    }
    text.trim_end().to_owned() + "\n"
}

fn variables() -> String {
    let mut table = "| variable | meaning |\n|---|---|\n".to_owned();
    for (names, meaning) in VARIABLES.iter().map(Variable::definition) {
        let _ = writeln!(table, "| `{}` | {meaning} |", names.replace(", ", "`, `"));
    }
    table
}

/// The commands that do something, by their words.
fn leaves(command: &Command, path: &str) -> Vec<(String, Command)> {
    let named = command.get_subcommands().filter(|command| command.get_name() != "help");
    named
        .flat_map(|command| {
            let name = format!("{path} {}", command.get_name()).trim_start().to_owned();
            if command.has_subcommands() { leaves(command, &name) } else { vec![(name, command.clone())] }
        })
        .collect()
}

fn flags<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let mut table = "| flag | variable | meaning |\n|---|---|---|\n".to_owned();
    for arg in args.filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
        let values = arg.get_value_names().unwrap_or_default().first();
        let value = values.filter(|_| arg.get_action().takes_values()).map(ToString::to_string).unwrap_or_default();
        let flag = match (arg.get_short(), arg.get_long()) {
            (Some(short), Some(long)) => format!("-{short}, --{long} {value}"),
            (None, Some(long)) => format!("--{long} {value}"),
            _ => value,
        };
        let variable = arg.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let choices: Vec<_> = arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
        let mut meaning = help.replace('|', "\\|");
        if !choices.is_empty() && arg.get_action().takes_values() {
            let _ = write!(meaning, ": {}", choices.join(", "));
        }
        if !defaults.is_empty() && arg.get_action().takes_values() {
            let _ = write!(meaning, " (default `{}`)", defaults.join(","));
        }
        let _ = writeln!(table, "| `{}` | {variable} | {meaning} |", flag.trim_end());
    }
    table
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}
