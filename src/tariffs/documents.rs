//! Zones, contracts and promo codes: added, replaced, deleted.

use super::versions::say;
use super::{Error, Result, Tariffs, book};
use crate::fields::document::Document;
use crate::model::{Actor, Timestamp};
use crate::pricing::{Contract, Promo};
use crate::store::{self, tariffs as rows};
use crate::zones::{MAX_ZONES, Zone};
use rusqlite::{Connection, Transaction};
use serde::Serialize;

pub use crate::store::tariffs::Kind;

/// A document that is kept by an id of its own.
pub trait Kept: Document + Serialize + Send + 'static {
    /// What it is.
    const KIND: Kind;
    /// So many there may be.
    const MOST: usize;
    /// Its id.
    fn id(&self) -> &str;
}

impl Kept for Zone {
    const KIND: Kind = Kind::Zone;
    const MOST: usize = MAX_ZONES;
    fn id(&self) -> &str {
        &self.id
    }
}
impl Kept for Contract {
    const KIND: Kind = Kind::Contract;
    const MOST: usize = book::MOST;
    fn id(&self) -> &str {
        &self.customer
    }
}
impl Kept for Promo {
    const KIND: Kind = Kind::Promo;
    const MOST: usize = book::MOST;
    fn id(&self) -> &str {
        &self.code
    }
}

/// A document and its version.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// What it says.
    pub document: T,
    /// Counts its changes, from 1.
    pub version: u32,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Tariffs {
    /// Adds a document.
    pub async fn add<T: Kept>(&self, document: T, actor: Actor) -> Result<Versioned<T>> {
        let now = self.0.clock.now();
        self.0.db.write(move |tx| add(tx, document, &actor, now)).await
    }

    /// Adds a document, or puts it in the place of the one that there is, as part of a transaction.
    pub fn put_in<T: Kept>(&self, tx: &Transaction<'_>, document: T, actor: &Actor, now: Timestamp) -> Result<Versioned<T>> {
        match rows::document(tx, T::KIND, document.id())? {
            Some(kept) => replace(tx, &kept, document, actor, now),
            None => add(tx, document, actor, now),
        }
    }

    /// Replaces a document of `version`, of whichever it has when none is given.
    pub async fn replace<T: Kept>(&self, document: T, version: Option<u32>, actor: Actor) -> Result<Versioned<T>> {
        let now = self.0.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let kept = find::<T>(tx, document.id())?;
            if version.is_some_and(|version| version != kept.version) {
                return Err(Error::Stale(kept.version));
            }
            replace(tx, &kept, document, &actor, now)
        };
        self.0.db.write(change).await
    }

    /// Deletes a document; a zone only when no tariff that is or will be in effect, and no contract, names it.
    pub async fn delete<T: Kept>(&self, id: String, actor: Actor) -> Result<()> {
        let (this, now) = (self.clone(), self.0.clock.now());
        self.0.db.write(move |tx| this.delete_in::<T>(tx, &id, &actor, now)).await
    }

    /// The same as part of a transaction.
    pub fn delete_in<T: Kept>(&self, tx: &Transaction<'_>, id: &str, actor: &Actor, now: Timestamp) -> Result<()> {
        find::<T>(tx, id)?;
        if T::KIND == Kind::Zone {
            let book = self.book(tx)?;
            if let Some((version, _)) = book.versions().find(|(_, tariff)| tariff.zones_named().contains(id)) {
                return Err(Error::Refused(format!("version {version} of the tariff names the zone {id}")));
            }
            if let Some(contract) = book.contracts.values().find(|contract| contract.zones_named().contains(id)) {
                return Err(Error::Refused(format!("the contract of {} names the zone {id}", contract.customer)));
            }
        }
        rows::delete(tx, T::KIND, id)?;
        Ok(say(tx, "deleted", &name::<T>(id), actor, now)?)
    }

    /// The document of an id.
    pub async fn document<T: Kept>(&self, id: String) -> Result<Versioned<T>> {
        self.0.db.read(move |c| read(find::<T>(c, &id)?)).await
    }

    /// Up to `limit` documents after `after` by id.
    pub async fn documents<T: Kept>(&self, after: String, limit: usize) -> Result<Vec<Versioned<T>>> {
        self.0.db.read(move |c| rows::documents(c, T::KIND, &after, limit)?.into_iter().map(read).collect()).await
    }
}

fn add<T: Kept>(tx: &Transaction<'_>, document: T, actor: &Actor, now: Timestamp) -> Result<Versioned<T>> {
    if rows::number_of(tx, T::KIND)? >= T::MOST {
        return Err(Error::Refused(format!("there are {} already, which is as many as there may be", T::MOST)));
    }
    if !rows::add(tx, T::KIND, document.id(), &text(&document)?, now)? {
        return Err(Error::Exists(T::KIND.as_str(), document.id().to_owned()));
    }
    say(tx, "added", &name::<T>(document.id()), actor, now)?;
    Ok(Versioned { document, version: 1, updated_at: now })
}

fn replace<T: Kept>(tx: &Transaction<'_>, kept: &rows::Document, document: T, actor: &Actor, now: Timestamp) -> Result<Versioned<T>> {
    if !rows::replace(tx, T::KIND, document.id(), &text(&document)?, kept.version, now)? {
        return Err(Error::Stale(kept.version));
    }
    say(tx, "replaced", &name::<T>(document.id()), actor, now)?;
    Ok(Versioned { document, version: kept.version + 1, updated_at: now })
}

fn find<T: Kept>(c: &Connection, id: &str) -> Result<rows::Document> {
    rows::document(c, T::KIND, id)?.ok_or_else(|| Error::Unknown(name::<T>(id)))
}

fn read<T: Kept>(kept: rows::Document) -> Result<Versioned<T>> {
    let document = book::parse(&kept.document, T::KIND.as_str())?;
    Ok(Versioned { document, version: kept.version, updated_at: kept.updated_at })
}

fn name<T: Kept>(id: &str) -> String {
    format!("{} {id}", T::KIND.as_str())
}

fn text<T: Kept>(document: &T) -> store::Result<String> {
    serde_json::to_string(document).map_err(|e| store::Error::Corrupt(format!("a {} has no JSON: {e}", T::KIND.as_str())))
}
