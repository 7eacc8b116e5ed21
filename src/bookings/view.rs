//! A booking as the journal and the wire show it.

use crate::model::{Booking, Origin, Status};
use serde_json::{Map, Value, json};

/// The booking as one JSON object, named as in the API; what it does not have is left out.
pub fn booking_json(b: &Booking) -> Value {
    let order = &b.order;
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            map.insert(key.to_owned(), value);
        }
    };
    put("id", json!(b.id));
    put("ref", json!(b.reference));
    put("status", json!(b.status));
    put("pickup", json!(order.pickup));
    put("dropoff", json!(order.dropoff));
    put("stops", json!(Some(&order.stops).filter(|stops| !stops.is_empty())));
    put("pickup_at", json!(order.pickup_at));
    put("pickup_window", json!(order.pickup_window()));
    put("dropoff_window", json!(order.dropoff_window));
    put("vehicle_class", json!(order.vehicle_class));
    put("load_kg", json!(order.load_kg));
    put("load_m3", json!(order.load_m3));
    put("pieces", json!(order.pieces));
    put("skills", json!(order.skills));
    put("customer", json!(order.customer));
    put("customer_reference", json!(order.customer_reference));
    put("priority", json!(order.priority));
    put("notes", json!(order.notes));
    put("expires_at", json!(order.expires_at));
    put("price", json!(b.fare.price));
    put("distance_m", json!(b.fare.distance_m));
    put("duration_s", json!(b.fare.duration_s));
    put("vehicle_id", json!(b.vehicle));
    put("cancel_reason", json!(b.reason));
    put("created_at", json!(b.created_at));
    put("updated_at", json!(b.updated_at));
    put("assigned_at", json!(b.assigned_at));
    put("arrived_at", json!(b.arrived_at));
    put("picked_up_at", json!(b.picked_up_at));
    put("delivered_at", json!(b.delivered_at));
    put("ended_at", json!(b.ended_at));
    put("failed_at", json!(b.ended_at.filter(|_| b.status == Status::Failed)));
    put("cancelled_at", json!(b.ended_at));
    put("locked", json!(b.locked.then_some(true)));
    put("origin", json!(Some(b.origin).filter(|origin| *origin != Origin::Depot)));
    put("recurrence_id", json!(b.recurrence));
    put("version", json!(b.version));
    Value::Object(map)
}
