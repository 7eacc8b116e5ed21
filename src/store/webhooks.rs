//! Webhooks, and their sealed secrets.

use super::{Error, Result, row};
use crate::model::{Timestamp, Webhook, WebhookState};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// Where to send, and the sealed secrets that sign it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The address.
    pub url: String,
    /// The secret.
    pub secret: String,
    /// The one before, and until when it signs too.
    pub old: Option<(String, Timestamp)>,
}

/// Adds a webhook with its sealed secret.
pub fn insert(tx: &Transaction<'_>, w: &Webhook, secret: &str) -> Result<()> {
    let sql = "insert into webhooks (id, name, url, events, state, since, created_at, updated_at, version, secret)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9)";
    tx.prepare_cached(sql)?.execute(params![
        w.id,
        w.name,
        w.url,
        row::texts_json(&w.events),
        w.state.as_str(),
        w.since,
        w.created_at.as_millis(),
        w.version,
        secret,
    ])?;
    Ok(())
}

/// Writes what people decide about a webhook.
pub fn update(tx: &Transaction<'_>, w: &Webhook, now: Timestamp) -> Result<()> {
    let sql =
        "update webhooks set name = ?2, url = ?3, events = ?4, state = ?5, reason = ?6, failing_since = ?7, since = ?8, updated_at = ?9,
               version = ?10 where id = ?1";
    tx.prepare_cached(sql)?.execute(params![
        w.id,
        w.name,
        w.url,
        row::texts_json(&w.events),
        w.state.as_str(),
        w.reason,
        w.failing_since.map(Timestamp::as_millis),
        w.since,
        now.as_millis(),
        w.version,
    ])?;
    Ok(())
}

/// Gives a webhook another sealed secret; the one before signs too until `old_until`.
pub fn rotate(tx: &Transaction<'_>, id: &str, secret: &str, old_until: Timestamp) -> Result<()> {
    let sql = "update webhooks set old_secret = secret, old_until = ?3, secret = ?2 where id = ?1";
    tx.prepare_cached(sql)?.execute(params![id, secret, old_until.as_millis()])?;
    Ok(())
}

/// Takes a webhook away; `false` when there is none.
pub fn delete(tx: &Transaction<'_>, id: &str) -> Result<bool> {
    Ok(tx.prepare_cached("delete from webhooks where id = ?1")?.execute([id])? == 1)
}

/// The webhook of an id.
pub fn get(connection: &Connection, id: &str) -> Result<Option<Webhook>> {
    connection.prepare_cached("select * from webhooks where id = ?1")?.query_and_then([id], read)?.next().transpose()
}

/// Every webhook, by name.
pub fn all(connection: &Connection) -> Result<Vec<Webhook>> {
    connection.prepare_cached("select * from webhooks order by name, id")?.query_and_then([], read)?.collect()
}

/// Those that are not told, by id.
pub fn held(connection: &Connection) -> Result<Vec<String>> {
    let mut found = connection.prepare_cached("select id from webhooks where state <> 'on'")?;
    let ids = found.query_map([], |r| r.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

/// Where to send what is for a webhook.
pub fn target(connection: &Connection, id: &str) -> Result<Option<Target>> {
    let read = |r: &Row<'_>| {
        let (old, until): (Option<String>, Option<i64>) = (r.get("old_secret")?, r.get("old_until")?);
        Ok(Target { url: r.get("url")?, secret: r.get("secret")?, old: old.zip(until.map(Timestamp::from_millis)) })
    };
    let sql = "select url, secret, old_secret, old_until from webhooks where id = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([id], read).optional()?)
}

/// An attempt was well.
pub fn went_well(tx: &Transaction<'_>, id: &str) -> Result<()> {
    tx.prepare_cached("update webhooks set failing_since = null where id = ?1 and failing_since is not null")?.execute([id])?;
    Ok(())
}

/// An attempt failed at `now`; since when all did.
pub fn went_wrong(tx: &Transaction<'_>, id: &str, now: Timestamp) -> Result<Option<Timestamp>> {
    let sql = "update webhooks set failing_since = coalesce(failing_since, ?2) where id = ?1 returning failing_since";
    let since: Option<i64> = tx.prepare_cached(sql)?.query_row(params![id, now.as_millis()], |r| r.get(0)).optional()?;
    Ok(since.map(Timestamp::from_millis))
}

fn read(r: &Row<'_>) -> Result<Webhook> {
    let state: String = r.get("state")?;
    Ok(Webhook {
        id: r.get("id")?,
        name: r.get("name")?,
        url: r.get("url")?,
        events: row::texts(r, "events")?,
        state: WebhookState::parse(&state).ok_or_else(|| Error::Corrupt(format!("a webhook has the state {state:?}")))?,
        reason: r.get("reason")?,
        failing_since: row::time_opt(r, "failing_since")?,
        since: r.get("since")?,
        created_at: row::time(r, "created_at")?,
        version: r.get("version")?,
    })
}
