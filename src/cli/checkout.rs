//! Paths as a CI service knows them: from the root of the repository that was checked out.

use std::path::{Component, Path, PathBuf};

use super::variables::environment;
use crate::files::folder_of;

/// Where this process runs, links followed.
pub(super) struct Checkout {
    folder: PathBuf,
    /// `GITHUB_WORKSPACE`, if set and there.
    workspace: Option<PathBuf>,
}

impl Checkout {
    pub(super) fn current() -> Self {
        let workspace = environment("GITHUB_WORKSPACE").and_then(|path| PathBuf::from(path).canonicalize().ok());
        Self { folder: Path::new(".").canonicalize().unwrap_or_default(), workspace }
    }

    /// Returns the path of a file from the root of its repository; outside of a repository from the workspace, or else from
    /// the current folder. With `/` between names. A file in none of them has its whole path.
    pub(super) fn path_of(&self, file: &Path) -> String {
        let path = self.whole_path(file);
        let repository = path.ancestors().skip(1).find(|folder| folder.join(".git").exists());
        let roots = [repository, self.workspace.as_deref(), Some(&self.folder)];
        let inside = roots.into_iter().flatten().find_map(|root| path.strip_prefix(root).ok()).unwrap_or(&path);
        let names: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        match names.join("/") {
            path if path.is_empty() => ".".to_owned(),
            path => path.strip_prefix("//").map_or_else(|| path.clone(), |rest| format!("/{rest}")),
        }
    }

    /// Returns the absolute path, with the links to the file's folder followed. The file itself may be a link, or missing.
    fn whole_path(&self, file: &Path) -> PathBuf {
        match (file.file_name(), folder_of(file).canonicalize()) {
            (Some(name), Ok(folder)) => folder.join(name),
            (None, _) if file.exists() => file.canonicalize().unwrap_or_default(),
            _ => {
                let mut path = self.folder.clone();
                for part in file.components() {
                    match part {
                        Component::ParentDir => _ = path.pop(),
                        Component::CurDir => {}
                        part => path.push(part),
                    }
                }
                path
            }
        }
    }
}
