use super::*;

const A: &str = "ssh-ed25519 AAAAkeyA";
const B: &str = "ssh-ed25519 AAAAkeyB";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Uploads `NAME=KEY` in turn, one per second, and returns the account.
fn account(behaviour: &Behaviour, uploads: &[(&str, &str)]) -> Rows {
    let mut rows = Rows::new(1, 0);
    for (second, (name, key)) in (1..).zip(uploads) {
        let Ok(UploadOutcome::New(row)) = rows.upload(name, key, behaviour, at(second)) else {
            continue;
        };
        rows.apply(RowEvent::Upload(row));
    }
    rows
}

/// Shows the account as `NAME KEY`, the primary with a star.
fn shown(rows: &Rows) -> Vec<String> {
    let star = |row: &StoredRow| if row.is_primary { "*" } else { "" };
    rows.iter().map(|row| format!("{}{} {}", row.name, star(row), row.public_key)).collect()
}

fn id(rows: &Rows, name: &str) -> String {
    rows.iter().find(|row| row.name == name).unwrap().id.clone()
}

#[test]
fn a_second_upload_of_a_key_follows_the_option() {
    let commented = format!("{A} other@host");
    let twice = [("a", A), ("b", commented.as_str())];
    let table = [
        (DuplicateKey::SecondRow, vec![format!("a* {A}"), format!("b {commented}")], vec![A]),
        (DuplicateKey::SameRow, vec![format!("a* {A}")], vec![]),
        (DuplicateKey::Refuse, vec![format!("a* {A}")], vec![]),
    ];
    for (duplicate_key, expected, duplicates) in table {
        let behaviour = Behaviour { duplicate_key, ..Behaviour::default() };
        let rows = account(&behaviour, &twice);
        assert_eq!((shown(&rows), rows.duplicates()), (expected, duplicates.into_iter().map(String::from).collect()));
    }
}

#[test]
fn the_same_row_is_answered_unchanged() {
    let behaviour = Behaviour { duplicate_key: DuplicateKey::SameRow, ..Behaviour::default() };
    let rows = account(&behaviour, &[("a", A)]);
    let Ok(UploadOutcome::Same(row)) = rows.upload("b", A, &behaviour, at(9)) else { panic!("a new row") };
    assert_eq!((row.name.as_str(), row.updated_at), ("a", at(1)));
}

#[test]
fn a_system_key_is_not_a_duplicate() {
    let behaviour = Behaviour { duplicate_key: DuplicateKey::Refuse, ..Behaviour::default() };
    let mut rows = Rows::new(1, 0);
    let system = NewRow { name: "s".into(), public_key: A.into(), is_primary: false, is_user_key: false };
    rows.apply(RowEvent::Upload(rows.draw(system, at(0))));
    assert!(matches!(rows.upload("a", A, &behaviour, at(1)), Ok(UploadOutcome::New(_))));
}

#[test]
fn a_used_name_is_refused_only_with_the_option() {
    let twice = [("a", A), ("a", B)];
    assert_eq!(account(&Behaviour::default(), &twice).len(), 2);
    let behaviour = Behaviour { duplicate_name: DuplicateName::Refuse, ..Behaviour::default() };
    let mut rows = account(&behaviour, &twice);
    assert_eq!(rows.len(), 1);
    let gone = rows.deletion(&id(&rows, "a"), &behaviour, at(3)).unwrap();
    rows.apply(gone);
    assert!(rows.upload("a", B, &behaviour, at(4)).is_ok(), "a name is free again when its row is gone");
}

#[test]
fn an_upload_becomes_primary_only_as_the_option_says() {
    let table = [
        (AutoPrimary::Never, [format!("a {A}"), format!("b {B}")]),
        (AutoPrimary::WhenNone, [format!("a* {A}"), format!("b {B}")]),
        (AutoPrimary::Always, [format!("a {A}"), format!("b* {B}")]),
    ];
    for (auto_primary, expected) in table {
        let behaviour = Behaviour { auto_primary, ..Behaviour::default() };
        assert_eq!(shown(&account(&behaviour, &[("a", A), ("b", B)])), expected);
    }
}

#[test]
fn deletion_of_the_primary_follows_the_option() {
    let table = [
        (DeletePrimary::Allow, Some(vec![format!("b {B}")])),
        (DeletePrimary::Refuse, None),
        (DeletePrimary::MoveToOldest, Some(vec![format!("b* {B}")])),
    ];
    for (delete_primary, expected) in table {
        let behaviour = Behaviour { delete_primary, ..Behaviour::default() };
        let mut rows = account(&behaviour, &[("a", A), ("b", B)]);
        let deletion = rows.deletion(&id(&rows, "a"), &behaviour, at(3));
        assert_eq!(deletion.clone().err(), expected.is_none().then_some(Rejection::PrimaryStays));
        if let Ok(event) = deletion {
            rows.apply(event);
        }
        assert_eq!(shown(&rows), expected.unwrap_or_else(|| vec![format!("a* {A}"), format!("b {B}")]));
    }
}

#[test]
fn the_stored_part_of_a_key_follows_the_option() {
    let sent = format!(" {A}  alice@example.com\n");
    let table = [
        (KeyText::AsSent, sent.clone()),
        (KeyText::Trimmed, format!("{A}  alice@example.com")),
        (KeyText::WithoutComment, A.to_owned()),
    ];
    for (key_text, expected) in table {
        let behaviour = Behaviour { key_text, ..Behaviour::default() };
        assert_eq!(shown(&account(&behaviour, &[("a", &sent)])), [format!("a* {expected}")]);
    }
}

#[test]
fn a_key_is_two_words_of_which_the_second_is_base64() {
    for good in [A, "x y==", " ssh-rsa\tAAA+/= a b c"] {
        assert!(blob_of(good).is_some(), "{good}");
    }
    for bad in ["", "ssh-ed25519", "ssh-ed25519 ==", "ssh-ed25519 AA-A"] {
        assert_eq!(blob_of(bad), None, "{bad}");
    }
}

#[test]
fn one_row_at_most_is_the_primary() {
    let mut rows = account(&Behaviour::default(), &[("a", A), ("b", B)]);
    let event = rows.promotion(&id(&rows, "b"), at(7)).unwrap();
    rows.apply(event.clone());
    assert_eq!(shown(&rows), [format!("a {A}"), format!("b* {B}")]);
    let updated = |rows: &Rows| rows.iter().map(|row| row.updated_at).collect::<Vec<_>>();
    assert_eq!(updated(&rows), [at(7), at(7)], "both changed");
    let again = rows.promotion(&id(&rows, "b"), at(8)).unwrap();
    rows.apply(again);
    assert_eq!(updated(&rows), [at(7), at(7)], "nothing changed");
    assert_eq!(rows.promotion("nobody", at(9)), Err(Rejection::UnknownId));
}

#[test]
fn pages_follow_the_requested_order() {
    let names: Vec<_> = (0..7).map(|n| format!("k{n}")).collect();
    let keys: Vec<_> = (0..7).map(|n| format!("ssh-ed25519 AAAA{n}")).collect();
    let uploads: Vec<_> = names.iter().zip(&keys).map(|(name, key)| (name.as_str(), key.as_str())).collect();
    let mut rows = account(&Behaviour::default(), &uploads);
    let gone = rows.deletion(&id(&rows, "k3"), &Behaviour::default(), at(9)).unwrap();
    rows.apply(gone);
    let page = |offset, limit, order| -> Vec<_> {
        rows.page(offset, limit, order).iter().map(|row| row.name.as_str()).collect()
    };
    assert_eq!(page(2, 2, PageOrder::OldestFirst), ["k2", "k4"]);
    assert_eq!(page(5, 2, PageOrder::OldestFirst), ["k6"]);
    assert_eq!(page(9, 2, PageOrder::OldestFirst), [""; 0]);
    assert_eq!(page(1, 3, PageOrder::NewestFirst), ["k5", "k4", "k2"]);
    let salted = |salt| [page(0, 3, PageOrder::Salted(salt)), page(3, 9, PageOrder::Salted(salt))].concat();
    assert_eq!(salted(1), salted(1));
    assert_ne!(salted(1), salted(2));
    let mut sorted = salted(1);
    sorted.sort_unstable();
    assert_eq!(sorted, page(0, 9, PageOrder::OldestFirst), "pages of one salt miss nothing");
}

#[test]
fn an_id_is_never_given_out_twice() {
    let behaviour = Behaviour::default();
    let mut rows = account(&behaviour, &[("a", A)]);
    let first = id(&rows, "a");
    rows.apply(RowEvent::Delete { id: first.clone(), heir: None, at: at(2) });
    let Ok(UploadOutcome::New(row)) = rows.upload("a", A, &behaviour, at(3)) else { panic!("not new") };
    assert_ne!(row.id, first);
    assert!(!rows.blobs.contains_key(A) && rows.names.is_empty() && rows.ids.is_empty(), "{rows:?}");
}
