//! Handing a depot's record back: all of it, page by page, to a new box; or the rows that a restored one has not seen.

use super::values::time;
use super::{Error, Office, Result};
use crate::batch::{Agreed, AuditEntry, EpochMark, EventEntry, Line, Page, Record, RowState};
use serde_json::value::RawValue;
use tokio_postgres::Row;

/// Lines of a page in the making.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn put(&mut self, seq: i64, record: Record<'_>) -> Result<()> {
        let mut line = Vec::new();
        Line { seq, record }.write(&mut line).map_err(|e| Error::Kept(e.to_string()))?;
        self.0.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        Ok(())
    }
}

/// Where a page begins: behind a number of an epoch, or behind a row.
enum At<'a> {
    Record { epoch: &'a str, seq: i64 },
    Row { table: &'a str, key: &'a str },
}

fn at(text: &str) -> Result<At<'_>> {
    let wrong = || Error::Page(text.to_owned());
    let (part, rest) = text.split_once(':').ok_or_else(wrong)?;
    let (first, second) = rest.split_once(':').ok_or_else(wrong)?;
    match part {
        "record" => Ok(At::Record { epoch: first, seq: second.parse().map_err(|_| wrong())? }),
        "row" => Ok(At::Row { table: first, key: second }),
        _ => Err(wrong()),
    }
}

/// Bytes of JSON of a page's rows, or of its events, or of its audit entries, beyond the first of each.
const MOST: i64 = 2 << 20;

const FIRST_ROW: &str = "row::";

impl Office {
    /// All records of `depot` that build it anew: its epochs, their events and audit entries in order, then the rows. `after` is
    /// what the page before named.
    pub async fn page(&self, depot: &str, after: Option<&str>, limit: i64) -> Result<Page> {
        let story = self.story(depot).await?;
        let mut lines = Lines::default();
        let Some(after) = after else {
            for mark in &story {
                lines.put(0, Record::Epoch(mark.clone()))?;
            }
            let next = story.first().map_or_else(|| FIRST_ROW.to_owned(), |first| format!("record:{}:0", first.epoch));
            return Ok(Page { lines: lines.0, next: Some(next) });
        };
        match at(after)? {
            At::Row { table, key } => self.rows(depot, &[], None, (table, key), limit).await,
            At::Record { epoch, seq } => {
                let place = story.iter().position(|mark| mark.epoch == epoch).ok_or_else(|| Error::Page(after.to_owned()))?;
                let mark = &story[place];
                lines.put(0, Record::Epoch(mark.clone()))?;
                let last = self.records(&mut lines, depot, mark, seq, limit).await?;
                let next = match (last, story.get(place + 1)) {
                    (Some(last), _) => format!("record:{epoch}:{last}"),
                    (None, Some(next)) => format!("record:{}:0", next.epoch),
                    (None, None) => FIRST_ROW.to_owned(),
                };
                Ok(Page { lines: lines.0, next: Some(next) })
            }
        }
    }

    /// Rows of `table` as they are here, when they were told under a number behind what is `agreed`.
    pub async fn beyond(&self, depot: &str, agreed: &[Agreed], table: &str, after: Option<&str>, limit: i64) -> Result<Page> {
        let (of, key) = match after.map(at).transpose()? {
            None => (table, ""),
            Some(At::Row { table, key }) => (table, key),
            Some(At::Record { .. }) => return Err(Error::Page(after.unwrap_or_default().to_owned())),
        };
        self.rows(depot, agreed, Some(table), (of, key), limit).await
    }

    /// The epochs that make up the depot's story, oldest first. Each restore begins one, and takes back what the others have from
    /// its first number on.
    async fn story(&self, depot: &str) -> Result<Vec<EpochMark>> {
        let sql =
            "select epoch, min(epoch_from), max(through) from depotd.lane_cursor where depot = $1 and lane in ('bookings', 'dispatch')
                   group by epoch order by max(updated_at) desc, min(epoch_from) desc";
        let (mut story, mut until) = (Vec::new(), i64::MAX);
        for row in self.client.query(sql, &[&depot]).await? {
            let (epoch, from, through): (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
            if from < until {
                story.push(EpochMark { epoch, from, through: through.min(until - 1) });
                until = from;
            }
        }
        story.reverse();
        Ok(story)
    }

    /// Puts up to `limit` events and audit entries of `mark` behind `after`; gives the last number when there are more.
    async fn records(&self, lines: &mut Lines, depot: &str, mark: &EpochMark, after: i64, limit: i64) -> Result<Option<i64>> {
        let sql = "select seq, journal_seq, at, kind, actor, booking_id, vehicle_id, data::text, place < found or found = $5 from (
                       select *, count(*) over () as found, row_number() over (order by seq) as place,
                           sum(octet_length(data::text)) over (order by seq) as length from (
                           select * from depotd.event where depot = $1 and epoch = $2 and seq > $3 and seq <= $4 order by seq limit $5) as next
                   ) as measured where length <= $6 or place = 1 order by seq";
        let events = self.client.query(sql, &[&depot, &mark.epoch, &after, &mark.through, &limit, &MOST]).await?;
        let sql = "select seq, audit_seq, at, actor, action, object, detail::text, previous, hash, place < found or found = $5 from (
                       select *, count(*) over () as found, row_number() over (order by seq) as place,
                           sum(octet_length(detail::text)) over (order by seq) as length from (
                           select * from depotd.audit where depot = $1 and epoch = $2 and seq > $3 and seq <= $4 order by seq limit $5) as next
                   ) as measured where length <= $6 or place = 1 order by seq";
        let audit = self.client.query(sql, &[&depot, &mark.epoch, &after, &mark.through, &limit, &MOST]).await?;
        // Up to where both are complete: the last row says whether there are more behind it.
        let end = |rows: &[Row]| rows.last().filter(|row| row.get(row.len() - 1)).map(|row| row.get::<_, i64>(0));
        let until = [end(&events), end(&audit)].into_iter().flatten().min();
        let (mut events, mut audit) = (events.iter().peekable(), audit.iter().peekable());
        loop {
            let seq = |row: Option<&&Row>| row.map_or(i64::MAX, |row| row.get::<_, i64>(0));
            let (next_event, next_entry) = (seq(events.peek()), seq(audit.peek()));
            if next_event.min(next_entry) > until.unwrap_or(i64::MAX - 1) {
                return Ok(until);
            }
            if next_event < next_entry {
                events.next().map_or(Ok(()), |row| event(lines, row))?;
            } else {
                audit.next().map_or(Ok(()), |row| entry(lines, row))?;
            }
        }
    }

    /// Rows behind (table, key), of one table or all, that were not told under an agreed number.
    async fn rows(&self, depot: &str, agreed: &[Agreed], of: Option<&str>, behind: (&str, &str), limit: i64) -> Result<Page> {
        let (epochs, through): (Vec<&str>, Vec<i64>) = agreed.iter().map(|a| (&*a.epoch, a.through)).unzip();
        let sql = "select seq, tbl, key, row::text, epoch, place < found or found = $7 from (
                   select *, count(*) over () as found, row_number() over (order by tbl, key) as place,
                       sum(octet_length(coalesce(row::text, ''))) over (order by tbl, key) as length from (
                   select seq, tbl, key, row, epoch from depotd.row as kept
                   where depot = $1 and ($2::text is null or tbl = $2) and (tbl, key) > ($3, $4)
                     and not exists (select from unnest($5::text[], $6::bigint[]) as known (epoch, through)
                                     where known.epoch = kept.epoch and kept.seq <= known.through)
                   order by tbl, key limit $7) as next
                   ) as measured where length <= $8 or place = 1 order by tbl, key";
        let rows = self.client.query(sql, &[&depot, &of, &behind.0, &behind.1, &epochs, &through, &limit, &MOST]).await?;
        let (mut lines, mut epoch) = (Lines::default(), "");
        for row in &rows {
            if row.get::<_, &str>(4) != epoch {
                epoch = row.get(4);
                lines.put(0, Record::Epoch(EpochMark { epoch: epoch.to_owned(), from: 0, through: 0 }))?;
            }
            lines.put(row.get(0), Record::Row(state(row)?))?;
        }
        let next = rows.last().filter(|row| row.get(5)).map(|row| format!("row:{}:{}", row.get::<_, &str>(1), row.get::<_, &str>(2)));
        Ok(Page { lines: lines.0, next })
    }
}

/// The text as it is: it is part of a hash.
fn raw(text: &str) -> Result<&RawValue> {
    serde_json::from_str(text).map_err(|e| Error::Kept(e.to_string()))
}

fn event(lines: &mut Lines, row: &Row) -> Result<()> {
    let event = EventEntry {
        journal_seq: row.get(1),
        at: time(row.get(2)),
        kind: row.get(3),
        actor: row.get(4),
        booking_id: row.get(5),
        vehicle_id: row.get(6),
        data: raw(row.get(7))?,
    };
    lines.put(row.get(0), Record::Event(event))
}

fn entry(lines: &mut Lines, row: &Row) -> Result<()> {
    let entry = AuditEntry {
        audit_seq: row.get(1),
        at: time(row.get(2)),
        actor: row.get(3),
        action: row.get(4),
        object: row.get(5),
        detail: raw(row.get(6))?,
        previous: row.get(7),
        hash: row.get(8),
    };
    lines.put(row.get(0), Record::Audit(entry))
}

fn state(row: &Row) -> Result<RowState> {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).map_err(|e| Error::Kept(e.to_string()));
    let key = read(row.get(2))?.as_array().cloned().unwrap_or_default();
    let columns = row.get::<_, Option<&str>>(3).map(read).transpose()?;
    Ok(RowState { table: row.get(1), key, row: columns.and_then(|columns| columns.as_object().cloned()) })
}
