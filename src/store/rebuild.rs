//! An ops.db made anew from what upstream kept: its journal, its audit record and its rows, under the numbers that they had.

use super::{Error, Result, audit, migrate, outbox, relearn, schedules};
use crate::model::{Actor, Timestamp, VehicleId};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};
use std::path::Path;

/// A stretch of numbers that belong to an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The epoch.
    pub epoch: String,
    /// Its first number.
    pub from: i64,
    /// Its last number.
    pub through: i64,
}

/// What was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Built {
    /// Journal entries.
    pub events: u64,
    /// Audit entries.
    pub audit: u64,
    /// Rows.
    pub rows: u64,
    /// Rows that others refer to and that upstream was not told: stand-ins were made, or what refers to them left out.
    pub mended: Vec<String>,
    /// The first entry at which the audit record's chain does not hold.
    pub broken_chain: Option<i64>,
    /// Users, devices and tokens of which upstream was not told the secret.
    pub without_secret: Vec<String>,
}

/// A database in the making; [`Rebuild::finish`] makes it a whole one.
pub struct Rebuild {
    connection: Connection,
    triggers: Vec<String>,
    story: Vec<Stretch>,
    /// Rows that were told under a number that a restore took back: they are told again.
    again: Vec<(String, String)>,
    built: Built,
}

fn text(columns: &Map<String, Value>, name: &str) -> String {
    columns.get(name).map_or_else(String::new, |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// A device or token that was revoked, or a user who was disabled: nobody needs its secret again.
fn is_out(columns: &Map<String, Value>) -> bool {
    columns.get("revoked_at").is_some_and(|at| !at.is_null()) || columns.get("disabled").and_then(Value::as_i64) == Some(1)
}

impl Rebuild {
    /// Begins one in `file`, which must not exist.
    pub fn begin(file: &Path) -> Result<Self> {
        let mut connection = Connection::open(file)?;
        // Until it is whole nobody uses it, so nothing of it needs to be safe on the way.
        connection.execute_batch("pragma journal_mode = memory; pragma synchronous = off; pragma foreign_keys = off;")?;
        migrate::run(&mut connection, file)?;
        // What comes back is not new: the outbox gets the numbers that upstream knows it by.
        let named: Vec<(String, String)> = connection
            .prepare("select name, sql from sqlite_schema where type = 'trigger' and name like 'outbox@_%' escape '@'")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        connection.execute_batch("begin immediate")?;
        for (name, _) in &named {
            connection.execute_batch(&format!("drop trigger {name}"))?;
        }
        connection.execute_batch("delete from outbox; delete from epochs;")?;
        let triggers = named.into_iter().map(|(_, sql)| sql).collect();
        Ok(Self { connection, triggers, story: Vec::new(), again: Vec::new(), built: Built::default() })
    }

    /// The next epoch that the depot went through.
    pub fn epoch(&mut self, stretch: Stretch) -> Result<()> {
        if !self.story.iter().any(|known| known.epoch == stretch.epoch) {
            self.connection.execute("insert into epochs (epoch, from_seq) values (?1, ?2)", params![stretch.epoch, stretch.from])?;
            self.story.push(stretch);
        }
        Ok(())
    }

    /// A journal entry, told under number `seq`: its place, time, kind, actor, booking, vehicle and data.
    #[expect(clippy::too_many_arguments, reason = "the columns of the journal")]
    pub fn event(
        &mut self,
        seq: i64,
        place: i64,
        at: Timestamp,
        kind: &str,
        actor: &str,
        booking: Option<&str>,
        vehicle: Option<&str>,
        data: &str,
    ) -> Result<()> {
        let sql = "insert into journal (seq, at, kind, actor, booking_id, vehicle_id, data) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.connection.prepare_cached(sql)?.execute(params![place, at.as_millis(), kind, actor, booking, vehicle, data])?;
        let sql = "insert into outbox (seq, lane, source, key)
                   values (?1, case when ?2 in ('booking.late', 'booking.on_time', 'booking.reminder', 'vehicle.advised') then 1 else 0 end,
                   'journal', json_array(?3))";
        self.connection.prepare_cached(sql)?.execute(params![seq, kind, place])?;
        self.built.events += 1;
        Ok(())
    }

    /// An audit entry, told under number `seq`.
    pub fn audit(&mut self, seq: i64, entry: &audit::Entry, previous: &str, hash: &str) -> Result<()> {
        let audit::Entry { seq: place, at, actor, action, object, detail } = entry;
        let sql = "insert into audit (seq, at, actor, action, object, detail, previous, hash) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.connection.prepare_cached(sql)?.execute(params![place, at.as_millis(), actor, action, object, detail, previous, hash])?;
        let sql = "insert into outbox (seq, lane, source, key) values (?1, 0, 'audit', json_array(?2))";
        self.connection.prepare_cached(sql)?.execute([seq, *place])?;
        self.built.audit += 1;
        Ok(())
    }

    /// A row of `table`, told under number `seq` of `epoch`; without columns when it was deleted.
    pub fn row(&mut self, epoch: &str, seq: i64, table: &str, key: &[Value], columns: Option<&Map<String, Value>>) -> Result<()> {
        if let Some(columns) = columns {
            let secret = outbox::CREDENTIALS.iter().find(|(of, _)| *of == table);
            if secret.is_some_and(|(_, column)| !columns.contains_key(*column)) && !is_out(columns) {
                let named = if table == "users" { text(columns, "name") } else { text(columns, "id") };
                self.built.without_secret.push(format!("{} {named}", table.trim_end_matches('s')));
            }
            outbox::put_back(&self.connection, table, columns)?;
            self.built.rows += 1;
        } else if let Some(number) = key.first().and_then(Value::as_i64) {
            // A number that was given out once is not given out again.
            let sql = "update sqlite_sequence set seq = max(seq, ?2) where name = ?1";
            if self.connection.execute(sql, params![table, number])? == 0 {
                let sql = "insert into sqlite_sequence (name, seq) select ?1, ?2 where exists
                           (select 1 from sqlite_schema where name = ?1 and sql like '%autoincrement%')";
                self.connection.execute(sql, params![table, number])?;
            }
        }
        let key = Value::from(key).to_string();
        if self.story.iter().any(|known| known.epoch == epoch && (known.from..=known.through).contains(&seq)) {
            let sql = "insert into outbox (seq, lane, source, key) values (?1, 0, ?2, ?3)";
            self.connection.prepare_cached(sql)?.execute(params![seq, table, key])?;
        } else {
            self.again.push((table.to_owned(), key));
        }
        Ok(())
    }

    /// Makes it whole: an epoch of its own, triggers, references, and an entry in the audit record that says where it came from.
    pub fn finish(mut self, from: &str, now: Timestamp) -> Result<Built> {
        let head = self.story.iter().map(|known| known.through).max().unwrap_or(0);
        self.connection.execute("delete from sqlite_sequence where name = 'outbox'", [])?;
        self.connection.execute("insert into sqlite_sequence (name, seq) values ('outbox', ?1)", [head])?;
        migrate::mint_epoch(&self.connection)?;
        // The old box may have sent something meanwhile.
        relearn::mark(&self.connection)?;
        for (table, key) in &self.again {
            self.connection.execute("insert into outbox (lane, source, key) values (0, ?1, ?2)", [table, key])?;
        }
        for trigger in &self.triggers {
            self.connection.execute_batch(trigger)?;
        }
        self.connection.execute("update schedules set dealt_until = ?1", [now.as_millis()])?;
        self.mend(now)?;
        self.built.broken_chain = audit::verify(&self.connection)?.err();
        self.connection.execute_batch("commit")?;
        let tx = self.connection.transaction()?;
        let detail = serde_json::json!({"events": self.built.events, "audit": self.built.audit, "rows": self.built.rows}).to_string();
        audit::append(&tx, now, &Actor::User("operator".into()), "depot.rebuild", from, &detail)?;
        // Else the start would add those of a new depot.
        if tx.query_row("select exists (select 1 from outbox where source = 'schedules')", [], |r| r.get(0))? {
            schedules::mark_filled(&tx)?;
        }
        tx.commit()?;
        self.connection.execute_batch("pragma journal_mode = delete; pragma optimize;")?;
        Ok(self.built)
    }

    /// Upstream may have been told of a row and not yet of one that it refers to.
    fn mend(&mut self, now: Timestamp) -> Result<()> {
        loop {
            let fault = self
                .connection
                .query_row("select \"table\", rowid, parent from pragma_foreign_key_check limit 1", [], |r| {
                    Ok((r.get::<_, String>(0)?, r.get::<_, Option<i64>>(1)?, r.get::<_, String>(2)?))
                })
                .optional()?;
            let Some((table, rowid, parent)) = fault else { return Ok(()) };
            let what = match (parent.as_str(), table.as_str(), rowid) {
                ("vehicles", _, Some(rowid)) => {
                    let sql = format!("select vehicle_id from {table} where rowid = ?1");
                    let id: String = self.connection.query_row(&sql, [rowid], |r| r.get(0))?;
                    VehicleId::new(&id).map_err(|e| Error::Corrupt(format!("upstream keeps the vehicle {id:?}: {e}")))?;
                    let sql = "insert into vehicles (id, class, skills, on_duty, created_at) values (?1, 'van', '[]', 0, ?2)";
                    self.connection.execute(sql, params![id, now.as_millis()])?;
                    format!("vehicle {id} has stand-in data")
                }
                (_, "drivers", Some(rowid)) => {
                    self.connection.execute("update drivers set user = null where rowid = ?1", [rowid])?;
                    format!("driver {rowid} has no user any more")
                }
                (_, _, Some(rowid)) => {
                    self.connection.execute(&format!("delete from {table} where rowid = ?1"), [rowid])?;
                    format!("{table} {rowid} is left out: it refers to {parent} that are not known")
                }
                _ => {
                    let sql = "delete from recurrence_slots where recurrence_id not in (select id from recurrences)";
                    format!("{} of {table} are left out: they refer to {parent} that are not known", self.connection.execute(sql, [])?)
                }
            };
            self.built.mended.push(what);
        }
    }
}
