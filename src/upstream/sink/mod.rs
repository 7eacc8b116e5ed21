//! Where batches go: one file a kind.

mod bridge;
mod http;
pub mod jetstream;
mod kafka;
mod mqtt;
mod nats;
mod postgres;
pub mod tls;

use crate::batch::{Agreed, Batch, Known, Order, Page, Receipt, Stored, StoredRow, TableReceipt};
use crate::clock::Clock;
use crate::config::{SinkKind, SinkSettings};
use crate::model::Lane;
use futures_util::future::BoxFuture;
use std::time::Duration;

/// What a sink says to a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Everything up to this number is stored.
    Stored(i64),
    /// Nothing was stored: the lane goes on with this number.
    Expected(i64),
    /// Nothing was stored: a smaller batch may pass.
    TooLarge,
}

/// Why a sink did not answer, or not as it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Fault {
    /// What went wrong, in words.
    pub what: String,
    /// The other side wants to be left alone so long.
    pub retry_after: Option<Duration>,
    /// It is the batch that it does not take, and never will.
    pub refused: bool,
    /// The other side was reached and said so itself; a line that breaks says nothing of what was on it.
    pub answered: bool,
}

impl Fault {
    /// One that is tried again at the usual pace.
    pub fn new(what: impl ToString) -> Self {
        Self { what: what.to_string(), retry_after: None, refused: false, answered: false }
    }

    /// The other side said so.
    pub fn answer(what: impl ToString) -> Self {
        Self { answered: true, ..Self::new(what) }
    }

    /// The other side will never take this batch.
    pub fn refusal(what: impl ToString) -> Self {
        Self { refused: true, ..Self::answer(what) }
    }
}

/// A range of numbers of a lane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Range {
    /// The epoch.
    pub epoch: String,
    /// The lane.
    pub lane: Lane,
    /// The first number.
    pub from: i64,
    /// The last number.
    pub to: i64,
}

/// Days of a lane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Days {
    /// The epoch.
    pub epoch: String,
    /// The lane.
    pub lane: Lane,
    /// Only numbers up to this one.
    pub through: i64,
    /// The first day, UTC, like `2026-05-30`; `None` for the first that there is.
    pub from: Option<String>,
}

/// What a sink gives back.
pub type Told<'a, T> = BoxFuture<'a, Result<T, Fault>>;

/// Somewhere that batches go. What a kind cannot tell is `None`.
pub trait Sink: Send {
    /// How far it is, by epoch and lane.
    fn known(&mut self) -> Told<'_, Option<Vec<Known>>>;
    /// How far it said it is since it was last asked, without being asked: it wants what comes behind that.
    fn told(&mut self) -> Option<Vec<Known>> {
        None
    }
    /// Does what it last said of how far it is hold for `lane`? Where it does not, the depot's own cursor counts.
    fn speaks_of(&self, _lane: Lane) -> bool {
        true
    }
    /// Hands over a batch; the answer says what is stored, not what arrived.
    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Told<'a, Answer>;
    /// Orders after number `after`.
    fn orders(&mut self, _after: i64) -> Told<'_, Vec<Order>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    /// Numbers and digests of what it holds within `range`, the first `limit`.
    fn stored(&mut self, _range: Range, _limit: usize) -> Told<'_, Option<Vec<Stored>>> {
        Box::pin(async { Ok(None) })
    }
    /// Receipts of a lane of an epoch up to number `through`, of the first `limit` days from `from` on.
    fn receipts(&mut self, _of: Days, _limit: usize) -> Told<'_, Option<Vec<Receipt>>> {
        Box::pin(async { Ok(None) })
    }
    /// What each table of rows holds there.
    fn table_receipts(&mut self) -> Told<'_, Option<Vec<TableReceipt>>> {
        Box::pin(async { Ok(None) })
    }
    /// Keys and digests of the rows of `table` behind key `after`, the first `limit`.
    fn stored_rows<'a>(&'a mut self, _table: &'a str, _after: String, _limit: usize) -> Told<'a, Option<Vec<StoredRow>>> {
        Box::pin(async { Ok(None) })
    }
    /// A part of the rows of `table` that it was told under numbers behind what is `agreed`.
    fn beyond<'a>(&'a mut self, _agreed: &'a [Agreed], _table: &'a str, _after: Option<String>) -> Told<'a, Option<Page>> {
        Box::pin(async { Ok(None) })
    }
    /// A part of all that it knows of the depot; `after` is what the part before named.
    fn page(&mut self, _after: Option<String>) -> Told<'_, Option<Page>> {
        Box::pin(async { Ok(None) })
    }
}

/// The sink that `settings` describe, for `depot`. It connects when it is first asked for something.
pub fn open(settings: &SinkSettings, depot: &str, timeout: Duration, clock: &Clock) -> Result<Box<dyn Sink>, Fault> {
    match settings.kind() {
        Some(SinkKind::Http) => Ok(Box::new(http::Http::new(settings, depot, timeout)?)),
        Some(SinkKind::Postgres) => Ok(Box::new(postgres::Postgres::new(settings, depot)?)),
        Some(SinkKind::Nats) => Ok(Box::new(nats::Nats::new(settings, depot, timeout)?)),
        Some(SinkKind::Kafka) => Ok(Box::new(kafka::Kafka::new(settings, depot, timeout, clock)?)),
        Some(SinkKind::Mqtt) => Ok(Box::new(mqtt::Mqtt::new(settings, depot, timeout)?)),
        None => Err(Fault::new(format!("{:?} is no sink's address", settings.shown_url()))),
    }
}
