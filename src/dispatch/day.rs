//! The plan of a day to come: who could be served by whom, and who not. It binds nobody; it is for people to see in time what
//! they lack.

use crate::model::{Actor, Booking, BookingId, Day, Driver, Kind, Shift, Timestamp, Vehicle, VehicleId};
use crate::store::days::{self, Kept};
use crate::store::{self, Db, bookings, drivers, journal, shifts, vehicles};
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Bookings, shifts and vehicles of a day, at most.
const MOST: usize = 10_000;
/// Plans listed at once.
const LISTED: usize = 400;

/// Where a plan has its vehicles from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The shifts planned for the day.
    Shifts,
    /// No shift is planned: every vehicle, all day.
    Fleet,
}

/// Why nobody has a booking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// No vehicle of the day has its class, capacity and skills.
    NoneFits,
    /// Those that would fit are not at work then, or busy with others.
    NoneFree,
}

/// A booking that somebody can have.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Served {
    /// The booking.
    #[schema(value_type = String)]
    pub booking_id: BookingId,
    /// Its name.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Who.
    #[schema(value_type = String)]
    pub vehicle_id: VehicleId,
    /// When it would be picked up.
    #[schema(value_type = String, format = DateTime)]
    pub pickup_at: Timestamp,
    /// How many seconds after its window, or after its time when it has none.
    pub late_s: u32,
}

/// A booking that nobody can have.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Unserved {
    /// The booking.
    #[schema(value_type = String)]
    pub booking_id: BookingId,
    /// Its name.
    #[serde(rename = "ref")]
    pub reference: String,
    /// When it is wanted.
    #[schema(value_type = String, format = DateTime)]
    pub pickup_at: Timestamp,
    /// Why.
    pub lack: Lack,
}

/// The plan of a day.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct DayPlan {
    /// Like `2026-10-25`.
    pub day: String,
    /// IANA zone of the day.
    pub zone: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// Where its vehicles are from.
    pub basis: Basis,
    /// How many they are.
    pub vehicles: u32,
    /// Bookings that somebody can have, by pickup.
    pub served: Vec<Served>,
    /// The others, by pickup.
    pub unserved: Vec<Unserved>,
}

/// A plan in short.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct DaySummary {
    /// Like `2026-10-25`.
    pub day: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// How many bookings somebody can have.
    pub served: usize,
    /// How many nobody can have.
    pub unserved: usize,
    /// How many vehicles there are.
    pub vehicles: u32,
}
impl From<&DayPlan> for DaySummary {
    fn from(plan: &DayPlan) -> Self {
        let DayPlan { day, made_at, served, unserved, vehicles, .. } = plan;
        Self { day: day.clone(), made_at: *made_at, served: served.len(), unserved: unserved.len(), vehicles: *vehicles }
    }
}

/// What is known of a day to come.
#[derive(Clone, Debug)]
pub struct Ahead {
    /// The bookings that no vehicle has, by pickup.
    pub bookings: Vec<Booking>,
    /// The shifts that have a vehicle, with that and the driver.
    pub shifts: Vec<(Shift, Vehicle, Driver)>,
    /// Every vehicle.
    pub vehicles: Vec<Vehicle>,
}

/// The plans of days. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Days {
    db: Db,
}

impl Days {
    /// Those kept in `db`.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// What is known of the day.
    pub async fn ahead(&self, day: &Day) -> store::Result<Ahead> {
        let time = day.time();
        let question = move |c: &rusqlite::Connection| {
            use crate::model::Status::{Offered, Scheduled, Waiting};
            let wanted = bookings::Filter {
                status: vec![Scheduled, Waiting, Offered],
                from: Some(time.from),
                to: Some(time.until),
                ..bookings::Filter::default()
            };
            let mut bookings: Vec<_> = bookings::list(c, &wanted, i64::MAX, MOST)?.into_iter().map(|(_, b)| b).collect();
            bookings.sort_by_key(|b| (b.order.pickup_at, b.id));
            let planned = shifts::Filter { from: Some(time.from), to: Some(time.until), ..shifts::Filter::default() };
            let mut staffed = Vec::new();
            for shift in shifts::list(c, &planned, None, MOST)? {
                let vehicle = shift.vehicle.as_ref().map(|id| vehicles::get(c, id)).transpose()?.flatten();
                if let Some((vehicle, driver)) = vehicle.zip(drivers::get(c, shift.driver)?) {
                    staffed.push((shift, vehicle, driver));
                }
            }
            Ok::<_, store::Error>(Ahead { bookings, shifts: staffed, vehicles: vehicles::list(c, None, None, MOST)? })
        };
        self.db.read(question).await
    }

    /// Keeps the plan in place of the one before, and tells the journal how many can be served.
    pub async fn keep(&self, day: Day, plan: &DayPlan) -> store::Result<()> {
        let corrupt = |e: serde_json::Error| store::Error::Corrupt(format!("a day's plan has no JSON: {e}"));
        let (text, now) = (serde_json::to_string(plan).map_err(corrupt)?, plan.made_at);
        let DaySummary { day: name, served, unserved, vehicles, .. } = plan.into();
        let said = serde_json::json!({"day": name, "served": served, "unserved": unserved, "vehicles": vehicles});
        let change = move |tx: &Transaction<'_>| {
            days::put(tx, Kept::Plan, &day, &text, now)?;
            let (kind, data) = (Kind::DayPlanned, said.to_string());
            journal::append(tx, &journal::NewEvent { at: now, kind, actor: &Actor::System, booking: None, vehicle: None, data: &data })?;
            Ok(())
        };
        self.db.write(change).await
    }

    /// The plan of a day like `2026-10-25`.
    pub async fn get(&self, day: String) -> store::Result<Option<DayPlan>> {
        let text = self.db.read(move |c| days::get(c, Kept::Plan, &day)).await?;
        text.as_deref().map(read).transpose()
    }

    /// The plans of the days from `from` to `to`, both included, newest first; at most 400.
    pub async fn list(&self, from: String, to: String) -> store::Result<Vec<DaySummary>> {
        let texts = self.db.read(move |c| days::list(c, Kept::Plan, &from, &to, LISTED)).await?;
        texts.iter().map(|text| read(text).map(|plan| DaySummary::from(&plan))).collect()
    }
}

fn read(text: &str) -> store::Result<DayPlan> {
    serde_json::from_str(text).map_err(|e| store::Error::Corrupt(format!("a day's plan: {e}")))
}
