//! The daily tasks of the README: at most two commands each, which run.

use std::fs;
use std::path::Path;

use super::support::keys;
use super::support::program::{Folder, account};

#[test]
fn every_daily_task_is_at_most_two_commands_that_run() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, table) = page.split_once("| task | command |\n|---|---|\n").expect("the README has a table of daily tasks");
    let rows: Vec<_> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 7, "{rows:?}");
    for row in rows {
        let commands: Vec<_> = row.split('`').skip(1).step_by(2).collect();
        assert!((1..=2).contains(&commands.len()), "{row}");
        // Fetches from GitHub; a server on loopback stands for it in the tests of the command.
        if row.contains("github:") {
            continue;
        }
        let (account, folder) = (account(), Folder::new());
        let mut manifest = "version: 1\nkeys:\n".to_owned();
        for (number, name) in (1..).zip(["alice-laptop", "bob-yubikey", "carol-contractor"]) {
            let owner = name.split('-').next().unwrap();
            let key = keys::line(number);
            manifest += &format!("  - name: {name}\n    publicKey: {key}\n    owner: {owner}@example.com\n");
        }
        folder.write("keyform.yaml", &manifest);
        folder.write("dana.pub", keys::line(4));
        folder.write("new.pub", keys::line(5));
        folder.keyform("apply -y").on(&account).run().expect(0);
        let rebuilds = commands[0].contains("rebuild");
        if rebuilds {
            folder.write("keyform.state.json", "{");
        }
        for command in commands {
            let ran = folder.keyform(command.strip_prefix("keyform ").unwrap());
            let needs_account = command.contains("import") || rebuilds;
            if needs_account { ran.on(&account) } else { ran }.run().expect(0);
        }
        folder.keyform("validate").run().expect(0);
        // The first key became the primary one.
        folder.keyform("apply -y --allow-primary-loss").on(&account).run().expect(0);
    }
}
