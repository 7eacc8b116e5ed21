//! Versions of the tariff, and the documents that they speak of: zones, contracts, promo codes. Each is kept as JSON text.

use super::{Result, journal::count, row};
use crate::model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// A version of the tariff.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Counts them, from 1.
    pub version: u32,
    /// In effect from then on.
    pub starts_at: Timestamp,
    /// What it says, as JSON.
    pub tariff: String,
    /// Who made it, like `user:ana`.
    pub made_by: String,
    /// When.
    pub made_at: Timestamp,
    /// When it was withdrawn, before it began.
    pub withdrawn_at: Option<Timestamp>,
}

/// Adds a version and gives its number; that of `version` counts for nothing.
pub fn insert(tx: &Transaction<'_>, v: &Version) -> Result<u32> {
    let sql = "insert into tariffs (starts_at, tariff, made_by, made_at) values (?1, ?2, ?3, ?4) returning version";
    let given = params![v.starts_at.as_millis(), v.tariff, v.made_by, v.made_at.as_millis()];
    Ok(tx.prepare_cached(sql)?.query_row(given, |r| r.get(0))?)
}

/// Withdraws a version that begins after `now`; `false` when there is none.
pub fn withdraw(tx: &Transaction<'_>, version: u32, now: Timestamp) -> Result<bool> {
    let sql = "update tariffs set withdrawn_at = ?2 where version = ?1 and starts_at > ?2 and withdrawn_at is null";
    Ok(tx.prepare_cached(sql)?.execute(params![version, now.as_millis()])? == 1)
}

/// The version of a number.
pub fn get(connection: &Connection, version: u32) -> Result<Option<Version>> {
    connection.prepare_cached("select * from tariffs where version = ?1")?.query_and_then([version], read)?.next().transpose()
}

/// Up to `limit` versions before `before`, newest first.
pub fn list(connection: &Connection, before: u32, limit: usize) -> Result<Vec<Version>> {
    let sql = "select * from tariffs where version < ?1 order by version desc limit ?2";
    connection.prepare_cached(sql)?.query_and_then(params![before, count(limit)], read)?.collect()
}

/// The version in effect at `now` and all that begin later.
pub fn current(connection: &Connection, now: Timestamp) -> Result<Vec<Version>> {
    let sql = "select * from tariffs where withdrawn_at is null and starts_at >= coalesce(
                 (select starts_at from tariffs where withdrawn_at is null and starts_at <= ?1 order by starts_at desc limit 1), 0)";
    connection.prepare_cached(sql)?.query_and_then([now.as_millis()], read)?.collect()
}

fn read(r: &Row<'_>) -> Result<Version> {
    Ok(Version {
        version: r.get("version")?,
        starts_at: row::time(r, "starts_at")?,
        tariff: r.get("tariff")?,
        made_by: r.get("made_by")?,
        made_at: row::time(r, "made_at")?,
        withdrawn_at: row::time_opt(r, "withdrawn_at")?,
    })
}

/// What a document is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A named area.
    Zone,
    /// What a customer agreed on.
    Contract,
    /// A code that takes something off.
    Promo,
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::Contract => "contract",
            Self::Promo => "promo",
        }
    }
}

/// A document as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its id: a zone's id, a customer, a code.
    pub id: String,
    /// What it says, as JSON.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes, from 1.
    pub version: u32,
}

/// Adds a document; `false` when there is one of that id.
pub fn add(tx: &Transaction<'_>, kind: Kind, id: &str, document: &str, now: Timestamp) -> Result<bool> {
    let sql =
        "insert into documents (kind, id, document, created_at, updated_at, version) values (?1, ?2, ?3, ?4, ?4, 1) on conflict do nothing";
    Ok(tx.prepare_cached(sql)?.execute(params![kind.as_str(), id, document, now.as_millis()])? == 1)
}

/// Replaces a document of `version`; `false` when there is none.
pub fn replace(tx: &Transaction<'_>, kind: Kind, id: &str, document: &str, version: u32, now: Timestamp) -> Result<bool> {
    let sql = "update documents set document = ?3, updated_at = ?4, version = version + 1 where kind = ?1 and id = ?2 and version = ?5";
    Ok(tx.prepare_cached(sql)?.execute(params![kind.as_str(), id, document, now.as_millis(), version])? == 1)
}

/// Deletes a document; `false` when there is none.
pub fn delete(tx: &Transaction<'_>, kind: Kind, id: &str) -> Result<bool> {
    Ok(tx.prepare_cached("delete from documents where kind = ?1 and id = ?2")?.execute((kind.as_str(), id))? == 1)
}

/// The document of an id.
pub fn document(connection: &Connection, kind: Kind, id: &str) -> Result<Option<Document>> {
    let sql = "select * from documents where kind = ?1 and id = ?2";
    connection.prepare_cached(sql)?.query_and_then((kind.as_str(), id), read_document)?.next().transpose()
}

/// Up to `limit` documents after `after` by id.
pub fn documents(connection: &Connection, kind: Kind, after: &str, limit: usize) -> Result<Vec<Document>> {
    let sql = "select * from documents where kind = ?1 and id > ?2 order by id limit ?3";
    connection.prepare_cached(sql)?.query_and_then(params![kind.as_str(), after, count(limit)], read_document)?.collect()
}

/// How many documents of a kind there are.
pub fn number_of(connection: &Connection, kind: Kind) -> Result<usize> {
    let number: i64 =
        connection.prepare_cached("select count(*) from documents where kind = ?1")?.query_row([kind.as_str()], |r| r.get(0))?;
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

fn read_document(r: &Row<'_>) -> Result<Document> {
    Ok(Document {
        id: r.get("id")?,
        document: r.get("document")?,
        created_at: row::time(r, "created_at")?,
        updated_at: row::time(r, "updated_at")?,
        version: r.get("version")?,
    })
}

/// Another number after each change of tariffs and documents, also when one was taken back between.
pub fn revision(connection: &Connection) -> Result<i64> {
    Ok(connection.prepare_cached("select number from tariffs_revision")?.query_row([], |r| r.get(0))?)
}

/// What the price of a booking is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Bill {
    /// The version of the tariff.
    pub tariff: u32,
    /// Demand's factor, in thousandths.
    pub surge_per_mille: u32,
    /// The promo code in it.
    pub promo: Option<String>,
    /// All of it, as JSON.
    pub bill: String,
}

/// Keeps the bill of a booking in place of the one before.
pub fn put_bill(tx: &Transaction<'_>, booking: &str, b: &Bill) -> Result<()> {
    let sql = "insert into bills (booking_id, tariff, surge_per_mille, promo, bill) values (?1, ?2, ?3, ?4, ?5)
               on conflict do update set tariff = excluded.tariff, surge_per_mille = excluded.surge_per_mille, promo = excluded.promo, bill = excluded.bill";
    tx.prepare_cached(sql)?.execute(params![booking, b.tariff, b.surge_per_mille, b.promo, b.bill])?;
    Ok(())
}

/// The bill of a booking; those of before bills were kept have none.
pub fn bill(connection: &Connection, booking: &str) -> Result<Option<String>> {
    Ok(connection.prepare_cached("select bill from bills where booking_id = ?1")?.query_row([booking], |r| r.get(0)).optional()?)
}

/// How often a promo code is used, by all together and by one customer, but for `booking`: bookings that were called off or found nobody
/// give theirs back.
pub fn promo_uses(connection: &Connection, code: &str, customer: Option<&str>, booking: Option<&str>) -> Result<(u32, u32)> {
    let sql = "select count(*), coalesce(sum(customer = ?2), 0) from bills join bookings on bookings.id = booking_id
               where promo = ?1 and status not in ('cancelled', 'expired') and booking_id is not ?3";
    Ok(connection.prepare_cached(sql)?.query_row((code, customer, booking), |r| Ok((r.get(0)?, r.get(1)?)))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Db, Error};

    #[test]
    fn a_change_that_is_taken_back_leaves_its_revision_to_none() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).unwrap();
        let (told, hear) = std::sync::mpsc::channel();
        let torn = move |tx: &Transaction<'_>| {
            add(tx, Kind::Promo, "A", "{}", Timestamp::default())?;
            told.send(revision(tx)?).unwrap();
            Err::<(), _>(Error::Closed)
        };
        assert!(db.write_blocking(torn).is_err());
        let kept = db.write_blocking::<_, Error>(|tx| {
            add(tx, Kind::Promo, "B", "{}", Timestamp::default())?;
            revision(tx)
        });
        assert_ne!(kept.unwrap(), hear.recv().unwrap());
        assert_eq!(db.read_blocking(|c| number_of(c, Kind::Promo)).unwrap(), 1);
    }
}
