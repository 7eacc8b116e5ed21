//! Recurring bookings, and what became of each of their days.

use super::{Error, Result, journal::count, row};
use crate::model::{BookingId, Look, MissingHour, Outcome, Pattern, Recurrence, RecurrenceId, RepeatedHour, Timestamp};
use jiff::civil::Date;
use rusqlite::{Connection, Row, Transaction, named_params, params};

/// What became of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// The local day.
    pub date: Date,
    /// What became of it.
    pub outcome: Outcome,
    /// The booking that was placed.
    pub booking: Option<BookingId>,
}

/// Writes a recurrence, in the place of the one with its id; it is looked at next at once.
pub fn put(tx: &Transaction<'_>, r: &Recurrence) -> Result<()> {
    let sql =
        "insert into recurrences (id, rule, start_date, start_time, zone, missing_hour, repeated_hour, window_minutes, template, paused,
               active_since, created_at, updated_at, version, look_at, looked_at)
               values (:id, :rule, :start_date, :start_time, :zone, :missing_hour, :repeated_hour, :window_minutes, :template, :paused,
               :active_since, :created_at, :updated_at, :version, :updated_at, :updated_at)
               on conflict (id) do update set rule = excluded.rule, start_date = excluded.start_date, start_time = excluded.start_time,
               zone = excluded.zone, missing_hour = excluded.missing_hour, repeated_hour = excluded.repeated_hour,
               window_minutes = excluded.window_minutes, template = excluded.template, paused = excluded.paused,
               active_since = excluded.active_since, updated_at = excluded.updated_at, version = excluded.version,
               look_at = excluded.look_at, looked_at = excluded.looked_at";
    tx.prepare_cached(sql)?.execute(named_params! {
        ":id": r.id.as_str(),
        ":rule": r.pattern.rule,
        ":start_date": r.pattern.start_date.to_string(),
        ":start_time": r.pattern.start_time.to_string(),
        ":zone": r.pattern.zone,
        ":missing_hour": r.pattern.missing_hour.map(MissingHour::as_str),
        ":repeated_hour": r.pattern.repeated_hour.map(RepeatedHour::as_str),
        ":window_minutes": r.window_minutes,
        ":template": row::json_text(&r.order)?,
        ":paused": r.paused,
        ":active_since": r.active_since.as_millis(),
        ":created_at": r.created_at.as_millis(),
        ":updated_at": r.updated_at.as_millis(),
        ":version": r.version,
    })?;
    Ok(())
}

/// The recurrence of an id.
pub fn get(connection: &Connection, id: &RecurrenceId) -> Result<Option<Recurrence>> {
    let mut statement = connection.prepare_cached("select * from recurrences where id = ?1")?;
    statement.query_and_then([id.as_str()], read)?.next().transpose()
}

/// Up to `limit` recurrences after `after` by id, which is the order in which they were made.
pub fn list(connection: &Connection, after: &str, limit: usize) -> Result<Vec<Recurrence>> {
    let mut statement = connection.prepare_cached("select * from recurrences where id > ?1 order by id limit ?2")?;
    statement.query_and_then(params![after, count(limit)], read)?.collect()
}

/// Takes a recurrence away, with all that is known of its days.
pub fn delete(tx: &Transaction<'_>, id: &RecurrenceId) -> Result<()> {
    tx.prepare_cached("delete from recurrences where id = ?1")?.execute([id.as_str()])?;
    Ok(())
}

/// Up to `limit` recurrences that want to be looked at by `now`. One that was looked at later than `now` wants it too: the
/// clock was set back.
pub fn to_look_at(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<RecurrenceId>> {
    let sql = "select id from recurrences where paused = 0 and (look_at <= ?1 or looked_at > ?1) limit ?2";
    connection.prepare_cached(sql)?.query_and_then(params![now.as_millis(), count(limit)], |r| row::parse(r, "id"))?.collect()
}

/// Notes what came of a look at a recurrence, and when it wants to be looked at again; `None`: never.
pub fn looked(tx: &Transaction<'_>, id: &RecurrenceId, look: &Look, again: Option<Timestamp>) -> Result<()> {
    let sql = "update recurrences set looked_at = ?2, look_at = ?3, last_at = ?2, last_placed = ?4, last_fault = ?5 where id = ?1";
    let again = again.map(Timestamp::as_millis);
    tx.prepare_cached(sql)?.execute(params![id.as_str(), look.at.as_millis(), again, look.placed, look.fault])?;
    Ok(())
}

/// Has a recurrence looked at by `at`.
pub fn look_at(tx: &Transaction<'_>, id: &RecurrenceId, at: Timestamp) -> Result<()> {
    tx.prepare_cached("update recurrences set look_at = ?2 where id = ?1")?.execute(params![id.as_str(), at.as_millis()])?;
    Ok(())
}

/// What is known of a day.
pub fn day(connection: &Connection, id: &RecurrenceId, date: Date) -> Result<Option<Day>> {
    let sql = "select * from recurrence_slots where recurrence_id = ?1 and date = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_and_then(params![id.as_str(), date.to_string()], read_day)?.next().transpose()
}

/// Writes what became of a day.
pub fn put_day(tx: &Transaction<'_>, id: &RecurrenceId, day: &Day) -> Result<()> {
    let sql = "insert into recurrence_slots (recurrence_id, date, outcome, booking_id) values (?1, ?2, ?3, ?4)
               on conflict (recurrence_id, date) do update set outcome = excluded.outcome, booking_id = excluded.booking_id";
    let booking = day.booking.map(|b| b.to_string());
    tx.prepare_cached(sql)?.execute(params![id.as_str(), day.date.to_string(), day.outcome.as_str(), booking])?;
    Ok(())
}

/// Forgets a day, so that it is open again.
pub fn forget_day(tx: &Transaction<'_>, id: &RecurrenceId, date: Date) -> Result<()> {
    let sql = "delete from recurrence_slots where recurrence_id = ?1 and date = ?2";
    tx.prepare_cached(sql)?.execute(params![id.as_str(), date.to_string()])?;
    Ok(())
}

/// Forgets the days about which nobody had decided, so that they are asked about again.
pub fn forget_undecided(tx: &Transaction<'_>, id: &RecurrenceId) -> Result<()> {
    let sql = "delete from recurrence_slots where recurrence_id = ?1 and outcome = 'undecided'";
    tx.prepare_cached(sql)?.execute([id.as_str()])?;
    Ok(())
}

fn read(r: &Row<'_>) -> Result<Recurrence> {
    let chosen = |name: &str| r.get::<_, Option<String>>(name);
    let template = row::json_opt(r, "template")?;
    Ok(Recurrence {
        id: row::parse(r, "id")?,
        pattern: Pattern {
            rule: r.get("rule")?,
            start_date: row::parse(r, "start_date")?,
            start_time: row::parse(r, "start_time")?,
            zone: r.get("zone")?,
            missing_hour: chosen("missing_hour")?.as_deref().and_then(MissingHour::parse),
            repeated_hour: chosen("repeated_hour")?.as_deref().and_then(RepeatedHour::parse),
        },
        order: template.ok_or_else(|| Error::Corrupt("a recurrence has no order".into()))?,
        window_minutes: r.get("window_minutes")?,
        paused: r.get("paused")?,
        active_since: row::time(r, "active_since")?,
        created_at: row::time(r, "created_at")?,
        updated_at: row::time(r, "updated_at")?,
        last: row::time_opt(r, "last_at")?.map(|at| look(r, at)).transpose()?,
        version: r.get("version")?,
    })
}

fn look(r: &Row<'_>, at: Timestamp) -> Result<Look> {
    Ok(Look { at, placed: r.get::<_, Option<u32>>("last_placed")?.unwrap_or(0), fault: r.get("last_fault")? })
}

fn read_day(r: &Row<'_>) -> Result<Day> {
    let outcome: String = r.get("outcome")?;
    Ok(Day {
        date: row::parse(r, "date")?,
        outcome: Outcome::parse(&outcome).ok_or_else(|| Error::Corrupt(format!("a day has the outcome {outcome:?}")))?,
        booking: row::parse_opt(r, "booking_id")?,
    })
}
