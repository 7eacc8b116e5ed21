//! Tracking links: whoever has one sees how one booking gets on, without signing in and without learning more than that.
//!
//! A link's secret is random, of 128 bits, and kept hashed. It shows its booking until 24 h after that came to its end, also again when
//! that is reopened, and not beyond its own time; a link that is revoked is gone. What is shown is a [`Glimpse`].

mod glimpse;
mod limits;

pub use glimpse::{Coarse, Expected, Glimpse, Proof, Sighting, Whereabouts};
pub use limits::Stats;

use crate::auth::short_id;
use crate::bookings::{self, etas::Board};
use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::model::{Actor, Booking, BookingId, Kind, Language, Span, Timestamp};
use crate::ops::network::Network;
use crate::store::{self, Db, audit, journal, links};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use limits::Limits;
use rusqlite::Transaction;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Links that a booking has at most.
const MOST: usize = 10;
/// So long after its booking came to its end a link still shows that.
const AFTER_END: Span = Span::from_secs(86_400);
/// So long a link that shows nothing is kept: its booking may be reopened.
const KEPT: Span = Span::from_secs(7 * 86_400);

/// Why something about a link did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such booking.
    #[error("there is no such booking")]
    UnknownBooking,
    /// The booking has no such link.
    #[error("the booking has no link {0}")]
    Unknown(String),
    /// There are enough.
    #[error("the booking has {MOST} links already: revoke one first")]
    Full,
    /// Its end lies in the past.
    #[error("must lie in the future")]
    Past,
    /// Nobody is shown anything by it: it never was a link, or is not any more.
    #[error("this link shows nothing, or no longer")]
    Dead,
    /// Too much was asked, by this link or from there.
    #[error("too many requests: wait a moment")]
    TooMany {
        /// Seconds to wait.
        retry_after_s: u32,
    },
    /// The machine gave no random bytes.
    #[error("no randomness: {0}")]
    Random(String),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

type Result<T> = std::result::Result<T, Error>;

/// A link, without its secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// Its id, by which it is listed and revoked.
    pub id: String,
    /// What its page is written in; `None`: as the reader's browser asks.
    pub language: Option<Language>,
    /// Who made it, like `user:ana`.
    pub made_by: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// From then on it shows nothing; `None` while neither it nor its booking has an end.
    pub expires_at: Option<Timestamp>,
    /// Does it show nothing any more?
    pub expired: bool,
}

/// A link that is to be made.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewLink {
    /// What its page is written in; `None`: as the reader's browser asks.
    pub language: Option<Language>,
    /// From then on it shows nothing, whatever becomes of the booking.
    pub expires_at: Option<Timestamp>,
}

/// The tracking links. Cheap to clone.
#[derive(Clone)]
pub struct Links {
    db: Db,
    etas: Board,
    fleet: Fleet,
    clock: Clock,
    limits: Arc<Limits>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links")
    }
}

impl Links {
    /// The links of `db`; they show what `etas` and `fleet` know.
    pub fn new(db: Db, etas: Board, fleet: Fleet, clock: Clock) -> Self {
        Self { db, etas, fleet, clock, limits: Arc::default() }
    }

    /// Makes a link of a booking: the link, and its secret, which is told this once.
    pub async fn make(&self, booking: BookingId, new: NewLink, actor: Actor) -> Result<(Link, String)> {
        let now = self.clock.now();
        if new.expires_at.is_some_and(|at| at <= now) {
            return Err(Error::Past);
        }
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).map_err(|e| Error::Random(e.to_string()))?;
        let row = links::Row {
            id: short_id().map_err(|e| Error::Random(e.to_string()))?,
            hash: digest(&secret),
            booking,
            language: new.language,
            made_by: actor.to_text(),
            made_at: now,
            expires_at: new.expires_at,
        };
        let change = move |tx: &Transaction<'_>| {
            let booking = store::bookings::get(tx, booking)?.ok_or(Error::UnknownBooking)?;
            let mut there = links::of_booking(tx, booking.id)?;
            for gone in there.extract_if(.., |link| link.expires_at.is_some_and(|at| at <= now)) {
                links::delete(tx, booking.id, &gone.id)?;
            }
            if there.len() >= MOST {
                return Err(Error::Full);
            }
            links::insert(tx, &row)?;
            announce(tx, Kind::BookingLinkMade, &row, &actor, now)?;
            Ok(Link::of(row, &booking, now))
        };
        Ok((self.db.write(change).await?, URL_SAFE_NO_PAD.encode(secret)))
    }

    /// The links of a booking, newest first; those that were revoked are not among them.
    pub async fn of(&self, booking: BookingId) -> Result<Vec<Link>> {
        let now = self.clock.now();
        let read = move |c: &rusqlite::Connection| {
            let booking = store::bookings::get(c, booking)?.ok_or(Error::UnknownBooking)?;
            let rows = links::of_booking(c, booking.id)?;
            Ok(rows.into_iter().map(|row| Link::of(row, &booking, now)).collect())
        };
        self.db.read(read).await
    }

    /// Takes a link back: from now on it shows nothing.
    pub async fn revoke(&self, booking: BookingId, id: String, actor: Actor) -> Result<()> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let found = links::of_booking(tx, booking)?.into_iter().find(|row| row.id == id);
            let Some(row) = found else { return Err(Error::Unknown(id)) };
            links::delete(tx, booking, &row.id)?;
            announce(tx, Kind::BookingLinkRevoked, &row, &actor, now)?;
            Ok(())
        };
        self.db.write(change).await
    }

    /// What whoever has `secret` and asks from `network` may see.
    pub async fn look(&self, secret: &str, network: Network) -> Result<Glimpse> {
        self.limits.admit(network, self.clock.monotonic())?;
        let Some(hash) = hash_of(secret) else { return Err(self.guessed(network)) };
        let find = move |c: &rusqlite::Connection| -> Result<_> {
            let Some(link) = links::by_hash(c, &hash)? else { return Ok(None) };
            let Some(booking) = store::bookings::get(c, link.booking)? else { return Ok(None) };
            let delivery = journal::last_of_booking(c, booking.id, Kind::BookingDelivered)?;
            let pin = bookings::pin(c, &booking)?;
            Ok(Some((link, booking, delivery, pin)))
        };
        let Some((row, booking, delivery, pin)) = self.db.read(find).await? else { return Err(self.guessed(network)) };
        self.limits.follow(&row.id, self.clock.monotonic())?;
        let now = self.clock.now();
        let link = Link::of(row, &booking, now);
        if link.expired {
            return Err(Error::Dead);
        }
        let vehicle = booking.vehicle.as_ref().and_then(|id| self.fleet.get(id));
        let known = Whereabouts { eta: self.etas.get(booking.id), vehicle, delivery, pin };
        Ok(Glimpse::of(&booking, &known, &link, now))
    }

    fn guessed(&self, network: Network) -> Error {
        self.limits.guessed(network, self.clock.monotonic());
        Error::Dead
    }

    /// Forgets links that have shown nothing for a week.
    pub async fn purge(&self, now: Timestamp) -> Result<()> {
        let expired = now - KEPT;
        Ok(self.db.write(move |tx| links::purge(tx, expired, expired - AFTER_END)).await?)
    }

    /// What was looked at, guessed and refused.
    pub fn stats(&self) -> Stats {
        self.limits.stats()
    }
}

impl Link {
    fn of(row: links::Row, booking: &Booking, now: Timestamp) -> Self {
        let ended = booking.delivered_at.or(booking.ended_at).filter(|_| booking.status.is_final());
        let expires_at = [row.expires_at, ended.map(|at| at + AFTER_END)].into_iter().flatten().min();
        Self {
            id: row.id,
            language: row.language,
            made_by: row.made_by,
            made_at: row.made_at,
            expires_at,
            expired: expires_at.is_some_and(|at| at <= now),
        }
    }
}

/// The hash of a secret as it stands in an address; `None` when it is none.
fn hash_of(secret: &str) -> Option<String> {
    let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
    Some(digest(&bytes))
}

// What is looked up is a hash: how far a guess agrees with one, which the index may take longer for, says nothing about its secret.
fn digest(secret: &[u8; 16]) -> String {
    Sha256::digest(secret).iter().map(|b| format!("{b:02x}")).collect()
}

/// Writes the journal entry and the audit row of a link that was made or revoked.
fn announce(tx: &Transaction<'_>, kind: Kind, link: &links::Row, actor: &Actor, at: Timestamp) -> store::Result<()> {
    let data = json!({"link": {"id": link.id, "language": link.language, "expires_at": link.expires_at}}).to_string();
    journal::append(tx, &journal::NewEvent { at, kind, actor, booking: Some(link.booking), vehicle: None, data: &data })?;
    audit::append(tx, at, actor, kind.as_str(), &link.booking.to_string(), &data)
}

#[cfg(test)]
mod tests;
