//! Quotes: prices that hold until they expire.

use super::Result;
use crate::model::{Fare, Money, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// A kept quote.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// What was asked, as canonical JSON: a booking must ask the same to get the price.
    pub request: String,
    /// The price, and the way that it is for.
    pub fare: Fare,
    /// What the price is made of, as JSON; quotes of before bills were kept have none.
    pub bill: Option<String>,
    /// Until then it holds.
    pub expires_at: Timestamp,
}

/// Keeps a quote.
pub fn insert(tx: &Transaction<'_>, q: &Row) -> Result<()> {
    tx.prepare_cached(
        "insert into quotes (id, request, price_minor, currency, distance_m, duration_s, expires_at, bill) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        q.id,
        q.request,
        q.fare.price.amount_minor,
        q.fare.price.currency.code(),
        q.fare.distance_m,
        q.fare.duration_s,
        q.expires_at.as_millis(),
        q.bill,
    ])?;
    Ok(())
}

/// The quote of an id.
pub fn get(connection: &Connection, id: &str) -> Result<Option<Row>> {
    let found = connection
        .prepare_cached("select * from quotes where id = ?1")?
        .query_row([id], |r| {
            Ok((
                r.get("id")?,
                r.get("request")?,
                r.get("price_minor")?,
                r.get::<_, String>("currency")?,
                r.get("distance_m")?,
                r.get("duration_s")?,
                r.get("expires_at")?,
                r.get("bill")?,
            ))
        })
        .optional()?;
    let Some((id, request, amount_minor, code, distance_m, duration_s, expires, bill)) = found else { return Ok(None) };
    let currency = crate::model::Currency::new(&code).ok_or_else(|| super::Error::Corrupt(format!("a quote has the currency {code:?}")))?;
    Ok(Some(Row {
        id,
        request,
        fare: Fare { price: Money { amount_minor, currency }, distance_m, duration_s },
        bill,
        expires_at: Timestamp::from_millis(expires),
    }))
}

/// Drops quotes that expired before `before`.
pub fn purge(tx: &Transaction<'_>, before: Timestamp) -> Result<usize> {
    Ok(tx.execute("delete from quotes where expires_at < ?1", [before.as_millis()])?)
}
