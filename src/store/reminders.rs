//! Which pickups were reminded of.

use super::{Result, bookings, journal::count};
use crate::model::{Booking, Timestamp};
use rusqlite::{Connection, Transaction, params};

/// Up to `limit` bookings that are to come, with a pickup after `now` and no later than `before_s` seconds from then, that were
/// placed earlier than that and not reminded of; the earliest pickup first.
pub fn due(connection: &Connection, before_s: u32, now: Timestamp, limit: usize) -> Result<Vec<Booking>> {
    let sql = "select * from bookings b where status in ('scheduled', 'waiting', 'offered', 'assigned')
               and pickup_at > ?1 and pickup_at <= ?1 + ?2 * 1000 and created_at < pickup_at - ?2 * 1000
               and not exists (select 1 from reminders r
                               where r.booking_id = b.id and r.before_s = ?2 and r.pickup_at = b.pickup_at)
               order by pickup_at, number limit ?3";
    bookings::collect(connection, sql, params![now.as_millis(), before_s, count(limit)])
}

/// Notes that the booking's pickup, as it stands, was reminded of; `false` when that was noted before.
pub fn note(tx: &Transaction<'_>, booking: &Booking, before_s: u32) -> Result<bool> {
    let sql = "insert into reminders (booking_id, before_s, pickup_at) values (?1, ?2, ?3) on conflict do nothing";
    let pickup_at = booking.order.pickup_at.map(Timestamp::as_millis);
    Ok(tx.prepare_cached(sql)?.execute(params![booking.id.to_string(), before_s, pickup_at])? == 1)
}

/// Forgets what was noted of pickups before `before`.
pub fn purge(tx: &Transaction<'_>, before: Timestamp) -> Result<usize> {
    Ok(tx.execute("delete from reminders where pickup_at < ?1", [before.as_millis()])?)
}
