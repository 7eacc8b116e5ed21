//! Reports: tables over a time, each to be read, printed or taken away as CSV.

pub use crate::model::ReportName as Name;

use super::{Figures, Question, Rollups, Step};
use crate::fleet::Fleet;
use crate::model::{Dimension, Measure as M, Money, Place, Span, Timestamp, Window};
use crate::store::{self, Db, bookings, devices, drivers, rollups};
use crate::tracks::Tracks;
use h3o::{CellIndex, LatLng};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Rows of a report, at most.
pub const MOST: usize = 10_000;
/// How far back a device's lag is looked for.
const LATELY: Span = Span::from_secs(3_600);
/// Fixes looked at for it.
const FIXES: usize = 1_000;

/// Its heading.
fn title(name: Name) -> &'static str {
    match name {
        Name::Operations => "Daily operations",
        Name::Drivers => "Drivers: hours and ways",
        Name::Customers => "Customers",
        Name::Unserved => "Unserved demand",
        Name::Devices => "Health of devices",
    }
}

/// A column of a report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Column {
    /// Its name in CSV.
    pub key: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What its numbers are in: `s`, `m`, `%`, `minor`; missing for counts and texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'static str>,
}

/// A value in a report.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing is known.
    None,
    /// A count, or whole seconds, metres or minor units.
    Whole(i64),
    /// A mean or ratio.
    Number(f64),
    /// A text.
    Text(String),
}

impl Cell {
    /// As CSV shows it; a text that a spreadsheet would take for a formula is quoted with an apostrophe.
    pub fn to_text(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Whole(n) => n.to_string(),
            Self::Number(x) => format!("{x:.4}"),
            Self::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
            Self::Text(text) => text.clone(),
        }
    }
}

impl From<i64> for Cell {
    fn from(n: i64) -> Self {
        Self::Whole(n)
    }
}
impl From<Option<f64>> for Cell {
    fn from(x: Option<f64>) -> Self {
        x.map_or(Self::None, Self::Number)
    }
}
impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<Option<Timestamp>> for Cell {
    fn from(at: Option<Timestamp>) -> Self {
        at.map_or(Self::None, |at| Self::Text(at.to_string()))
    }
}

/// A report: a table over a time.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = ReportTable)]
pub struct Table {
    /// Its name in its address.
    pub name: &'static str,
    /// Its heading.
    pub title: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with a value for every column.
    pub rows: Vec<Vec<Cell>>,
    /// What is to be known beside, as when there were more rows than are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Table {
    fn new(name: Name, columns: &[(&'static str, &'static str, &'static str)], rows: Vec<Vec<Cell>>) -> Self {
        let column = |(key, title, unit): &(&'static str, &'static str, &'static str)| Column {
            key,
            title,
            unit: Some(*unit).filter(|unit| !unit.is_empty()),
        };
        let more = rows.len() > MOST;
        Self {
            name: name.as_str(),
            title: title(name).to_owned(),
            columns: columns.iter().map(column).collect(),
            rows: rows.into_iter().take(MOST).collect(),
            note: more.then(|| format!("Only the first {MOST} rows: take a shorter time.")),
        }
    }
}

/// Makes reports. Cheap to clone.
#[derive(Clone)]
pub struct Reports {
    /// The sums.
    pub rollups: Rollups,
    /// Bookings, drivers, devices.
    pub db: Db,
    /// Where everyone is.
    pub fleet: Fleet,
    /// Where everyone was.
    pub tracks: Tracks,
}

const FIGURES: [(&str, &str, &str); 15] = [
    ("bookings", "Bookings", ""),
    ("delivered", "Delivered", ""),
    ("cancelled", "Cancelled", ""),
    ("failed", "Failed", ""),
    ("expired", "Expired", ""),
    ("open", "Open", ""),
    ("assign_mean_s", "Time to assign", "s"),
    ("wait_mean_s", "Pickup wait", "s"),
    ("on_time_ratio", "On time", "%"),
    ("duty_s", "On duty", "s"),
    ("busy_s", "With a job", "s"),
    ("utilisation", "Utilisation", "%"),
    ("empty_m", "Empty", "m"),
    ("loaded_m", "Loaded", "m"),
    ("revenue", "Revenue", "minor"),
];

fn figures(f: &Figures) -> impl Iterator<Item = Cell> {
    let counts = [f.bookings, f.delivered, f.cancelled, f.failed, f.expired, f.open].map(Cell::from);
    let means = [f.assign_mean_s, f.wait_mean_s, f.on_time_ratio].map(Cell::from);
    let work = [f.duty_s.into(), f.busy_s.into(), f.utilisation.into(), f.empty_m.into(), f.loaded_m.into()];
    counts.into_iter().chain(means).chain(work).chain([revenue(&f.revenue)])
}

fn revenue(amounts: &[Money]) -> Cell {
    let texts: Vec<_> = amounts.iter().map(|m| format!("{} {}", m.amount_minor, m.currency.code())).collect();
    if texts.is_empty() { Cell::None } else { Cell::Text(texts.join(" + ")) }
}

impl Reports {
    /// The report of a time; `customer` makes that of customers the statement of one. `None`: it has too many days.
    pub async fn make(&self, name: Name, time: Window, customer: Option<String>, now: Timestamp) -> store::Result<Option<Table>> {
        Ok(match (name, customer) {
            (Name::Operations, _) => self.operations(time).await?,
            (Name::Drivers, _) => Some(self.drivers(time).await?),
            (Name::Customers, None) => Some(self.customers(time).await?),
            (Name::Customers, Some(customer)) => Some(self.statement(customer, time).await?),
            (Name::Unserved, _) => Some(self.unserved(time).await?),
            (Name::Devices, _) => Some(self.devices(now).await?),
        })
    }

    async fn operations(&self, time: Window) -> store::Result<Option<Table>> {
        let Some(days) = self.rollups.series(Question { time, of: None }, Step::Day).await? else { return Ok(None) };
        let zone = self.rollups.zone();
        let day = |at| crate::model::Day::of(at, zone).to_string();
        let rows = days.iter().map(|p| std::iter::once(Cell::Text(day(p.from))).chain(figures(&p.figures)).collect()).collect();
        Ok(Some(Table::new(Name::Operations, &[&[("day", "Day", "")], &FIGURES[..]].concat(), rows)))
    }

    async fn drivers(&self, time: Window) -> store::Result<Table> {
        let ranked = self.rollups.ranked(Dimension::Driver, time).await?;
        let named = move |c: &rusqlite::Connection| {
            let name = |r: super::Ranked| {
                let driver = r.key.parse().ok().map(|id| drivers::get(c, id)).transpose()?.flatten();
                Ok::<_, store::Error>((driver.map_or_else(|| "deleted".to_owned(), |d| d.name), r))
            };
            ranked.into_iter().map(name).collect::<store::Result<Vec<_>>>()
        };
        let rows = self.db.read(named).await?.into_iter();
        let rows = rows.map(|(name, r)| [r.key.into(), name.into()].into_iter().chain(figures(&r.figures)).collect()).collect();
        Ok(Table::new(Name::Drivers, &[&[("driver_id", "Driver", ""), ("name", "Name", "")], &FIGURES[..]].concat(), rows))
    }

    async fn customers(&self, time: Window) -> store::Result<Table> {
        let ranked = self.rollups.ranked(Dimension::Customer, time).await?;
        let row = |r: super::Ranked| std::iter::once(Cell::Text(r.key)).chain(figures(&r.figures)).collect();
        Ok(Table::new(Name::Customers, &[&[("customer", "Customer", "")], &FIGURES[..]].concat(), ranked.into_iter().map(row).collect()))
    }

    async fn statement(&self, customer: String, time: Window) -> store::Result<Table> {
        let name = customer.clone();
        let found = self.db.read(move |c| bookings::of_customer(c, &name, time, MOST + 1)).await?;
        let row = |b: crate::model::Booking| {
            let address =
                |site: &crate::model::Site| site.address.clone().unwrap_or_else(|| format!("{}, {}", site.place.lat(), site.place.lon()));
            let due = b.status == crate::model::Status::Delivered;
            vec![
                b.reference.into(),
                b.order.customer_reference.map_or(Cell::None, Cell::from),
                b.order.pickup_at.into(),
                address(&b.order.pickup).into(),
                address(&b.order.dropoff).into(),
                b.status.as_str().to_owned().into(),
                b.delivered_at.into(),
                if due { b.fare.price.amount_minor.into() } else { Cell::None },
                b.fare.price.currency.code().to_owned().into(),
            ]
        };
        let columns = [
            ("ref", "Booking", ""),
            ("customer_reference", "Their reference", ""),
            ("pickup_at", "Pickup", ""),
            ("from", "From", ""),
            ("to", "To", ""),
            ("status", "Status", ""),
            ("delivered_at", "Delivered", ""),
            ("amount_minor", "Amount", "minor"),
            ("currency", "Currency", ""),
        ];
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for booking in found.iter().filter(|b| b.status == crate::model::Status::Delivered) {
            *sums.entry(booking.fare.price.currency.code().to_owned()).or_default() += booking.fare.price.amount_minor;
        }
        let mut table = Table::new(Name::Customers, &columns, found.into_iter().map(row).collect());
        table.title = format!("Statement of {customer}");
        let sums: Vec<_> = sums.iter().map(|(currency, amount)| format!("{amount} {currency} (minor units)")).collect();
        table.note = table.note.or_else(|| (!sums.is_empty()).then(|| format!("Delivered in sum: {}.", sums.join(" + "))));
        Ok(table)
    }

    async fn unserved(&self, time: Window) -> store::Result<Table> {
        let zone = self.rollups.zone().to_owned();
        let found = self.db.read(move |c| rollups::unserved(c, Dimension::Cell, time.from, time.until)).await?;
        let row = |(cell, hour, sums): (String, Timestamp, crate::model::Measures)| {
            let place = centre(&cell);
            let local = format!("{} {:02}:00", crate::model::Day::of(hour, &zone), hour.minute_of_day(&zone) / 60);
            let part = |of: fn(Place) -> f64| place.map_or(Cell::None, |place| Cell::Number(of(place)));
            let counts = [sums[M::Bookings], sums[M::Delivered], sums[M::Failed], sums[M::Expired]].map(Cell::from);
            [cell.into(), part(Place::lat), part(Place::lon), local.into()].into_iter().chain(counts).collect()
        };
        let columns = [
            ("cell", "H3 cell", ""),
            ("lat", "Latitude", ""),
            ("lon", "Longitude", ""),
            ("hour", "Hour", ""),
            ("bookings", "Bookings", ""),
            ("delivered", "Delivered", ""),
            ("failed", "Failed", ""),
            ("expired", "Expired", ""),
        ];
        Ok(Table::new(Name::Unserved, &columns, found.into_iter().map(row).collect()))
    }

    async fn devices(&self, now: Timestamp) -> store::Result<Table> {
        let known = self.db.read(|c| devices::list(c, None, MOST + 1)).await?;
        let mut rows = Vec::with_capacity(known.len());
        for device in known {
            let view = self.fleet.get(&device.vehicle);
            let lag = self.lag(&device.vehicle, now).await;
            let state = if device.revoked_at.is_some() {
                "revoked"
            } else if view.as_ref().is_some_and(|v| v.online) {
                "online"
            } else {
                "offline"
            };
            let number = |x: Option<f32>| Cell::from(x.map(f64::from));
            rows.push(vec![
                device.id.to_string().into(),
                device.vehicle.to_string().into(),
                device.format.into(),
                state.to_owned().into(),
                view.as_ref().and_then(|v| v.fix_ts).into(),
                view.as_ref().and_then(|v| v.fix_ts).map_or(Cell::None, |at| Cell::Whole(now.since(at).as_millis() / 1_000)),
                lag.map_or(Cell::None, Cell::Whole),
                number(view.as_ref().and_then(|v| v.accuracy_m)),
                number(view.as_ref().and_then(|v| v.battery)),
            ]);
        }
        let columns = [
            ("device_id", "Device", ""),
            ("vehicle_id", "Vehicle", ""),
            ("format", "Format", ""),
            ("state", "State", ""),
            ("last_fix", "Last fix", ""),
            ("fix_age_s", "Age of it", "s"),
            ("lag_s", "Lag in the last hour", "s"),
            ("accuracy_m", "Accuracy", "m"),
            ("battery", "Battery", ""),
        ];
        Ok(Table::new(Name::Devices, &columns, rows))
    }

    /// Seconds from when a vehicle's fixes of the last hour were taken until they came in, the median.
    pub(super) async fn lag(&self, vehicle: &crate::model::VehicleId, now: Timestamp) -> Option<i64> {
        let page = self.tracks.read(vehicle, now - LATELY, now, FIXES, None).await.ok()?;
        let mut lags: Vec<i64> = page.fixes.iter().map(|fix| fix.received.since(fix.ts).as_millis() / 1_000).collect();
        lags.sort_unstable();
        lags.get(lags.len() / 2).copied()
    }
}

/// The middle of an H3 cell.
pub(super) fn centre(cell: &str) -> Option<Place> {
    let at = LatLng::from(cell.parse::<CellIndex>().ok()?);
    Place::new(at.lat(), at.lng()).ok()
}
