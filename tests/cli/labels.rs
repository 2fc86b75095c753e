//! The stack and the commit that a plan names, for its readers.

use keyform::names::{CommitId, StackName};

use crate::support::program::{Folder, account, manifest};

/// Values that could end a comment or a heading, mention somebody, or reach a shell or a terminal.
const HOSTILE: [&str; 14] = [
    "-->",
    "prod -->",
    "prod--><img src=x>",
    "a b",
    "a\n# b",
    "`id`",
    "$(id)",
    "a;id",
    "@octocat",
    "../prod",
    "--help",
    "\u{1b}[31mred",
    "\u{202e}dorp",
    "::set-output name=x::y",
];

#[test]
fn every_format_names_the_stack_and_the_commit() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    let labels = "--stack research-eu --commit 3f2c9ab";
    for (format, expected) in [
        ("text", &["Stack: research-eu\n", "Commit: 3f2c9ab\n"][..]),
        ("diff", &["# Stack: research-eu\n", "# Commit: 3f2c9ab\n"]),
        ("json", &["\"stack\": \"research-eu\"", "\"commit\": \"3f2c9ab\""]),
        (
            "markdown",
            &[
                "<!-- keyform:plan research-eu -->\n### keyform `research-eu`: 1 to upload\n",
                "Commit `3f2c9ab`.",
                "keyform apply --auto-approve --stack research-eu --",
            ],
        ),
    ] {
        let plan = |line: &str| folder.keyform(line).on(&account);
        let shown = plan(&format!("plan --format {format} {labels}")).run().expect(0).stdout;
        for words in expected {
            assert!(shown.contains(words), "{format} lacks {words}:\n{shown}");
        }
        let before = plan(&format!("--stack research-eu plan --format {format} --commit 3f2c9ab")).run().stdout;
        let variable = plan(&format!("plan --format {format}"));
        let variable = variable.env("KEYFORM_STACK", "research-eu").env("KEYFORM_COMMIT", "3f2c9ab").run().stdout;
        assert_eq!((&before, &variable), (&shown, &shown));
        let without = plan(&format!("plan --format {format}")).run().stdout;
        assert!(!without.contains("research-eu") && !without.contains("3f2c9ab"), "{without}");
    }
}

#[test]
fn each_event_and_the_outcome_of_an_apply_name_the_stack() {
    let (account, folder) = (account(), Folder::of("alice=1 bob=2 carol=3"));
    folder.keyform("apply -y --stack eu --events events.jsonl").on(&account).run().expect(0);
    let outcome =
        folder.keyform("apply -y --stack us --format json --events events.jsonl").on(&account).run().expect(0);
    assert_eq!(outcome.json()["plan"]["stack"], "us");
    folder.write("keyform.yaml", manifest(""));
    folder.keyform("apply -y --stack refused --events events.jsonl").on(&account).run().expect(3);
    let events = folder.read("events.jsonl");
    let stacks: Vec<_> = events
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|event| event["stack"].as_str().unwrap().to_owned())
        .collect();
    let mut found = stacks.clone();
    found.dedup();
    assert_eq!(found, ["eu", "us", "refused"]);
    assert!(stacks.iter().filter(|stack| *stack == "eu").count() >= 6, "{events}");
}

#[test]
fn a_saved_plan_keeps_its_stack_unless_another_one_is_given() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    folder.keyform("plan --stack eu --commit 3f2c9ab --out plan.json").on(&account).run().expect(0);
    assert_eq!(
        (&folder.json("plan.json")["stack"], &folder.json("plan.json")["commit"]),
        (&"eu".into(), &"3f2c9ab".into())
    );
    let applied = |flags: &str| folder.keyform(&format!("apply {flags} plan.json --format json")).on(&account).run();
    assert_eq!(applied("-y --stack us").expect(0).json()["plan"]["stack"], "us");
    let folder = Folder::of("alice=1 bob=2");
    folder.keyform("plan --stack eu --out plan.json --allow-new-state").on(&account).run().expect(0);
    let kept = folder.keyform("apply -y plan.json --allow-new-state --format json").on(&account).run().expect(0);
    assert_eq!(kept.json()["plan"]["stack"], "eu");
}

#[test]
fn a_label_that_is_not_a_name_is_refused_and_not_repeated() {
    let folder = Folder::of("alice=1");
    for label in HOSTILE {
        assert!(StackName::new(label).is_err() && CommitId::new(label).is_err(), "{label}");
        for (flag, variable) in [("stack", "KEYFORM_STACK"), ("commit", "KEYFORM_COMMIT")] {
            let typed = folder.keyform("plan --offline").argument(format!("--{flag}={label}")).run().expect(1);
            let set = folder.keyform("plan --offline").env(variable, label).run().expect(1);
            for ran in [typed, set] {
                assert!(ran.stdout.is_empty(), "{ran}");
                assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\u{202e}'), "{ran}");
            }
        }
        let mut plan: serde_json::Value = folder.keyform("plan --offline --format json").run().expect(0).json();
        plan["stack"] = label.into();
        folder.write("plan.json", plan.to_string());
        let read = folder.keyform("apply -y plan.json").at("http://127.0.0.1:9").run().expect(1);
        assert!(read.stderr.contains("not a plan saved by keyform"), "{read}");
    }
}
