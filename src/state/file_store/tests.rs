use std::fs;

use futures_util::FutureExt as _;
use tempfile::TempDir;

use super::*;
use crate::state::journal;
use crate::state::sample::{intend, record, state};

struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn with(state: &State) -> Self {
        let folder = Self::new();
        fs::write(folder.state(), file::to_text(state)).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn state(&self) -> PathBuf {
        self.path("keyform.state.json")
    }

    fn journal(&self) -> PathBuf {
        self.path("keyform.state.json.journal")
    }

    fn store(&self) -> FileStore {
        FileStore::open(&self.state(), "process 1")
    }

    fn session(&self) -> (FileSession, LoadedState) {
        let mut session = now(self.store().lock()).unwrap();
        let loaded = now(session.load()).unwrap();
        (session, loaded)
    }

    fn loaded(&self) -> LoadedState {
        now(self.store().load()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("files answer at once")
}

#[test]
fn a_journal_is_read_by_everyone_and_a_fold_puts_it_into_the_state() {
    let folder = Folder::with(&state(4, &[1]));
    let (mut session, loaded) = folder.session();
    assert_eq!(loaded.state, Some(state(4, &[1])));
    now(session.append(&state(4, &[1]), &[intend(2)])).unwrap();
    now(session.sync()).unwrap();
    now(session.append(&state(4, &[1]), &[JournalEntry::Record(record(2))])).unwrap();

    let seen = folder.loaded();
    assert_eq!((seen.state, seen.journaled, seen.warnings.len()), (Some(state(4, &[1, 2])), true, 0));

    now(session.fold(&state(5, &[1, 2]))).unwrap();
    let seen = folder.loaded();
    assert_eq!((seen.state, seen.journaled), (Some(state(5, &[1, 2])), false));
    assert_eq!(folder.names(), ["keyform.state.json", "keyform.state.json.lock"]);
    drop(session);
    assert_eq!(folder.names(), ["keyform.state.json"]);
}

#[test]
fn a_torn_last_line_is_a_warning_and_cut_off_before_later_entries() {
    let folder = Folder::with(&state(4, &[]));
    let (mut session, _) = folder.session();
    let records = [JournalEntry::Record(record(1)), JournalEntry::Record(record(2))];
    now(session.append(&state(4, &[]), &records)).unwrap();
    drop(session);
    let text = fs::read(folder.journal()).unwrap();
    fs::write(folder.journal(), &text[..text.len() - 9]).unwrap();

    let (mut session, loaded) = folder.session();
    assert_eq!(loaded.state, Some(state(4, &[1])));
    assert!(loaded.warnings[0].contains(".journal, from line 3 on"), "{:?}", loaded.warnings);
    // Reading changes nothing.
    assert_eq!(fs::read(folder.journal()).unwrap(), text[..text.len() - 9]);
    now(session.append(&state(4, &[1]), &[JournalEntry::Record(record(3))])).unwrap();
    now(session.append(&state(4, &[1]), &[JournalEntry::Record(record(4))])).unwrap();
    let loaded = folder.loaded();
    assert_eq!((loaded.state, loaded.warnings), (Some(state(4, &[1, 3, 4])), Vec::new()));
}

#[test]
fn an_invalid_line_before_the_last_refuses_the_journal_to_readers_and_writers() {
    let folder = Folder::with(&state(4, &[]));
    let (mut session, _) = folder.session();
    now(session.append(&state(4, &[]), &[intend(1), intend(2)])).unwrap();
    drop(session);
    let text = fs::read_to_string(folder.journal()).unwrap();
    fs::write(folder.journal(), text.replacen("{\"intend\":", "{\"intent\":", 1)).unwrap();

    let mut session = now(folder.store().lock()).unwrap();
    for error in [now(folder.store().load()).unwrap_err(), now(session.load()).unwrap_err()] {
        let shown = error.to_string();
        assert!(shown.starts_with("line 2 of the journal ") && shown.contains("json.journal"), "{shown}");
        assert!(error.is_broken() && error.help().contains("state rebuild"), "{}", error.help());
    }
    assert_eq!(now(session.state_alone()).unwrap(), Some(state(4, &[])));
}

#[test]
fn an_obsolete_journal_is_replaced_by_a_new_one() {
    for left in [journal::header(&state(3, &[])), b"\0\0\0\0".to_vec(), Vec::new()] {
        let folder = Folder::with(&state(4, &[]));
        fs::write(folder.journal(), left).unwrap();
        let (mut session, loaded) = folder.session();
        assert!(!loaded.journaled);
        now(session.append(&state(4, &[]), &[intend(1)])).unwrap();
        assert_eq!(folder.loaded().state.unwrap().pending.len(), 1);
        now(session.discard()).unwrap();
        assert!(!folder.journal().exists());
    }
}

#[test]
fn the_lock_names_its_holder_and_ends_with_the_session() {
    let folder = Folder::new();
    let (session, _) = folder.session();
    let other = FileStore::open(&folder.state(), "process 2");
    let error = now(other.lock()).unwrap_err();
    assert!(matches!(&error.kind, StateErrorKind::Locked { holder, .. } if holder == "process 1"), "{error}");
    drop(session);
    now(other.lock()).unwrap();
}

#[test]
fn a_state_that_another_process_changed_is_kept_and_one_that_vanished_is_written() {
    let folder = Folder::with(&state(4, &[1]));
    let (mut session, _) = folder.session();
    now(session.append(&state(4, &[1]), &[JournalEntry::Record(record(2))])).unwrap();
    fs::write(folder.state(), file::to_text(&state(4, &[7]))).unwrap();

    let error = now(session.fold(&state(5, &[1, 2]))).unwrap_err();
    assert!(matches!(error.kind, StateErrorKind::Changed), "{error}");
    assert_eq!(fs::read_to_string(folder.state()).unwrap(), file::to_text(&state(4, &[7])));
    assert!(folder.journal().exists());

    fs::remove_file(folder.state()).unwrap();
    now(session.fold(&state(5, &[1, 2]))).unwrap();
    assert_eq!(folder.loaded().state, Some(state(5, &[1, 2])));
    now(session.fold(&state(6, &[1]))).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = Folder::new();
    let store = FileStore::open(&folder.folder.path().join("gone/keyform.state.json"), "process 1");
    assert!(now(store.load()).unwrap().state.is_none());
    let error = now(store.lock()).unwrap_err();
    assert!(error.to_string().starts_with("cannot lock /") && error.to_string().contains("gone"), "{error}");
}

#[test]
fn a_journal_that_was_not_folded_still_applies_to_its_state() {
    let folder = Folder::with(&state(4, &[1]));
    let (mut session, _) = folder.session();
    now(session.append(&state(4, &[1]), &[JournalEntry::Record(record(2))])).unwrap();
    fs::write(folder.state(), file::to_text(&state(4, &[7]))).unwrap();
    now(session.fold(&state(5, &[1, 2]))).unwrap_err();
    assert_eq!(now(session.load()).unwrap().state, Some(state(4, &[2, 7])));

    // A state with a higher serial makes it obsolete.
    fs::write(folder.state(), file::to_text(&state(6, &[7]))).unwrap();
    assert_eq!(now(session.load()).unwrap().state, Some(state(6, &[7])));
}

#[test]
fn the_files_that_a_rebuilt_state_replaces_are_kept_under_free_names() {
    let folder = Folder::new();
    fs::write(folder.state(), "broken").unwrap();
    fs::write(folder.journal(), "broken, too").unwrap();
    fs::write(folder.path("keyform.state.json.old"), "from before").unwrap();
    let mut session = now(folder.store().lock()).unwrap();
    assert!(now(session.load()).unwrap_err().is_broken());
    let kept = now(session.fold(&state(1, &[1]))).unwrap_err();
    assert!(matches!(kept.kind, StateErrorKind::Changed), "only what was set aside is replaced: {kept}");

    let kept = now(session.set_aside()).unwrap();
    let copies = ["keyform.state.json.journal.old", "keyform.state.json.old-2"];
    assert_eq!(kept, copies.map(|name| folder.path(name).display().to_string()));
    now(session.fold(&state(1, &[1]))).unwrap();
    assert_eq!(folder.loaded().state, Some(state(1, &[1])));
    let read = |name: &str| fs::read_to_string(folder.path(name)).unwrap();
    assert_eq!(read("keyform.state.json.journal.old"), "broken, too");
    assert_eq!(
        (read("keyform.state.json.old").as_str(), read("keyform.state.json.old-2").as_str()),
        ("from before", "broken")
    );
    assert!(!folder.journal().exists());
}

#[cfg(unix)]
#[test]
fn links_in_place_of_state_journal_and_lock_are_refused_and_their_targets_stay_as_they_were() {
    for suffix in ["", ".journal", ".lock"] {
        for target in ["CODEOWNERS", "missing"] {
            let folder = Folder::with(&state(4, &[]));
            fs::write(folder.path("CODEOWNERS"), "* @owners").unwrap();
            let link = folder.path(&format!("keyform.state.json{suffix}"));
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(target, &link).unwrap();

            let tried = now(folder.store().lock()).and_then(|mut session| {
                now(session.load())?;
                now(session.append(&state(4, &[]), &[intend(1)]))?;
                now(session.fold(&state(5, &[])))
            });
            let StateErrorKind::Io { source, .. } = tried.unwrap_err().kind else { panic!("{suffix} {target}") };
            assert!(crate::files::is_special(&source), "{suffix} {target}: {source}");
            assert!(link.is_symlink() && !folder.path("missing").exists(), "{suffix} {target}");
            assert_eq!(fs::read(folder.path("CODEOWNERS")).unwrap(), b"* @owners", "{suffix}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_appears_during_a_run_is_not_followed() {
    let folder = Folder::with(&state(4, &[]));
    let (mut session, _) = folder.session();
    for (name, target) in [(folder.journal(), "elsewhere"), (folder.state(), "missing")] {
        let _ = fs::remove_file(&name);
        std::os::unix::fs::symlink(target, &name).unwrap();
    }
    fs::write(folder.path("elsewhere"), "before").unwrap();
    now(session.fold(&state(5, &[]))).unwrap_err();
    // A journal is new, so the link is replaced.
    now(session.append(&state(4, &[]), &[intend(1)])).unwrap();
    assert!(folder.journal().is_file() && !folder.journal().is_symlink());
    assert_eq!(fs::read(folder.path("elsewhere")).unwrap(), b"before");
    assert!(!folder.path("missing").exists());
}

#[cfg(unix)]
#[test]
fn permissions_stay_as_they_were() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;

    let folder = Folder::with(&state(4, &[]));
    fs::set_permissions(folder.state(), fs::Permissions::from_mode(0o640)).unwrap();
    now(folder.session().0.fold(&state(5, &[1]))).unwrap();
    assert_eq!(mode(&folder.state()), 0o640);

    // A new state has the permissions of any new file.
    let (fresh, other) = (Folder::new(), folder.path("other"));
    fs::write(&other, "").unwrap();
    now(fresh.session().0.fold(&state(1, &[]))).unwrap();
    assert_eq!(mode(&fresh.state()), mode(&other));
}
