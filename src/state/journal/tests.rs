use super::*;
use crate::state::sample::{blob, intend, name, record, state};

fn journal(base: &State, entries: &[Entry]) -> Vec<u8> {
    [header(base), lines(entries)].concat()
}

fn lines(entries: &[Entry]) -> Vec<u8> {
    let mut lines = Vec::new();
    add_lines(&mut lines, entries);
    lines
}

fn every_entry() -> Vec<Entry> {
    vec![
        intend(2),
        intend(3),
        Entry::Settle { public_key: blob(3) },
        Entry::Record(record(2)),
        Entry::Drop { id: record(1).id },
        Entry::Account { user_id: UserId::new("user-2").unwrap() },
        intend(4),
    ]
}

fn learned(mut base: State, entries: &[Entry]) -> State {
    for entry in entries {
        base.learn(entry.clone());
    }
    base
}

fn replayed(base: &State, journal: &[u8]) -> (State, Vec<usize>) {
    match read(Some(base.clone()), journal).unwrap() {
        Replay::State { state, unreadable } => (state, unreadable),
        Replay::Nothing(_) => panic!("nothing of the journal counts"),
    }
}

fn read(base: Option<State>, journal: &[u8]) -> Result<Replay, StateError> {
    replay(base, journal, std::path::Path::new("keyform.state.json.journal"))
}

#[test]
fn what_was_learned_is_read_again() {
    let base = state(4, &[1]);
    let (state, unreadable) = replayed(&base, &journal(&base, &every_entry()));
    assert_eq!(state, learned(base, &every_entry()));
    assert_eq!(state.pending.values().collect::<Vec<_>>(), [&name(4)]);
    assert!(unreadable.is_empty());
}

#[test]
fn without_a_state_beside_it_a_first_journal_is_the_state() {
    let base = State { user_id: None, ..state(0, &[]) };
    let text = journal(&base, &every_entry());
    let expected = learned(base, &every_entry());
    assert_eq!(read(None, &text).unwrap(), Replay::State { state: expected, unreadable: Vec::new() });
}

#[test]
fn a_last_line_torn_anywhere_is_dropped_and_the_rest_is_kept() {
    let base = state(4, &[1]);
    let entries = every_entry();
    let (last, rest) = entries.split_last().unwrap();
    let text = journal(&base, &entries);
    let kept = learned(base.clone(), rest);
    for lost in 1..lines(std::slice::from_ref(last)).len() {
        let (state, unreadable) = replayed(&base, &text[..text.len() - lost]);
        assert_eq!((state, unreadable), (kept.clone(), vec![entries.len() + 1]), "without the last {lost} bytes");
    }
}

#[test]
fn a_line_that_the_disk_lost_is_passed_over_and_those_after_it_are_read() {
    let base = state(4, &[]);
    let lost = b"\0\0\0\0\0\0\0\n{\"record\":{\"name\n\n";
    let text = [journal(&base, &[intend(1)]), lost.to_vec(), lines(&[intend(2)])].concat();
    assert_eq!(replayed(&base, &text), (learned(base, &[intend(1), intend(2)]), vec![3, 4]));
}

#[test]
fn a_journal_without_a_whole_first_line_counts_for_nothing() {
    let base = state(4, &[1]);
    let begun = header(&base);
    for text in [b"".as_slice(), &begun[..begun.len() - 1], &begun[..20], b"\0\0\0\0", b"\0\0\0{\"intend\"\n{\"drop\":"]
    {
        let nothing = Replay::Nothing(Some(base.clone()));
        assert_eq!(read(Some(base.clone()), text).unwrap(), nothing, "{}", text.escape_ascii());
    }
}

#[test]
fn a_journal_that_is_folded_already_counts_for_nothing() {
    let text = journal(&state(4, &[]), &every_entry());
    let folded = Some(state(5, &[2]));
    assert_eq!(read(folded.clone(), &text).unwrap(), Replay::Nothing(folded));
}

#[test]
fn a_journal_of_another_state_is_refused() {
    let other = State { lineage: Uuid::from_u128(2), ..state(4, &[]) };
    for (base, found) in [(Some(state(3, &[])), Some(3)), (Some(other), Some(4)), (None, None)] {
        let error = read(base, &journal(&state(4, &[]), &[])).unwrap_err();
        let StateError::StrayJournal { journal_serial: 4, state_serial, .. } = error else { panic!("{error}") };
        assert_eq!(state_serial, found);
    }
}

#[test]
fn a_journal_that_is_none_or_a_newer_one_is_refused() {
    for foreign in ["{}\n", "hello\n", "[1]\n", "\n"] {
        let error = read(None, foreign.as_bytes()).unwrap_err();
        assert!(matches!(error, StateError::ForeignJournal { .. }), "{foreign}: {error}");
    }
    let text = String::from_utf8(header(&state(4, &[]))).unwrap().replace("\"journal\":1", "\"journal\":2");
    let error = read(Some(state(4, &[])), text.as_bytes()).unwrap_err();
    assert!(matches!(error, StateError::NewerJournal { found: 2, .. }), "{error}");
}

/// The journal that is read when one was kept apart, and another lies beside the state.
fn recovered(base: &State, apart: &[u8], beside: &[u8]) -> Result<Vec<u8>, String> {
    recover(Some(base), apart, std::path::Path::new("x"), beside).map_err(|error| error.to_string())
}

#[test]
fn one_that_was_kept_apart_continues_the_one_beside_the_state_or_is_continued_by_it() {
    let base = state(4, &[1]);
    let apart = journal(&base, &every_entry());
    for length in 0..=apart.len() {
        assert_eq!(recovered(&base, &apart, &apart[..length]).as_ref(), Ok(&apart), "{length} bytes of it are beside");
    }
    let later = lines(&[intend(5), Entry::Record(record(5))]);
    assert_eq!(
        recovered(&base, &apart, &[apart.clone(), later.clone()].concat()),
        Ok([apart.clone(), later.clone()].concat())
    );

    // A run that was not told of it went on where the first could write no more.
    let beside = [journal(&base, &every_entry()[..3]), b"{\"torn\n".to_vec(), later.clone()].concat();
    let both = [apart.clone(), b"{\"torn\n".to_vec(), later].concat();
    assert_eq!(recovered(&base, &apart, &beside), Ok(both));
    let folded = journal(&state(3, &[]), &[intend(9)]);
    assert_eq!(recovered(&base, &apart, &folded), Ok(apart));
}

#[test]
fn one_that_was_kept_apart_says_why_it_does_not_go_with_a_state() {
    let of = |state: &State| journal(state, &every_entry());
    let (base, other) = (state(4, &[1]), State { lineage: Uuid::from_u128(2), ..state(4, &[]) });
    let first = State { user_id: None, ..state(0, &[]) };
    let beside = of(&State { lineage: Uuid::from_u128(2), ..first.clone() });
    let told = [
        recovered(&base, &of(&state(3, &[])), b""),
        recovered(&base, &of(&state(5, &[])), b""),
        recovered(&base, &of(&other), b""),
        recovered(
            &base,
            &of(&State { endpoint: Endpoint::parse("https://elsewhere.example").unwrap(), ..base.clone() }),
            b"",
        ),
        recovered(&base, b"", b""),
        recovered(&base, b"hello\n", b""),
        recover(None, &of(&base), std::path::Path::new("x"), b"").map_err(|error| error.to_string()),
        recover(None, &of(&first), std::path::Path::new("x"), &beside).map_err(|error| error.to_string()),
    ];
    insta::assert_snapshot!(told.map(Result::unwrap_err).join("\n"), @r"
    the recovery file x builds on serial 3, and the state has serial 4 by now
    the recovery file x builds on serial 5, and the state has only serial 4
    the recovery file x belongs to another state
    the recovery file x is about an account at https://elsewhere.example, and the state about one at https://api.example.com
    the recovery file x holds nothing
    the journal x is not one that keyform wrote
    the recovery file x builds on serial 4 of a state that is missing
    the recovery file x belongs to another state than the journal that lies there
    ");
}
