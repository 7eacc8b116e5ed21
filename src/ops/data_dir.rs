//! The data directory: its owner's alone, and one server's.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Why the directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another server runs there.
    #[error("another depotd (process {pid}) serves {}; stop it, or give this one its own --data-dir", dir.display())]
    Taken {
        /// The directory.
        dir: PathBuf,
        /// The other's process id, as far as it is known.
        pid: String,
    },
    /// The lock file cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Makes `dir` and what is missing above it, for nobody but the user that runs this to look into. One that is there already
/// stays as it is.
pub fn make(dir: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Held as long as the server lives; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct DataDirLock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl DataDirLock {
    /// Takes `dir` for this process.
    pub fn take(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join("depotd.lock");
        let fault = |source| LockError::Io { path: path.clone(), source };
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid).map_err(fault)?;
                return Err(LockError::Taken { dir: dir.to_owned(), pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        file.set_len(0).map_err(fault)?;
        file.rewind().map_err(fault)?;
        writeln!(file, "{}", std::process::id()).map_err(fault)?;
        Ok(Self(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("depot/data");
        make(&below).unwrap();
        assert_eq!(below.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        make(&below).unwrap();
    }

    #[test]
    fn the_second_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDirLock::take(dir.path()).unwrap();
        let refused = DataDirLock::take(dir.path()).unwrap_err().to_string();
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        drop(first);
        DataDirLock::take(dir.path()).unwrap();
    }
}
