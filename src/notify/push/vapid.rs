//! How the depot says to push services who it is (RFC 8292): a key of its own, in a file that no backup holds, and claims that it signs.

use crate::model::Timestamp;
use crate::notify::seal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The key's file in the data directory: PKCS#8.
const FILE: &str = "push.key";
/// Seconds that claims hold; a day at most.
const LIFE_S: i64 = 12 * 3_600;
/// What every token begins with.
const HEADER: &str = r#"{"typ":"JWT","alg":"ES256"}"#;

/// The depot, as push services know it.
pub struct Vapid {
    path: PathBuf,
    contact: Option<String>,
    key: Mutex<Option<Arc<EcdsaKeyPair>>>,
}

impl Vapid {
    /// With the key of a data directory, which is made when it is needed first; `contact` is where its people are reached.
    pub fn new(data_dir: &Path, contact: Option<String>) -> Self {
        Self { path: data_dir.join(FILE), contact, key: Mutex::default() }
    }

    /// The public key as browsers want it, in base64url.
    pub fn public(&self) -> io::Result<String> {
        Ok(URL_SAFE_NO_PAD.encode(self.key()?.public_key()))
    }

    /// The `Authorization` for the push service at `origin`.
    pub fn authorization(&self, origin: &str, now: Timestamp) -> io::Result<String> {
        let mut claims = json!({"aud": origin, "exp": now.as_millis() / 1_000 + LIFE_S});
        if let Some(contact) = &self.contact {
            claims["sub"] = contact.as_str().into();
        }
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let key = self.key()?;
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| io::Error::other("nothing can be signed"))?;
        let (signature, public) = (URL_SAFE_NO_PAD.encode(signature), URL_SAFE_NO_PAD.encode(key.public_key()));
        Ok(format!("vapid t={signed}.{signature}, k={public}"))
    }

    fn key(&self) -> io::Result<Arc<EcdsaKeyPair>> {
        let mut kept = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*kept {
            return Ok(Arc::clone(key));
        }
        let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", self.path.display()));
        let written = match std::fs::read(&self.path) {
            Err(e) if e.kind() == ErrorKind::NotFound => self.make(),
            read => read,
        };
        let wrong = |_| {
            io::Error::other("is no key of P-256 in PKCS#8: put the right one there, or take it away and have browsers subscribe again")
        };
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &written.map_err(named)?, &SystemRandom::new());
        let key = Arc::new(key.map_err(wrong).map_err(named)?);
        *kept = Some(Arc::clone(&key));
        Ok(key)
    }

    fn make(&self) -> io::Result<Vec<u8>> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let made = made.map_err(|_| io::Error::other("no key can be made"))?;
        seal::keep(&self.path, made.as_ref())?;
        Ok(made.as_ref().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_stays_and_is_for_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let public = Vapid::new(dir.path(), None).public().unwrap();
        assert_eq!(Vapid::new(dir.path(), None).public().unwrap(), public);
        let path = dir.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
        std::fs::write(&path, "?").unwrap();
        let told = Vapid::new(dir.path(), None).public().unwrap_err().to_string();
        assert!(told.contains("push.key") && told.contains("is no key"), "{told}");
    }
}
