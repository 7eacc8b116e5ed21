//! The outbox: what upstream is to be told, in order. Triggers fill it (migration 14), so no writer can forget it.

use super::{Error, Result, audit, journal};
use crate::model::{Event, Lane, Timestamp};
use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Connection, OptionalExtension, Transaction, params_from_iter};
use serde_json::{Map, Number, Value};

/// The tables that people decide over, with their keys: each after those that it refers to.
pub const TABLES: &[(&str, &[&str])] = &[
    ("users", &["name"]),
    ("vehicles", &["id"]),
    ("devices", &["id"]),
    ("tokens", &["id"]),
    ("drivers", &["number"]),
    ("bookings", &["number"]),
    ("offers", &["id"]),
    ("shifts", &["number"]),
    ("duties", &["number"]),
    ("breaks", &["number"]),
    ("recurrences", &["id"]),
    ("recurrence_slots", &["recurrence_id", "date"]),
    ("schedules", &["id"]),
    ("daily_reports", &["day"]),
    ("settings_from_above", &["key"]),
    ("settings_overrides", &["key"]),
    ("orders", &["number"]),
    ("tariffs", &["version"]),
    ("documents", &["kind", "id"]),
    ("bills", &["booking_id"]),
];

/// Columns that change without anybody's decision; upstream is not told of them.
const OWN: &[(&str, &str)] = &[("tokens", "used_at"), ("schedules", "dealt_until")];
/// Columns that let somebody in: hashes of secrets.
pub const CREDENTIALS: &[(&str, &str)] = &[("users", "password_hash"), ("devices", "secret_hash"), ("tokens", "hash")];

/// What an entry of the outbox stands for, as it is now.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// An entry of the journal.
    Event(Event),
    /// An entry of the audit record.
    Audit {
        /// The entry.
        entry: audit::Entry,
        /// The hash of the one before.
        previous: String,
        /// Its own.
        hash: String,
    },
    /// What a dispatch round said about a booking.
    Round {
        /// Its number.
        round: i64,
        /// Which booking.
        booking: String,
        /// When.
        at: Timestamp,
        /// The record, one JSON object text.
        record: String,
    },
    /// A row of [`TABLES`] as it is now; without columns when it was deleted.
    Row {
        /// Its table.
        table: &'static str,
        /// Its key.
        key: Vec<Value>,
        /// Its columns.
        columns: Option<Map<String, Value>>,
    },
    /// Retention took it before it was sent.
    Gone {
        /// With everything of its lane and epoch from this number on, where it stands for several.
        first: Option<i64>,
        /// So many records.
        records: u64,
    },
}

impl Change {
    /// A record that is gone, by itself.
    const GONE: Self = Self::Gone { first: None, records: 1 };
}

/// The number that the lane `lane` has in the table.
fn number(lane: Lane) -> i64 {
    i64::from(lane != Lane::Bookings)
}

/// While this is held, all reads of the connection see one state.
pub fn snapshot(connection: &Connection) -> Result<Transaction<'_>> {
    Ok(connection.unchecked_transaction()?)
}

/// The last number given out, 0 when there is none.
pub fn head(connection: &Connection) -> Result<i64> {
    let sql = "select seq from sqlite_sequence where name = 'outbox'";
    Ok(connection.prepare_cached(sql)?.query_row([], |r| r.get(0)).optional()?.unwrap_or(0))
}

/// How many entries of `lane` are behind `after`, and when the oldest of them that has a time was made.
pub fn backlog(connection: &Connection, lane: Lane, after: i64) -> Result<(u64, Option<Timestamp>)> {
    let count: i64 = connection
        .prepare_cached("select count(*) from outbox where lane = ?1 and seq > ?2")?
        .query_row([number(lane), after], |r| r.get(0))?;
    let sql = "select at from outbox join journal on journal.seq = json_extract(key, '$[0]')
               where lane = ?1 and outbox.seq > ?2 and source = 'journal' order by outbox.seq limit 1";
    let oldest = connection.prepare_cached(sql)?.query_row([number(lane), after], |r| r.get(0)).optional()?;
    Ok((count.cast_unsigned(), oldest.map(Timestamp::from_millis)))
}

/// Up to `limit` entries of `lane` after `after`, in order.
pub fn after(connection: &Connection, lane: Lane, after: i64, limit: usize) -> Result<Vec<(i64, Change)>> {
    entries(connection, "select seq, source, key from outbox where lane = ?1 and seq > ?2 order by seq limit ?3", lane, after, limit)
}

/// The same of records that are never changed: no rows.
pub fn records_after(connection: &Connection, lane: Lane, after: i64, limit: usize) -> Result<Vec<(i64, Change)>> {
    let sql = "select seq, source, key from outbox where lane = ?1 and seq > ?2 and source in ('journal', 'audit', 'rounds') order by seq limit ?3";
    entries(connection, sql, lane, after, limit)
}

fn entries(connection: &Connection, sql: &str, lane: Lane, after: i64, limit: usize) -> Result<Vec<(i64, Change)>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([number(lane), after, journal::count(limit)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (seq, source, key): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        found.push((seq, change(connection, &source, &key)?));
    }
    Ok(found)
}

fn change(connection: &Connection, source: &str, key: &str) -> Result<Change> {
    let key: Vec<Value> = serde_json::from_str(key).map_err(|e| Error::Corrupt(format!("the outbox holds the key {key:?}: {e}")))?;
    let place = || key.first().and_then(Value::as_i64).ok_or_else(|| Error::Corrupt(format!("the outbox holds {source} {key:?}")));
    match source {
        "journal" => Ok(journal::get(connection, place()?)?.map_or(Change::GONE, Change::Event)),
        "audit" => {
            Ok(audit::get(connection, place()?)?.map_or(Change::GONE, |(entry, previous, hash)| Change::Audit { entry, previous, hash }))
        }
        "rounds" => {
            let number = |at: usize| key.get(at).and_then(Value::as_i64);
            let gone = || Change::Gone { first: number(1), records: number(2).map_or(1, i64::unsigned_abs) };
            Ok(round(connection, place()?)?.unwrap_or_else(gone))
        }
        _ => {
            let (table, names) = key_of(source).ok_or_else(|| Error::Corrupt(format!("the outbox holds rows of {source:?}")))?;
            let columns = row(connection, table, names, &key)?;
            Ok(Change::Row { table, key, columns })
        }
    }
}

fn round(connection: &Connection, number: i64) -> Result<Option<Change>> {
    Ok(connection
        .prepare_cached("select booking_id, at, record from rounds where seq = ?1")?
        .query_row([number], |r| {
            Ok(Change::Round { round: number, booking: r.get(0)?, at: Timestamp::from_millis(r.get(1)?), record: r.get(2)? })
        })
        .optional()?)
}

/// The row of `table` whose columns `names` are `key`.
pub fn row(connection: &Connection, table: &str, names: &[&str], key: &[Value]) -> Result<Option<Map<String, Value>>> {
    let wanted: Vec<String> = names.iter().map(|name| format!("{name} = ?")).collect();
    let mut statement = connection.prepare_cached(&format!("select * from {table} where {}", wanted.join(" and ")))?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query(params_from_iter(key.iter().map(cell)))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut map = Map::new();
    for (at, name) in columns.into_iter().enumerate() {
        map.insert(name, value(row.get_ref(at)?)?);
    }
    Ok(Some(map))
}

/// `columns` of `table` without what is the depot's own, and unless `credentials`, without those that let somebody in.
pub fn redact(table: &str, columns: &mut Map<String, Value>, credentials: bool) {
    let secret = CREDENTIALS.iter().filter(|_| !credentials);
    for (_, column) in OWN.iter().chain(secret).filter(|(of, _)| *of == table) {
        columns.remove(*column);
    }
}

/// The names of the key of `table`, when it is one of [`TABLES`].
pub fn key_of(table: &str) -> Option<(&'static str, &'static [&'static str])> {
    TABLES.iter().find(|(known, _)| *known == table).copied()
}

pub(super) fn value(cell: ValueRef<'_>) -> Result<Value> {
    Ok(match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => n.into(),
        ValueRef::Real(x) => Number::from_f64(x).map_or(Value::Null, Value::Number),
        ValueRef::Text(_) => cell.as_str().map_err(|e| Error::Corrupt(e.to_string()))?.into(),
        ValueRef::Blob(_) => return Err(Error::Corrupt("a row for upstream holds bytes".into())),
    })
}

pub(super) fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(b) => Cell::Integer(i64::from(*b)),
        Value::Number(n) => n.as_i64().map_or_else(|| Cell::Real(n.as_f64().unwrap_or_default()), Cell::Integer),
        Value::String(text) => Cell::Text(text.clone()),
        other => Cell::Text(other.to_string()),
    }
}

/// Hands the rows of `table` whose key, as a JSON text, is behind `after` and not behind `upto` to `each`, in order of the key's bytes: the
/// key, the columns, and the number of the latest change.
pub fn rows_of(
    connection: &Connection,
    table: &str,
    (after, upto): (&str, Option<&str>),
    mut each: impl FnMut(&str, Map<String, Value>, i64),
) -> Result<()> {
    let (table, names) = key_of(table).ok_or_else(|| Error::Corrupt(format!("there is no table {table:?}")))?;
    let key = format!("json_array({})", names.iter().map(|name| format!("{table}.{name}")).collect::<Vec<_>>().join(", "));
    let sql = format!(
        "select {key}, ifnull(outbox.seq, 0), {table}.* from {table} left join outbox on outbox.source = '{table}' and outbox.key = {key}
         where {key} > ?1 and (?2 is null or {key} <= ?2) order by 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let columns: Vec<String> = statement.column_names().skip(2).map(str::to_owned).collect();
    let mut rows = statement.query((after, upto))?;
    while let Some(row) = rows.next()? {
        let mut map = Map::new();
        for (name, at) in columns.iter().zip(2..) {
            map.insert(name.clone(), value(row.get_ref(at)?)?);
        }
        each(&row.get::<_, String>(0)?, map, row.get(1)?);
    }
    Ok(())
}

/// Numbers from `from_seq` on belong to this epoch, until the next begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Random, made when the database was, and at each restore.
    pub epoch: String,
    /// Its first number.
    pub from_seq: i64,
}

/// The epochs that the database went through, oldest first.
pub fn epochs(connection: &Connection) -> Result<Vec<Epoch>> {
    let mut statement = connection.prepare_cached("select epoch, from_seq from epochs order by number")?;
    let found = statement.query_map([], |r| Ok(Epoch { epoch: r.get(0)?, from_seq: r.get(1)? }))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// What a row cannot be without and upstream may not have been told, with what stands in for it when the row is new: secrets in Argon2's
/// form, so that they are read as any other, but nobody knows one that gives this; and slots that were not dealt with yet.
const STAND_INS: &[(&str, &str, &str)] = &[
    ("users", "password_hash", NO_SECRET),
    ("devices", "secret_hash", NO_SECRET),
    ("tokens", "hash", NO_SECRET),
    ("schedules", "dealt_until", "0"),
];
const NO_SECRET: &str = "$argon2id$v=19$m=8,t=1,p=1$bm8gc2VjcmV0IGtub3du$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Writes a row that upstream kept into `table`: adds it, or changes the one of its key. Columns that it does not name stay.
pub fn put_back(tx: &Connection, table: &str, columns: &Map<String, Value>) -> Result<()> {
    let plain = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let known = key_of(table).filter(|_| !columns.is_empty() && columns.keys().all(|name| plain(name)));
    let (table, key) = known.ok_or_else(|| Error::Corrupt(format!("upstream keeps a row of {table:?} that no depot has")))?;
    let sets: Vec<String> =
        columns.keys().filter(|name| !key.contains(&name.as_str())).map(|name| format!("{name} = excluded.{name}")).collect();
    let change = if sets.is_empty() { "nothing".to_owned() } else { format!("update set {}", sets.join(", ")) };
    let (mut names, mut values): (Vec<&str>, Vec<Cell>) = columns.iter().map(|(name, value)| (name.as_str(), cell(value))).unzip();
    for (_, name, value) in STAND_INS.iter().filter(|(of, name, _)| *of == table && !columns.contains_key(*name)) {
        names.push(name);
        values.push(Cell::Text((*value).to_owned()));
    }
    let marks = vec!["?"; names.len()].join(", ");
    let sql = format!("insert into {table} ({}) values ({marks}) on conflict ({}) do {change}", names.join(", "), key.join(", "));
    tx.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}

/// Takes the row of `key` out of `table`.
pub fn take_out(tx: &Connection, table: &str, key: &[Value]) -> Result<()> {
    let (table, names) = key_of(table).ok_or_else(|| Error::Corrupt(format!("there is no table {table:?}")))?;
    let wanted: Vec<String> = names.iter().map(|name| format!("{name} = ?")).collect();
    let sql = format!("delete from {table} where {}", wanted.join(" and "));
    tx.prepare_cached(&sql)?.execute(params_from_iter(key.iter().map(cell)))?;
    Ok(())
}

/// The number of the latest change of a row; 0 when there was none.
pub fn changed_at(connection: &Connection, table: &str, key: &[Value]) -> Result<i64> {
    let sql = "select seq from outbox where source = ?1 and key = ?2";
    let key = Value::from(key).to_string();
    Ok(connection.prepare_cached(sql)?.query_row([table, &key], |r| r.get(0)).optional()?.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Actor, Kind};
    use crate::store::Db;
    use std::collections::BTreeSet;

    fn tell(tx: &Transaction<'_>) -> Result<()> {
        let event = journal::NewEvent {
            at: Timestamp::from_millis(5),
            kind: Kind::AccessChanged,
            actor: &Actor::System,
            booking: None,
            vehicle: None,
            data: "{}",
        };
        journal::append(tx, &event)?;
        audit::append(tx, event.at, event.actor, "user.add", "ana", "{}")
    }

    #[test]
    fn a_row_is_told_once_with_its_latest_state_and_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).unwrap();
        let run = |sql: &'static str| db.write_blocking(move |tx| tx.execute(sql, []).map_err(Error::from)).unwrap();
        run("insert into users (name, role, password_hash, created_at) values ('ana', 'viewer', 'h', 1)");
        run("update users set role = 'admin'");
        db.write_blocking(tell).unwrap();
        let all = |after: i64| db.read_blocking(|c| super::after(c, Lane::Bookings, after, 100)).unwrap();
        let found = all(0);
        assert_eq!(found.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [2, 3, 4]);
        let Change::Row { table: "users", key, columns: Some(columns) } = &found[0].1 else { panic!("{found:?}") };
        assert_eq!((key[0].as_str(), columns["role"].as_str()), (Some("ana"), Some("admin")));
        let mut open = columns.clone();
        redact("users", &mut open, false);
        assert!(columns.contains_key("password_hash") && !open.contains_key("password_hash"));
        run("delete from users");
        let rest = all(4);
        assert!(matches!(&rest[..], [(5, Change::Row { columns: None, .. })]), "{rest:?}");
        assert_eq!(db.read_blocking(|c| backlog(c, Lane::Bookings, 2)).unwrap(), (3, Some(Timestamp::from_millis(5))));
    }

    #[test]
    fn every_table_has_its_triggers_and_every_reference_points_backwards() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).unwrap();
        db.read_blocking(|c| -> Result<()> {
            let mut seen = BTreeSet::new();
            for (table, key) in TABLES {
                let count: i64 = c.query_row(
                    "select count(*) from sqlite_schema where type = 'trigger' and tbl_name = ?1 and name like 'outbox%'",
                    [table],
                    |r| r.get(0),
                )?;
                assert_eq!(count, 3, "{table}");
                let primary: BTreeSet<String> = c
                    .prepare("select name from pragma_table_info(?1) where pk > 0")?
                    .query_map([table], |r| r.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                assert_eq!(primary, key.iter().map(|&k| k.to_owned()).collect(), "{table}");
                let referred: Vec<String> = c
                    .prepare("select \"table\" from pragma_foreign_key_list(?1)")?
                    .query_map([table], |r| r.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                assert!(referred.iter().all(|r| seen.contains(r.as_str())), "{table} refers to {referred:?}");
                seen.insert(*table);
            }
            Ok(())
        })
        .unwrap();
    }
}
