//! A disk as bad as a disk may be: what was not synced may be lost, torn or out of order when the power fails.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use fastrand::Rng;
use keyform::state::disk::Disk;

use crate::kernel::Process;
use crate::laws;
use crate::world::{Broken, JOURNAL, World};

/// Smaller than a real page, so that small files have several.
const PAGE: usize = 96;

/// What is on the disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Platter {
    inodes: BTreeMap<u64, Inode>,
    /// Names as processes see them.
    names: BTreeMap<PathBuf, u64>,
    /// Names that outlive the power.
    durable: BTreeMap<PathBuf, u64>,
    /// What was done to names since their folder was synced: the file that a name got, or that it went.
    unsynced: Vec<(PathBuf, Option<u64>)>,
    next: u64,
    locks: BTreeMap<PathBuf, (usize, String)>,
}

#[derive(Debug, Clone, Default)]
struct Inode {
    data: Vec<u8>,
    /// How many of its bytes outlive the power.
    synced: usize,
    /// What was cut off since it was synced, behind `synced` bytes: it may come back.
    cut: Vec<u8>,
}

/// The disk as one process has it.
pub(crate) struct ProcessDisk {
    platter: Rc<RefCell<Platter>>,
    world: Rc<World>,
    process: Rc<Process>,
}

/// A lock that a process holds.
pub(crate) struct Lock {
    platter: Rc<RefCell<Platter>>,
    process: usize,
}

/// What becomes of an operation.
enum Course {
    /// It is done.
    Done,
    /// It fails after a part of it, and the process learns so.
    Fails,
    /// The process dies in it.
    Dies,
}

impl Platter {
    pub(crate) fn content(&self, path: &Path) -> Option<&[u8]> {
        self.names.get(path).and_then(|inode| self.inodes.get(inode)).map(|inode| inode.data.as_slice())
    }

    /// Puts a file where it was not, as somebody would who looks at one file earlier than at the others.
    pub(crate) fn replace(&mut self, path: &Path, data: Option<&[u8]>) {
        let inode = data.map(|data| self.create(data));
        self.name(path, inode);
    }

    /// The locks of a process end with it.
    pub(crate) fn unlock(&mut self, process: usize) {
        self.locks.retain(|_, (holder, _)| *holder != process);
    }

    pub(crate) fn lock_holder(&self) -> Option<usize> {
        self.locks.values().next().map(|(process, _)| *process)
    }

    /// Takes the power away, and gives it back.
    pub(crate) fn lose_power(&mut self, rng: &mut Rng) {
        let mut names = std::mem::take(&mut self.durable);
        // Of what was done to one name, the first so many things came to the disk; other names are on other pages.
        let mut kept: BTreeMap<PathBuf, bool> = BTreeMap::new();
        for (path, inode) in std::mem::take(&mut self.unsynced) {
            let still = kept.entry(path.clone()).or_insert(true);
            *still = *still && rng.bool();
            match inode {
                _ if !*still => {}
                Some(inode) => drop(names.insert(path, inode)),
                None => drop(names.remove(&path)),
            }
        }
        for inode in self.inodes.values_mut() {
            inode.lose_power(rng);
        }
        self.durable.clone_from(&names);
        self.names = names;
    }

    fn create(&mut self, data: &[u8]) -> u64 {
        self.next += 1;
        self.inodes.insert(self.next, Inode { data: data.to_vec(), ..Inode::default() });
        self.next
    }

    fn name(&mut self, path: &Path, inode: Option<u64>) {
        match inode {
            Some(inode) => drop(self.names.insert(path.to_path_buf(), inode)),
            None => drop(self.names.remove(path)),
        }
        self.unsynced.push((path.to_path_buf(), inode));
    }

    fn append(&mut self, path: &Path, bytes: &[u8]) {
        let inode = self.names.get(path).copied().unwrap_or_else(|| {
            let inode = self.create(&[]);
            self.name(path, Some(inode));
            inode
        });
        self.inodes.entry(inode).or_default().data.extend(bytes);
    }

    fn sync(&mut self, inode: Option<u64>) {
        if let Some(inode) = inode.and_then(|inode| self.inodes.get_mut(&inode)) {
            inode.synced = inode.data.len();
            inode.cut.clear();
        }
    }

    fn truncate(&mut self, path: &Path, length: usize) {
        if let Some(inode) = self.names.get(path).and_then(|inode| self.inodes.get_mut(inode)) {
            inode.cut = inode.data.split_off(length);
            inode.synced = inode.synced.min(length);
        }
    }
}

impl Inode {
    fn lose_power(&mut self, rng: &mut Rng) {
        let (synced, length) = (self.synced, self.data.len());
        match rng.u8(..4) {
            0 => {}
            1 => self.data.truncate(synced),
            2 => self.data.truncate(rng.usize(synced..=length)),
            // Each page came to the disk or not, and the length with one of them.
            _ => {
                for start in (synced..length).step_by(PAGE) {
                    if rng.bool() {
                        self.data[start..length.min(start + PAGE)].fill(0);
                    }
                }
                self.data.truncate(rng.usize(synced..=length));
            }
        }
        // The old length, with what was written over the end.
        if !self.cut.is_empty() && rng.bool() {
            let written = self.data.len().saturating_sub(synced);
            self.data.extend(self.cut.iter().skip(written));
        }
        self.cut.clear();
        self.synced = self.data.len();
    }
}

impl ProcessDisk {
    pub(crate) fn new(world: &Rc<World>, process: &Rc<Process>) -> Self {
        Self::over(world, process, Rc::clone(&world.platter))
    }

    /// A disk with something else on it than the world's.
    pub(crate) fn over(world: &Rc<World>, process: &Rc<Process>, platter: Rc<RefCell<Platter>>) -> Self {
        Self { platter, world: Rc::clone(world), process: Rc::clone(process) }
    }

    /// Does one operation: `part` does so much of it, from 0 to 1.
    fn operate<T>(&self, doing: &str, path: &Path, part: impl FnOnce(&mut Platter, f64) -> T) -> io::Result<T> {
        let course = self.course();
        let world = &self.world;
        let amount = match course {
            Course::Done => 1.0,
            Course::Fails | Course::Dies => world.draw(|rng| if rng.bool() { rng.f64() } else { 0.0 }),
        };
        // Whether a death comes before or after a step that has no parts.
        let amount = if matches!(course, Course::Dies) && world.draw(Rng::bool) { 1.0 } else { amount };
        world.trace(|| {
            let end = match course {
                Course::Done => "",
                Course::Fails => " and fails",
                Course::Dies => " and dies",
            };
            format!("process {} {doing} {}{end} ({amount:.2})", self.process.id, path.display())
        });
        let journal = self.platter.borrow().content(Path::new(JOURNAL)).map(<[u8]>::to_vec);
        let result = part(&mut self.platter.borrow_mut(), amount);
        laws::state_is_readable(world, journal.as_deref());
        match course {
            Course::Done => Ok(result),
            Course::Fails => Err(io::ErrorKind::StorageFull.into()),
            Course::Dies => {
                self.process.is_dead.set(true);
                Err(io::Error::other("the process is dead"))
            }
        }
    }

    fn course(&self) -> Course {
        let process = &self.process;
        let number = process.operations.get();
        process.operations.set(number + 1);
        let (fails, until) = process.disk_fails.get();
        match () {
            () if process.is_dead.get() || process.dies_at_operation.get() == Some(number) => Course::Dies,
            () if (fails..until).contains(&number) => Course::Fails,
            () => Course::Done,
        }
    }

    fn is_broken(&self, broken: Broken) -> bool {
        self.world.broken == Some(broken)
    }
}

impl Disk for ProcessDisk {
    type TemporaryFile = u64;
    type FileLock = Lock;

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        if self.process.is_dead.get() {
            return Err(io::Error::other("the process is dead"));
        }
        Ok(self.platter.borrow().content(path).map(<[u8]>::to_vec))
    }

    fn append(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.operate("appends to", path, |platter, part| platter.append(path, portion(bytes, part)))
    }

    fn truncate(&mut self, path: &Path, length: u64) -> io::Result<()> {
        let keeps = self.is_broken(Broken::TornEndIsKept);
        let length = usize::try_from(length).unwrap();
        self.operate("truncates", path, |platter, part| {
            if part > 0.0 && !keeps {
                platter.truncate(path, length);
            }
            if part >= 1.0 {
                let inode = platter.names.get(path).copied();
                platter.sync(inode);
            }
        })
    }

    fn sync(&mut self, path: &Path) -> io::Result<()> {
        let lies = self.is_broken(Broken::JournalIsNotSynced);
        self.operate("syncs", path, |platter, part| {
            if part >= 1.0 && !lies {
                let inode = platter.names.get(path).copied();
                platter.sync(inode);
            }
        })
    }

    fn write_temporary(&mut self, path: &Path, bytes: &[u8]) -> io::Result<u64> {
        self.operate("writes beside", path, |platter, part| platter.create(portion(bytes, part)))
    }

    fn sync_temporary(&mut self, file: &u64) -> io::Result<()> {
        let lies = self.is_broken(Broken::StateIsNotSynced);
        self.operate("syncs what is beside", Path::new("it"), |platter, part| {
            if part >= 1.0 && !lies {
                platter.sync(Some(*file));
            }
        })
    }

    fn persist(&mut self, file: u64, path: &Path) -> io::Result<()> {
        let in_place = self.is_broken(Broken::StateIsWrittenInPlace);
        self.operate("replaces", path, |platter, part| {
            if !in_place {
                if part >= 1.0 {
                    platter.name(path, Some(file));
                }
                return;
            }
            let data = platter.inodes.get(&file).map(|inode| inode.data.clone()).unwrap_or_default();
            if let Some(inode) = platter.names.get(path).and_then(|inode| platter.inodes.get_mut(inode)) {
                *inode = Inode::default();
            }
            platter.append(path, portion(&data, part));
            let inode = platter.names.get(path).copied();
            platter.sync(inode);
        })
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        if self.platter.borrow().content(path).is_none() {
            return Ok(());
        }
        self.operate("removes", path, |platter, part| {
            if part >= 1.0 {
                platter.name(path, None);
            }
        })
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        let lies = self.is_broken(Broken::FolderIsNotSynced);
        self.operate("syncs the folder", folder, |platter, part| {
            if part >= 1.0 && !lies {
                platter.unsynced.clear();
                platter.durable = platter.names.clone();
            }
        })
    }

    fn try_lock(&mut self, path: &Path, holder: &str) -> io::Result<Result<Lock, String>> {
        let process = self.process.id;
        let opens = self.is_broken(Broken::LockDoesNotLock);
        let locked = self.operate("locks", path, |platter, part| match platter.locks.get(path) {
            Some((_, other)) if !opens => Err(other.clone()),
            _ if part < 1.0 => Ok(()),
            _ => {
                platter.locks.insert(path.to_path_buf(), (process, holder.to_owned()));
                Ok(())
            }
        })?;
        let platter = Rc::clone(&self.platter);
        Ok(locked.map(|()| Lock { platter, process }))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.platter.borrow_mut().unlock(self.process);
    }
}

/// The first so much of some bytes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a random part of a small number"
)]
fn portion(bytes: &[u8], part: f64) -> &[u8] {
    &bytes[..(bytes.len() as f64 * part) as usize]
}
