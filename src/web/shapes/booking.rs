//! A booking.

use super::words;
use super::{EtaShape, SiteShape, StopShape, WindowShape};
use crate::bookings::etas::Board;
use crate::model::{Booking, Money, Origin, Status, Timestamp, VehicleId};
use crate::tariffs::Bill;
use serde::Serialize;
use utoipa::ToSchema;

/// A booking.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Booking)]
pub struct BookingShape {
    /// Its id, a UUIDv7.
    pub id: String,
    /// A short name for people.
    #[serde(rename = "ref")]
    #[schema(example = "B-1042")]
    pub reference: String,
    /// `scheduled`, `waiting`, `offered`, `assigned`, `arrived`, `picked_up`, `delivered`, `cancelled`, `failed` or `expired`.
    #[schema(value_type = words::BookingStatus)]
    pub status: &'static str,
    /// Where the load is picked up.
    pub pickup: SiteShape,
    /// Where it goes.
    pub dropoff: SiteShape,
    /// Stops on the way, in the order in which they are made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<StopShape>,
    /// When it is to be picked up; the begin of `pickup_window` where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub pickup_at: Option<Timestamp>,
    /// Between when and when it is to be picked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pickup_window: Option<WindowShape>,
    /// Between when and when it is to be delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropoff_window: Option<WindowShape>,
    /// Only a vehicle of this class will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle_class: Option<String>,
    /// Weight in kg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_kg: Option<u32>,
    /// Volume in cubic metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_m3: Option<f64>,
    /// Number of pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pieces: Option<u32>,
    /// What the vehicle must be able to do.
    pub skills: Vec<String>,
    /// Who it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// What the customer calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_reference: Option<String>,
    /// `low`, `normal`, `high` or `urgent`.
    #[schema(value_type = words::Priority)]
    pub priority: &'static str,
    /// Free words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// When it is given up if no vehicle has it by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// The vehicle that has it, or had it when it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle_id: Option<String>,
    /// What the price is made of; lists leave it out, and bookings of older versions of depotd have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bill: Option<Bill>,
    /// What whoever waits for the load is to tell the driver, where the tariff asks for a PIN. One booking alone has it, and no driver is shown it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// What it costs.
    pub price: Money,
    /// Length of the way in metres.
    pub distance_m: u32,
    /// Time of the way in seconds.
    pub duration_s: u32,
    /// When it was placed.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// When a vehicle got it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub assigned_at: Option<Timestamp>,
    /// When the vehicle reached the pickup.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub arrived_at: Option<Timestamp>,
    /// When the load was on board.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub picked_up_at: Option<Timestamp>,
    /// When the load was delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<Timestamp>,
    /// When it was cancelled, failed or expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// When it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failed_at: Option<Timestamp>,
    /// The same as `ended_at`, also of a booking that failed or expired: `ended_at` is the better name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub cancelled_at: Option<Timestamp>,
    /// Why it was cancelled or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<String>,
    /// Counts its changes, from 1.
    pub version: u32,
    /// People decide about it, not the dispatcher.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
    /// `head_office` when head office placed it; absent when the depot did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<&'static str>,
    /// The recurring booking that made it, which may be gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence_id: Option<String>,
    /// When it will be done; only while it is under way, and only where one or several bookings are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta: Option<EtaShape>,
    /// What whoever gave it to a vehicle by hand should know; only in the answer to that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// Something that was done, but may not be what was meant.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AssignWarning)]
pub struct Warning {
    /// `offline`: the vehicle is not connected, so its driver does not know of the job yet.
    pub kind: &'static str,
    /// The vehicle.
    pub vehicle_id: String,
    /// It has not been heard of since; absent when it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// The same in words.
    pub message: String,
}
impl Warning {
    /// That the vehicle has not been heard of since then.
    pub fn offline(vehicle: &VehicleId, since: Option<Timestamp>) -> Self {
        let heard = since.map_or("has never been heard of".to_owned(), |since| format!("has not been heard of since {since}"));
        let message = format!("{vehicle} {heard}: it is told of the job once it is connected");
        Self { kind: "offline", vehicle_id: vehicle.to_string(), since, message }
    }
}

impl BookingShape {
    /// The same with what the board says about it.
    pub fn with_eta(self, board: &Board) -> Self {
        let eta = self.id.parse().ok().and_then(|id| board.get(id)).map(Into::into);
        Self { eta, ..self }
    }
}
impl From<&Booking> for BookingShape {
    fn from(b: &Booking) -> Self {
        let order = &b.order;
        Self {
            id: b.id.to_string(),
            reference: b.reference.clone(),
            status: b.status.as_str(),
            pickup: (&order.pickup).into(),
            dropoff: (&order.dropoff).into(),
            stops: order.stops.iter().map(Into::into).collect(),
            pickup_at: order.pickup_at,
            pickup_window: order.pickup_window().map(Into::into),
            dropoff_window: order.dropoff_window.map(Into::into),
            vehicle_class: order.vehicle_class.clone(),
            load_kg: order.load_kg,
            load_m3: order.load_m3,
            pieces: order.pieces,
            skills: order.skills.clone(),
            customer: order.customer.clone(),
            customer_reference: order.customer_reference.clone(),
            priority: order.priority.as_str(),
            notes: order.notes.clone(),
            expires_at: order.expires_at,
            vehicle_id: b.vehicle.as_ref().map(ToString::to_string),
            bill: None,
            pin: None,
            price: b.fare.price,
            distance_m: b.fare.distance_m,
            duration_s: b.fare.duration_s,
            created_at: b.created_at,
            updated_at: b.updated_at,
            assigned_at: b.assigned_at,
            arrived_at: b.arrived_at,
            picked_up_at: b.picked_up_at,
            delivered_at: b.delivered_at,
            ended_at: b.ended_at,
            failed_at: b.ended_at.filter(|_| b.status == Status::Failed),
            cancelled_at: b.ended_at,
            cancel_reason: b.reason.clone(),
            version: b.version,
            locked: b.locked,
            origin: (b.origin != Origin::Depot).then(|| b.origin.as_str()),
            recurrence_id: b.recurrence.as_ref().map(ToString::to_string),
            eta: None,
            warnings: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BookingId, Contact, Currency, Fare, Money, Order, Place, Priority, Site, Status, Stop, StopKind, Window};

    #[test]
    fn the_journal_and_the_api_show_the_same_booking() {
        let at = Timestamp::from_secs(1_800_000_000);
        let mut order = Order::new(Site::at(Place::new(42.5, 1.5).unwrap()), Site::at(Place::new(42.6, 1.5).unwrap()));
        order.pickup.address = Some("dock 3".into());
        order.pickup_at = Some(at);
        let fare = Fare { price: Money { amount_minor: 1234, currency: Currency::new("EUR").unwrap() }, distance_m: 1, duration_s: 2 };
        let mut booking = Booking {
            id: BookingId::generate(at, [1; 10]),
            reference: "B-1".into(),
            status: Status::Waiting,
            order,
            fare,
            vehicle: None,
            reason: None,
            created_at: at,
            updated_at: at,
            assigned_at: None,
            arrived_at: None,
            picked_up_at: None,
            delivered_at: None,
            ended_at: None,
            locked: false,
            origin: Origin::Depot,
            recurrence: None,
            version: 1,
        };
        for _ in 0..2 {
            assert_eq!(serde_json::to_value(BookingShape::from(&booking)).unwrap(), crate::bookings::booking_json(&booking));
            booking.vehicle = Some(crate::model::VehicleId::new("KA-1").unwrap());
            (booking.reason, booking.origin) = (Some("late".into()), Origin::HeadOffice);
            booking.recurrence = Some("r-1".parse().unwrap());
            (booking.assigned_at, booking.ended_at, booking.status) = (Some(at), Some(at), Status::Failed);
            let contact = Contact { name: Some("Ben".into()), phone: None, email: Some("ben@example.org".into()) };
            let order = &mut booking.order;
            let site = Site { contact: Some(contact), ..order.pickup.clone() };
            order.stops = vec![Stop { site, kind: StopKind::Dropoff, notes: Some("ring twice".into()) }];
            order.expires_at = Some(at);
            order.dropoff_window = Some(Window { from: at, until: at });
            (order.pickup_until, order.load_kg, order.load_m3, order.pieces) = (Some(at), Some(120), Some(1.5), Some(3));
            (order.customer, order.customer_reference, order.priority) = (Some("Ana".into()), Some("PO 7".into()), Priority::High);
            (order.vehicle_class, order.skills, order.notes) = (Some("van".into()), vec!["tail_lift".into()], Some("fragile".into()));
        }
    }
}
