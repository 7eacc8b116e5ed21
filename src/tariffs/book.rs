//! What counts now, in memory.

use super::{Kind, Tariffs};
use crate::model::Timestamp;
use crate::pricing::{Contract, Promo, Tariff};
use crate::store::{self, tariffs as rows};
use crate::zones::{MAX_ZONES, Zone, Zones};
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

/// Contracts and promo codes, at most, each.
pub const MOST: usize = 10_000;

/// The tariff in effect and what it speaks of.
#[derive(Debug)]
pub struct Book {
    revision: i64,
    /// The version that is in effect and those to come, the last to begin first.
    versions: Vec<(Timestamp, u32, Tariff)>,
    /// The zones.
    pub zones: Zones,
    pub(super) contracts: HashMap<String, Contract>,
    pub(super) promos: HashMap<String, Promo>,
}

impl Book {
    fn read(c: &Connection, revision: i64, now: Timestamp) -> store::Result<Self> {
        let mut versions = Vec::new();
        for v in rows::current(c, now)? {
            versions.push((v.starts_at, v.version, parse(&v.tariff, "tariff")?));
        }
        versions.sort_by_key(|(starts_at, version, _)| std::cmp::Reverse((*starts_at, *version)));
        let named = |contract: Contract| (contract.customer.clone(), contract);
        let coded = |promo: Promo| (promo.code.clone(), promo);
        Ok(Self {
            revision,
            versions,
            zones: Zones::new(all::<Zone>(c, Kind::Zone, MAX_ZONES)?),
            contracts: all(c, Kind::Contract, MOST)?.into_iter().map(named).collect(),
            promos: all(c, Kind::Promo, MOST)?.into_iter().map(coded).collect(),
        })
    }

    /// The version in effect at `now`; `None`: the flat tariff of the settings.
    pub fn in_effect(&self, now: Timestamp) -> Option<(u32, &Tariff)> {
        self.versions.iter().find(|(starts_at, ..)| *starts_at <= now).map(|(_, version, tariff)| (*version, tariff))
    }

    /// The version in effect and those to come, with their numbers.
    pub fn versions(&self) -> impl Iterator<Item = (u32, &Tariff)> {
        self.versions.iter().map(|(_, version, tariff)| (*version, tariff))
    }
}

impl Tariffs {
    /// What counts now, as `c` sees it.
    pub fn book(&self, c: &Connection) -> store::Result<Arc<Book>> {
        let revision = rows::revision(c)?;
        let held = self.0.book.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(book) = held.filter(|book| book.revision == revision) {
            return Ok(book);
        }
        let book = Arc::new(Book::read(c, revision, self.0.clock.now())?);
        *self.0.book.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&book));
        Ok(book)
    }
}

fn all<T: DeserializeOwned>(c: &Connection, kind: Kind, most: usize) -> store::Result<Vec<T>> {
    rows::documents(c, kind, "", most)?.iter().map(|kept| parse(&kept.document, kind.as_str())).collect()
}

pub(super) fn parse<T: DeserializeOwned>(text: &str, what: &str) -> store::Result<T> {
    serde_json::from_str(text).map_err(|e| store::Error::Corrupt(format!("a {what} that is kept: {e}")))
}
