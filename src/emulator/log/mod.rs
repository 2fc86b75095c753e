//! Keeps the account in a file: a line of JSON for each event, appended before the response is sent.
//!
//! The first line is a header with the number of rows that existed before, so that an id is never given out twice. At the
//! start the file is replayed and rewritten with an `upload` for each remaining row.

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::EmulatorError;
use super::rows::{RowEvent, Rows};
use crate::files::{self, HeldLock, MAX_OWN_BYTES, folder_of, refuse_special, sibling};

/// The version of new files, and the newest that can be read.
const VERSION: u32 = 1;

/// The file of an account, locked until this is dropped.
#[derive(Debug)]
pub(super) struct RowLog {
    path: PathBuf,
    file: File,
    /// Length of the whole lines in the file, in bytes.
    length: u64,
    /// A sibling, because the file itself is replaced when it is rewritten.
    _lock: HeldLock,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogHeader {
    version: u32,
    drawn: u64,
}

impl RowLog {
    /// Opens or creates the file and its folder, and returns its rows.
    pub(super) fn open(path: &Path, seed: u64) -> Result<(Self, Rows), EmulatorError> {
        let failed = |verb| move |source| EmulatorError::Keys { verb, path: path.to_owned(), source };
        refuse_special(path).map_err(failed("keep keys in"))?;
        fs::create_dir_all(folder_of(path)).map_err(failed("write"))?;
        let lock = lock(path)?;
        let rows = match files::read(path, MAX_OWN_BYTES) {
            Ok(bytes) => replay(path, &bytes, seed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Rows::new(seed, 0),
            Err(error) => return Err(failed("read")(error)),
        };
        let (file, length) = rewrite(path, &rows).map_err(failed("write"))?;
        Ok((Self { path: path.to_owned(), file, length, _lock: lock }, rows))
    }

    /// Appends an event, without syncing it: it survives the process, but not a power failure.
    pub(super) fn append(&mut self, event: &RowEvent) -> Result<(), EmulatorError> {
        self.try_append(event).map_err(|source| {
            // A partial line would merge with the next one.
            let _ = self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            EmulatorError::Keys { verb: "write", path: self.path.clone(), source }
        })
    }

    fn try_append(&mut self, event: &RowEvent) -> io::Result<()> {
        let line = line(event)?;
        self.file.write_all(&line)?;
        self.length += u64::try_from(line.len()).unwrap_or_default();
        Ok(())
    }
}

fn lock(path: &Path) -> Result<HeldLock, EmulatorError> {
    let lock = sibling(path, ".lock");
    match files::try_lock(&lock, "") {
        Ok(held) => held.map_err(|_| EmulatorError::InUse { path: path.to_owned() }),
        Err(source) => Err(EmulatorError::Keys { verb: "lock", path: lock, source }),
    }
}

/// Reads the events of a file. Ignores a torn last line: its request was never answered.
fn replay(path: &Path, bytes: &[u8], seed: u64) -> Result<Rows, EmulatorError> {
    let whole = bytes.ends_with(b"\n");
    let mut lines = bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty()).enumerate().peekable();
    let mut rows = Rows::new(seed, 0);
    while let Some((index, line)) = lines.next() {
        // The first line is only ever written with the whole file: if it is invalid, the file is not an emulator's.
        let may_be_torn = index > 0 && !whole && lines.peek().is_none();
        let parsed = match index {
            0 => serde_json::from_slice::<LogHeader>(line).map(|head| {
                rows = Rows::new(seed, head.drawn);
                head.version
            }),
            _ => serde_json::from_slice::<RowEvent>(line).map(|event| {
                rows.apply(event);
                VERSION
            }),
        };
        match parsed {
            Ok(version) if version > VERSION => {
                return Err(EmulatorError::Version { path: path.to_owned(), version, newest: VERSION });
            }
            Ok(_) => {}
            Err(error) if may_be_torn && error.is_eof() => break,
            Err(source) => {
                return Err(EmulatorError::Corrupt { path: path.to_owned(), line: index + 1, source });
            }
        }
    }
    Ok(rows)
}

/// Replaces the file by one with the rows and no history. Returns it ready to append, and its length.
fn rewrite(path: &Path, rows: &Rows) -> io::Result<(File, u64)> {
    let kept = u64::try_from(rows.len()).unwrap_or_default();
    let mut bytes = line(&LogHeader { version: VERSION, drawn: rows.drawn().saturating_sub(kept) })?;
    for row in rows.iter() {
        bytes.extend(line(&RowEvent::Upload(row.clone()))?);
    }
    let mut file = files::replace(path, &bytes)?;
    let length = file.stream_position()?;
    Ok((file, length))
}

fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests;
