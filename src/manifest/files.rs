//! Finds and reads the manifest files.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::code::Code;
use super::diagnostic::{Diagnostic, Problems, Severity};
use super::encoding::{ForeignText, decode};
use super::limits::{MAX_FILE_BYTES, MAX_FILES, MAX_FOLDER_DEPTH, MAX_TOTAL_BYTES};
use super::source::Source;
use crate::files::{self, folder_of, is_special};
use crate::terminal::escape::escape;

/// Reads the files that `paths` name, and all `*.yaml` and `*.yml` below the folders that they name, each file once.
pub(crate) fn read_all(paths: &[PathBuf], problems: &mut Problems) -> Vec<Source> {
    let mut search = Search { problems, seen: HashSet::new(), looked_at: 0, bytes: 0, sources: Vec::new() };
    if paths.is_empty() {
        search.error(Path::new("."), Code::ManifestNone, "no manifest given", "pass one with `--manifest`");
    }
    for path in paths {
        search.named(path);
    }
    search.sources
}

struct Search<'p> {
    problems: &'p mut Problems,
    /// Files and folders that were reached, links followed.
    seen: HashSet<PathBuf>,
    looked_at: usize,
    bytes: u64,
    sources: Vec<Source>,
}

impl Search<'_> {
    /// Reads what was named: a file, or a folder with at least one manifest in it.
    fn named(&mut self, path: &Path) {
        if path == Path::new("-") {
            let help = "write it to a file; paths in a manifest are relative to it";
            return self.error(path, Code::ManifestStdin, "a manifest cannot be read from standard input", help);
        }
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                let Ok(root) = path.canonicalize() else {
                    return self.error(
                        path,
                        Code::ManifestUnreadable,
                        "cannot read the folder",
                        "check its permissions",
                    );
                };
                let mut found = false;
                self.folder(path, &root, &root, 0, &mut found);
                if !found {
                    let help = "hidden files and folders are skipped";
                    self.error(path, Code::ManifestNone, "the folder contains no `*.yaml` or `*.yml` file", help);
                }
            }
            // Links inside the file's own folder are fine; those that lead out could make an error quote any file.
            Ok(_) => match folder_of(path).canonicalize() {
                Ok(root) => self.file(path, &root),
                Err(error) => self.unreadable(path, &error),
            },
            Err(error) => self.unreadable(path, &error),
        }
    }

    fn folder(&mut self, path: &Path, real: &Path, root: &Path, depth: usize, found: &mut bool) {
        if !self.seen.insert(real.to_owned()) {
            *found = true;
            return;
        }
        if depth > MAX_FOLDER_DEPTH {
            let message = format!("folders are nested more than {MAX_FOLDER_DEPTH} levels deep");
            return self.error(path, Code::ManifestTooManyFiles, &message, "pass a folder further down");
        }
        let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(path, &error),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            self.looked_at += 1;
            if self.looked_at > MAX_FILES {
                if self.looked_at == MAX_FILES + 1 {
                    let message = format!("more than {MAX_FILES} files and folders");
                    self.error(
                        path,
                        Code::ManifestTooManyFiles,
                        &message,
                        "pass a folder that contains only manifests",
                    );
                }
                return;
            }
            // Without the `./` of the current folder, paths are those that Git and pipelines show.
            let path = path.strip_prefix(".").unwrap_or(path).join(entry.file_name());
            let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
            match path.metadata() {
                Ok(metadata) if metadata.is_dir() => match path.canonicalize() {
                    Ok(real) if real.starts_with(root) => self.folder(&path, &real, root, depth + 1, found),
                    Ok(_) => self.outside(&path),
                    Err(error) => self.unreadable(&path, &error),
                },
                Ok(_) if is_yaml => {
                    *found = true;
                    self.file(&path, root);
                }
                Err(error) if is_yaml => {
                    *found = true;
                    self.unreadable(&path, &error);
                }
                _ => {}
            }
        }
    }

    /// Reads one file, if it was not read before.
    fn file(&mut self, path: &Path, root: &Path) {
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) => return self.unreadable(path, &error),
        };
        if !real.starts_with(root) {
            return self.outside(path);
        }
        if self.seen.contains(&real) {
            return;
        }
        let bytes = match files::read(&real, MAX_FILE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if is_special(&error) || error.kind() == io::ErrorKind::IsADirectory => {
                let help = "pass a file or a folder; pipes and devices are not read";
                return self.error(path, Code::ManifestKind, "not a regular file", help);
            }
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                self.seen.insert(real);
                let message = format!("the file is larger than {MAX_FILE_BYTES} bytes");
                return self.error(path, Code::ManifestTooLarge, &message, "split it into several files");
            }
            Err(error) => return self.unreadable(path, &error),
        };
        self.seen.insert(real);
        self.bytes += bytes.len() as u64;
        if self.bytes > MAX_TOTAL_BYTES {
            let message = format!("all files together are larger than {MAX_TOTAL_BYTES} bytes");
            return self.error(path, Code::ManifestTooLarge, &message, "use several accounts");
        }
        self.text(path, bytes);
    }

    fn text(&mut self, path: &Path, bytes: Vec<u8>) {
        let ForeignText { encoding, text, first } = match decode(bytes) {
            Ok(text) => return self.sources.push(Source::new(path, text)),
            Err(foreign) => foreign,
        };
        let file: Arc<Path> = path.into();
        let message = match (encoding, &first) {
            (Some(encoding), _) => format!("the file is encoded in {encoding}, not in UTF-8"),
            (None, first) => {
                format!("the file is not valid UTF-8 after byte {}", first.as_ref().map_or(0, |at| at.start))
            }
        };
        let help = match encoding {
            Some(encoding) => encoding.conversion(&path.display().to_string()),
            None => "save it as UTF-8 in your editor, or convert it with `iconv -f ENCODING -t UTF-8`".to_owned(),
        };
        let problem = match first {
            Some(first) => Diagnostic::error(Code::ManifestNotUtf8, &file, &first, message),
            None => Diagnostic::of_file(Severity::Error, Code::ManifestNotUtf8, &file, message),
        };
        self.problems.add(problem.help(help));
        self.sources.push(Source::unreadable(path, text));
    }

    fn outside(&mut self, path: &Path) {
        let help = "pass the file or folder itself";
        self.error(path, Code::ManifestOutside, "a symbolic link leads out of the folder", help);
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        if error.kind() == io::ErrorKind::NotFound {
            return self.error(path, Code::ManifestUnreadable, "no such file or folder", "check the path");
        }
        let message = format!("cannot read it: {}", escape(&error.to_string()));
        self.error(path, Code::ManifestUnreadable, &message, "check its permissions");
    }

    fn error(&mut self, path: &Path, code: Code, message: &str, help: &str) {
        let file: Arc<Path> = path.into();
        self.problems.add(Diagnostic::of_file(Severity::Error, code, &file, message).help(help));
    }
}
