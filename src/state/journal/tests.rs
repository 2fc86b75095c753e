use super::*;
use crate::state::sample::{blob, intend, name, record, state};

fn journal(base: &State, entries: &[JournalEntry]) -> Vec<u8> {
    [header(base), lines(entries)].concat()
}

fn lines(entries: &[JournalEntry]) -> Vec<u8> {
    let mut lines = Vec::new();
    add_lines(&mut lines, entries);
    lines
}

fn every_entry() -> Vec<JournalEntry> {
    vec![
        intend(2),
        intend(3),
        JournalEntry::Settle { public_key: blob(3) },
        JournalEntry::Record(record(2)),
        JournalEntry::Drop { id: record(1).id },
        JournalEntry::Account { user_id: UserId::new("user-2").unwrap() },
        intend(4),
    ]
}

fn applied(mut base: State, entries: &[JournalEntry]) -> State {
    for entry in entries {
        base.apply(entry.clone());
    }
    base
}

/// Returns the state, and the first line of a torn end.
fn replayed(base: &State, journal: &[u8]) -> (State, Option<usize>) {
    match replay(Some(base.clone()), journal).unwrap() {
        Replay::Applied { state, whole, torn } => {
            assert_eq!(whole < journal.len(), torn.is_some());
            assert!(journal[..whole].ends_with(b"\n"));
            (state, torn)
        }
        Replay::Obsolete(_) => panic!("the journal is obsolete"),
    }
}

fn refused(base: &State, journal: &[u8]) -> (usize, String) {
    match replay(Some(base.clone()), journal).unwrap_err() {
        StateErrorKind::InvalidLine { line, problem } => (line, problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn entries_are_read_again() {
    let base = state(4, &[1]);
    let (state, torn) = replayed(&base, &journal(&base, &every_entry()));
    assert_eq!(state, applied(base, &every_entry()));
    assert_eq!(state.pending.values().map(|pending| &pending.name).collect::<Vec<_>>(), [&name(4)]);
    assert_eq!(torn, None);
}

#[test]
fn a_first_journal_without_a_state_is_the_state() {
    let base = State { user_id: None, ..state(0, &[]) };
    let text = journal(&base, &every_entry());
    let expected = applied(base, &every_entry());
    assert_eq!(replay(None, &text).unwrap(), Replay::Applied { state: expected, whole: text.len(), torn: None });
}

#[test]
fn a_last_line_torn_anywhere_is_dropped_and_the_rest_is_kept() {
    let base = state(4, &[1]);
    let entries = every_entry();
    let (last, rest) = entries.split_last().unwrap();
    let text = journal(&base, &entries);
    let kept = applied(base.clone(), rest);
    for lost in 1..lines(std::slice::from_ref(last)).len() {
        let (state, torn) = replayed(&base, &text[..text.len() - lost]);
        assert_eq!((state, torn), (kept.clone(), Some(entries.len() + 1)), "without the last {lost} bytes");
    }
}

#[test]
fn an_end_of_which_the_disk_lost_pages_is_dropped_from_the_first_one_on() {
    let base = state(4, &[]);
    let text = [journal(&base, &[intend(1)]), lines(&[intend(2), intend(3), intend(4)])].concat();
    let kept = applied(base.clone(), &[intend(1)]);
    let second = journal(&base, &[intend(1)]).len();
    for lost in [second..second + 1, second + 9..second + 500, second + 1..text.len()] {
        let mut text = text.clone();
        text[lost.clone()].fill(0);
        assert_eq!(replayed(&base, &text), (kept.clone(), Some(3)), "{lost:?}");
    }
}

#[test]
fn a_line_that_is_invalid_before_the_last_one_refuses_the_journal_and_is_named() {
    let base = state(4, &[1]);
    let entries = every_entry();
    let whole = journal(&base, &entries);
    let before = journal(&base, &entries[..2]);
    for (invalid, problem) in [
        ("", "it is incomplete"),
        ("\r", "it is incomplete"),
        ("{\"record\":{\"name", "it is incomplete"),
        ("{\"drop\":{\"id\":\"key-1\"}} {}", "trailing characters"),
        ("{\"dropp\":{\"id\":\"key-1\"}}", "unknown variant"),
        ("{\"drop\":{\"id\":\"../key-1\"}}", "which is not allowed (column "),
        ("\u{feff}{\"drop\":{\"id\":\"key-1\"}}", "expected value"),
        ("a comment", "expected value"),
    ] {
        for end in [lines(&entries[2..]), b"{\"torn\":".to_vec(), Vec::new()] {
            let text = [before.clone(), invalid.as_bytes().to_vec(), b"\n".to_vec(), end].concat();
            let (line, found) = refused(&base, &text);
            assert!(line == 4 && found.contains(problem), "{invalid}: line {line}: {found}");
            assert!(!found.contains(" at line ") && !found.contains('\n'), "{found}");
        }
    }
    // Also one flipped bit: either it is noticed, or the line still says something.
    let mut text = whole.clone();
    text[before.len() + 2] ^= 1;
    assert_eq!(refused(&base, &text).0, 4);
}

#[test]
fn a_record_with_a_fingerprint_of_another_key_is_refused() {
    let base = state(4, &[]);
    let text = String::from_utf8(journal(&base, &[JournalEntry::Record(record(2))])).unwrap();
    let changed = text.replace(record(2).fingerprint.as_str(), record(5).fingerprint.as_str());
    let (line, problem) = refused(&base, changed.as_bytes());
    assert!(line == 2 && problem.contains("does not match its key"), "line {line}: {problem}");
}

#[test]
fn a_journal_without_a_whole_first_line_is_obsolete() {
    let base = state(4, &[1]);
    let begun = header(&base);
    for text in [b"".as_slice(), &begun[..begun.len() - 1], &begun[..20], b"\0\0\0\0", b"\0\0\0{\"intend\"\n{\"drop\":"]
    {
        let nothing = Replay::Obsolete(Some(base.clone()));
        assert_eq!(replay(Some(base.clone()), text).unwrap(), nothing, "{}", text.escape_ascii());
    }
}

#[test]
fn a_journal_that_was_folded_is_obsolete() {
    let text = journal(&state(4, &[]), &every_entry());
    let folded = Some(state(5, &[2]));
    assert_eq!(replay(folded.clone(), &text).unwrap(), Replay::Obsolete(folded));
}

#[test]
fn a_journal_of_another_state_is_refused() {
    let other = State { lineage: Uuid::from_u128(2), ..state(4, &[]) };
    for (base, found) in [(Some(state(3, &[])), Some(3)), (Some(other), Some(4)), (None, None)] {
        let error = replay(base, &journal(&state(4, &[]), &[])).unwrap_err();
        let StateErrorKind::StrayJournal { journal_serial: 4, state_serial } = error else { panic!("{error:?}") };
        assert_eq!(state_serial, found);
    }
}

#[test]
fn conflict_markers_of_git_are_named_with_their_line() {
    let base = state(4, &[]);
    let (ours, theirs) = (journal(&base, &[intend(1)]), lines(&[intend(2)]));
    for (text, expected) in [
        ([b"<<<<<<< HEAD\n".to_vec(), ours.clone(), b"=======\n".to_vec(), ours.clone()].concat(), 1),
        ([ours.clone(), b"<<<<<<< HEAD\n".to_vec(), theirs.clone(), b"=======\n>>>>>>> b\n".to_vec()].concat(), 3),
        ([ours, theirs, b">>>>>>> branch\r\n".to_vec()].concat(), 4),
    ] {
        let error = replay(Some(base.clone()), &text).unwrap_err();
        assert!(matches!(error, StateErrorKind::Conflict { line } if line == expected), "{error:?}");
    }
}

#[test]
fn a_foreign_or_newer_journal_is_refused() {
    for foreign in ["{}\n", "hello\n", "[1]\n", "\n"] {
        let error = replay(None, foreign.as_bytes()).unwrap_err();
        assert!(matches!(error, StateErrorKind::ForeignJournal { .. }), "{foreign}: {error:?}");
    }
    let text = String::from_utf8(header(&state(4, &[]))).unwrap().replace("\"journal\":1", "\"journal\":2");
    let error = replay(Some(state(4, &[])), text.as_bytes()).unwrap_err();
    assert!(matches!(error, StateErrorKind::NewerJournal { found: 2 }), "{error:?}");
}
