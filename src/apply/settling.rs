//! What became of uploads without a valid response, as far as listings show it. No I/O.

use super::sightings::Sightings;
use crate::account::Row;
use crate::state::{Pending, State};

/// What listings show of a pending upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sighting<'l> {
    /// It was carried out: this row is new, and has the key and the name that were sent, or the id that was returned.
    Stored(&'l Row),
    /// Somebody else added the key, with another name.
    Foreign(&'l Row),
    /// A new row with the name that was sent shows no key, so it can be the one.
    Unreadable,
    /// There is no row of it.
    Absent,
}

/// Looks for the row of a pending upload. Of several, it takes the oldest.
pub(super) fn sighting<'l>(pending: &'l Pending, sightings: &'l Sightings, state: &State) -> Sighting<'l> {
    let Pending { public_key, sent_name, before, id, .. } = pending;
    let returned = id.as_ref().and_then(|id| sightings.row(id));
    if let Some(row) = returned.filter(|row| row.content.can_be(public_key)) {
        return Sighting::Stored(row);
    }
    let is_returned = |row: &Row| state.pending.values().any(|it| it.id.as_ref() == Some(&row.id));
    let is_known = |row: &Row| before.contains(&row.id) || state.managed(&row.id).is_some() || is_returned(row);
    let new_rows = sightings.holding(public_key).filter(|row| !is_known(row));
    let found = new_rows.min_by_key(|row| (row.name != *sent_name, row.created_at, &row.id));
    let hides_key = |row: &Row| row.content.is_unreadable() && row.name == *sent_name && !is_known(row);
    match found {
        Some(row) if row.name == *sent_name => Sighting::Stored(row),
        _ if sightings.rows().any(hides_key) => Sighting::Unreadable,
        Some(row) => Sighting::Foreign(row),
        None => Sighting::Absent,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::account::{Endpoint, Lateness, Listing};
    use crate::names::{KeyId, KeyName, UserId};
    use crate::plan::AccountRow;
    use crate::public_key::{KeyBlob, KeyContent};
    use crate::state::{JournalEntry, Origin, UploadRequest};

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA";

    fn id(text: &str) -> KeyId {
        KeyId::new(text).unwrap()
    }

    fn row(id: &str, name: &str, key: Option<&str>, month: u8) -> Row {
        Row {
            id: KeyId::new(id).unwrap(),
            user_id: UserId::new("user-1").unwrap(),
            name: name.to_owned(),
            public_key: key.map(str::to_owned),
            content: key.map(KeyContent::of_text).unwrap_or_default(),
            is_primary: false,
            is_user_key: true,
            created_at: Some(format!("2026-{month:02}-01T00:00:00Z").parse().unwrap()),
        }
    }

    /// What a listing of these rows shows of a pending upload of `KEY` as `alice`: the id of its row, or else the sighting.
    fn sighting_in(rows: &[Row], returned: Option<&str>) -> String {
        let blob = KeyBlob::of_line(KEY).unwrap();
        let name = KeyName::new("alice").unwrap();
        let mut state = State::new(uuid::Uuid::nil(), Endpoint::default());
        let recorded = AccountRow::new(&row("recorded", "alice", Some(KEY), 1), Origin::Uploaded);
        state.apply(JournalEntry::Record(recorded.record(&name, &blob)));
        let pending = Pending {
            name,
            public_key: blob,
            sent_name: "alice".to_owned(),
            account_name: None,
            owner: None,
            expires: None,
            protect: false,
            before: vec![id("before")],
            requests: vec![UploadRequest { at: jiff::Timestamp::UNIX_EPOCH, timeout_seconds: 30 }],
            id: returned.map(id),
        };
        let mut sightings = Sightings::new(Lateness::default(), Duration::ZERO, BTreeMap::new());
        sightings.add(Listing::new(rows.to_vec()).unwrap());
        match sighting(&pending, &sightings, &state) {
            Sighting::Stored(row) => row.id.to_string(),
            Sighting::Foreign(row) => format!("Foreign {}", row.id),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_new_row_with_key_and_name_is_the_upload() {
        for (rows, expected) in [
            (vec![row("1", "alice", Some(KEY), 3)], "1"),
            (vec![row("1", "bob", Some(KEY), 2), row("2", "alice", Some(KEY), 3)], "2"),
            (vec![row("1", "alice", Some(KEY), 3), row("2", "alice", Some(KEY), 2)], "2"),
            (vec![row("1", "alice", None, 3), row("2", "alice", Some(KEY), 3)], "2"),
        ] {
            assert_eq!(sighting_in(&rows, None), expected, "{rows:?}");
        }
    }

    #[test]
    fn a_row_with_another_name_is_of_someone_else() {
        assert_eq!(sighting_in(&[row("1", "bob", Some(KEY), 3)], None), "Foreign 1");
    }

    #[test]
    fn rows_that_were_known_before_are_not_the_upload() {
        let known = [row("recorded", "alice", Some(KEY), 1), row("before", "alice", Some(KEY), 1)];
        assert_eq!(sighting_in(&known, None), "Absent");
        assert_eq!(sighting_in(&[row("before", "alice", None, 1)], None), "Absent");
        assert_eq!(sighting_in(&[], None), "Absent");
    }

    #[test]
    fn a_row_without_a_key_can_be_the_upload_only_if_it_has_its_name() {
        assert_eq!(sighting_in(&[row("1", "alice", None, 3)], None), "Unreadable");
        assert_eq!(sighting_in(&[row("1", "bob", None, 3)], None), "Absent");
        let beside_foreign = [row("1", "alice", None, 3), row("2", "bob", Some(KEY), 2)];
        assert_eq!(sighting_in(&beside_foreign, None), "Unreadable");
    }

    #[test]
    fn the_row_with_the_returned_id_is_the_upload_unless_it_shows_another_key() {
        assert_eq!(sighting_in(&[row("1", "renamed", None, 3)], Some("1")), "1");
        assert_eq!(sighting_in(&[row("1", "renamed", Some(KEY), 3)], Some("1")), "1");
        assert_eq!(sighting_in(&[row("1", "alice", Some(OTHER), 3)], Some("1")), "Absent");
        assert_eq!(sighting_in(&[row("2", "alice", Some(KEY), 3)], Some("1")), "2");
    }
}
