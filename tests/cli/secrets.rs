//! Private keys that were pasted into files that keyform writes: a state, a journal, a saved plan. Nothing of them is shown.

use insta::assert_snapshot;
use keyform::plan::file as plan_file;
use keyform::state::StateError;
use keyform::state::file as state_file;
use serde_json::{Value, json};

use crate::support::private_keys::{KEYS, body};
use crate::support::program::{Folder, STATE, account};

/// A run of so many symbols of a key must not be shown.
const RUN: usize = 12;

fn shows(text: &str, key: &str) -> bool {
    body(key)
        .any(|line| (0..=line.len().saturating_sub(RUN)).any(|at| text.contains(&line[at..(at + RUN).min(line.len())])))
}

/// Returns a value with each field, in turn, replaced and renamed.
fn pasted(value: &Value, text: &str) -> Vec<Value> {
    let mut found = vec![json!(text)];
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let mut renamed = fields.clone();
                let taken = renamed.remove(name).unwrap();
                renamed.insert(text.to_owned(), taken);
                found.push(Value::Object(renamed));
                for changed in pasted(field, text) {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), changed);
                    found.push(Value::Object(fields));
                }
            }
        }
        Value::Array(items) => {
            for changed in items.first().map(|first| pasted(first, text)).unwrap_or_default() {
                let rest = items.iter().skip(1).cloned();
                found.push(std::iter::once(changed).chain(rest).collect());
            }
        }
        _ => {}
    }
    found
}

/// Ways of pasting a key: whole, on one line, with line feeds of Windows, and cut at either end.
fn ways(key: &str) -> [String; 5] {
    let half = key.len() / 2;
    [
        key.to_owned(),
        key.lines().filter(|line| !line.starts_with('-')).collect(),
        key.replace('\n', "\r\n"),
        key[..half].to_owned(),
        key[half..].to_owned(),
    ]
}

#[test]
fn a_state_and_a_plan_may_begin_with_a_byte_order_mark_and_utf_16_is_named() {
    let (account, folder) = (account(), Folder::of("alice=1"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.keyform("plan --out plan.json").on(&account).run().expect(0);
    for file in [STATE, "plan.json"] {
        let text = folder.read(file);
        let wide =
            |mark: &str| -> Vec<u8> { format!("{mark}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect() };
        let is_read = |bytes: &[u8]| match file {
            STATE => state_file::from_text(bytes).map(drop).map_err(|kind| kind_error(kind).to_string()),
            _ => plan_file::from_text(bytes).map(drop).map_err(|error| error.to_string()),
        };
        assert_eq!(is_read(format!("\u{feff}{text}").as_bytes()), Ok(()), "{file}");
        for mark in ["", "\u{feff}"] {
            let error = is_read(&wide(mark)).unwrap_err();
            assert!(error.contains("encoded in UTF-16"), "{file}: {error}");
        }
    }
}

fn kind_error(kind: keyform::state::StateErrorKind) -> StateError {
    StateError { place: "state".to_owned(), kind }
}

fn described(error: &StateError) -> String {
    format!("{error} {error:?} {}", error.help())
}

#[test]
fn a_private_key_in_a_state_a_journal_or_a_plan_is_refused_and_nothing_of_it_is_shown() {
    let (account, folder) = (account(), Folder::of("alice=1* bob=2"));
    folder.keyform("apply -y").on(&account).run().expect(0);
    folder.write("keyform.yaml", crate::support::program::manifest("alice=3 carol=4"));
    folder.keyform("plan --out plan.json --allow-deletes 5 --allow-primary-loss").on(&account).run();
    let (state, plan) = (folder.json(STATE), folder.json("plan.json"));
    for (name, key) in KEYS {
        for way in ways(key) {
            for value in pasted(&state, &way) {
                let text = value.to_string();
                let shown = match state_file::from_text(text.as_bytes()) {
                    Err(kind) => described(&kind_error(kind)),
                    // A line from the middle could also be a name.
                    Ok(_) => continue,
                };
                assert!(!shows(&shown, key), "{name}: {text}: {shown}");
            }
            for value in pasted(&plan, &way) {
                if let Err(error) = plan_file::from_text(value.to_string().as_bytes()) {
                    let shown = format!("{error} {}", error.help());
                    assert!(!shows(&shown, key), "{name}: {shown}");
                }
            }
        }
        for text in [key.to_owned(), format!("{state}\n{key}"), json!({ "lineage": key }).to_string()] {
            let refused = state_file::from_text(text.as_bytes()).unwrap_err();
            assert!(format!("{refused:?}").starts_with("PrivateKey"), "{name}: {refused:?}");
        }
    }
    let mut named = state.clone();
    named["keys"][0]["name"] = json!(KEYS[1].1);
    folder.write(STATE, named.to_string());
    assert_snapshot!("private_key_in_state", folder.keyform("state list").run());
    folder.write(STATE, state.to_string());
    let header = json!({
        "journal": 1, "lineage": state["lineage"], "serial": state["serial"], "endpoint": state["endpoint"],
        "userId": state["userId"],
    });
    let mut record = state["keys"][0].clone();
    record["name"] = json!(KEYS[1].1);
    folder.write("keyform.state.json.journal", format!("{header}\n{}\n", json!({ "record": record })));
    assert_snapshot!("private_key_in_journal", folder.keyform("state list").run());
    let mut named = plan.clone();
    named["actions"][0]["name"] = json!(KEYS[1].1);
    folder.write("plan.json", named.to_string());
    assert_snapshot!("private_key_in_plan", folder.keyform("show plan.json").run());
}
