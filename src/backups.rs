//! Copies of the depot's two databases and of its certificate authority in `DATA_DIR/backups`, each whole in itself and checked before it counts.

use crate::model::{Actor, Timestamp};
use crate::store::{self, snapshot};
use crate::tracks;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The bookings; every backup holds them.
const OPS: &str = "ops.db";
/// The fixes.
const TRACKS: &str = "tracks.db";
/// The databases that a backup holds.
const FILES: [&str; 2] = [OPS, TRACKS];
/// The box's own certificate authority, where there is one: devices trust it, wherever the depot is restored.
const AUTHORITY: [&str; 2] = ["ca.pem", "ca.key"];
/// What an authority signed; made anew by the one that is there.
const LEAF: [&str; 3] = ["leaf.pem", "leaf.key", "leaf.json"];
/// Where a restore gathers its files before it touches the data.
const STAGING: &str = "restore.unfinished";
/// Says what a backup holds; written last, so a backup without it was never finished.
const MANIFEST: &str = "backup.json";

/// Why there is no backup, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The fix log did not do it.
    #[error(transparent)]
    Tracks(#[from] tracks::Error),
    /// It is not what was written.
    #[error("{0}: {1}")]
    Damaged(PathBuf, String),
}

/// A backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Backup {
    /// Its directory's name.
    pub name: String,
    /// When it was made.
    pub at: Timestamp,
    /// The version of depotd that made it.
    pub version: String,
    /// Its files.
    pub files: Vec<Content>,
}

/// A file of a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Content {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

impl Backup {
    /// Length of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }
}

/// Where the backups of a data directory are.
pub fn dir(data_dir: &Path) -> PathBuf {
    data_dir.join("backups")
}

/// Makes a backup, also while the depot runs, checks it, and then drops the oldest beyond `keep`.
pub fn create(data_dir: &Path, keep: usize, now: Timestamp) -> Result<Backup, Error> {
    let name = now.to_string().replace(':', "-").replace(".000", "");
    let (unfinished, done) = (dir(data_dir).join(format!("{name}.unfinished")), dir(data_dir).join(&name));
    if unfinished.exists() {
        on(&unfinished, fs::remove_dir_all(&unfinished))?;
    }
    on(&unfinished, fs::create_dir_all(&unfinished))?;
    let mut files = Vec::new();
    for file in FILES.iter().chain(&AUTHORITY).filter(|file| data_dir.join(file).exists()) {
        let copy = unfinished.join(file);
        if FILES.contains(file) {
            snapshot::take(&data_dir.join(file), &copy)?;
            snapshot::check(&copy)?;
        } else {
            copy_private(&data_dir.join(file), &copy)?;
        }
        let (bytes, sha256) = digest(&copy)?;
        on(&copy, File::open(&copy).and_then(|f| f.sync_all()))?;
        files.push(Content { name: (*file).to_owned(), bytes, sha256 });
    }
    let backup = Backup { name, at: now, version: env!("CARGO_PKG_VERSION").to_owned(), files };
    let manifest = serde_json::to_vec_pretty(&backup).map_err(|e| Error::Damaged(unfinished.clone(), e.to_string()))?;
    on(&unfinished, fs::write(unfinished.join(MANIFEST), manifest))?;
    on(&done, fs::rename(&unfinished, &done))?;
    for old in list(data_dir)?.into_iter().skip(keep.max(1)) {
        let gone = dir(data_dir).join(old.name);
        on(&gone, fs::remove_dir_all(&gone))?;
    }
    Ok(backup)
}

/// The finished backups, newest first.
pub fn list(data_dir: &Path) -> Result<Vec<Backup>, Error> {
    let within = dir(data_dir);
    if !within.exists() {
        return Ok(Vec::new());
    }
    let entries = on(&within, fs::read_dir(&within))?;
    let mut found: Vec<Backup> = entries.flatten().filter_map(|entry| manifest(&entry.path()).ok()).collect();
    found.sort_by_key(|backup| std::cmp::Reverse(backup.at));
    Ok(found)
}

/// Reads the whole backup in `backup` and says what is wrong with it.
pub fn verify(backup: &Path) -> Result<Backup, Error> {
    let told = manifest(backup)?;
    for file in &told.files {
        let path = backup.join(&file.name);
        let (bytes, sha256) = digest(&path)?;
        if (bytes, &sha256) != (file.bytes, &file.sha256) {
            return Err(Error::Damaged(path, format!("has {bytes} bytes and SHA-256 {sha256}, not {} and {}", file.bytes, file.sha256)));
        }
        if FILES.contains(&file.name.as_str()) {
            snapshot::check(&path)?;
        }
    }
    Ok(told)
}

/// What a restore did.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The backup that is the data now.
    pub backup: Backup,
    /// Where what was there before is kept.
    pub aside: PathBuf,
}

/// Puts a backup that was verified in the place of the data, on behalf of `actor`; what was there is kept beside it. The
/// depot must not run. Nothing of the data is touched before the whole backup is copied and on the disk.
pub fn restore(backup: &Path, data_dir: &Path, actor: &Actor, now: Timestamp) -> Result<Restored, Error> {
    let told = verify(backup)?;
    begin(data_dir)?;
    let staging = data_dir.join(STAGING);
    stage(backup, &told, &staging, (actor, now)).inspect_err(|_| drop(fs::remove_dir_all(&staging)))?;
    let aside = data_dir.join(format!("before-restore-{}", now.to_string().replace(':', "-")));
    on(&aside, fs::create_dir_all(&aside))?;
    let has_authority = told.files.iter().any(|file| AUTHORITY.contains(&file.name.as_str()));
    for entry in on(data_dir, fs::read_dir(data_dir))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_certificate = AUTHORITY.iter().chain(&LEAF).any(|file| name == *file);
        // The mirror is put together again from the fixes; journals of SQLite belong to the file they lie beside.
        if FILES.iter().any(|file| name.starts_with(file)) || name.starts_with("fleet.redb") || (has_authority && is_certificate) {
            on(&entry.path(), fs::rename(entry.path(), aside.join(&name)))?;
        }
    }
    for file in &told.files {
        let to = data_dir.join(&file.name);
        on(&to, fs::rename(staging.join(&file.name), &to))?;
    }
    on(data_dir, File::open(data_dir).and_then(|dir| dir.sync_all()))?;
    on(&staging, fs::remove_dir_all(&staging))?;
    Ok(Restored { backup: told, aside })
}

/// Makes room for an ops.db that is built anew, and gives its place. What an earlier attempt left is cleared away.
pub fn begin(data_dir: &Path) -> Result<PathBuf, Error> {
    let staging = data_dir.join(STAGING);
    if staging.exists() {
        on(&staging, fs::remove_dir_all(&staging))?;
    }
    on(&staging, fs::create_dir_all(&staging))?;
    Ok(staging.join(OPS))
}

/// Puts the ops.db that was built into its place, once it is on the disk.
pub fn finish(data_dir: &Path) -> Result<(), Error> {
    let (staging, to) = (data_dir.join(STAGING), data_dir.join(OPS));
    let built = staging.join(OPS);
    on(&built, File::open(&built).and_then(|file| file.sync_all()))?;
    on(&to, fs::rename(&built, &to))?;
    on(data_dir, File::open(data_dir).and_then(|dir| dir.sync_all()))?;
    on(&staging, fs::remove_dir_all(&staging))
}

/// Did a restore end between taking the old files away and putting the new ones in their place? Then a depot that began here
/// would begin empty.
pub fn is_half_restored(data_dir: &Path) -> bool {
    FILES.iter().chain(&AUTHORITY).any(|file| data_dir.join(STAGING).join(file).exists() && !data_dir.join(file).exists())
}

/// Copies the files of a backup into `staging`, the databases with an epoch of their own and a word in the audit record.
fn stage(backup: &Path, told: &Backup, staging: &Path, (actor, now): (&Actor, Timestamp)) -> Result<(), Error> {
    for file in &told.files {
        let copy = staging.join(&file.name);
        copy_private(&backup.join(&file.name), &copy)?;
        match file.name.as_str() {
            OPS => {
                snapshot::renew_epoch(&copy)?;
                snapshot::note_restore(&copy, &told.name, told.at, actor, now)?;
            }
            TRACKS => tracks::renew_epoch(&copy)?,
            _ => {}
        }
        on(&copy, File::open(&copy).and_then(|file| file.sync_all()))?;
    }
    Ok(())
}

/// Copies a file that is its owner's alone, whatever the copy's source allows.
fn copy_private(from: &Path, to: &Path) -> Result<(), Error> {
    on(to, fs::copy(from, to))?;
    on(to, fs::set_permissions(to, fs::Permissions::from_mode(0o600)))
}

fn manifest(backup: &Path) -> Result<Backup, Error> {
    let path = backup.join(MANIFEST);
    let text = on(&path, fs::read(&path))?;
    let told: Backup = serde_json::from_slice(&text).map_err(|e| Error::Damaged(path.clone(), e.to_string()))?;
    if let Some(file) = told.files.iter().find(|file| !FILES.iter().chain(&AUTHORITY).any(|known| file.name == *known)) {
        return Err(Error::Damaged(path, format!("names a file that no backup has: {:?}", file.name)));
    }
    if !told.files.iter().any(|file| file.name == OPS) {
        return Err(Error::Damaged(path, format!("does not name {OPS}")));
    }
    Ok(told)
}

fn digest(path: &Path) -> Result<(u64, String), Error> {
    let mut file = on(path, File::open(path))?;
    let (mut sha, mut bytes, mut block) = (Sha256::new(), 0_u64, vec![0; 1 << 16]);
    loop {
        let read = on(path, file.read(&mut block))?;
        if read == 0 {
            return Ok((bytes, sha.finalize().iter().map(|b| format!("{b:02x}")).collect()));
        }
        sha.update(&block[..read]);
        bytes += read as u64;
    }
}

fn on<T>(path: &Path, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|e| Error::File(path.to_owned(), e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::ops::certificates::Certificates;
    use crate::store::Db;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn a_backup_that_names_foreign_files_or_no_bookings_is_refused_and_nothing_is_touched() {
        let data = tempfile::tempdir().unwrap();
        drop(Db::open(data.path()).unwrap());
        let made = create(data.path(), 3, NOW).unwrap();
        let backup = dir(data.path()).join(&made.name);
        let sound = fs::read_to_string(backup.join(MANIFEST)).unwrap();
        let foreign = sound.replace("\"ops.db\"", "\"../../ops.db\"");
        let none = serde_json::to_string(&Backup { files: Vec::new(), ..made }).unwrap();
        for (manifest, why) in [(foreign, "no backup has"), (none, "does not name ops.db")] {
            fs::write(backup.join(MANIFEST), manifest).unwrap();
            assert!(restore(&backup, data.path(), &Actor::System, NOW).unwrap_err().to_string().contains(why));
            assert!(data.path().join(OPS).exists());
        }
        fs::write(backup.join(MANIFEST), sound).unwrap();
        // The plug is pulled once the old files are away.
        fs::create_dir(data.path().join(STAGING)).unwrap();
        fs::write(data.path().join(STAGING).join(OPS), []).unwrap();
        assert!(!is_half_restored(data.path()), "nothing is away yet");
        fs::rename(data.path().join(OPS), data.path().join("away")).unwrap();
        assert!(is_half_restored(data.path()));
        let aside = restore(&backup, data.path(), &Actor::System, NOW).unwrap().aside;
        assert!(!is_half_restored(data.path()));
        fs::rename(data.path().join("away"), aside.join(OPS)).unwrap();
        assert!(aside.join(OPS).exists() && data.path().join(OPS).exists() && !data.path().join(STAGING).exists());
        drop(Db::open(data.path()).unwrap());
    }

    #[test]
    fn on_another_box_devices_find_the_authority_that_they_trust_and_the_restore_is_on_record() {
        let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        drop(Db::open(data.path()).unwrap());
        let (clock, read) = (Clock::manual(NOW), |dir: &Path, file| fs::read_to_string(dir.join(file)).unwrap());
        Certificates::own(data.path(), &clock).unwrap();
        Certificates::own(other.path(), &clock).unwrap();
        let made = create(data.path(), 3, NOW).unwrap();
        let later = NOW + crate::model::Span::from_secs(60);
        let done = restore(&dir(data.path()).join(&made.name), other.path(), &Actor::System, later).unwrap();
        assert_eq!(done.backup.at, NOW);
        assert_eq!(["ca.pem", "ca.key"].map(|file| read(other.path(), file)), ["ca.pem", "ca.key"].map(|file| read(data.path(), file)));
        assert_eq!(other.path().join("ca.key").metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(done.aside.join("ca.key").exists() && !other.path().join("leaf.pem").exists());
        Certificates::own(other.path(), &clock).unwrap();
        assert!(read(other.path(), "leaf.pem").ends_with(&read(data.path(), "ca.pem")), "a new leaf, by the old authority");
        let newest = Db::open(other.path()).unwrap().read_blocking(|c| crate::store::audit::newest(c, 1)).unwrap();
        assert_eq!((newest[0].action.as_str(), &newest[0].object, newest[0].at), ("depot.restore", &made.name, later));
    }
}
