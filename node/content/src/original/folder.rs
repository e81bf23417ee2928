//! The thin reader of an original directory: names as on Windows, every file hashed as it is read.

use crate::hash::ContentHash;
use crate::text::join;
use crate::{LoadError, Report};
use std::path::{Path, PathBuf};

/// Largest file that is read: a height map has 16 MiB.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Most files of a folder that are looked at.
const FILES_MAX: usize = 65_536;

/// One directory of an operator.
pub(crate) struct Folder {
    root: PathBuf,
    hash: ContentHash,
}

impl Folder {
    /// Opens a directory.
    pub(crate) fn open(root: &Path) -> Result<Self, LoadError> {
        let read = |source| LoadError::Read { path: root.to_owned(), source };
        std::fs::read_dir(root).map_err(read)?;
        Ok(Self { root: root.to_owned(), hash: ContentHash::new() })
    }

    /// Names of the files (not folders) of a folder, sorted; `None` when there is no such folder.
    pub(crate) fn files(&self, folder: &str, report: &mut Report) -> Option<Vec<String>> {
        let path = self.path(folder)?;
        let entries = std::fs::read_dir(&path).ok()?;
        let mut names = Vec::new();
        for entry in entries.take(FILES_MAX) {
            let Ok(entry) = entry else {
                report.file(folder, "the folder cannot be read to its end");
                break;
            };
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort_unstable();
        Some(names)
    }

    /// Names of the folders of the root, sorted.
    pub(crate) fn folders(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.root)
            .into_iter()
            .flatten()
            .take(FILES_MAX)
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        names
    }

    /// A file that there may be; what keeps it from being read is reported.
    pub(crate) fn optional(&mut self, name: &str, report: &mut Report) -> Option<Vec<u8>> {
        let path = self.path(name)?;
        match read_bounded(&path) {
            Ok(bytes) => {
                self.hash.file(&name.to_ascii_lowercase(), &bytes);
                Some(bytes)
            }
            Err(error) => {
                report.file(name, format!("cannot be read: {error}"));
                None
            }
        }
    }

    /// A file that should be there; its absence is reported with what follows from it.
    pub(crate) fn expected(&mut self, name: &str, without: &str, report: &mut Report) -> Option<Vec<u8>> {
        if self.path(name).is_none() {
            report.file(name, format!("is not there: {without}"));
            return None;
        }
        self.optional(name, report)
    }

    /// A file without which there is no world.
    pub(crate) fn required(&mut self, name: &str) -> Result<Vec<u8>, LoadError> {
        let path = self.path(name).unwrap_or_else(|| self.root.join(name));
        let bytes = read_bounded(&path).map_err(|source| LoadError::Read { path, source })?;
        self.hash.file(&name.to_ascii_lowercase(), &bytes);
        Ok(bytes)
    }

    /// The hash of all that was read.
    pub(crate) fn finish(self) -> u64 {
        self.hash.finish()
    }

    /// The path of a name, whatever the case of each of its parts.
    fn path(&self, name: &str) -> Option<PathBuf> {
        let exact = self.root.join(name);
        if exact.exists() {
            return Some(exact);
        }
        let mut path = self.root.clone();
        for part in name.split('/') {
            let mut found: Vec<_> = std::fs::read_dir(&path)
                .ok()?
                .take(FILES_MAX)
                .flatten()
                .map(|entry| entry.file_name())
                .filter(|entry| entry.to_string_lossy().eq_ignore_ascii_case(part))
                .collect();
            found.sort_unstable();
            path.push(found.into_iter().next()?);
        }
        Some(path)
    }
}

/// The name of a file inside a folder, as messages show it.
pub(crate) fn inside(folder: &str, name: &str) -> String {
    join(folder, name)
}

fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let length = std::fs::metadata(path)?.len();
    if length > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("{length} bytes, more than {FILE_BYTES_MAX}")));
    }
    std::fs::read(path)
}
