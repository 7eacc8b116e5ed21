//! Which pickups were reminded of.

use super::{Result, bookings};
use crate::model::{Booking, Timestamp};
use rusqlite::{Connection, Transaction, params};

const DAY_S: u32 = 86_400;
/// As far as clocks are ever put forward or back within a day (three hours), but for zones that changed the side of the date line.
const SHIFT_S: u32 = 3 * 3_600;

/// Up to `limit` bookings that are to come, with a pickup after `now` and no later than `before_s` seconds from then by the clocks of
/// `zone`, that were placed earlier than that and not reminded of; the earliest pickup first.
pub fn due(connection: &Connection, before_s: u32, zone: &str, now: Timestamp, limit: usize) -> Result<Vec<Booking>> {
    let sql = "select * from bookings b where status in ('scheduled', 'waiting', 'offered', 'assigned')
               and pickup_at > ?1 and pickup_at <= ?1 + (?2 + ?3) * 1000 and created_at < pickup_at - (?2 - ?3) * 1000
               and not exists (select 1 from reminders r
                               where r.booking_id = b.id and r.before_s = ?2 and r.pickup_at = b.pickup_at)
               order by pickup_at, number";
    let shift = if before_s < DAY_S { 0 } else { SHIFT_S };
    let mut statement = connection.prepare_cached(sql)?;
    let near = statement.query_and_then(params![now.as_millis(), before_s, shift], bookings::read)?;
    let is_due = |booking: &Booking| {
        let at = booking.order.pickup_at.map(|pickup| pickup.earlier_by_the_clock(before_s, zone));
        at.is_some_and(|at| booking.created_at < at && at <= now)
    };
    near.filter(|found| found.as_ref().map_or(true, is_due)).take(limit).collect()
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
