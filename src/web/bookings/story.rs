//! What happened to a booking, and why which vehicle got it.

use super::round::RoundShape;
use crate::model::{BookingId, Event, Kind, OfferState, Status, Timestamp};
use crate::web::Web;
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::{Id, Params};
use crate::web::shapes::{List, PageParams};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Something that happened to a booking.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookingEvent {
    /// Its place in the journal.
    seq: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `placed`, `assigned`, `arrived` … An offer that ends without a yes is `declined` by its driver, `timed_out` or `withdrawn`.
    kind: &'static str,
    /// Who made it happen, like `user:ana`.
    actor: String,
    /// The vehicle concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    vehicle_id: Option<String>,
    /// The rest.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
}

/// What happened, in a word. The journal has one kind for offers that end without a yes, and beside it how they ended.
fn verb(event: &Event) -> &'static str {
    #[derive(Deserialize)]
    struct Data {
        offer: Ended,
    }
    #[derive(Deserialize)]
    struct Ended {
        state: OfferState,
    }
    let name = event.kind.as_str();
    let verb = name.split_once('.').map_or(name, |(_, verb)| verb);
    if event.kind != Kind::BookingDeclined {
        return verb;
    }
    serde_json::from_str::<Data>(&event.data).map_or(verb, |data| data.offer.state.as_str())
}

fn shape(event: Event) -> Result<BookingEvent> {
    Ok(BookingEvent {
        seq: event.seq,
        at: event.at,
        kind: verb(&event),
        actor: event.actor.to_text(),
        vehicle_id: event.vehicle.map(|v| v.to_string()),
        data: RawValue::from_string(event.data).map_err(Error::internal)?,
    })
}

/// What happened to a booking, oldest first.
#[utoipa::path(get, path = "/api/v1/bookings/{id}/events", tag = "bookings", params(("id" = String, Path), PageParams),
    responses((status = 200, body = List<BookingEvent>), (status = 404, body = Problem)))]
pub async fn events(State(web): State<Web>, Id(id): Id<BookingId>, Params(p): Params<PageParams>) -> Result<Json<List<BookingEvent>>> {
    let page = web.bookings.events(id, p.into()).await?;
    let items = page.items.into_iter().map(shape).collect::<Result<_>>()?;
    Ok(Json(List { items, next: page.next }))
}

/// Rounds that looked at a booking.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rounds)]
pub struct RoundsShape {
    /// The rounds, newest first.
    #[schema(value_type = Vec<RoundShape>)]
    items: Vec<Value>,
    /// Goes into `cursor` for the next page; `null` at the end.
    #[schema(required)]
    next: Option<String>,
    /// Why no round looks at it now, though it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<&'static str>,
}

/// Why rounds pass a booking over that waits.
const LOCKED: &str = "It waits because it is locked: dispatch passes it over until somebody unlocks it or gives it to a vehicle.";

/// Every round that looked at a booking, newest first: candidates, costs, and why each was not chosen. Rounds that found the same
/// reasons one after the other are one item: `rounds` says how many they are and `until` when the last of them was (`at` is the first).
/// Rounds are counted in memory and written once a minute, so a crash may lose a minute of them. What was kept by a program that did
/// not count has neither `rounds` nor `until`. A booking that waits and is locked is looked at by none: `held` says so.
#[utoipa::path(get, path = "/api/v1/bookings/{id}/dispatch", tag = "bookings", params(("id" = String, Path), PageParams),
    responses((status = 200, body = RoundsShape), (status = 404, body = Problem)))]
pub async fn dispatch(State(web): State<Web>, Id(id): Id<BookingId>, Params(p): Params<PageParams>) -> Result<Json<RoundsShape>> {
    let page = web.bookings.rounds(id, p.into()).await?;
    let booking = web.bookings.get(id).await?;
    let held = (booking.locked && booking.status == Status::Waiting).then_some(LOCKED);
    Ok(Json(RoundsShape { items: page.items, next: page.next, held }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Actor;

    #[test]
    fn an_offer_that_ends_without_a_yes_says_how() {
        let event = |kind, data: &str| Event {
            seq: 1,
            at: Timestamp::default(),
            kind,
            actor: Actor::System,
            booking: None,
            vehicle: None,
            data: data.into(),
        };
        for state in ["declined", "timed_out", "withdrawn"] {
            assert_eq!(
                verb(&event(Kind::BookingDeclined, &format!(r#"{{"id": "b", "offer": {{"state": "{state}", "reason": null}}}}"#))),
                state
            );
        }
        assert_eq!(verb(&event(Kind::BookingDeclined, "{}")), "declined");
        assert_eq!(verb(&event(Kind::BookingOffered, r#"{"offer": {"expires_at": "t"}}"#)), "offered");
    }
}
