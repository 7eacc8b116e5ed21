//! What phones send over HTTP: OsmAnd and Traccar Client up to 8 a query (here a JSON object of its pairs, all of them texts), Traccar
//! Client from 9 on a JSON document with a `location`. Speeds are knots there and metres a second here.

use super::Rejected;
use super::json::{self, Extras};
use crate::model::{Fix, Flag, Flags, Timestamp, VehicleId};
use serde_json::value::to_raw_value;
use serde_json::{Map, Value};

const KNOTS_TO_KMH: f64 = 1.852;
const MPS_TO_KMH: f64 = 3.6;
/// A time below it is in seconds, from it on in milliseconds.
const FIRST_MILLIS: f64 = 2_147_483_647.0;

pub(super) fn decode(payload: &[u8], vehicle: &VehicleId, received: Timestamp, fixes: &mut Vec<Fix>) -> Result<(), Rejected> {
    let document: Map<String, Value> = serde_json::from_slice(payload).map_err(|e| json::json_fault(&e))?;
    let base = (vehicle, received);
    let fix = match document.get("location") {
        Some(Value::Object(location)) => from_location(location, document.contains_key("device_id"), base)?,
        _ => from_pairs(&document, base)?,
    };
    fixes.extend(fix);
    Ok(())
}

/// A number, or a text that holds one.
fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn needed(value: Option<&Value>, field: &'static str) -> Result<f64, Rejected> {
    number(Some(value.ok_or(Rejected::Missing(field))?)).ok_or(Rejected::Field { field, problem: "must be a number" })
}

/// Seconds, milliseconds or RFC 3339.
fn time(value: &Value) -> Result<Timestamp, Rejected> {
    let wrong = Rejected::Field { field: "timestamp", problem: "must be epoch seconds or milliseconds, or an RFC 3339 time" };
    let ts = match number(Some(value)) {
        Some(n) if n < FIRST_MILLIS => json::whole(n * 1_000.0).map(Timestamp::from_millis),
        Some(n) => json::whole(n).map(Timestamp::from_millis),
        None => value.as_str().and_then(Timestamp::parse),
    };
    json::plausible(ts.ok_or(wrong)?, "timestamp")
}

fn truth(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => match text.as_str() {
            "true" | "1" | "on" => Some(true),
            "false" | "0" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn extras(pairs: &Map<String, Value>, known: &[&str]) -> Option<Box<str>> {
    let mut extras = Extras::default();
    for (name, value) in pairs.iter().filter(|(name, value)| !known.contains(&name.as_str()) && !value.is_null()) {
        if let Ok(raw) = to_raw_value(value) {
            extras.put(name, &raw);
        }
    }
    extras.finish()
}

fn alarm(is: bool) -> Flags {
    if is { Flags::default().with(Flag::Alarm) } else { Flags::default() }
}

fn from_pairs(pairs: &Map<String, Value>, (vehicle, received): (&VehicleId, Timestamp)) -> Result<Option<Fix>, Rejected> {
    const KNOWN: [&str; 14] = [
        "id",
        "deviceid",
        "timestamp",
        "lat",
        "lon",
        "location",
        "speed",
        "bearing",
        "heading",
        "accuracy",
        "hacc",
        "batt",
        "ignition",
        "alarm",
    ];
    if !["id", "deviceid"].iter().any(|name| pairs.contains_key(*name)) {
        return Err(Rejected::Missing("id"));
    }
    let ts = pairs.get("timestamp").map_or(Ok(received), time)?;
    let (lat, lon) = match pairs.get("location").and_then(Value::as_str) {
        Some(both) => {
            let wrong = Rejected::Field { field: "location", problem: "must be a latitude, a comma and a longitude" };
            let (lat, lon) = both.split_once(',').ok_or(wrong.clone())?;
            (lat.trim().parse().map_err(|_| wrong.clone())?, lon.trim().parse().map_err(|_| wrong)?)
        }
        // Cells and access points say roughly where a phone is, but not to us.
        None if !pairs.contains_key("lat") && ["cell", "wifi"].iter().any(|name| pairs.contains_key(*name)) => return Ok(None),
        None => (needed(pairs.get("lat"), "lat")?, needed(pairs.get("lon"), "lon")?),
    };
    let either = |one: &str, other: &str| number(pairs.get(one)).or_else(|| number(pairs.get(other)));
    Ok(Some(Fix {
        vehicle: vehicle.clone(),
        ts,
        received,
        place: json::place(lat, lon, ("lat", "lon"))?,
        speed_kmh: json::quantity(number(pairs.get("speed")).map(|knots| knots * KNOTS_TO_KMH), 1e4),
        course: json::quantity(either("bearing", "heading"), 360.0),
        accuracy_m: json::quantity(either("accuracy", "hacc"), 1e7),
        ignition: truth(pairs.get("ignition")),
        battery: json::quantity(number(pairs.get("batt")), 100.0),
        flags: alarm(pairs.get("alarm").is_some_and(|alarm| truth(Some(alarm)) != Some(false) && alarm != "")),
        extras: extras(pairs, &KNOWN),
    }))
}

fn from_location(
    location: &Map<String, Value>,
    is_named: bool,
    (vehicle, received): (&VehicleId, Timestamp),
) -> Result<Option<Fix>, Rejected> {
    if !is_named {
        return Err(Rejected::Missing("device_id"));
    }
    let Some(Value::Object(coords)) = location.get("coords") else { return Ok(None) };
    let ts = location.get("timestamp").map_or(Ok(received), time)?;
    let (lat, lon) = (needed(coords.get("latitude"), "latitude")?, needed(coords.get("longitude"), "longitude")?);
    let charge = number(location.get("battery").and_then(|battery| battery.get("level")));
    Ok(Some(Fix {
        vehicle: vehicle.clone(),
        ts,
        received,
        place: json::place(lat, lon, ("latitude", "longitude"))?,
        speed_kmh: json::quantity(number(coords.get("speed")).map(|mps| mps * MPS_TO_KMH), 1e4),
        course: json::quantity(number(coords.get("heading")), 360.0),
        accuracy_m: json::quantity(number(coords.get("accuracy")), 1e7),
        ignition: None,
        battery: json::quantity(charge.map(|share| share * 100.0), 100.0),
        flags: alarm(location.get("event").and_then(Value::as_str) == Some("sos")),
        extras: extras(location, &["timestamp", "coords", "uuid", "_", "battery"]),
    }))
}
