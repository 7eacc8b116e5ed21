//! The journal: what happened, in order. Nothing else announces a change.

use super::{Error, Result, row};
use crate::model::{Actor, BookingId, Event, Kind, Timestamp, VehicleId};
use rusqlite::{Connection, Row, Transaction, params};

/// An entry to be written.
#[derive(Debug)]
pub struct NewEvent<'a> {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: Kind,
    /// Who made it happen.
    pub actor: &'a Actor,
    /// The booking it is about.
    pub booking: Option<BookingId>,
    /// The vehicle it concerns.
    pub vehicle: Option<&'a VehicleId>,
    /// The rest, one JSON object text.
    pub data: &'a str,
}

/// Writes an entry and gives its place.
pub fn append(tx: &Transaction<'_>, event: &NewEvent<'_>) -> Result<i64> {
    tx.prepare_cached("insert into journal (at, kind, actor, booking_id, vehicle_id, data) values (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(
        params![
            event.at.as_millis(),
            event.kind.as_str(),
            event.actor.to_text(),
            event.booking.map(|b| b.to_string()),
            event.vehicle.map(VehicleId::as_str),
            event.data,
        ],
    )?;
    Ok(tx.last_insert_rowid())
}

/// The place of the newest entry, 0 when there is none.
pub fn head(connection: &Connection) -> Result<i64> {
    Ok(connection.prepare_cached("select coalesce(max(seq), 0) from journal")?.query_row([], |r| r.get(0))?)
}

/// Up to `limit` entries after `cursor`, oldest first.
pub fn after(connection: &Connection, cursor: i64, limit: usize) -> Result<Vec<Event>> {
    collect(connection, "select * from journal where seq > ?1 order by seq limit ?2", params![cursor, count(limit)])
}

/// The entry at `seq`.
pub fn get(connection: &Connection, seq: i64) -> Result<Option<Event>> {
    Ok(collect(connection, "select * from journal where seq = ?1", [seq])?.pop())
}

/// Up to `limit` entries about `booking` after `cursor`, oldest first.
pub fn of_booking(connection: &Connection, booking: BookingId, cursor: i64, limit: usize) -> Result<Vec<Event>> {
    let sql = "select * from journal where booking_id = ?1 and seq > ?2 order by seq limit ?3";
    collect(connection, sql, params![booking.to_string(), cursor, count(limit)])
}

/// Up to `limit` entries that concern `vehicle` after `cursor`, oldest first.
pub fn of_vehicle(connection: &Connection, vehicle: &VehicleId, cursor: i64, limit: usize) -> Result<Vec<Event>> {
    let sql = "select * from journal where vehicle_id = ?1 and seq > ?2 order by seq limit ?3";
    collect(connection, sql, params![vehicle.as_str(), cursor, count(limit)])
}

/// Up to `limit` entries of these kinds after `cursor` from before `until`, oldest first.
pub fn of_kinds(connection: &Connection, kinds: &[Kind], until: Timestamp, cursor: i64, limit: usize) -> Result<Vec<Event>> {
    let names = kinds.iter().map(|kind| format!("'{}'", kind.as_str())).collect::<Vec<_>>().join(", ");
    let sql = format!("select * from journal where seq > ?1 and at < ?2 and kind in ({names}) order by seq limit ?3");
    collect(connection, &sql, params![cursor, until.as_millis(), count(limit)])
}

/// The kind stands in it, for an index of these alone to be of use.
const LAST_DUTY_CHANGE: &str =
    "select * from journal where vehicle_id = ?1 and kind = 'vehicle.duty_changed' and seq < ?2 order by seq desc limit 1";

/// When `vehicle` last went on or off duty without a driver who is known, before the entry at `seq`.
pub fn last_duty_change(connection: &Connection, vehicle: &VehicleId, seq: i64) -> Result<Option<Event>> {
    Ok(collect(connection, LAST_DUTY_CHANGE, params![vehicle.as_str(), seq])?.pop())
}

/// The kind stands in it, as above.
const STAFF_MESSAGES: &str =
    "select * from journal where kind = 'message.sent' and vehicle_id is null and seq < ?1 order by seq desc limit ?2";

/// Up to `limit` messages to those at the console from before the entry at `seq`, newest first.
pub fn staff_messages(connection: &Connection, seq: i64, limit: usize) -> Result<Vec<Event>> {
    collect(connection, STAFF_MESSAGES, params![seq, count(limit)])
}

/// The newest entry of a kind about `booking`.
pub fn last_of_booking(connection: &Connection, booking: BookingId, kind: Kind) -> Result<Option<Event>> {
    let sql = "select * from journal where booking_id = ?1 and kind = ?2 order by seq desc limit 1";
    Ok(collect(connection, sql, params![booking.to_string(), kind.as_str()])?.pop())
}

pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn collect(connection: &Connection, sql: &str, given: impl rusqlite::Params) -> Result<Vec<Event>> {
    connection.prepare_cached(sql)?.query_and_then(given, read)?.collect()
}

fn read(r: &Row<'_>) -> Result<Event> {
    let kind: String = r.get("kind")?;
    let actor: String = r.get("actor")?;
    Ok(Event {
        seq: r.get("seq")?,
        at: row::time(r, "at")?,
        kind: Kind::parse(&kind).ok_or_else(|| Error::Corrupt(format!("the journal holds the kind {kind:?}")))?,
        actor: actor_of(&actor),
        booking: row::parse_opt(r, "booking_id")?,
        vehicle: row::parse_opt(r, "vehicle_id")?,
        data: r.get("data")?,
    })
}

fn actor_of(text: &str) -> Actor {
    match text.split_once(':') {
        Some(("user", name)) => Actor::User(name.to_owned()),
        Some(("token", id)) => Actor::Token(id.to_owned()),
        Some(("device", id)) => Actor::Device(id.to_owned()),
        None if text == "head_office" => Actor::HeadOffice,
        _ => Actor::System,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Db;

    /// A vehicle has thousands of entries; figures ask this of each that is on duty. Of messages there are few among all that ever happened.
    #[tokio::test]
    async fn a_change_of_duty_and_messages_are_found_without_reading_all_else() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).unwrap();
        for (sql, index) in [(super::LAST_DUTY_CHANGE, "journal_duty_changes"), (super::STAFF_MESSAGES, "journal_staff_messages")] {
            let plan = db.read(move |c| {
                let sql = format!("explain query plan {sql}");
                let plan: Vec<String> = c.prepare(&sql)?.query_map((9, 9), |r| r.get("detail"))?.collect::<Result<_, _>>()?;
                Ok::<_, super::super::Error>(plan)
            });
            let plan = plan.await.unwrap();
            assert!(plan.len() == 1 && plan[0].contains(index), "{plan:?}");
        }
    }
}
