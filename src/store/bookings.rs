//! Bookings. Only [`insert`] and [`update`] write them, and only `bookings` calls those.

use super::{Error, Result, journal::count, row};
use crate::model::{
    Booking, BookingId, Currency, Fare, Money, Order, Origin, Place, Priority, RecurrenceId, Site, Status, Timestamp, VehicleId, Window,
};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, ToSql, Transaction, params, params_from_iter};

/// Which bookings a list holds.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In one of these statuses; empty: in any.
    pub status: Vec<Status>,
    /// Picked up at or after.
    pub from: Option<Timestamp>,
    /// Picked up before.
    pub to: Option<Timestamp>,
    /// Reference, customer and its reference, notes, vehicle, or an address, contact or note of any stop contain this, without regard to case.
    pub q: Option<String>,
    /// Only this customer's.
    pub customer: Option<String>,
}

/// Looks for a text in all that people wrote into a booking.
const SEARCH: &str = " and instr(lower('b-' || (1000 + number) || char(10) || coalesce(customer, '') || char(10)
    || coalesce(customer_reference, '') || char(10) || coalesce(notes, '') || char(10) || coalesce(pickup_address, '') || char(10)
    || coalesce(dropoff_address, '') || char(10) || coalesce(vehicle_id, '') || char(10)
    || coalesce((select group_concat(atom, char(10))
                 from json_tree(json_array(json(pickup_contact), json(dropoff_contact), json(stops)))
                 where key in ('address', 'notes', 'name', 'phone', 'email')), '')), ?) > 0";

/// The name that people call booking number `number`.
fn reference(number: i64) -> String {
    format!("B-{}", 1000 + number)
}

/// A booking to be added.
#[derive(Debug)]
pub struct New<'a> {
    /// Its id.
    pub id: BookingId,
    /// Where it stands.
    pub status: Status,
    /// What was ordered, with its `pickup_at` and `expires_at`.
    pub order: &'a Order,
    /// What it costs, and its way.
    pub fare: Fare,
    /// Who places it.
    pub origin: Origin,
    /// The recurring booking that makes it.
    pub recurrence: Option<RecurrenceId>,
}

/// Adds a booking and gives it back as kept.
pub fn insert(tx: &Transaction<'_>, new: &New<'_>, now: Timestamp) -> Result<Booking> {
    let id = new.id;
    let mut given = ordered(new.order, new.fare)?;
    given.extend([
        ("id", id.to_string().into()),
        ("status", new.status.as_str().to_owned().into()),
        ("origin", new.origin.as_str().to_owned().into()),
        ("recurrence_id", new.recurrence.as_ref().map(ToString::to_string).into()),
        ("created_at", now.as_millis().into()),
        ("updated_at", now.as_millis().into()),
        ("version", 1_i64.into()),
    ]);
    let names: Vec<_> = given.iter().map(|(name, _)| *name).collect();
    let marks = vec!["?"; names.len()].join(", ");
    let sql = format!("insert into bookings ({}) values ({marks})", names.join(", "));
    tx.prepare_cached(&sql)?.execute(params_from_iter(given.into_iter().map(|(_, value)| value)))?;
    get(tx, id)?.ok_or_else(|| Error::Corrupt(format!("booking {id} is gone right after it was written")))
}

/// Writes all that can change of a booking, provided that the row still has `version`; `false` when it has not.
pub fn update(tx: &Transaction<'_>, b: &Booking, version: u32) -> Result<bool> {
    let millis = |t: Option<Timestamp>| Value::from(t.map(Timestamp::as_millis));
    let mut given = ordered(&b.order, b.fare)?;
    given.extend([
        ("status", b.status.as_str().to_owned().into()),
        ("vehicle_id", b.vehicle.as_ref().map(ToString::to_string).into()),
        ("reason", b.reason.clone().into()),
        ("updated_at", b.updated_at.as_millis().into()),
        ("assigned_at", millis(b.assigned_at)),
        ("arrived_at", millis(b.arrived_at)),
        ("picked_up_at", millis(b.picked_up_at)),
        ("delivered_at", millis(b.delivered_at)),
        ("ended_at", millis(b.ended_at)),
        ("locked", b.locked.into()),
        ("version", b.version.into()),
    ]);
    let sets: Vec<_> = given.iter().map(|(name, _)| format!("{name} = ?")).collect();
    let sql = format!("update bookings set {} where id = ? and version = ?", sets.join(", "));
    let row = [Value::from(b.id.to_string()), version.into()];
    let rows = tx.prepare_cached(&sql)?.execute(params_from_iter(given.into_iter().map(|(_, value)| value).chain(row)))?;
    Ok(rows == 1)
}

/// The columns of what was ordered, and what it costs.
fn ordered(order: &Order, fare: Fare) -> Result<Vec<(&'static str, Value)>> {
    let millis = |t: Option<Timestamp>| Value::from(t.map(Timestamp::as_millis));
    let missing = |what| Error::Corrupt(format!("a booking without its {what} was to be written"));
    Ok(vec![
        ("pickup_lat", order.pickup.place.lat().into()),
        ("pickup_lon", order.pickup.place.lon().into()),
        ("pickup_address", order.pickup.address.clone().into()),
        ("pickup_contact", order.pickup.contact.as_ref().map(row::json_text).transpose()?.into()),
        ("dropoff_lat", order.dropoff.place.lat().into()),
        ("dropoff_lon", order.dropoff.place.lon().into()),
        ("dropoff_address", order.dropoff.address.clone().into()),
        ("dropoff_contact", order.dropoff.contact.as_ref().map(row::json_text).transpose()?.into()),
        ("stops", row::json_text(&order.stops)?.into()),
        ("pickup_at", order.pickup_at.ok_or_else(|| missing("pickup_at"))?.as_millis().into()),
        ("pickup_until", millis(order.pickup_until)),
        ("dropoff_from", millis(order.dropoff_window.map(|w| w.from))),
        ("dropoff_until", millis(order.dropoff_window.map(|w| w.until))),
        ("vehicle_class", order.vehicle_class.clone().into()),
        ("load_kg", order.load_kg.into()),
        ("load_m3", order.load_m3.into()),
        ("pieces", order.pieces.into()),
        ("skills", row::texts_json(&order.skills).into()),
        ("customer", order.customer.clone().into()),
        ("customer_reference", order.customer_reference.clone().into()),
        ("priority", order.priority.as_str().to_owned().into()),
        ("notes", order.notes.clone().into()),
        ("expires_at", order.expires_at.ok_or_else(|| missing("expires_at"))?.as_millis().into()),
        ("price_minor", fare.price.amount_minor.into()),
        ("currency", fare.price.currency.code().to_owned().into()),
        ("distance_m", fare.distance_m.into()),
        ("duration_s", fare.duration_s.into()),
    ])
}

/// The booking of an id.
pub fn get(connection: &Connection, id: BookingId) -> Result<Option<Booking>> {
    Ok(collect(connection, "select * from bookings where id = ?1", params![id.to_string()])?.pop())
}

/// The job that `vehicle` has now.
pub fn active_of(connection: &Connection, vehicle: &VehicleId) -> Result<Option<Booking>> {
    let sql = "select * from bookings where vehicle_id = ?1 and status in ('assigned', 'arrived', 'picked_up')";
    Ok(collect(connection, sql, params![vehicle.as_str()])?.pop())
}

/// Up to `limit` bookings in `status`, the earliest pickup first.
pub fn in_status(connection: &Connection, status: Status, limit: usize) -> Result<Vec<Booking>> {
    let sql = "select * from bookings where status = ?1 order by pickup_at, number limit ?2";
    collect(connection, sql, params![status.as_str(), count(limit)])
}

/// Up to `limit` bookings of one customer with a pickup within `time`, in its order.
pub fn of_customer(connection: &Connection, customer: &str, time: Window, limit: usize) -> Result<Vec<Booking>> {
    let sql = "select * from bookings where customer = ?1 and pickup_at >= ?2 and pickup_at < ?3 order by pickup_at, number limit ?4";
    collect(connection, sql, params![customer, time.from.as_millis(), time.until.as_millis(), count(limit)])
}

/// Up to `limit` bookings with a pickup within `time` that were not called off, in its order.
pub fn wanted_within(connection: &Connection, time: Window, limit: usize) -> Result<Vec<Booking>> {
    let sql =
        "select * from bookings where pickup_at >= ?1 and pickup_at < ?2 and status <> 'cancelled' order by pickup_at, number limit ?3";
    collect(connection, sql, params![time.from.as_millis(), time.until.as_millis(), count(limit)])
}

/// Up to `limit` bookings that a vehicle is busy with.
pub fn under_way(connection: &Connection, limit: usize) -> Result<Vec<Booking>> {
    let sql = "select * from bookings where status in ('assigned', 'arrived', 'picked_up') limit ?1";
    collect(connection, sql, params![count(limit)])
}

/// How many jobs each vehicle was given at `since` or later.
pub fn given_since(connection: &Connection, since: Timestamp) -> Result<Vec<(VehicleId, u32)>> {
    let sql = "select vehicle_id, count(*) as jobs from bookings where assigned_at >= ?1 and vehicle_id is not null group by vehicle_id";
    connection.prepare_cached(sql)?.query_and_then([since.as_millis()], |r| Ok((row::parse(r, "vehicle_id")?, r.get("jobs")?)))?.collect()
}

/// How many bookings wanted a vehicle between `since` and `now`, and how many seconds their ways take on average. One for later
/// wants it at its pickup time, whenever it was placed.
pub fn wanted_since(connection: &Connection, since: Timestamp, now: Timestamp) -> Result<(u32, f64)> {
    let sql = "select count(*), coalesce(avg(duration_s), 0.0) from bookings where status not in ('scheduled', 'cancelled')
               and (pickup_at between ?1 and ?2 and created_at <= ?2 or created_at between ?1 and ?2 and pickup_at < ?1)";
    Ok(connection.prepare_cached(sql)?.query_row([since.as_millis(), now.as_millis()], |r| Ok((r.get(0)?, r.get(1)?)))?)
}

/// Up to `limit` bookings that no vehicle has and that are to be given up at `now`, the longest overdue first.
pub fn overdue(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<Booking>> {
    let sql = "select * from bookings where status in ('scheduled', 'waiting', 'offered') and expires_at <= ?1
               order by expires_at, number limit ?2";
    collect(connection, sql, params![now.as_millis(), count(limit)])
}

/// Up to `limit` scheduled bookings with a pickup until `before`, the earliest first.
pub fn due(connection: &Connection, before: Timestamp, limit: usize) -> Result<Vec<Booking>> {
    let sql = "select * from bookings where status = 'scheduled' and pickup_at <= ?1 order by pickup_at, number limit ?2";
    collect(connection, sql, params![before.as_millis(), count(limit)])
}

/// Up to `limit` bookings that can still change, the earliest pickup first.
pub fn open(connection: &Connection, limit: usize) -> Result<Vec<Booking>> {
    let sql = "select * from bookings where status in ('scheduled', 'waiting', 'offered', 'assigned', 'arrived', 'picked_up')
               order by pickup_at, number limit ?1";
    collect(connection, sql, params![count(limit)])
}

/// Up to `limit` bookings that fit `filter`, newest first, from before booking number `before` on; each with its number.
pub fn list(connection: &Connection, filter: &Filter, before: i64, limit: usize) -> Result<Vec<(i64, Booking)>> {
    let mut sql = String::from("select * from bookings where number < ?");
    let mut given: Vec<Box<dyn ToSql>> = vec![Box::new(before)];
    if !filter.status.is_empty() {
        let marks = vec!["?"; filter.status.len()].join(", ");
        sql.push_str(&format!(" and status in ({marks})"));
        given.extend(filter.status.iter().map(|s| Box::new(s.as_str()) as Box<dyn ToSql>));
    }
    for (clause, bound) in [(" and pickup_at >= ?", filter.from), (" and pickup_at < ?", filter.to)] {
        if let Some(at) = bound {
            sql.push_str(clause);
            given.push(Box::new(at.as_millis()));
        }
    }
    if let Some(customer) = &filter.customer {
        sql.push_str(" and customer = ?");
        given.push(Box::new(customer.clone()));
    }
    if let Some(q) = &filter.q {
        sql.push_str(SEARCH);
        given.push(Box::new(q.to_lowercase()));
    }
    sql.push_str(" order by number desc limit ?");
    given.push(Box::new(count(limit)));
    let given = rusqlite::params_from_iter(given.iter());
    connection.prepare_cached(&sql)?.query_and_then(given, |r| Ok((r.get("number")?, read(r)?)))?.collect()
}

pub(super) fn collect(connection: &Connection, sql: &str, given: impl rusqlite::Params) -> Result<Vec<Booking>> {
    connection.prepare_cached(sql)?.query_and_then(given, read)?.collect()
}

fn site(r: &Row<'_>, lat: &str, lon: &str, address: &str, contact: &str) -> Result<Site> {
    let place = Place::new(r.get(lat)?, r.get(lon)?).map_err(|e| Error::Corrupt(format!("a booking's {lat}, {lon}: {e}")))?;
    Ok(Site { place, address: r.get(address)?, contact: row::json_opt(r, contact)? })
}

fn order(r: &Row<'_>) -> Result<Order> {
    let priority: String = r.get("priority")?;
    let (from, until) = (row::time_opt(r, "dropoff_from")?, row::time_opt(r, "dropoff_until")?);
    Ok(Order {
        pickup: site(r, "pickup_lat", "pickup_lon", "pickup_address", "pickup_contact")?,
        dropoff: site(r, "dropoff_lat", "dropoff_lon", "dropoff_address", "dropoff_contact")?,
        stops: row::json_opt(r, "stops")?.unwrap_or_default(),
        pickup_at: Some(row::time(r, "pickup_at")?),
        pickup_until: row::time_opt(r, "pickup_until")?,
        dropoff_window: from.zip(until).map(|(from, until)| Window { from, until }),
        vehicle_class: r.get("vehicle_class")?,
        load_kg: r.get("load_kg")?,
        load_m3: r.get("load_m3")?,
        pieces: r.get("pieces")?,
        skills: row::texts(r, "skills")?,
        customer: r.get("customer")?,
        customer_reference: r.get("customer_reference")?,
        priority: Priority::parse(&priority).ok_or_else(|| Error::Corrupt(format!("a booking has the priority {priority:?}")))?,
        notes: r.get("notes")?,
        expires_at: Some(row::time(r, "expires_at")?),
    })
}

pub(super) fn read(r: &Row<'_>) -> Result<Booking> {
    let status: String = r.get("status")?;
    let code: String = r.get("currency")?;
    let origin: String = r.get("origin")?;
    let currency = Currency::new(&code).ok_or_else(|| Error::Corrupt(format!("a booking has the currency {code:?}")))?;
    Ok(Booking {
        id: row::parse(r, "id")?,
        reference: reference(r.get("number")?),
        status: Status::parse(&status).ok_or_else(|| Error::Corrupt(format!("a booking has the status {status:?}")))?,
        order: order(r)?,
        fare: Fare {
            price: Money { amount_minor: r.get("price_minor")?, currency },
            distance_m: r.get("distance_m")?,
            duration_s: r.get("duration_s")?,
        },
        vehicle: row::parse_opt(r, "vehicle_id")?,
        reason: r.get("reason")?,
        created_at: row::time(r, "created_at")?,
        updated_at: row::time(r, "updated_at")?,
        assigned_at: row::time_opt(r, "assigned_at")?,
        arrived_at: row::time_opt(r, "arrived_at")?,
        picked_up_at: row::time_opt(r, "picked_up_at")?,
        delivered_at: row::time_opt(r, "delivered_at")?,
        ended_at: row::time_opt(r, "ended_at")?,
        locked: r.get("locked")?,
        origin: Origin::parse(&origin).ok_or_else(|| Error::Corrupt(format!("a booking has the origin {origin:?}")))?,
        recurrence: row::parse_opt(r, "recurrence_id")?,
        version: r.get("version")?,
    })
}
