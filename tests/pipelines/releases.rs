//! The releases of keyform, as the fake `gh` downloads them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A folder with `OWNER/keyform/vVERSION`, and the checksums of all archives that the release workflow has built.
pub struct Releases {
    folder: TempDir,
}

/// The archive that the tests' runner downloads.
const ARCHIVE: &str = concat!("keyform-v", env!("CARGO_PKG_VERSION"), "-x86_64-unknown-linux-musl.tar.gz");

impl Releases {
    /// The release of this version. Its program is the one under test.
    pub fn new() -> Self {
        let releases = Self { folder: TempDir::new().unwrap() };
        releases.pack(&format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_keyform")));
        releases.write_checksums();
        fs::write(releases.path().join("attested"), releases.checksum()).unwrap();
        releases
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn release(&self) -> PathBuf {
        self.path().join("OWNER/keyform").join(concat!("v", env!("CARGO_PKG_VERSION")))
    }

    /// Replaces the archive by one with another program.
    pub fn pack(&self, program: &str) {
        let name = ARCHIVE.strip_suffix(".tar.gz").unwrap();
        let content = self.path().join(name);
        fs::create_dir_all(&content).unwrap();
        fs::create_dir_all(self.release()).unwrap();
        fs::write(content.join("keyform"), program).unwrap();
        let pack = format!("chmod +x {name}/keyform && tar -czf {}/{ARCHIVE} {name}", self.release().display());
        self.sh(&pack);
    }

    /// Writes `SHA256SUMS` for the archive.
    pub fn write_checksums(&self) {
        fs::write(self.release().join("SHA256SUMS"), format!("{}  {ARCHIVE}\n", self.checksum())).unwrap();
    }

    fn checksum(&self) -> String {
        self.sh(&format!("sha256sum {}/{ARCHIVE} | cut -d ' ' -f 1", self.release().display()))
    }

    fn sh(&self, script: &str) -> String {
        let output = Command::new("sh").args(["-c", script]).current_dir(self.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}
