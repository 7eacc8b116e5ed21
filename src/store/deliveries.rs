//! What is to be said to people and programs, and what came of it.

use super::{Error, Result, journal::count, row};
use crate::model::{Attempt, Channel, Delivery, DeliveryId, DeliveryState, NewDelivery, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use std::collections::BTreeMap;

/// Attempts that a delivery's log keeps.
const LOG: usize = 20;

/// What is said, as its channel understands it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// In one line.
    pub subject: String,
    /// The rest.
    pub body: String,
}

/// Which deliveries; `None` does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of that state.
    pub state: Option<DeliveryState>,
    /// Of that channel.
    pub channel: Option<Channel>,
    /// Through that endpoint.
    pub endpoint: Option<String>,
}

/// Keeps what is to be said; its row.
pub fn put_message(tx: &Transaction<'_>, message: &Message, at: Timestamp) -> Result<i64> {
    tx.prepare_cached("insert into messages (subject, body, at) values (?1, ?2, ?3)")?.execute(params![
        message.subject,
        message.body,
        at.as_millis()
    ])?;
    Ok(tx.last_insert_rowid())
}

/// What is said.
pub fn message(connection: &Connection, id: i64) -> Result<Option<Message>> {
    let read = |r: &Row<'_>| Ok(Message { subject: r.get(0)?, body: r.get(1)? });
    Ok(connection.prepare_cached("select subject, body from messages where id = ?1")?.query_row([id], read).optional()?)
}

/// Puts a delivery into the queue; `false`: `most` wait for its endpoint already, so it is a dead letter.
pub fn enqueue(tx: &Transaction<'_>, new: &NewDelivery, most: usize, now: Timestamp) -> Result<bool> {
    let waiting = "select count(*) from (select 1 from deliveries where endpoint = ?1 and state = 'waiting' limit ?2)";
    let waiting: i64 = tx.prepare_cached(waiting)?.query_row(params![new.to.endpoint, count(most)], |r| r.get(0))?;
    let fits = waiting < count(most);
    let why = (!fits).then(|| format!("{most} wait for {} already", new.to.endpoint));
    let state = if fits { DeliveryState::Waiting } else { DeliveryState::Dead };
    let sql =
        "insert into deliveries (id, channel, endpoint, recipient, booking_id, event_seq, message_id, state, attempts, next_at, last_error,
               log, created_at, queued_at, done_at, rule_id)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, '[]', ?11, ?9, ?12, ?13)";
    tx.prepare_cached(sql)?.execute(params![
        new.id.to_string(),
        new.to.channel.as_str(),
        new.to.endpoint,
        new.to.recipient,
        new.to.booking.map(|b| b.to_string()),
        new.to.event,
        new.message,
        state.as_str(),
        new.to.at.as_millis(),
        why,
        now.as_millis(),
        (!fits).then(|| now.as_millis()),
        new.to.rule,
    ])?;
    Ok(fits)
}

const SELECT: &str = "select d.*, m.subject from deliveries d join messages m on m.id = d.message_id";

/// The endpoints for which something waits.
pub fn endpoints(connection: &Connection) -> Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    // One step down the index for each, however many wait for it.
    let mut next = connection.prepare_cached("select min(endpoint) from deliveries where state = 'waiting' and endpoint > ?1")?;
    while let Some(endpoint) = next.query_row([found.last().map_or("", String::as_str)], |r| r.get::<_, Option<String>>(0))? {
        found.push(endpoint);
    }
    Ok(found)
}

/// Up to `limit` deliveries that `endpoint` may be sent at `now`, the longest due first. What is about a booking waits for what was put
/// there before it about the same booking and for the same recipient, unless that is not to be said yet, as in quiet hours.
pub fn due(connection: &Connection, endpoint: &str, now: Timestamp, limit: usize) -> Result<Vec<Delivery>> {
    let sql = format!(
        "{SELECT} where d.endpoint = ?1 and d.state = 'waiting' and d.next_at <= ?2
         and (d.booking_id is null or not exists (select 1 from deliveries e where e.endpoint = d.endpoint and e.recipient = d.recipient
              and e.booking_id = d.booking_id and e.state = 'waiting' and e.number < d.number and e.queued_at <= ?2))
         order by d.next_at, d.number limit ?3"
    );
    connection.prepare_cached(&sql)?.query_and_then(params![endpoint, now.as_millis(), count(limit)], read)?.collect()
}

/// When the next delivery of `endpoint` that is not due at `now` will be.
pub fn next_due(connection: &Connection, endpoint: &str, now: Timestamp) -> Result<Option<Timestamp>> {
    let sql = "select min(next_at) from deliveries where endpoint = ?1 and state = 'waiting' and next_at > ?2";
    let at: Option<i64> = connection.prepare_cached(sql)?.query_row(params![endpoint, now.as_millis()], |r| r.get(0))?;
    Ok(at.map(Timestamp::from_millis))
}

/// The other side took it.
pub fn sent(tx: &Transaction<'_>, number: i64, attempt: &Attempt) -> Result<()> {
    end(tx, number, DeliveryState::Sent, None, Some(attempt), attempt.at)
}

/// It is given up, with the reason.
pub fn bury(tx: &Transaction<'_>, number: i64, attempt: &Attempt, why: &str) -> Result<()> {
    end(tx, number, DeliveryState::Dead, Some(why), Some(attempt), attempt.at)
}

/// It is not said, for it is not true any more.
pub fn withdraw(tx: &Transaction<'_>, number: i64, why: &str, now: Timestamp) -> Result<()> {
    end(tx, number, DeliveryState::Withdrawn, Some(why), None, now)
}

fn end(tx: &Transaction<'_>, number: i64, state: DeliveryState, why: Option<&str>, attempt: Option<&Attempt>, at: Timestamp) -> Result<()> {
    let log = attempt.map(|attempt| logged(tx, number, attempt)).transpose()?;
    let sql = "update deliveries set state = ?2, done_at = ?3, last_error = ?4, attempts = attempts + ?5, log = coalesce(?6, log)
               where number = ?1 and state = 'waiting'";
    tx.prepare_cached(sql)?.execute(params![number, state.as_str(), at.as_millis(), why, u32::from(attempt.is_some()), log])?;
    Ok(())
}

/// It failed and is tried again at `next`.
pub fn put_off(tx: &Transaction<'_>, number: i64, attempt: &Attempt, next: Timestamp) -> Result<()> {
    let log = logged(tx, number, attempt)?;
    let sql =
        "update deliveries set attempts = attempts + 1, next_at = ?2, last_error = ?3, log = ?4 where number = ?1 and state = 'waiting'";
    tx.prepare_cached(sql)?.execute(params![number, next.as_millis(), attempt.error, log])?;
    Ok(())
}

fn logged(tx: &Transaction<'_>, number: i64, attempt: &Attempt) -> Result<String> {
    let log: Option<String> =
        tx.prepare_cached("select log from deliveries where number = ?1")?.query_row([number], |r| r.get(0)).optional()?;
    let mut log: Vec<Attempt> = parse_log(log.as_deref().unwrap_or("[]"))?;
    log.push(attempt.clone());
    let from = log.len().saturating_sub(LOG);
    row::json_text(&&log[from..])
}

/// Gives up what could be sent to `endpoint` since before `before` and was not; gives its number.
pub fn give_up(tx: &Transaction<'_>, endpoint: &str, before: Timestamp, why: &str, now: Timestamp) -> Result<usize> {
    let sql =
        "update deliveries set state = 'dead', done_at = ?4, last_error = ?3 where endpoint = ?1 and state = 'waiting' and queued_at < ?2";
    Ok(tx.prepare_cached(sql)?.execute(params![endpoint, before.as_millis(), why, now.as_millis()])?)
}

/// How much was made for a recipient by a rule since `since`.
pub fn count_of_rule(connection: &Connection, rule: &str, recipient: &str, since: Timestamp) -> Result<u64> {
    let sql = "select count(*) from deliveries where rule_id = ?1 and recipient = ?2 and created_at > ?3";
    let n: i64 = connection.prepare_cached(sql)?.query_row(params![rule, recipient, since.as_millis()], |r| r.get(0))?;
    Ok(n.unsigned_abs())
}

/// Puts a delivery that is done back into the queue, under the id that it has; `false`: it waits anyway, or there is none.
pub fn resend(tx: &Transaction<'_>, id: DeliveryId, now: Timestamp) -> Result<bool> {
    let sql = "update deliveries set state = 'waiting', attempts = 0, next_at = ?2, queued_at = ?2, done_at = null, last_error = null
               where id = ?1 and state <> 'waiting'";
    Ok(tx.prepare_cached(sql)?.execute(params![id.to_string(), now.as_millis()])? == 1)
}

/// The delivery of an id.
pub fn get(connection: &Connection, id: DeliveryId) -> Result<Option<Delivery>> {
    let sql = format!("{SELECT} where d.id = ?1");
    connection.prepare_cached(&sql)?.query_and_then([id.to_string()], read)?.next().transpose()
}

/// Up to `limit` deliveries before number `before`, newest first.
pub fn list(connection: &Connection, filter: &Filter, before: i64, limit: usize) -> Result<Vec<Delivery>> {
    let sql = format!(
        "{SELECT} where d.number < ?1 and (?2 is null or d.state = ?2) and (?3 is null or d.channel = ?3) and (?4 is null or d.endpoint = ?4)
         order by d.number desc limit ?5"
    );
    let given =
        params![before, filter.state.map(DeliveryState::as_str), filter.channel.map(Channel::as_str), filter.endpoint, count(limit)];
    connection.prepare_cached(&sql)?.query_and_then(given, read)?.collect()
}

/// How many there are of each state.
pub fn counts(connection: &Connection) -> Result<BTreeMap<&'static str, u64>> {
    let of = |state: DeliveryState| -> Result<(&'static str, u64)> {
        let sql = "select count(*) from deliveries where state = ?1";
        let n: i64 = connection.prepare_cached(sql)?.query_row([state.as_str()], |r| r.get(0))?;
        Ok((state.as_str(), n.unsigned_abs()))
    };
    DeliveryState::ALL.iter().map(|state| of(*state)).collect()
}

/// How many were given up since `since`.
pub fn dead_since(connection: &Connection, since: Timestamp) -> Result<u64> {
    let sql = "select count(*) from deliveries where state = 'dead' and done_at >= ?1";
    let n: i64 = connection.prepare_cached(sql)?.query_row([since.as_millis()], |r| r.get(0))?;
    Ok(n.unsigned_abs())
}

/// Forgets up to `limit` deliveries that were done before `before`, with what nobody is told any more; gives their number.
pub fn purge(tx: &Transaction<'_>, before: Timestamp, limit: usize) -> Result<usize> {
    let old = "delete from deliveries where number in (select number from deliveries where done_at < ?1 order by done_at limit ?2)";
    let gone = tx.prepare_cached(old)?.execute(params![before.as_millis(), count(limit)])?;
    let unsaid = "delete from messages where at < ?1 and not exists (select 1 from deliveries d where d.message_id = messages.id)";
    tx.prepare_cached(unsaid)?.execute([before.as_millis()])?;
    Ok(gone)
}

fn parse_log(text: &str) -> Result<Vec<Attempt>> {
    serde_json::from_str(text).map_err(|e| Error::Corrupt(format!("the log of a delivery: {e}")))
}

fn read(r: &Row<'_>) -> Result<Delivery> {
    let known = |what: &str, name: &str| Error::Corrupt(format!("a delivery has the {what} {name:?}"));
    let (channel, state, log): (String, String, String) = (r.get("channel")?, r.get("state")?, r.get("log")?);
    Ok(Delivery {
        number: r.get("number")?,
        id: row::parse(r, "id")?,
        channel: Channel::parse(&channel).ok_or_else(|| known("channel", &channel))?,
        endpoint: r.get("endpoint")?,
        recipient: r.get("recipient")?,
        booking: row::parse_opt(r, "booking_id")?,
        event: r.get("event_seq")?,
        rule: r.get("rule_id")?,
        message: r.get("message_id")?,
        subject: r.get("subject")?,
        state: DeliveryState::parse(&state).ok_or_else(|| known("state", &state))?,
        attempts: r.get("attempts")?,
        next_at: row::time(r, "next_at")?,
        last_error: r.get("last_error")?,
        log: parse_log(&log)?,
        created_at: row::time(r, "created_at")?,
        queued_at: row::time(r, "queued_at")?,
        done_at: row::time_opt(r, "done_at")?,
    })
}
