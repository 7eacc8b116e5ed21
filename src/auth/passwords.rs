//! Argon2id, off the async threads, at most two at once.

use super::{Error, Result};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Hashings that run at once: each takes 19 MiB and a core for a while.
const AT_ONCE: usize = 2;
/// A password's characters at least and at most.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=128;
/// Beginnings of the long passwords that people choose most; with digits behind them they are as common.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "qwertyuiop",
    "qwerty",
    "azerty",
    "letmein",
    "iloveyou",
    "welcome",
    "administrator",
    "admin",
    "changeme",
    "trustno1",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "dragon",
    "monkey",
    "michael",
    "abc123",
    "1q2w3e4r",
    "zaq12wsx",
    "depotd",
    "depot",
    "dispatcher",
    "secret",
    "default",
    "master",
    "whatever",
    "starwars",
    "computer",
    "internet",
];

#[derive(Clone)]
pub(super) struct Hasher(Arc<Gate>);

struct Gate {
    running: Mutex<usize>,
    freed: Condvar,
}

impl Hasher {
    pub(super) fn new() -> Self {
        Self(Arc::new(Gate { running: Mutex::new(0), freed: Condvar::new() }))
    }

    /// The hash of `secret`, in PHC form.
    pub(super) fn hash(&self, secret: &str) -> Result<String> {
        let salt = SaltString::encode_b64(&super::secrets::random::<16>()?).map_err(internal)?;
        self.one_of_two(|| Ok(argon()?.hash_password(secret.as_bytes(), &salt).map_err(internal)?.to_string()))
    }

    /// Is `hash` that of `secret`?
    pub(super) fn matches(&self, secret: &[u8], hash: &str) -> Result<bool> {
        let parsed = PasswordHash::new(hash).map_err(internal)?;
        self.one_of_two(|| Ok(argon()?.verify_password(secret, &parsed).is_ok()))
    }

    /// [`Hasher::hash`] from async code.
    pub(super) async fn hash_async(&self, secret: String) -> Result<String> {
        let hasher = self.clone();
        tokio::task::spawn_blocking(move || hasher.hash(&secret)).await.map_err(internal)?
    }

    /// [`Hasher::matches`] from async code.
    pub(super) async fn matches_async(&self, secret: Vec<u8>, hash: String) -> Result<bool> {
        let hasher = self.clone();
        tokio::task::spawn_blocking(move || hasher.matches(&secret, &hash)).await.map_err(internal)?
    }

    fn one_of_two<T>(&self, work: impl FnOnce() -> T) -> T {
        let lock = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = self.0.freed.wait_while(lock, |n| *n >= AT_ONCE).unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        drop(running);
        let done = work();
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.freed.notify_one();
        done
    }
}

/// 19 MiB, two passes, one lane: OWASP's first choice.
fn argon() -> Result<Argon2<'static>> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("hashing: {error}"))
}

/// Refuses a password that is too short, too long, or among those that are tried first.
pub(super) fn check(password: &str, name: &str) -> Result<()> {
    if !LENGTH.contains(&password.chars().count()) {
        return Err(Error::field("password", "must have 12 to 128 characters"));
    }
    let plain: String = password.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let stem = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    let repeats = |unit: usize| plain.len() > unit && plain.as_bytes().chunks(unit).all(|c| plain.as_bytes().starts_with(c));
    let digits_only = plain.bytes().all(|b| b.is_ascii_digit());
    let is_run = digits_only || plain.as_bytes().windows(2).all(|w| w[1] == w[0].wrapping_add(1) || w[1] == w[0].wrapping_sub(1));
    let made_of_common = COMMON.iter().any(|c| stem == *c || stem == c.repeat(2));
    if made_of_common || (1..=4).any(repeats) || is_run || stem == name.to_lowercase() {
        return Err(Error::field("password", "is one of those that are tried first; take a few words that do not belong together"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_its_secret_only() {
        let hasher = Hasher::new();
        let hash = hasher.hash("a long enough secret").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hasher.matches(b"a long enough secret", &hash).unwrap());
        assert!(!hasher.matches(b"another secret", &hash).unwrap());
    }

    #[test]
    fn weak_passwords_are_refused() {
        for weak in
            ["short", "password1234", "Password12345", "aaaaaaaaaaaa", "abababababab", "123456789012", "abcdefghijkl", "mary20262026"]
        {
            assert!(check(weak, "mary").is_err(), "{weak}");
        }
        check("tram cheese lantern", "mary").unwrap();
    }
}
