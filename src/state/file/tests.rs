use super::*;
use crate::names::KeyId;
use crate::state::sample::{blob, intend, name, record, state};
use crate::state::{DeletedRow, JournalEntry, Origin, PromotedRow, StateError};

fn whole() -> State {
    let mut state = state(7, &[2, 1]);
    let mut adopted = record(3);
    adopted.origin = Origin::Adopted;
    adopted.row_name = Some("Alice's laptop".to_owned());
    adopted.account_name = Some("Alice".to_owned());
    adopted.owner = Some("alice@example.com".to_owned());
    adopted.expires = Some("2027-06-30".parse().unwrap());
    adopted.protect = true;
    adopted.created_at = Some("2026-03-01T12:00:00Z".parse().unwrap());
    state.apply(JournalEntry::Record(adopted));
    state.apply(JournalEntry::Replace(record(6)));
    state.apply(intend(4));
    state.apply(JournalEntry::Answered { public_key: blob(4), id: record(4).id });
    state.apply(JournalEntry::FormerPrimary { id: Some(record(1).id) });
    let at = Some("2026-11-27T10:00:05Z".parse().unwrap());
    state.apply(JournalEntry::Delete(DeletedRow { id: record(5).id, public_key: blob(5), at }));
    state.apply(JournalEntry::Promote(PromotedRow { id: record(1).id, at }));
    state
}

fn error(text: &str) -> StateError {
    from_text(text.as_bytes()).unwrap_err().at("keyform.state.json")
}

#[test]
fn a_written_state_is_read_again() {
    for state in [whole(), state(0, &[]), State { user_id: None, ..state(1, &[1]) }] {
        assert_eq!(from_text(to_text(&state).as_bytes()).unwrap(), state);
        assert_eq!(from_text(format!("\u{feff}{}", to_text(&state)).as_bytes()).unwrap(), state);
    }
}

#[test]
fn a_file_is_pretty_and_sorted_by_name() {
    insta::assert_snapshot!(to_text(&whole()));
}

#[test]
fn a_file_that_is_cut_off_says_where() {
    let text = to_text(&whole());
    for length in 1..text.len() - 1 {
        let error = error(&text[..length]);
        assert!(matches!(error.kind, StateErrorKind::Truncated { .. }), "{length} bytes: {error}");
    }
}

#[test]
fn a_file_that_is_not_a_state_is_refused_with_a_reason_and_help() {
    let state = whole();
    let text = to_text(&state);
    let twice = text.replace("row-1", "row-2");
    let pending: Vec<_> = state.pending.values().map(|pending| serde_json::to_string(pending).unwrap()).collect();
    let twice_pending = text.replace("\"pending\": [", &format!("\"pending\": [{},", pending[0]));
    let replaced_twice = text.replace("row-6", "row-1");
    let other_key = text.replacen(blob(1).as_str(), blob(9).as_str(), 1);
    let errors: Vec<_> = [
        "",
        " \n",
        &text[..100],
        "<html>",
        "<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> main\n",
        "{\"version\": 1}",
        "{\"version\": 2, \"rows\": []}",
        &text.replace("\"version\": 1", "\"version\": 3"),
        &text.replace("\"version\": 1", "\"version\": 0"),
        &text.replace("\"serial\"", "\"cereal\""),
        &text.replace("\"serial\": 7", "\"serial\": 18446744073709551615"),
        &text.replace("\"serial\": 7", "\"serial\": 9007199254740992"),
        &text.replace("ssh-ed25519 AAAA", "ssh-ed25519  AAAA"),
        &twice,
        &replaced_twice,
        &twice_pending,
        &other_key,
        &format!("{text}{text}"),
    ]
    .into_iter()
    .map(|text| {
        let error = error(text);
        format!("{error}\n  {}", error.help())
    })
    .collect();
    insta::assert_snapshot!(errors.join("\n\n"));
}

#[test]
fn conflict_markers_of_git_are_named_with_their_line() {
    let (ours, theirs) = (to_text(&state(8, &[1])), to_text(&state(8, &[2])));
    let (first, rest) = ours.split_once("  \"serial\"").unwrap();
    for (text, line) in [
        (format!("<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> main\n"), 1),
        (format!("{first}<<<<<<< HEAD\r\n  \"serial\"{rest}"), 4),
        (format!("{first}||||||| base\n  \"serial\"{rest}"), 4),
        (format!("{ours}>>>>>>> main\n"), ours.lines().count() + 1),
    ] {
        let error = error(&text);
        assert!(matches!(error.kind, StateErrorKind::Conflict { line: found } if found == line), "{text}: {error}");
        assert!(error.is_broken() && error.help().contains("keyform state rebuild"));
    }
    let mut named = state(1, &[1]);
    let mut record = record(1);
    record.row_name = Some("<<<<<<< HEAD".to_owned());
    named.apply(JournalEntry::Record(record));
    assert_eq!(from_text(to_text(&named).as_bytes()).unwrap(), named);
}

#[test]
fn two_rows_may_have_one_name_or_one_key_or_both() {
    let mut heir = record(8);
    heir.name = name(1);
    let mut renamed = record(9);
    (renamed.public_key, renamed.fingerprint) = (blob(2), blob(2).fingerprint());
    let mut again = record(1);
    again.id = KeyId::new("row-10").unwrap();
    let mut state = whole();
    state.apply(JournalEntry::Record(heir));
    state.apply(JournalEntry::Record(renamed));
    state.apply(JournalEntry::Record(again));
    assert_eq!(from_text(to_text(&state).as_bytes()).unwrap(), state);
}
