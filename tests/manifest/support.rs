//! Folders with manifests, and keys to put into them.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use curve25519_dalek::{EdwardsPoint, constants::ED25519_BASEPOINT_POINT};
use jiff::civil::{Date, date};
use keyform::manifest::{Desired, Diagnostic, LoadedManifest, Location, Report, load};
use keyform::report::problems;
use tempfile::TempDir;

/// The day on which all tests run.
pub(crate) const TODAY: Date = date(2027, 1, 15);

/// A folder that is removed with it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn load(&self, names: &[&str]) -> LoadedManifest {
        let paths: Vec<PathBuf> = names.iter().map(|name| self.path().join(name)).collect();
        load(&paths, TODAY)
    }

    /// Shows problems as text, the folder's own path left out.
    pub(crate) fn text(&self, report: &Report) -> String {
        plain(report).replace(&format!("{}/", self.path().display()), "")
    }
}

/// Loads one file of that text.
pub(crate) fn one(text: &str) -> LoadedManifest {
    Folder::new(&[("keys.yaml", text)]).load(&["keys.yaml"])
}

/// Loads one file of that text, in which no error is.
pub(crate) fn desired(text: &str) -> Desired {
    let loaded = one(text);
    loaded.desired.unwrap_or_else(|| panic!("{}", plain(&loaded.report)))
}

/// Lists the problems of one file: `line:column code`.
pub(crate) fn codes(text: &str) -> Vec<String> {
    list(&one(text).report)
}

/// Lists problems: `line:column code`.
pub(crate) fn list(report: &Report) -> Vec<String> {
    report.diagnostics.iter().map(|problem| format!("{}{}", place(report, problem), problem.code)).collect()
}

fn place(report: &Report, Diagnostic { file, range, .. }: &Diagnostic) -> String {
    let Some(range) = range else { return String::new() };
    let source = report.sources.iter().find(|source| source.path() == &**file).unwrap();
    let Location { line, column, .. } = source.locate(range);
    format!("{line}:{column} ")
}

/// Renders problems as text without styles.
pub(crate) fn plain(report: &Report) -> String {
    anstream::adapter::strip_str(&problems::text(report)).to_string()
}

/// Renders problems as commands of a GitHub workflow.
pub(crate) fn github(report: &Report) -> String {
    problems::github(report, |file| file.display().to_string())
}

/// Makes as many public keys as are asked for, always the same ones.
pub(crate) fn public_keys() -> impl Iterator<Item = String> {
    let mut point: EdwardsPoint = ED25519_BASEPOINT_POINT;
    std::iter::repeat_with(move || {
        point += ED25519_BASEPOINT_POINT;
        line(&point)
    })
}

/// Makes one of the public keys.
pub(crate) fn key(number: usize) -> String {
    public_keys().nth(number).unwrap()
}

fn line(point: &EdwardsPoint) -> String {
    let mut blob = Vec::from([0, 0, 0, 11]);
    blob.extend(b"ssh-ed25519");
    blob.extend([0, 0, 0, 32]);
    blob.extend(point.compress().as_bytes());
    format!("ssh-ed25519 {}", STANDARD.encode(blob))
}

/// An RSA key of that many bits. Nobody has the private key: the modulus is not a product of two known primes.
pub(crate) fn rsa_key(bits: usize) -> String {
    let mut modulus = vec![0x5a_u8; bits.div_ceil(8)];
    modulus[0] = 0xc5 >> (8 * modulus.len() - bits);
    *modulus.last_mut().unwrap() = 0x0f;
    let sign: &[u8] = if modulus[0] < 0x80 { &[] } else { &[0] };
    let mut blob = Vec::new();
    for part in [&b"ssh-rsa"[..], &[1, 0, 1], &[sign, &modulus].concat()] {
        blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend(part);
    }
    format!("ssh-rsa {}", STANDARD.encode(blob))
}

/// A private key in the form that ssh-keygen writes, and nothing inside: every line of it can be looked for.
pub(crate) fn private_key() -> String {
    let body: Vec<String> = (0..6).map(|n| STANDARD.encode([0xa7 + n; 48])).collect();
    let first = format!("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ{}", "S".repeat(26));
    format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{first}\n{}\n-----END OPENSSH PRIVATE KEY-----\n", body.join("\n"))
}

/// Tells whether any eight characters of the inside of [`private_key`] are in a text.
pub(crate) fn leaks(text: &str) -> bool {
    let key = private_key();
    let inside = key.lines().filter(|line| !line.starts_with('-')).flat_map(|line| {
        let line = line.as_bytes();
        line.windows(8).map(|part| String::from_utf8(part.to_vec()).unwrap()).collect::<Vec<_>>()
    });
    let mut inside = inside;
    inside.any(|part| text.contains(&part))
}
