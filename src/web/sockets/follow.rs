//! Following vehicles and bookings: the same frames as the live view's WebSocket, out of the same hub.

use super::entry::Guest;
use super::session::Session;
use crate::auth::{self, What};
use crate::web::fields::Fields;
use crate::web::live::frames::Frame;
use crate::web::live::socket::allowed;
use crate::web::live::wants::Wants;
use serde_json::value::RawValue;
use serde_json::{Value, json};

impl Session {
    /// Begins to follow, or follows something else.
    pub(super) async fn subscribe(&mut self, body: &RawValue) -> Value {
        let document = serde_json::from_str(body.get()).unwrap_or_default();
        let wants = match Fields::of_json::<Wants>(document) {
            Ok(wants) => wants,
            Err(unreadable) => return json!({"ok": false, "error": "not a subscription", "errors": unreadable.0}),
        };
        let wants = match self.may_follow(wants) {
            Ok(wants) => wants,
            Err(why) => return json!({"ok": false, "error": why}),
        };
        if let Some(seat) = &self.seat {
            seat.want(wants.clone());
        } else {
            match self.web.hub.join(&self.guest.name(), wants.clone()) {
                Ok(seat) => self.seat = Some(seat),
                Err(full) => return json!({"ok": false, "error": full.to_string()}),
            }
        }
        let Some(seat) = &self.seat else { return Value::Null };
        match self.web.tell_ended(seat, &wants).await {
            Ok(unknown) => json!({"ok": true, "unknown": unknown}),
            Err(_) => json!({"ok": false, "error": "the depot cannot look these bookings up now"}),
        }
    }

    /// What is wanted, as far as it may be seen; else why not.
    fn may_follow(&self, wants: Wants) -> Result<Wants, String> {
        let Guest::Person(who) = &self.guest else {
            return Err("a device hears its own commands only".to_owned());
        };
        match &who.customer {
            Some(customer) if auth::allow(who, What::OwnBookings) => {
                Ok(Wants { customer: Some(customer.as_str().into()), select: None, figures: false, messages: false, ..wants })
            }
            None if auth::allow(who, What::ReadPositions) => Ok(allowed(wants, who)),
            _ => Err(format!("a {} may not follow vehicles or bookings", who.role.as_str())),
        }
    }

    /// Passes a frame on; one that the client has no room for is kept until it has.
    pub(super) fn show(&mut self, frame: Frame) {
        let Ok(body) = serde_json::from_str::<&RawValue>(&frame.text) else { return };
        if self.is_full(self.socket.emit(frame.kind, &(body,))) {
            self.held = Some(frame);
        }
    }
}
