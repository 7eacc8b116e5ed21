//! The kinds of events that others may hear of. What is about access, devices, settings and head office is not among them.

use crate::model::{Event, Kind};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Each, and what it says.
pub const PUBLIC: [(Kind, &str); 29] = [
    (Kind::BookingPlaced, "A booking was taken."),
    (Kind::BookingChanged, "What was ordered changed."),
    (Kind::BookingReleased, "A scheduled booking became due."),
    (Kind::BookingOffered, "A driver was asked."),
    (Kind::BookingDeclined, "The driver declined or did not answer."),
    (Kind::BookingOfferWithdrawn, "The question to a driver was taken back."),
    (Kind::BookingAssigned, "A vehicle got the booking."),
    (Kind::BookingUnassigned, "The vehicle lost it."),
    (Kind::BookingArrived, "The vehicle is at the pickup."),
    (Kind::BookingPickedUp, "The load is on board."),
    (Kind::BookingDelivered, "The load was delivered."),
    (Kind::BookingFailed, "It could not be done."),
    (Kind::BookingCancelled, "It was called off."),
    (Kind::BookingExpired, "Nobody was found in time."),
    (Kind::BookingReopened, "It was given up, and is wanted after all."),
    (Kind::BookingLocked, "The dispatcher is to keep its hands off."),
    (Kind::BookingUnlocked, "The dispatcher may have it again."),
    (Kind::BookingLate, "A job under way will be late, or later than was told."),
    (Kind::BookingOnTime, "It will be in time after all."),
    (Kind::BookingReminder, "Its pickup is not far off any more."),
    (Kind::DayPlanned, "A day to come was planned."),
    (Kind::ReportMade, "The report of a day was made."),
    (Kind::VehicleChanged, "A vehicle was registered or its data changed."),
    (Kind::VehicleDutyChanged, "A vehicle went on or off duty without a driver who is known."),
    (Kind::DriverChanged, "A driver or a shift of his was added, changed or deleted."),
    (Kind::DutyStarted, "A driver went on duty with a vehicle."),
    (Kind::DutyEnded, "A driver went off duty."),
    (Kind::BreakStarted, "A driver on duty began a break."),
    (Kind::BreakEnded, "He is back."),
];

/// May others hear of it?
pub fn is_public(kind: Kind) -> bool {
    PUBLIC.iter().any(|(public, _)| *public == kind)
}

/// What programs that listen over MQTT hear of an event: as a webhook is told, and of what is not public nothing.
pub fn news(event: &Event) -> Option<String> {
    let failed = |error: &serde_json::Error| tracing::error!(%error, seq = event.seq, "an entry of the journal cannot be told");
    is_public(event.kind).then(|| told(event).inspect_err(failed).ok()).flatten()
}

/// What a webhook is told of an event: `type`, `timestamp`, `data`.
pub fn told(event: &Event) -> Result<String, serde_json::Error> {
    // As the journal has it, to the digit.
    let detail: Box<RawValue> = RawValue::from_string(event.data.clone())?;
    serde_json::to_string(&Told {
        kind: event.kind.as_str(),
        timestamp: event.at,
        data: Data {
            seq: event.seq,
            actor: event.actor.to_text(),
            booking_id: event.booking.map(|id| id.to_string()),
            vehicle_id: event.vehicle.as_ref().map(ToString::to_string),
            detail,
        },
    })
}

#[derive(serde::Serialize)]
struct Told {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: crate::model::Timestamp,
    data: Data,
}

#[derive(serde::Serialize)]
struct Data {
    seq: i64,
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    booking_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vehicle_id: Option<String>,
    detail: Box<RawValue>,
}

/// What an event of a kind tells besides whom it concerns.
fn detail(kind: Kind) -> Value {
    let time = json!({"type": "string", "format": "date-time"});
    match kind {
        Kind::BookingLate => json!({
            "type": "object",
            "required": ["late_s", "eta", "due", "against", "source"],
            "properties": {
                "late_s": {"type": "integer", "description": "Seconds by which it will be late."},
                "eta": time,
                "due": time,
                "against": {"type": "string", "description": "What it will miss."},
                "source": {"$ref": "#/components/schemas/EtaSource"},
            },
        }),
        Kind::BookingOnTime => json!({
            "type": "object",
            "required": ["source"],
            "properties": {"source": {"$ref": "#/components/schemas/EtaSource"}},
        }),
        _ if kind.as_str().starts_with("booking.") => {
            json!({"$ref": "#/components/schemas/Booking", "description": "The booking as it was then, and what this event has more to say."})
        }
        _ => json!({"type": "object", "description": "The rest."}),
    }
}

/// The webhooks of the API's description (OpenAPI 3.1).
pub fn described() -> Value {
    let text = |about: &str| json!({"type": "string", "description": about});
    let headers = [
        ("webhook-id", "Names the delivery; in every attempt the same."),
        ("webhook-timestamp", "When the attempt was made, in seconds since 1970."),
        (
            "webhook-signature",
            "`v1,` and the HMAC-SHA256 over `id.timestamp.body` in base64; one for each secret that holds, with a space between.",
        ),
    ];
    let headers: Vec<Value> = headers
        .iter()
        .map(|(name, about)| json!({"name": name, "in": "header", "required": true, "description": about, "schema": {"type": "string"}}))
        .collect();
    let one = |(kind, about): &(Kind, &str)| {
        let name = kind.as_str();
        let mut required = vec!["seq", "actor", "detail"];
        required.extend(name.starts_with("booking.").then_some("booking_id"));
        let data = json!({
            "type": "object",
            "required": required,
            "properties": {
                "seq": {"type": "integer", "description": "Its place in the journal; grows, may have gaps."},
                "actor": text("Who made it happen, like `user:ana`."),
                "booking_id": text("The booking it is about."),
                "vehicle_id": text("The vehicle it concerns."),
                "detail": detail(*kind),
            },
        });
        let schema = json!({
            "type": "object",
            "required": ["type", "timestamp", "data"],
            "properties": {"type": {"const": name}, "timestamp": {"type": "string", "format": "date-time"}, "data": data},
        });
        let operation = json!({
            "summary": about,
            "operationId": format!("on_{}", name.replace('.', "_")),
            "tags": ["notifications"],
            "parameters": headers,
            "requestBody": {"required": true, "content": {"application/json": {"schema": schema}}},
            "responses": {"2XX": {"description": "Taken."}, "410": {"description": "Nothing more is wanted: the webhook is disabled."}},
        });
        (name.to_owned(), json!({"post": operation}))
    };
    Value::Object(PUBLIC.iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Actor, Timestamp};

    #[test]
    fn nothing_about_access_is_public() {
        let nouns = ["access.", "device.", "settings.", "command.", "schedule.", "notifications.", "message."];
        assert!(PUBLIC.iter().all(|(kind, _)| !nouns.iter().any(|noun| kind.as_str().starts_with(noun))));
        assert!(Kind::ALL.iter().filter(|kind| is_public(**kind)).count() == PUBLIC.len(), "each is named once");
    }

    #[test]
    fn an_event_is_told_as_the_journal_has_it() {
        let event = Event {
            seq: 7,
            at: Timestamp::from_secs(0),
            kind: Kind::BookingLate,
            actor: Actor::System,
            booking: None,
            vehicle: Some("van-1".parse().unwrap()),
            data: "{\"late_s\":1.10}".into(),
        };
        let told = told(&event).unwrap();
        let expected = "{\"type\":\"booking.late\",\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"data\":{\"seq\":7,\"actor\":\"system\",\
                        \"vehicle_id\":\"van-1\",\"detail\":{\"late_s\":1.10}}}";
        assert_eq!(told, expected);
    }
}
