//! Changes of a folder that happen as a whole or not at all.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Result};

/// What was done, for undoing it.
enum Step {
    Moved { from: PathBuf, to: PathBuf },
    Made(PathBuf),
    Emptied(PathBuf),
}

/// Moves of files that are undone unless they are [committed](Transaction::commit).
pub(crate) struct Transaction {
    /// Where removed files wait: on the same file system, so that a move is a rename.
    aside: TempDir,
    steps: Vec<Step>,
    committed: bool,
}

impl Transaction {
    /// With its staging folder beside `site`.
    pub(crate) fn beside(site: &Path) -> Result<Self> {
        Ok(Self { aside: staging(site)?, steps: Vec::new(), committed: false })
    }

    /// Takes `path` away if it is there.
    pub(crate) fn remove(&mut self, path: &Path) -> Result<()> {
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        let kept = self.aside.path().join(self.steps.len().to_string());
        self.rename(path, &kept).map_err(Error::io("remove", path))
    }

    /// Moves `from` to `to`, in the place of what is there.
    pub(crate) fn put(&mut self, from: &Path, to: &Path) -> Result<()> {
        self.make_folders(to.parent().unwrap_or(to))?;
        if to.is_dir() && !to.is_symlink() {
            return Err(Error::io("write", to)(ErrorKind::IsADirectory.into()));
        }
        self.remove(to)?;
        self.rename(from, to).map_err(Error::io("write", to))
    }

    /// Removes `folder` and those above it, as far up as they are empty and below `root`.
    pub(crate) fn prune(&mut self, folder: &Path, root: &Path) {
        for folder in folder.ancestors().take_while(|it| *it != root && it.starts_with(root)) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
            self.steps.push(Step::Emptied(folder.to_owned()));
        }
    }

    /// Makes what was done last.
    pub(crate) fn commit(mut self) {
        self.committed = true;
    }

    fn make_folders(&mut self, folder: &Path) -> Result<()> {
        let missing: Vec<&Path> = folder.ancestors().take_while(|it| !it.exists()).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder).map_err(Error::io("make", folder))?;
            self.steps.push(Step::Made(folder.to_owned()));
        }
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        self.steps.push(Step::Moved { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        for step in self.steps.drain(..).rev() {
            // Whatever cannot be undone, the rest still can.
            let _ = match step {
                Step::Moved { from, to } => fs::rename(to, from),
                Step::Made(folder) => fs::remove_dir(folder),
                Step::Emptied(folder) => fs::create_dir(folder),
            };
        }
    }
}

/// An empty folder beside `site`, gone when it is dropped.
pub(crate) fn staging(site: &Path) -> Result<TempDir> {
    // A link's own folder may be on another file system than what it leads to.
    let real = site.canonicalize().unwrap_or_else(|_| site.to_owned());
    let beside = real.parent().unwrap_or(&real);
    fs::create_dir_all(beside).map_err(Error::io("make", beside))?;
    tempfile::Builder::new().prefix(".rustclad-").tempdir_in(beside).map_err(Error::io("write into", beside))
}
