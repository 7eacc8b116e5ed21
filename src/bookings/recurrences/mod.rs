//! Bookings that come again and again: making, changing, pausing them, leaving out a day. `place` makes their bookings.

mod place;
mod rule;
#[cfg(test)]
mod tests;

pub use rule::{Hour, Moment, Slot};

use super::error::Fault;
use super::faults::way_faults;
use super::{Bookings, Error, Page, Paged, Result, Standing};
use crate::model::{Actor, BookingId, Kind, Order, Outcome, Pattern, Recurrence, RecurrenceId, Span, Status, Timestamp};
use crate::store::recurrences::{self as rows, Day};
use crate::store::{self, audit, idempotency, journal};
use jiff::civil::Date;
use rule::Rule;
use rusqlite::Transaction;
use serde_json::json;

/// How far ahead it is looked for days that have no plain time.
const HORIZON: Span = Span::from_secs(5 * 366 * 86_400);
/// A recurrence may have begun, or is to begin, this far from now at most.
const START_WITHIN: Span = Span::from_secs(5 * 366 * 86_400);
/// Days named in a question at most.
const NAMED: usize = 5;

/// The recurring bookings. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recurrences(pub(super) Bookings);

/// What a recurrence is to be.
#[derive(Clone, Debug)]
pub struct RecurrenceRequest {
    /// When it recurs.
    pub pattern: Pattern,
    /// What is ordered each time; without times.
    pub order: Order,
    /// Minutes within which the pickup is to happen.
    pub window_minutes: Option<u32>,
}

/// A day on which a recurrence recurs.
#[derive(Clone, Debug)]
pub struct Upcoming {
    /// The day and its time.
    pub slot: Slot,
    /// The same in the recurrence's zone, like `2026-10-25T02:30:00+01:00`; without the offset where it has no instant.
    pub local: String,
    /// The clocks are put forward or back between it and the one before, or now.
    pub offset_changes: bool,
    /// What became of it already.
    pub outcome: Option<Outcome>,
    /// The booking that was placed for it.
    pub booking: Option<BookingId>,
}

impl Bookings {
    /// The recurring ones.
    pub fn recurrences(&self) -> Recurrences {
        Recurrences(self.clone())
    }
}

impl RecurrenceRequest {
    /// All that is wrong with it at `now`. Where the time of day is missing or repeated on some day of the next five years,
    /// a choice is demanded.
    fn faults(&self, now: Timestamp) -> Vec<Fault> {
        let mut faults = way_faults(&self.order);
        faults.iter_mut().for_each(|fault| fault.field.insert_str(0, "order."));
        match Rule::read(&self.pattern) {
            Ok(rule) => faults.extend(rule_faults(&rule, &self.pattern, now)),
            Err(fault) => faults.push(fault),
        }
        faults
    }
}

fn rule_faults(rule: &Rule, pattern: &Pattern, now: Timestamp) -> Vec<Fault> {
    let mut faults = Vec::new();
    let start = pattern.start_date.to_datetime(pattern.start_time).to_zoned(jiff::tz::TimeZone::UTC);
    let start = start.map_or(now, |start| Timestamp::from_millis(start.timestamp().as_millisecond()));
    if start < now - START_WITHIN || start > now + START_WITHIN {
        faults.push(Fault::new("start_date", "must be within five years"));
        return faults;
    }
    if rule.next(now).is_none() {
        faults.push(Fault::new("rule", "has no day from now on"));
    }
    let asked = rule.questions(now, start.max(now) + HORIZON);
    let mut ask = |field, days: &[Date], what: &str, choices: &str| {
        if !days.is_empty() {
            let named: Vec<_> = days.iter().take(NAMED).map(ToString::to_string).collect();
            let more = days.len().checked_sub(NAMED).filter(|n| *n > 0).map(|n| format!(" and {n} more days")).unwrap_or_default();
            let (time, zone) = (pattern.start_time.strftime("%H:%M"), &pattern.zone);
            faults.push(Fault::new(field, format!("{time} {what} in {zone} on {}{more}: say {choices}", named.join(", "))));
        }
    };
    ask("missing_hour", &asked.missing, "does not exist", "earlier, later or skip");
    ask("repeated_hour", &asked.repeated, "exists twice", "first or second");
    faults
}

fn find(connection: &rusqlite::Connection, id: &RecurrenceId) -> Result<Recurrence> {
    rows::get(connection, id)?.ok_or(Error::UnknownRecurrence)
}

fn at_version(tx: &Transaction<'_>, id: &RecurrenceId, version: u32) -> Result<Recurrence> {
    let found = find(tx, id)?;
    if found.version == version { Ok(found) } else { Err(Error::StaleRecurrence(Box::new(found))) }
}

/// The journal and audit entry of what was done to a recurrence.
fn record(tx: &Transaction<'_>, r: &Recurrence, action: &str, day: Option<Date>, actor: &Actor, now: Timestamp) -> Result<()> {
    let data = json!({"action": action, "id": r.id, "version": r.version, "pattern": r.pattern, "order": r.order,
                      "window_minutes": r.window_minutes, "paused": r.paused, "date": day});
    let data = data.to_string();
    journal::append(tx, &journal::NewEvent { at: now, kind: Kind::RecurrenceChanged, actor, booking: None, vehicle: None, data: &data })?;
    Ok(audit::append(tx, now, actor, action, r.id.as_str(), &data)?)
}

impl Recurrences {
    /// Makes a recurrence. With a `key` a repeat by the same actor within 48 h gives the same one.
    pub async fn add(&self, request: RecurrenceRequest, actor: Actor, key: Option<String>) -> Result<Recurrence> {
        let now = self.0.clock.now();
        let id = super::ids::uuid(now)?.to_string().parse().map_err(|e| store::Error::Corrupt(format!("a new id is none: {e}")))?;
        let hash = super::place::hash(&json!([request.pattern, request.order, request.window_minutes]));
        let change = move |tx: &Transaction<'_>| {
            let who = actor.to_text();
            if let Some(key) = &key
                && let Some((earlier, id)) = idempotency::find(tx, &who, key)?
            {
                let known = id.parse().map_err(|_| Error::KeyReused)?;
                return if earlier == hash { find(tx, &known) } else { Err(Error::KeyReused) };
            }
            let faults = request.faults(now);
            if !faults.is_empty() {
                return Err(Error::Invalid(faults));
            }
            let RecurrenceRequest { pattern, order, window_minutes } = request;
            let times = (now, now, now);
            let (active_since, created_at, updated_at) = times;
            let (paused, last, version) = (false, None, 1);
            let made = Recurrence { id, pattern, order, window_minutes, paused, active_since, created_at, updated_at, last, version };
            rows::put(tx, &made)?;
            record(tx, &made, "recurrence.add", None, &actor, now)?;
            if let Some(key) = &key {
                idempotency::insert(tx, &who, key, &hash, made.id.as_str(), now)?;
            }
            Ok(made)
        };
        self.0.db.write(change).await
    }

    /// The recurrence of an id.
    pub async fn get(&self, id: RecurrenceId) -> Result<Recurrence> {
        self.0.db.read(move |c| find(c, &id)).await
    }

    /// The recurrences, oldest first.
    pub async fn list(&self, page: Page) -> Result<Paged<Recurrence>> {
        let (after, limit) = (page.cursor.clone().unwrap_or_default(), page.limit());
        let found = self.0.db.read(move |c| rows::list(c, &after, limit + 1)).await?;
        Ok(Paged::cut(found.into_iter().map(|r| (r.id.clone(), r)).collect(), limit))
    }

    /// Puts `request` in the place of what a recurrence is, provided that it still has `version`. Bookings that were placed
    /// stay as they are; the days that follow are placed anew.
    pub async fn change(&self, id: RecurrenceId, version: u32, request: RecurrenceRequest, actor: Actor) -> Result<Recurrence> {
        let now = self.0.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let found = at_version(tx, &id, version)?;
            let faults = request.faults(now);
            if !faults.is_empty() {
                return Err(Error::Invalid(faults));
            }
            let RecurrenceRequest { pattern, order, window_minutes } = request;
            let changed = Recurrence { pattern, order, window_minutes, ..found.clone() };
            if changed == found {
                return Ok(found);
            }
            rows::forget_undecided(tx, &id)?;
            keep(tx, changed, "recurrence.change", &actor, now)
        };
        self.0.db.write(change).await
    }

    /// Stops placing its bookings, or goes on with it; the days of a pause are not made up for.
    pub async fn pause(&self, id: RecurrenceId, paused: bool, actor: Actor) -> Result<Recurrence> {
        let now = self.0.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let found = find(tx, &id)?;
            if found.paused == paused {
                return Ok(found);
            }
            let action = if paused { "recurrence.pause" } else { "recurrence.resume" };
            keep(tx, Recurrence { paused, ..found }, action, &actor, now)
        };
        self.0.db.write(change).await
    }

    /// Takes a recurrence away, provided that it still has `version`. Bookings that were placed stay.
    pub async fn remove(&self, id: RecurrenceId, version: u32, actor: Actor) -> Result<()> {
        let now = self.0.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let found = at_version(tx, &id, version)?;
            rows::delete(tx, &id)?;
            record(tx, &found, "recurrence.remove", None, &actor, now)
        };
        self.0.db.write(change).await
    }

    /// The next `count` days on which it recurs, with what became of them already.
    pub async fn next(&self, id: RecurrenceId, count: usize) -> Result<Vec<Upcoming>> {
        let now = self.0.clock.now();
        let question = move |c: &rusqlite::Connection| {
            let found = find(c, &id)?;
            let rule = Rule::read(&found.pattern).map_err(|fault| Error::Invalid(vec![fault]))?;
            let mut offset = rule.offset(now);
            let upcoming = rule.slots(now, now + HORIZON).take(count).map(|slot| {
                let day = rows::day(c, &id, slot.date)?;
                let (local, then) = rule.local(&slot);
                let offset_changes = std::mem::replace(&mut offset, then) != then;
                let (outcome, booking) = (day.as_ref().map(|d| d.outcome), day.and_then(|d| d.booking));
                Ok(Upcoming { slot, local, offset_changes, outcome, booking })
            });
            upcoming.collect()
        };
        self.0.db.read(question).await
    }

    /// Leaves out one day. A booking that was placed for it is called off, as far as `standing` reaches.
    pub async fn skip(&self, id: RecurrenceId, date: Date, standing: Standing, actor: Actor) -> Result<Recurrence> {
        let now = self.0.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let found = find(tx, &id)?;
            let known = rows::day(tx, &id, date)?;
            if known.as_ref().is_some_and(|day| day.outcome == Outcome::Skipped) {
                return Ok(found);
            }
            if known.is_none() && Rule::read(&found.pattern).ok().and_then(|rule| rule.has(date)).is_none() {
                return Err(Error::Invalid(vec![Fault::new("date", "is not a day on which it recurs")]));
            }
            let booking = known.and_then(|day| day.booking);
            if let Some(booking) = booking {
                let placed = super::find(tx, booking)?;
                if placed.status != Status::Cancelled {
                    super::end::call_off(tx, placed, format!("{date} is left out"), standing, &actor, now)?;
                }
            }
            rows::put_day(tx, &id, &Day { date, outcome: Outcome::Skipped, booking })?;
            record(tx, &found, "recurrence.skip", Some(date), &actor, now)?;
            Ok(found)
        };
        self.0.db.write(change).await
    }

    /// Takes in again a day that was left out. Not one whose booking was called off: that is to be reopened.
    pub async fn unskip(&self, id: RecurrenceId, date: Date, actor: Actor) -> Result<Recurrence> {
        let now = self.0.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let found = find(tx, &id)?;
            match rows::day(tx, &id, date)? {
                Some(Day { outcome: Outcome::Skipped, booking: None, .. }) => {}
                Some(Day { outcome: Outcome::Skipped, booking: Some(booking), .. }) => {
                    let message = format!("had a booking already, which was called off: reopen booking {booking}");
                    return Err(Error::Invalid(vec![Fault::new("date", message)]));
                }
                _ => return Err(Error::Invalid(vec![Fault::new("date", "is not a day that was left out")])),
            }
            rows::forget_day(tx, &id, date)?;
            rows::look_at(tx, &id, now)?;
            record(tx, &found, "recurrence.unskip", Some(date), &actor, now)?;
            Ok(found)
        };
        self.0.db.write(change).await
    }
}

/// Writes a changed recurrence, which starts anew with that.
fn keep(tx: &Transaction<'_>, r: Recurrence, action: &str, actor: &Actor, now: Timestamp) -> Result<Recurrence> {
    let kept = Recurrence { active_since: now, updated_at: now, version: r.version + 1, ..r };
    rows::put(tx, &kept)?;
    record(tx, &kept, action, None, actor, now)?;
    Ok(kept)
}
