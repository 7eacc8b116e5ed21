//! Settings that came from head office, and those that people set for a while.

use super::{Error, Result, row};
use crate::model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde_json::Value;
use std::collections::BTreeMap;

/// A value from head office.
#[derive(Clone, Debug, PartialEq)]
pub struct Above {
    /// What it is set to.
    pub value: Value,
    /// The order that set it.
    pub cmd_id: String,
    /// When that was carried out.
    pub at: Timestamp,
}

/// A value that somebody at the depot set for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// What it is set to.
    pub value: Value,
    /// From then on it does not count any more.
    pub until: Timestamp,
    /// Who, like `user:ana`.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What lies over the settings that depotd was started with, by key: first what is from above, over it the overrides, also
/// those whose time is over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layers {
    /// From head office.
    pub above: BTreeMap<String, Above>,
    /// From people here.
    pub overrides: BTreeMap<String, Override>,
}

/// Grows with each change of [`layers`].
pub fn revision(connection: &Connection) -> Result<i64> {
    Ok(connection.prepare_cached("select number from settings_revision")?.query_row([], |r| r.get(0))?)
}

/// All there is.
pub fn layers(connection: &Connection) -> Result<Layers> {
    let above = |r: &Row<'_>| {
        let above = Above { value: value(r)?, cmd_id: r.get("cmd_id")?, at: row::time(r, "at")? };
        Ok((r.get("key")?, above))
    };
    let over = |r: &Row<'_>| {
        let (until, at) = (row::time(r, "until")?, row::time(r, "at")?);
        Ok((r.get("key")?, Override { value: value(r)?, until, actor: r.get("actor")?, reason: r.get("reason")?, at }))
    };
    Ok(Layers {
        above: connection.prepare_cached("select * from settings_from_above")?.query_and_then([], above)?.collect::<Result<_>>()?,
        overrides: connection.prepare_cached("select * from settings_overrides")?.query_and_then([], over)?.collect::<Result<_>>()?,
    })
}

fn value(r: &Row<'_>) -> Result<Value> {
    let text: String = r.get("value")?;
    serde_json::from_str(&text).map_err(|e| Error::Corrupt(format!("a setting holds {text:?}: {e}")))
}

/// Keeps a value from head office.
pub fn put_above(tx: &Transaction<'_>, key: &str, above: &Above) -> Result<()> {
    let sql = "insert into settings_from_above (key, value, cmd_id, at) values (?1, ?2, ?3, ?4)
               on conflict (key) do update set value = excluded.value, cmd_id = excluded.cmd_id, at = excluded.at";
    tx.prepare_cached(sql)?.execute(params![key, above.value.to_string(), above.cmd_id, above.at.as_millis()])?;
    touch(tx)
}

/// Forgets a value from head office; says whether there was one.
pub fn clear_above(tx: &Transaction<'_>, key: &str) -> Result<bool> {
    forget(tx, "delete from settings_from_above where key = ?1", key)
}

/// Keeps an override.
pub fn put_override(tx: &Transaction<'_>, key: &str, over: &Override) -> Result<()> {
    let sql = "insert into settings_overrides (key, value, until, actor, reason, at) values (?1, ?2, ?3, ?4, ?5, ?6)
               on conflict (key) do update set value = excluded.value, until = excluded.until, actor = excluded.actor,
               reason = excluded.reason, at = excluded.at";
    let Override { value, until, actor, reason, at } = over;
    tx.prepare_cached(sql)?.execute(params![key, value.to_string(), until.as_millis(), actor, reason, at.as_millis()])?;
    touch(tx)
}

/// Forgets an override; says whether there was one.
pub fn clear_override(tx: &Transaction<'_>, key: &str) -> Result<bool> {
    forget(tx, "delete from settings_overrides where key = ?1", key)
}

fn forget(tx: &Transaction<'_>, sql: &str, key: &str) -> Result<bool> {
    let is_gone = tx.execute(sql, [key])? > 0;
    if is_gone {
        touch(tx)?;
    }
    Ok(is_gone)
}

fn touch(tx: &Transaction<'_>) -> Result<()> {
    tx.execute("update settings_revision set number = number + 1", [])?;
    Ok(())
}

/// Keeps what this server was started with, one JSON object.
pub fn put_base(tx: &Transaction<'_>, base: &Value) -> Result<()> {
    tx.execute("insert or replace into settings_base (one, base) values (1, ?1)", [base.to_string()])?;
    Ok(())
}

/// What the last server was started with; `None`: none ever was.
pub fn base(connection: &Connection) -> Result<Option<Value>> {
    let text: Option<String> = connection.prepare_cached("select base from settings_base")?.query_row([], |r| r.get(0)).optional()?;
    text.map(|text| serde_json::from_str(&text).map_err(|e| Error::Corrupt(format!("settings_base: {e}")))).transpose()
}
