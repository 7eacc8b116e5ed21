//! Taking a batch: its records and its lane's cursor in one transaction.

use super::fixes::{self, Days};
use super::values::at;
use super::{Error, Office, Result};
use crate::batch::{
    AuditEntry, Batch, Digest, EventEntry, Gap, Line, Place, Record, RoundEntry, RowState, Span, Unreadable, plain, plain_json,
};
use std::collections::BTreeMap;
use std::time::SystemTime;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_postgres::Transaction;

/// A depot never has more.
const EPOCHS: i64 = 1_000;

/// What became of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Everything up to this number is stored.
    Stored(i64),
    /// Nothing was stored: the lane goes on with this number.
    Expected(i64),
}

/// The records of a batch by what they are.
#[derive(Default)]
struct Sorted<'a> {
    events: Vec<(i64, EventEntry<'a>)>,
    audit: Vec<(i64, AuditEntry<'a>)>,
    rounds: Vec<(i64, RoundEntry<'a>)>,
    rows: BTreeMap<(String, String), (i64, Option<String>)>,
    gaps: Vec<Gap>,
    positions: Vec<Place>,
    tracks: Vec<fixes::Numbered>,
}

impl<'a> Sorted<'a> {
    fn of(lines: Vec<Line<'a>>) -> Self {
        let mut sorted = Self::default();
        for line in lines {
            let digest = matches!(line.record, Record::Track(_)).then(|| Digest::of(&line)).flatten();
            match line.record {
                Record::Event(event) => sorted.events.push((line.seq, event)),
                Record::Audit(entry) => sorted.audit.push((line.seq, entry)),
                Record::Track(track) => {
                    sorted.tracks.extend(digest.map(|(_, digest)| fixes::Numbered { seq: line.seq, track, digest }));
                }
                Record::Round(round) => sorted.rounds.push((line.seq, round)),
                Record::Row(RowState { table, key, row }) => {
                    let key = serde_json::Value::from(key).to_string();
                    let row = row.map(|row| plain_json(&serde_json::Value::Object(row).to_string()));
                    sorted.rows.insert((table, key), (line.seq, row));
                }
                Record::Gap(gap) => sorted.gaps.push(gap),
                Record::Position(place) => sorted.positions.push(place),
                // Nothing that a depot tells.
                Record::Epoch(_) => {}
            }
        }
        sorted
    }
}

/// Does `work` that keeps a processor busy without keeping those waiting whom this thread serves.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

impl Office {
    /// Takes `batch`: stores it when it is the next of its lane, and says how far the lane is either way.
    pub async fn take(&mut self, batch: &Batch) -> Result<Taken> {
        let text = aside(|| batch.unpack())?;
        let sorted = aside(|| batch.records(&text).map(Sorted::of))?;
        let days = match sorted.tracks.is_empty() {
            true => None,
            false => Some(fixes::make_partitions(&mut self.client, &sorted.tracks).await?),
        };
        let tx = self.client.transaction().await?;
        let span = &batch.span;
        check_epoch(&tx, span).await?;
        if span.lane.is_durable()
            && let Some(known) = not_next(&tx, span).await?
        {
            return Ok(known);
        }
        store(&tx, span, &sorted, days.as_ref()).await?;
        let records = i64::try_from(batch.records).unwrap_or(i64::MAX);
        if span.lane.is_durable() {
            let sql = "update depotd.lane_cursor set through = $4, records = records + $5, updated_at = now()
                       where depot = $1 and epoch = $2 and lane = $3";
            tx.execute(sql, &[&span.depot, &span.epoch, &span.lane.as_str(), &span.last, &records]).await?;
        }
        if self.forwards {
            super::forward::note(&tx, batch).await?;
        }
        let sql = "insert into depotd.depot (id, last_seen) values ($1, now()) on conflict (id) do update set last_seen = now()";
        tx.execute(sql, &[&span.depot]).await?;
        tx.commit().await?;
        Ok(Taken::Stored(span.last))
    }
}

/// Refuses what a box sends in whose place another one came. What it said before that one began still counts.
async fn check_epoch(tx: &Transaction<'_>, span: &Span) -> Result<()> {
    let sql = "select from_seq from depotd.superseded where depot = $1 and epoch = $2";
    let from: Option<i64> = tx.query_opt(sql, &[&span.depot, &span.epoch]).await?.map(|row| row.get(0));
    match from {
        Some(from) if span.last >= from || !span.lane.is_durable() => Err(Error::Superseded { epoch: span.epoch.clone(), from }),
        _ => Ok(()),
    }
}

/// What to say instead of storing it; `None` when `span` is the next of its lane. Locks the lane's cursor until the commit.
async fn not_next(tx: &Transaction<'_>, span: &Span) -> Result<Option<Taken>> {
    let key: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&span.depot, &span.epoch, &span.lane.as_str()];
    let sql = "insert into depotd.lane_cursor (depot, epoch, lane, epoch_from, through) values ($1, $2, $3, $4::bigint, $4::bigint - 1)
               on conflict do nothing";
    if tx.execute(sql, &[key[0], key[1], key[2], &span.epoch_from]).await? > 0 {
        let sql = "select count(distinct epoch) from depotd.lane_cursor where depot = $1";
        if tx.query_one(sql, &[&span.depot]).await?.get::<_, i64>(0) > EPOCHS {
            return Err(Unreadable::Span(format!("the depot has had {EPOCHS} epochs: one begins with each restore alone")).into());
        }
    }
    let sql = "select through from depotd.lane_cursor where depot = $1 and epoch = $2 and lane = $3 for update";
    let through: i64 = tx.query_one(sql, &key).await?.get(0);
    Ok(match through {
        _ if span.first == through + 1 => None,
        _ if span.last <= through => Some(Taken::Stored(through)),
        _ => Some(Taken::Expected(through + 1)),
    })
}

async fn store(tx: &Transaction<'_>, span: &Span, sorted: &Sorted<'_>, days: Option<&Days>) -> Result<()> {
    if !sorted.events.is_empty() {
        events(tx, span, &sorted.events).await?;
        super::orders::note_results(tx, &span.depot, sorted.events.iter().map(|(_, event)| event)).await?;
    }
    if !sorted.audit.is_empty() {
        audit(tx, span, &sorted.audit).await?;
    }
    if !sorted.rounds.is_empty() {
        rounds(tx, span, &sorted.rounds).await?;
    }
    if !sorted.rows.is_empty() {
        rows(tx, span, &sorted.rows).await?;
    }
    if !sorted.gaps.is_empty() {
        gaps(tx, span, &sorted.gaps).await?;
    }
    if !sorted.positions.is_empty() {
        fixes::positions(tx, &span.depot, &sorted.positions).await?;
    }
    if let Some(days) = days {
        fixes::tracks(tx, span, days, &sorted.tracks).await?;
    }
    Ok(())
}

async fn events(tx: &Transaction<'_>, span: &Span, events: &[(i64, EventEntry<'_>)]) -> Result<()> {
    let column = |of: fn(&EventEntry<'_>) -> String| events.iter().map(|(_, event)| plain(&of(event))).collect::<Vec<_>>();
    let sql = "insert into depotd.event (depot, epoch, lane, seq, journal_seq, at, kind, actor, booking_id, vehicle_id, data)
               select $1, $2, $3, seq, journal_seq, at, kind, actor, booking_id, vehicle_id, data::json from
               unnest($4::bigint[], $5::bigint[], $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
               as t (seq, journal_seq, at, kind, actor, booking_id, vehicle_id, data)";
    let seqs: Vec<i64> = events.iter().map(|(seq, _)| *seq).collect();
    let journal: Vec<i64> = events.iter().map(|(_, event)| event.journal_seq).collect();
    let times: Vec<SystemTime> = events.iter().map(|(_, event)| at(event.at)).collect();
    let bookings: Vec<_> = events.iter().map(|(_, event)| event.booking_id.as_deref().map(plain)).collect();
    let vehicles: Vec<_> = events.iter().map(|(_, event)| event.vehicle_id.as_deref().map(plain)).collect();
    let data: Vec<String> = events.iter().map(|(_, event)| plain_json(event.data.get())).collect();
    let (kinds, actors) = (column(|e| e.kind.clone()), column(|e| e.actor.clone()));
    tx.execute(
        sql,
        &[&span.depot, &span.epoch, &span.lane.as_str(), &seqs, &journal, &times, &kinds, &actors, &bookings, &vehicles, &data],
    )
    .await?;
    Ok(())
}

async fn audit(tx: &Transaction<'_>, span: &Span, entries: &[(i64, AuditEntry<'_>)]) -> Result<()> {
    let column = |of: for<'a> fn(&'a AuditEntry<'a>) -> &'a str| entries.iter().map(|(_, entry)| plain(of(entry))).collect::<Vec<_>>();
    let sql = "insert into depotd.audit (depot, epoch, seq, audit_seq, at, actor, action, object, detail, previous, hash)
               select $1, $2, seq, audit_seq, at, actor, action, object, detail::json, previous, hash from
               unnest($3::bigint[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
               as t (seq, audit_seq, at, actor, action, object, detail, previous, hash)";
    let seqs: Vec<i64> = entries.iter().map(|(seq, _)| *seq).collect();
    let audits: Vec<i64> = entries.iter().map(|(_, entry)| entry.audit_seq).collect();
    let times: Vec<SystemTime> = entries.iter().map(|(_, entry)| at(entry.at)).collect();
    let details: Vec<String> = entries.iter().map(|(_, entry)| plain_json(entry.detail.get())).collect();
    let (actors, actions, objects) = (column(|e| &e.actor), column(|e| &e.action), column(|e| &e.object));
    let (previous, hashes) = (column(|e| &e.previous), column(|e| &e.hash));
    tx.execute(sql, &[&span.depot, &span.epoch, &seqs, &audits, &times, &actors, &actions, &objects, &details, &previous, &hashes]).await?;
    Ok(())
}

async fn rounds(tx: &Transaction<'_>, span: &Span, rounds: &[(i64, RoundEntry<'_>)]) -> Result<()> {
    let sql = "insert into depotd.round (depot, epoch, seq, round_seq, at, booking_id, record)
               select $1, $2, seq, round_seq, at, booking_id, record::json from
               unnest($3::bigint[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[]) as t (seq, round_seq, at, booking_id, record)";
    let seqs: Vec<i64> = rounds.iter().map(|(seq, _)| *seq).collect();
    let numbers: Vec<i64> = rounds.iter().map(|(_, round)| round.round_seq).collect();
    let times: Vec<SystemTime> = rounds.iter().map(|(_, round)| at(round.at)).collect();
    let bookings: Vec<String> = rounds.iter().map(|(_, round)| plain(&round.booking_id)).collect();
    let records: Vec<String> = rounds.iter().map(|(_, round)| plain_json(round.record.get())).collect();
    tx.execute(sql, &[&span.depot, &span.epoch, &seqs, &numbers, &times, &bookings, &records]).await?;
    Ok(())
}

async fn gaps(tx: &Transaction<'_>, span: &Span, gaps: &[Gap]) -> Result<()> {
    let sql = "insert into depotd.gap (depot, epoch, lane, first_seq, last_seq, reason)
               select $1, $2, $3, * from unnest($4::bigint[], $5::bigint[], $6::text[]) on conflict do nothing";
    let (first, last): (Vec<i64>, Vec<i64>) = gaps.iter().map(|gap| (gap.first, gap.last)).unzip();
    let reasons: Vec<String> = gaps.iter().map(|gap| plain(&gap.reason)).collect();
    tx.execute(sql, &[&span.depot, &span.epoch, &span.lane.as_str(), &first, &last, &reasons]).await?;
    Ok(())
}

async fn rows(tx: &Transaction<'_>, span: &Span, rows: &BTreeMap<(String, String), (i64, Option<String>)>) -> Result<()> {
    let sql = "insert into depotd.row (depot, tbl, key, epoch, seq, row)
               select $1, tbl, key, $2, seq, row::json from unnest($3::text[], $4::text[], $5::bigint[], $6::text[]) as t (tbl, key, seq, row)
               on conflict (depot, tbl, key) do update
               set epoch = excluded.epoch, seq = excluded.seq, row = excluded.row, updated_at = now()";
    let tables: Vec<String> = rows.keys().map(|(table, _)| plain(table)).collect();
    let keys: Vec<String> = rows.keys().map(|(_, key)| plain_json(key)).collect();
    let seqs: Vec<i64> = rows.values().map(|(seq, _)| *seq).collect();
    let states: Vec<&Option<String>> = rows.values().map(|(_, row)| row).collect();
    tx.execute(sql, &[&span.depot, &span.epoch, &tables, &keys, &seqs, &states]).await?;
    Ok(())
}
