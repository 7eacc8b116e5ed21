//! Tracking links, known by the hash of their secret.

use super::{Error, Result, row};
use crate::model::{BookingId, Language, Timestamp};
use rusqlite::{Connection, Row as SqlRow, Transaction, params};

/// A link as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its id, by which it is listed and revoked.
    pub id: String,
    /// Its secret, hashed.
    pub hash: String,
    /// What it shows.
    pub booking: BookingId,
    /// What its page is written in; `None`: as the reader's browser asks.
    pub language: Option<Language>,
    /// Who made it, like `user:ana`.
    pub made_by: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// From then on it shows nothing.
    pub expires_at: Option<Timestamp>,
}

/// Adds a link.
pub fn insert(tx: &Transaction<'_>, link: &Row) -> Result<()> {
    let sql = "insert into links (id, hash, booking_id, language, made_by, made_at, expires_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (language, expires) = (link.language.map(Language::as_str), link.expires_at.map(Timestamp::as_millis));
    let booking = link.booking.to_string();
    tx.execute(sql, params![link.id, link.hash, booking, language, link.made_by, link.made_at.as_millis(), expires])?;
    Ok(())
}

/// The links of a booking, newest first.
pub fn of_booking(connection: &Connection, booking: BookingId) -> Result<Vec<Row>> {
    let sql = "select * from links where booking_id = ?1 order by made_at desc, id";
    connection.prepare_cached(sql)?.query_and_then([booking.to_string()], read)?.collect()
}

/// The link whose secret has this hash.
pub fn by_hash(connection: &Connection, hash: &str) -> Result<Option<Row>> {
    let mut statement = connection.prepare_cached("select * from links where hash = ?1")?;
    let mut rows = statement.query_and_then([hash], read)?;
    rows.next().transpose()
}

/// Takes a link of a booking away; `false` when it has none of that id.
pub fn delete(tx: &Transaction<'_>, booking: BookingId, id: &str) -> Result<bool> {
    Ok(tx.execute("delete from links where id = ?1 and booking_id = ?2", params![id, booking.to_string()])? == 1)
}

/// Takes away the links that expired until `expired`, and those of bookings that came to their end until `ended`.
pub fn purge(tx: &Transaction<'_>, expired: Timestamp, ended: Timestamp) -> Result<()> {
    tx.execute("delete from links where expires_at <= ?1", [expired.as_millis()])?;
    let sql = "delete from links where booking_id in (
                   select id from bookings where status in ('delivered', 'cancelled', 'failed', 'expired')
                   and coalesce(delivered_at, ended_at) <= ?1 and updated_at <= ?1)";
    tx.execute(sql, [ended.as_millis()])?;
    Ok(())
}

fn read(r: &SqlRow<'_>) -> Result<Row> {
    let language: Option<String> = r.get("language")?;
    let known = |name: String| Language::parse(&name).ok_or_else(|| Error::Corrupt(format!("a link has the language {name:?}")));
    Ok(Row {
        id: r.get("id")?,
        hash: r.get("hash")?,
        booking: row::parse(r, "booking_id")?,
        language: language.map(known).transpose()?,
        made_by: r.get("made_by")?,
        made_at: row::time(r, "made_at")?,
        expires_at: row::time_opt(r, "expires_at")?,
    })
}
