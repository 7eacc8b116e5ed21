//! The data directory: its owner's alone, and one server's.

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Uid};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
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

/// The process id of the server that has `dir`, when one runs.
pub fn server(dir: &Path) -> Option<String> {
    let mut file = File::open(dir.join("depotd.lock")).ok()?;
    let Err(TryLockError::WouldBlock) = file.try_lock_shared() else { return None };
    let mut pid = String::new();
    file.read_to_string(&mut pid).ok()?;
    Some(pid.trim().to_owned())
}

/// Gives what root made in `dir` to the owner of `dir`, so that the service which runs as that user can open it. Nothing is followed out
/// of the directory: neither symbolic links nor files that have another name elsewhere. Without root there is nothing to do.
pub fn give_to_owner(dir: &Path) -> std::io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let dir = rustix::fs::open(dir, READ | OFlags::DIRECTORY, Mode::empty())?;
    let about = rustix::fs::fstat(&dir)?;
    let (user, group) = (Uid::from_raw(about.st_uid), Gid::from_raw(about.st_gid));
    if user.is_root() { Ok(()) } else { give(&dir, user, group) }
}

/// For reading, of nothing but the named thing itself.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

fn give(dir: &OwnedFd, user: Uid, group: Gid) -> std::io::Result<()> {
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if [&b"."[..], b".."].contains(&name.to_bytes()) {
            continue;
        }
        // What goes away meanwhile is nobody's.
        let Ok(about) = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let kind = FileType::from_raw_mode(about.st_mode);
        let is_roots_file = kind == FileType::RegularFile && about.st_uid == 0;
        if kind != FileType::Directory && !is_roots_file {
            continue;
        }
        let Ok(opened) = rustix::fs::openat(dir, name, READ, Mode::empty()) else { continue };
        let about = rustix::fs::fstat(&opened)?;
        let is_dir = FileType::from_raw_mode(about.st_mode) == FileType::Directory;
        if about.st_uid == 0 && (is_dir || about.st_nlink == 1) {
            rustix::fs::fchown(&opened, Some(user), Some(group))?;
        }
        if is_dir {
            give(&opened, user, group)?;
        }
    }
    Ok(())
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
    fn what_root_makes_is_the_owners_afterwards_and_nothing_beyond_is() {
        use std::os::unix::fs::{MetadataExt, chown, symlink};
        let dir = tempfile::tempdir().unwrap();
        let (data, foreign) = (dir.path().join("data"), dir.path().join("foreign"));
        std::fs::create_dir_all(data.join("backups/monday")).unwrap();
        for file in [&foreign, &data.join("ops.db"), &data.join("backups/monday/ops.db")] {
            std::fs::write(file, "").unwrap();
        }
        symlink(&foreign, data.join("link")).unwrap();
        std::fs::hard_link(&foreign, data.join("name")).unwrap();
        let owner = if rustix::process::geteuid().is_root() { 4_711 } else { rustix::process::geteuid().as_raw() };
        if owner == 4_711 {
            chown(&data, Some(owner), Some(owner)).unwrap();
        }
        let before = foreign.metadata().unwrap().uid();
        give_to_owner(&data).unwrap();
        for made in ["ops.db", "backups", "backups/monday", "backups/monday/ops.db"] {
            assert_eq!(data.join(made).metadata().unwrap().uid(), owner, "{made}");
        }
        assert_eq!(foreign.metadata().unwrap().uid(), before);
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
