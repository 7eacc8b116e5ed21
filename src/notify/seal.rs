//! Secrets that have to be used again, sealed at rest: AES-256-GCM under a key in a file of its own, which no backup holds.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The key's file in the data directory.
const FILE: &str = "notify.key";
/// Its bytes.
const KEY: usize = 32;

/// Seals and opens.
#[derive(Clone, Debug)]
pub struct Seal(PathBuf);

impl Seal {
    /// With the key of a data directory, which is made when the first secret is sealed.
    pub fn new(data_dir: &Path) -> Self {
        Self(data_dir.join(FILE))
    }

    /// The secret, sealed.
    pub fn seal(&self, secret: &[u8]) -> io::Result<String> {
        let key = match std::fs::read(&self.0) {
            Ok(key) => key,
            Err(e) if e.kind() == ErrorKind::NotFound => self.make()?,
            Err(e) => return Err(self.named(&e)),
        };
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce)?;
        let mut sealed = secret.to_vec();
        let whole = aead(&key)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed);
        whole.map_err(|_| io::Error::other("the secret cannot be sealed"))?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// The secret again. An error: the key is another one, or gone, as on a new box that was restored from a backup.
    pub fn open(&self, sealed: &str) -> io::Result<Vec<u8>> {
        let key = std::fs::read(&self.0).map_err(|e| self.named(&e))?;
        let torn = || io::Error::other("the secret was sealed with another key: rotate it");
        let bytes = STANDARD.decode(sealed).map_err(|_| torn())?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or_else(torn)?;
        let (nonce, mut sealed) = (Nonce::try_assume_unique_for_key(nonce).map_err(|_| torn())?, sealed.to_vec());
        let secret = aead(&key)?.open_in_place(nonce, Aad::empty(), &mut sealed).map_err(|_| torn())?;
        Ok(secret.to_vec())
    }

    fn make(&self) -> io::Result<Vec<u8>> {
        let mut key = [0; KEY];
        random(&mut key)?;
        keep(&self.0, &key).map_err(|e| self.named(&e))?;
        Ok(key.to_vec())
    }

    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}, which the secret is sealed with: {error}", self.0.display()))
    }
}

/// Writes a key's file, which must not be there yet, for this user alone.
pub fn keep(path: &Path, key: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(key)?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

/// Fills it with randomness.
pub fn random(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|e| io::Error::other(format!("no randomness: {e}")))
}

fn aead(key: &[u8]) -> io::Result<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| io::Error::other(format!("{FILE} does not hold {KEY} bytes")))?;
    Ok(LessSafeKey::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_read_again_with_its_key_only() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let seal = Seal::new(here.path());
        let sealed = seal.seal(b"hunter2").unwrap();
        assert!(!STANDARD.decode(&sealed).unwrap().windows(7).any(|part| part == b"hunter2"));
        assert_ne!(sealed, seal.seal(b"hunter2").unwrap());
        assert_eq!(Seal::new(here.path()).open(&sealed).unwrap(), b"hunter2");
        let mode = std::fs::metadata(here.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
        let other = Seal::new(there.path());
        assert!(other.open(&sealed).unwrap_err().to_string().contains("notify.key"));
        other.seal(b"x").unwrap();
        assert!(other.open(&sealed).unwrap_err().to_string().contains("rotate"));
        assert!(seal.open("AAAA").is_err() && seal.open("?").is_err());
    }
}
