//! Argon2id, off the async threads, at most two at once.

use super::{Error, Result};
use argon2::password_hash::{Ident, Output, ParamsString, PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hashings that run at once: each takes 19 MiB and a core for a while.
const AT_ONCE: usize = 2;
/// People whose passwords are being checked or wait for it; more are turned away.
const SIGNING_IN: usize = AT_ONCE + 16;
/// Memory of one hashing: OWASP's first choice, with two passes and one lane.
const MEMORY_KIB: u32 = 19 * 1024;
/// The most that a hash made elsewhere may ask for: memory, passes, lanes.
const MAX_MEMORY_KIB: u32 = 64 * 1024;
const MAX_PASSES: u32 = 8;
const MAX_LANES: u32 = 4;
/// Characters of such a hash's salt at least: 16 bytes in base64.
const SALT: usize = 22;
/// Address space asked for, in KiB. glibc maps what is larger than 32 MiB apart and gives it back at once; anything smaller would
/// come from the heap, where the next small allocation splits it and leaves 19 MiB behind, again and again.
const RESERVED_KIB: usize = 33 * 1024;
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

pub(super) struct Hasher {
    turns: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    turned_away: AtomicU64,
}

/// A place in the queue of those who sign in.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Hasher {
    pub(super) fn new() -> Self {
        let seats = |n| Arc::new(Semaphore::new(n));
        Self { turns: seats(AT_ONCE), queue: seats(SIGNING_IN), turned_away: AtomicU64::new(0) }
    }

    /// A place in the queue, to be held while the password of somebody who signs in is checked; [`Error::Busy`] when it is full.
    pub(super) fn queue(&self) -> Result<Place> {
        let place = Arc::clone(&self.queue).try_acquire_owned().map(|_permit| Place { _permit });
        place.map_err(|_| {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            Error::Busy
        })
    }

    /// How often the queue was full.
    pub(super) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// Waits for a turn to hash, without a thread, so that a storm of strangers leaves the threads to others.
    pub(super) async fn turn(&self) -> Result<Turn> {
        let _permit = Arc::clone(&self.turns).acquire_owned().await.map_err(internal)?;
        Ok(Turn { _permit })
    }

    /// The hash of `secret`, in PHC form.
    pub(super) async fn hash(&self, secret: String) -> Result<String> {
        let salt = SaltString::encode_b64(&super::secrets::random::<16>()?).map_err(internal)?;
        let work = move || {
            let params = Params::new(MEMORY_KIB, 2, 1, None).map_err(internal)?;
            let hash = PasswordHash {
                algorithm: Ident::from(Algorithm::Argon2id),
                version: Some(Version::V0x13.into()),
                params: ParamsString::try_from(&params).map_err(internal)?,
                salt: Some(salt.as_salt()),
                hash: None,
            };
            let output = fill(secret.as_bytes(), &hash)?;
            Ok(PasswordHash { hash: Some(output), ..hash }.to_string())
        };
        self.turn().await?.run(work).await
    }

    /// Is `hash` that of `secret`?
    pub(super) async fn matches(&self, secret: Vec<u8>, hash: String) -> Result<bool> {
        self.turn().await?.matches(secret, hash).await
    }
}

/// A turn to hash.
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Turn {
    /// Is `hash` that of `secret`?
    pub(super) async fn matches(self, secret: Vec<u8>, hash: String) -> Result<bool> {
        self.run(move || {
            let hash = PasswordHash::new(&hash).map_err(internal)?;
            let found = fill(&secret, &hash)?;
            // In constant time.
            Ok(hash.hash.is_some_and(|known| known == found))
        })
        .await
    }

    async fn run<T: Send + 'static>(self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let run = move || {
            let done = work();
            drop(self);
            done
        };
        tokio::task::spawn_blocking(run).await.map_err(internal)?
    }
}

/// Argon2 with the parameters and salt that `hash` names.
fn fill(secret: &[u8], hash: &PasswordHash<'_>) -> Result<Output> {
    let params = Params::try_from(hash).map_err(internal)?;
    let algorithm = Algorithm::try_from(hash.algorithm).map_err(internal)?;
    let version = hash.version.map_or(Ok(Version::V0x13), Version::try_from).map_err(internal)?;
    let mut salt = [0; 64];
    let salt = hash.salt.ok_or_else(|| internal("no salt"))?.decode_b64(&mut salt).map_err(internal)?;
    let length = hash.hash.map_or(Params::DEFAULT_OUTPUT_LEN, |known| known.len());
    let mut memory = Vec::with_capacity(params.block_count().max(RESERVED_KIB));
    memory.resize(params.block_count(), Block::default());
    Output::init_with(length, |out| {
        Ok(Argon2::new(algorithm, version, params).hash_password_into_with_memory(secret, salt, out, &mut memory)?)
    })
    .map_err(internal)
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("hashing: {error}"))
}

/// Refuses a hash that is not Argon2id as strong as those made here, or one that would cost the depot too much at each sign-in.
pub(super) fn check_hash(text: &str) -> Result<()> {
    let strong = || {
        let hash = PasswordHash::new(text).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let fits = hash.algorithm == Ident::from(Algorithm::Argon2id)
            && hash.version == Some(Version::V0x13.into())
            && hash.salt.is_some_and(|salt| salt.len() >= SALT)
            && hash.hash.is_some_and(|known| known.len() >= Params::DEFAULT_OUTPUT_LEN)
            && (MEMORY_KIB..=MAX_MEMORY_KIB).contains(&params.m_cost())
            && (2..=MAX_PASSES).contains(&params.t_cost())
            && params.p_cost() <= MAX_LANES;
        fits.then_some(())
    };
    strong().ok_or_else(|| {
        let bounds = format!("m={MEMORY_KIB} to {MAX_MEMORY_KIB}, t=2 to {MAX_PASSES}, p=1 to {MAX_LANES}");
        Error::field("password_hash", format!("must be Argon2id in PHC form: $argon2id$v=19$, {bounds}, 16 bytes of salt, 32 of hash"))
    })
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
    use argon2::PasswordVerifier as _;

    #[tokio::test]
    async fn a_hash_matches_its_secret_only() {
        let hasher = Hasher::new();
        let hash = hasher.hash("a long enough secret".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        for (secret, matches) in [("a long enough secret", true), ("another secret", false)] {
            assert_eq!(hasher.matches(secret.into(), hash.clone()).await.unwrap(), matches);
            let reference = Argon2::default().verify_password(secret.as_bytes(), &PasswordHash::new(&hash).unwrap());
            assert_eq!(reference.is_ok(), matches, "the library says the same");
        }
    }

    #[tokio::test]
    async fn a_hash_of_elsewhere_must_be_strong_and_bearable() {
        let ours = Hasher::new().hash("a long enough secret".into()).await.unwrap();
        check_hash(&ours).unwrap();
        check_hash(&ours.replace("m=19456,t=2,p=1", "m=65536,t=3,p=4")).unwrap();
        for (from, to) in [
            ("argon2id", "argon2i"),
            ("v=19", "v=16"),
            ("m=19456", "m=8192"),
            ("m=19456", "m=4194304"),
            ("t=2", "t=1"),
            ("t=2", "t=4000"),
            ("p=1", "p=64"),
            ("$v=19", ""),
        ] {
            assert!(check_hash(&ours.replace(from, to)).is_err(), "{from} -> {to}");
        }
        for wrong in ["", "secret", "$2b$12$abcdefghijklmnopqrstuv", ours.rsplit_once('$').unwrap().0] {
            assert!(check_hash(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_queue_is_bounded_and_places_come_back() {
        let hasher = Hasher::new();
        let mut places: Vec<_> = (0..SIGNING_IN).map(|_| hasher.queue().unwrap()).collect();
        assert!(matches!(hasher.queue(), Err(Error::Busy)));
        assert_eq!(hasher.turned_away(), 1);
        places.pop();
        hasher.queue().unwrap();
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
