//! A depot that was restored from a backup learns again what head office was told since the backup was made.
//!
//! Each row that came that way is put back, unless the depot itself has changed or given out that row since then: then the depot's own
//! stays, and what head office had is written beside it. A booking is never lost: one whose number was given out again gets a new one.

use super::{Error, Result, journal, outbox};
use crate::model::{Actor, BookingId, Kind, Timestamp, VehicleId};
use rusqlite::{Connection, OptionalExtension, Transaction};
use serde_json::{Map, Value, json};

/// Says in `meta` that the epoch was begun by a restore.
const MARK: &str = "restored";

/// A row as upstream has it.
#[derive(Debug)]
pub struct Kept<'a> {
    /// Its table.
    pub table: &'a str,
    /// Its key.
    pub key: &'a [Value],
    /// Its columns; `None` when it was deleted.
    pub columns: Option<&'a Map<String, Value>>,
    /// The epoch and number under which it was told.
    pub told: (&'a str, i64),
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The depot has it already.
    Same,
    /// It is as upstream had it.
    PutBack,
    /// It has a new number: its own was given out again.
    Renumbered,
    /// It is back, but its vehicle has another job: somebody must decide.
    PutAside,
    /// The depot's own stays.
    OwnKept,
    /// Nothing yet: a booking that may need a new number waits until those that keep theirs are back.
    Deferred,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::PutBack => "put_back",
            Self::Renumbered => "renumbered",
            Self::PutAside => "put_aside",
            Self::OwnKept => "own_kept",
            Self::Deferred => "deferred",
        }
    }
}

/// Writes that the present epoch was begun by a restore.
pub(super) fn mark(connection: &Connection) -> Result<()> {
    let sql = "insert or replace into meta (key, value) select ?1, value from meta where key = 'epoch'";
    connection.execute(sql, [MARK])?;
    Ok(())
}

fn meta(connection: &Connection, key: &str) -> Result<Option<String>> {
    Ok(connection.prepare_cached("select value from meta where key = ?1")?.query_row([key], |r| r.get(0)).optional()?)
}

/// Is there a restore of which `sink` was not asked yet?
pub fn is_due(connection: &Connection, sink: &str) -> Result<bool> {
    let restored = meta(connection, MARK)?;
    Ok(restored.is_some() && restored != meta(connection, &format!("relearned:{sink}"))?)
}

/// `sink` was asked, and all of it is written.
pub fn done(tx: &Transaction<'_>, sink: &str) -> Result<()> {
    let sql = "insert or replace into meta (key, value) select ?1, value from meta where key = ?2";
    tx.execute(sql, [&format!("relearned:{sink}"), MARK])?;
    Ok(())
}

/// Learns one row; numbers up to `agreed` are known to both. Unless `at_last`, bookings whose number is taken are deferred.
pub fn learn(tx: &Transaction<'_>, kept: &Kept<'_>, agreed: i64, at_last: bool, now: Timestamp) -> Result<Outcome> {
    let (table, names) = outbox::key_of(kept.table).ok_or_else(|| Error::Corrupt(format!("there is no table {:?}", kept.table)))?;
    let own = outbox::row(tx, table, names, kept.key)?;
    if is_same(own.as_ref(), kept.columns) {
        return Ok(Outcome::Same);
    }
    let is_own_newer = outbox::changed_at(tx, table, kept.key)? > agreed;
    let (outcome, why) = match (kept.columns, is_own_newer) {
        (Some(_), true) if table == "bookings" && !at_last => return Ok(Outcome::Deferred),
        (Some(columns), true) if table == "bookings" => renumber(tx, columns)?,
        (_, true) => (Outcome::OwnKept, Some("changed here since".to_owned())),
        (Some(columns), false) => put_back(tx, table, columns)?,
        (None, false) => attempt(tx, || outbox::take_out(tx, table, kept.key))?,
    };
    if outcome != Outcome::Same {
        tell(tx, kept, own.as_ref(), (outcome, why), now)?;
    }
    Ok(outcome)
}

/// Does `own` say what `theirs` says, where that says anything?
fn is_same(own: Option<&Map<String, Value>>, theirs: Option<&Map<String, Value>>) -> bool {
    match (own, theirs) {
        (None, None) => true,
        (Some(own), Some(theirs)) => theirs.iter().all(|(name, value)| own.get(name) == Some(value)),
        _ => false,
    }
}

/// Does `work`, or leaves nothing of it when a constraint stands against it; says which.
fn attempt(tx: &Transaction<'_>, work: impl FnOnce() -> Result<()>) -> Result<(Outcome, Option<String>)> {
    tx.execute_batch("savepoint relearn")?;
    match work() {
        Ok(()) => {
            tx.execute_batch("release relearn")?;
            Ok((Outcome::PutBack, None))
        }
        Err(error) if stands_against(&error) => {
            tx.execute_batch("rollback to relearn; release relearn")?;
            Ok((Outcome::OwnKept, Some(error.to_string())))
        }
        Err(error) => Err(error),
    }
}

/// Is it the row that is at fault, and would be again?
fn stands_against(error: &Error) -> bool {
    use rusqlite::ErrorCode::{ConstraintViolation, TooBig, TypeMismatch, Unknown};
    match error {
        Error::Sqlite(fault) => matches!(fault.sqlite_error_code(), None | Some(ConstraintViolation | TooBig | TypeMismatch | Unknown)),
        Error::Corrupt(_) => true,
        _ => false,
    }
}

fn put_back(tx: &Transaction<'_>, table: &str, columns: &Map<String, Value>) -> Result<(Outcome, Option<String>)> {
    let done = attempt(tx, || outbox::put_back(tx, table, columns))?;
    if done.0 == Outcome::PutBack || table != "bookings" {
        return Ok(done);
    }
    // Its vehicle has got another job. The booking must not be lost: it waits, and dispatch keeps its hands off.
    let mut aside = columns.clone();
    aside.insert("status".to_owned(), "waiting".into());
    aside.insert("vehicle_id".to_owned(), Value::Null);
    aside.insert("locked".to_owned(), 1.into());
    let again = attempt(tx, || outbox::put_back(tx, table, &aside))?;
    Ok(if again.0 == Outcome::PutBack { (Outcome::PutAside, done.1) } else { done })
}

/// A booking whose number the depot has given out again, or that both changed.
fn renumber(tx: &Transaction<'_>, columns: &Map<String, Value>) -> Result<(Outcome, Option<String>)> {
    let id = columns.get("id").and_then(Value::as_str).unwrap_or_default();
    let sql = "select count(*) from bookings where id = ?1";
    if tx.prepare_cached(sql)?.query_row([id], |r| r.get::<_, i64>(0))? > 0 {
        return Ok((Outcome::OwnKept, Some("changed here since".to_owned())));
    }
    let mut anew = columns.clone();
    let next = "select 1 + max(ifnull((select max(number) from bookings), 0), ifnull((select seq from sqlite_sequence where name = 'bookings'), 0))";
    let number: i64 = tx.prepare_cached(next)?.query_row([], |r| r.get(0))?;
    anew.insert("number".to_owned(), number.into());
    let (outcome, why) = put_back(tx, "bookings", &anew)?;
    Ok((if outcome == Outcome::PutBack { Outcome::Renumbered } else { outcome }, why))
}

/// Writes into the journal what became of a row; the entry names whom it concerns, so that everybody looks there.
fn tell(
    tx: &Transaction<'_>,
    kept: &Kept<'_>,
    own: Option<&Map<String, Value>>,
    (outcome, why): (Outcome, Option<String>),
    now: Timestamp,
) -> Result<()> {
    let text = |row: Option<&Map<String, Value>>, name: &str| row.and_then(|row| row.get(name)?.as_str().map(str::to_owned));
    let is_booking = kept.table == "bookings";
    let booking: Option<BookingId> = text(kept.columns.or(own), "id").filter(|_| is_booking).and_then(|id| id.parse().ok());
    let mut theirs = kept.columns.cloned();
    if let Some(columns) = &mut theirs {
        outbox::redact(kept.table, columns, false);
    }
    let data = json!({"relearned": {
        "table": kept.table, "key": kept.key, "outcome": outcome.as_str(), "why": why,
        "epoch": kept.told.0, "seq": kept.told.1, "head_office": theirs,
    }});
    let data = data.to_string();
    let vehicle = |row| text(row, if kept.table == "vehicles" { "id" } else { "vehicle_id" }).and_then(|id| VehicleId::new(&id).ok());
    let mut concerned = vec![vehicle(own), vehicle(kept.columns)];
    concerned.sort();
    concerned.dedup();
    if concerned.len() > 1 {
        concerned.retain(Option::is_some);
    }
    for vehicle in concerned {
        let (kind, vehicle) = (kind_of(kept.table), vehicle.as_ref());
        journal::append(tx, &journal::NewEvent { at: now, kind, actor: &Actor::System, booking, vehicle, data: &data })?;
    }
    Ok(())
}

fn kind_of(table: &str) -> Kind {
    match table {
        "bookings" => Kind::BookingRelearned,
        "vehicles" => Kind::VehicleChanged,
        "devices" => Kind::DeviceChanged,
        "drivers" | "shifts" => Kind::DriverChanged,
        "duties" | "breaks" | "offers" => Kind::VehicleDutyChanged,
        "recurrences" | "recurrence_slots" => Kind::RecurrenceChanged,
        "schedules" => Kind::ScheduleChanged,
        "daily_reports" => Kind::ReportMade,
        "tariffs" | "documents" | "bills" => Kind::TariffChanged,
        _ => Kind::AccessChanged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Db;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn booking(number: u8, status: &str) -> Map<String, Value> {
        let id = BookingId::generate(NOW, [number; 10]).to_string();
        object(&json!({
            "number": number, "id": id, "status": status, "vehicle_id": "v1", "pickup_lat": 42.5, "pickup_lon": 1.5, "dropoff_lat": 42.6,
            "dropoff_lon": 1.5, "pickup_at": 1, "skills": "[]", "price_minor": 900, "currency": "EUR", "distance_m": 1, "duration_s": 1,
            "created_at": 1, "updated_at": 1, "version": 3,
        }))
    }

    fn before(tx: &Transaction<'_>) -> Result<i64> {
        let vehicle = json!({"id": "v1", "class": "van", "skills": "[]", "on_duty": 1, "created_at": 1});
        outbox::put_back(tx, "vehicles", &object(&vehicle))?;
        outbox::put_back(tx, "bookings", &booking(1, "assigned"))?;
        let user = json!({"name": "ana", "role": "viewer", "password_hash": "h", "created_at": 1});
        outbox::put_back(tx, "users", &object(&user))?;
        outbox::put_back(tx, "daily_reports", &object(&json!({"day": "2026-05-30", "made_at": 1, "report": "{}"})))?;
        outbox::head(tx)
    }

    #[test]
    fn rows_come_back_around_what_stands_against_them() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).unwrap();
        let agreed = db.write_blocking(before).unwrap();
        let learned = move |table: &'static str, key: Value, columns: Option<Map<String, Value>>| {
            let work = move |tx: &Transaction<'_>| {
                let kept = Kept { table, key: &[key], columns: columns.as_ref(), told: ("a", 7) };
                learn(tx, &kept, agreed, true, NOW)
            };
            db.write_blocking(work)
        };
        let text = |sql: &'static str| {
            Db::open(dir.path()).unwrap().read_blocking(|c| Ok::<String, Error>(c.query_row(sql, [], |r| r.get(0))?)).unwrap()
        };
        assert_eq!(learned("bookings", 1.into(), Some(booking(1, "assigned"))).unwrap(), Outcome::Same);
        assert_eq!(learned("bookings", 2.into(), Some(booking(2, "assigned"))).unwrap(), Outcome::PutAside, "v1 has a job");
        assert_eq!(text("select status || locked || ifnull(vehicle_id, '-') from bookings where number = 2"), "waiting1-");
        let user = object(&json!({"name": "ana", "role": "admin", "created_at": 1}));
        assert_eq!(learned("users", "ana".into(), Some(user)).unwrap(), Outcome::PutBack);
        assert_eq!(text("select role || password_hash from users"), "adminh");
        assert_eq!(learned("daily_reports", "2026-05-30".into(), None).unwrap(), Outcome::PutBack);
        assert_eq!(text("select count(*) || '' from daily_reports"), "0");
        let strange = object(&json!({"id": "x", "no_such_column": 1}));
        assert_eq!(learned("vehicles", "x".into(), Some(strange)).unwrap(), Outcome::OwnKept);
        assert!(learned("meta", "epoch".into(), None).is_err());
        assert_eq!(
            text("select group_concat(json_extract(data, '$.relearned.outcome'), ' ') from journal"),
            "put_aside put_back put_back own_kept"
        );
    }
}
