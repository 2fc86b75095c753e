//! The bytes and syncs that an apply costs the disk.

#![cfg(test)]

mod support;

use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;
use std::rc::Rc;

use futures_util::FutureExt as _;
use keyform::account::Throttle;
use keyform::apply::{ApplyOptions, DEFAULT_CONCURRENCY, Tools, execute};
use keyform::state::disk::{Disk, LocalDisk};
use keyform::state::{FileStore, Session as _, Store as _};
use support::account::{MemoryAccount, Mode, VirtualClock};
use support::world;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

#[derive(Default)]
struct Counting {
    disk: LocalDisk,
    written: Rc<Cell<usize>>,
    synced: Rc<Cell<usize>>,
}

impl Counting {
    fn count(&self, bytes: &[u8]) {
        self.written.set(self.written.get() + bytes.len());
    }

    fn sync(&self) {
        self.synced.set(self.synced.get() + 1);
    }
}

impl Disk for Counting {
    type TemporaryFile = <LocalDisk as Disk>::TemporaryFile;
    type FileLock = <LocalDisk as Disk>::FileLock;

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        self.disk.read(path)
    }

    fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.count(bytes);
        self.disk.append(path, bytes)
    }

    fn truncate(&mut self, path: &Path, length: u64) -> io::Result<()> {
        self.disk.truncate(path, length)
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        Self::sync(self);
        self.disk.sync(path)
    }

    fn write_temporary(&mut self, path: &Path, bytes: &[u8]) -> io::Result<Self::TemporaryFile> {
        self.count(bytes);
        self.disk.write_temporary(path, bytes)
    }

    fn sync_temporary(&mut self, file: &Self::TemporaryFile) -> io::Result<()> {
        Self::sync(self);
        self.disk.sync_temporary(file)
    }

    fn persist(&mut self, file: Self::TemporaryFile, path: &Path) -> io::Result<()> {
        self.disk.persist(file, path)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        Self::sync(self);
        self.disk.sync_folder(folder)
    }

    fn try_lock(&mut self, path: &Path, holder: &str) -> io::Result<Result<Self::FileLock, String>> {
        self.disk.try_lock(path, holder)
    }
}

/// Applies `count` new keys. Returns the bytes written, the size of the final state and the number of syncs.
fn apply(count: u64) -> (usize, usize, usize) {
    let desired = world::numbered(count);
    let account = MemoryAccount::new(Mode::default(), Vec::new());
    let plan = world::plan_of(&desired, None, Some(&account.listing()));

    let folder = TempDir::new().unwrap();
    let path = folder.path().join("keyform.state.json");
    let disk = Counting::default();
    let (written, synced) = (Rc::clone(&disk.written), Rc::clone(&disk.synced));
    let store = FileStore::on(Rc::new(RefCell::new(disk)), &path, "a test");
    let tools = Tools {
        account: &account,
        throttle: &Throttle::new(VirtualClock::default(), 1),
        options: ApplyOptions::default(),
        stop: &CancellationToken::new(),
        observer: &|_| {},
        lineage: uuid::Uuid::nil(),
    };
    let run = async {
        let mut session = store.lock().await.unwrap();
        let loaded = session.load().await.unwrap();
        execute(&plan, loaded, None, &mut session, &tools).await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(run).is_success());
    assert_eq!(store.load().now_or_never().unwrap().unwrap().state.unwrap().records.len(), desired.keys.len());
    (written.get(), usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap(), synced.get())
}

#[test]
fn an_apply_of_1000_keys_writes_less_than_three_times_the_state() {
    let (written, state, synced) = apply(1000);
    assert!(written < 3 * state, "{written} bytes for a state of {state}");
    // Here, as many results arrive together as are in flight. Besides these, the number of syncs is fixed.
    let groups = |count: usize| count.div_ceil(DEFAULT_CONCURRENCY);
    let fixed = apply(10).2 - groups(10);
    assert!(synced <= fixed + groups(1000), "{synced} syncs, {fixed} of them fixed");
}
