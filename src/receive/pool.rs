//! A few connections to PostgreSQL, shared by all requests.

use super::door::{Depots, Guests};
use super::forward::Counts;
use crate::clock::Clock;
use crate::office::{self, Office};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A request waits no longer for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// The connections. Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
    forward: Option<Counts>,
}

struct Inner {
    url: String,
    password: Option<String>,
    tls: rustls::ClientConfig,
    clock: Clock,
    seats: Arc<Semaphore>,
    // A std mutex, held for a push or a pop.
    idle: Mutex<Vec<Office>>,
    guests: Guests,
    depots: Depots,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// All are in use for too long.
    #[error("all connections to the database are in use")]
    Busy,
    /// PostgreSQL is not there, or does not let us in.
    #[error(transparent)]
    Office(#[from] office::Error),
}

/// A connection in use. Given back with [`Lent::done`] when all asked of it was answered, be it with an error; dropped otherwise, for it
/// may be at work yet.
pub struct Lent {
    /// The connection.
    pub office: Office,
    pool: Pool,
    _seat: OwnedSemaphorePermit,
}

impl Pool {
    /// At most `most` connections to the database at `url`.
    pub fn new(url: &str, password: Option<String>, tls: rustls::ClientConfig, most: usize, clock: Clock) -> Self {
        let (url, seats, idle) = (url.to_owned(), Arc::new(Semaphore::new(most)), Mutex::default());
        let (guests, depots) = (Guests::default(), Depots::default());
        Self { inner: Arc::new(Inner { url, password, tls, clock, seats, idle, guests, depots }), forward: None }
    }

    /// What is stored over it is to be handed on to JetStream; `counts` tells how that goes.
    pub fn handing_on(self, counts: Counts) -> Self {
        Self { forward: Some(counts), ..self }
    }

    /// How handing on goes, when it is done.
    pub fn forward(&self) -> Option<&Counts> {
        self.forward.as_ref()
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Who is let in.
    pub(super) fn guests(&self) -> &Guests {
        &self.inner.guests
    }

    /// What the depots are at.
    pub(super) fn depots(&self) -> &Depots {
        &self.inner.depots
    }

    /// A connection; opened when none is idle.
    pub async fn lend(&self) -> Result<Lent, Error> {
        let waiting = tokio::time::timeout(PATIENCE, Arc::clone(&self.inner.seats).acquire_owned());
        let Ok(Ok(seat)) = waiting.await else { return Err(Error::Busy) };
        let idle = std::iter::from_fn(|| self.idle().pop()).find(|office| !office.is_closed());
        let mut office = match idle {
            Some(office) => office,
            None => Office::open(&self.inner.url, self.inner.password.as_deref(), self.inner.tls.clone()).await?,
        };
        if self.forward.is_some() {
            office.hand_on();
        }
        Ok(Lent { office, pool: self.clone(), _seat: seat })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Office>> {
        self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    /// Gives the connection back: its work is done.
    pub fn done(self) {
        self.pool.clone().idle().push(self.office);
    }
}
