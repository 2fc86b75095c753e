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

fn replayed(base: &State, journal: &[u8]) -> (State, Vec<usize>) {
    match replay(Some(base.clone()), journal).unwrap() {
        Replay::Applied { state, unreadable } => (state, unreadable),
        Replay::Obsolete(_) => panic!("the journal is obsolete"),
    }
}

#[test]
fn entries_are_read_again() {
    let base = state(4, &[1]);
    let (state, unreadable) = replayed(&base, &journal(&base, &every_entry()));
    assert_eq!(state, applied(base, &every_entry()));
    assert_eq!(state.pending.values().map(|pending| &pending.name).collect::<Vec<_>>(), [&name(4)]);
    assert!(unreadable.is_empty());
}

#[test]
fn a_first_journal_without_a_state_is_the_state() {
    let base = State { user_id: None, ..state(0, &[]) };
    let text = journal(&base, &every_entry());
    let expected = applied(base, &every_entry());
    assert_eq!(replay(None, &text).unwrap(), Replay::Applied { state: expected, unreadable: Vec::new() });
}

#[test]
fn a_last_line_torn_anywhere_is_dropped_and_the_rest_is_kept() {
    let base = state(4, &[1]);
    let entries = every_entry();
    let (last, rest) = entries.split_last().unwrap();
    let text = journal(&base, &entries);
    let kept = applied(base.clone(), rest);
    for lost in 1..lines(std::slice::from_ref(last)).len() {
        let (state, unreadable) = replayed(&base, &text[..text.len() - lost]);
        assert_eq!((state, unreadable), (kept.clone(), vec![entries.len() + 1]), "without the last {lost} bytes");
    }
}

#[test]
fn a_line_that_the_disk_lost_is_skipped_and_those_after_it_are_read() {
    let base = state(4, &[]);
    let lost = b"\0\0\0\0\0\0\0\n{\"record\":{\"name\n\n";
    let text = [journal(&base, &[intend(1)]), lost.to_vec(), lines(&[intend(2)])].concat();
    assert_eq!(replayed(&base, &text), (applied(base, &[intend(1), intend(2)]), vec![3, 4]));
}

#[test]
fn a_record_with_a_fingerprint_of_another_key_is_refused() {
    let base = state(4, &[]);
    let text = String::from_utf8(journal(&base, &[JournalEntry::Record(record(2))])).unwrap();
    let changed = text.replace(record(2).fingerprint.as_str(), record(5).fingerprint.as_str());
    let error = replay(Some(base), changed.as_bytes()).unwrap_err();
    assert!(matches!(error, StateErrorKind::Fingerprint { .. }), "{error:?}");
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
        assert!(matches!(error, StateErrorKind::ForeignJournal(_)), "{foreign}: {error:?}");
    }
    let text = String::from_utf8(header(&state(4, &[]))).unwrap().replace("\"journal\":1", "\"journal\":2");
    let error = replay(Some(state(4, &[])), text.as_bytes()).unwrap_err();
    assert!(matches!(error, StateErrorKind::NewerJournal { found: 2 }), "{error:?}");
}
