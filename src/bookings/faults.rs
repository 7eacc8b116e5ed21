//! What is wrong with an order.

use super::error::Fault;
use crate::model::{Order, Span, Timestamp};

/// A pickup may lie this far back (a form filled in slowly) …
pub(super) const PAST: Span = Span::from_secs(3_600);
/// … and this far ahead.
const AHEAD: Span = Span::from_secs(400 * 86_400);
/// Two sites closer than this are taken for a mistake.
const SHORTEST_M: f64 = 10.0;
/// Two sites further apart than this are taken for a mistake.
const LONGEST_M: f64 = 2_000_000.0;

/// All that is wrong with an order that came at `now`.
pub(super) fn order_faults(order: &Order, now: Timestamp) -> Vec<Fault> {
    let mut faults = way_faults(order);
    faults.extend(time_faults(order, now));
    faults
}

/// What is wrong with an order's times at `now`.
pub(super) fn time_faults(order: &Order, now: Timestamp) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut check = |wrong: bool, field, message| {
        if wrong {
            faults.push(Fault::new(field, message));
        }
    };
    let (at, until) = (order.pickup_at.unwrap_or(now), order.pickup_until);
    if let Some(until) = until {
        check(until <= at, "pickup_window.until", "must be after pickup_window.from");
        check(until < now, "pickup_window.until", "must not be over already");
    }
    let start = if until.is_some() { "pickup_window.from" } else { "pickup_at" };
    check(until.is_none() && at < now - PAST, start, "must not be more than an hour ago");
    check(until.unwrap_or(at) > now + AHEAD, start, "must be within the next 400 days");
    if let Some(window) = order.dropoff_window {
        check(window.until <= window.from, "dropoff_window.until", "must be after dropoff_window.from");
        check(window.until <= at, "dropoff_window.until", "must be after the pickup");
        check(window.until > now + AHEAD, "dropoff_window.until", "must be within the next 400 days");
    }
    if let Some(expires) = order.expires_at {
        check(expires <= now, "expires_at", "must not be over already");
        check(expires <= at, "expires_at", "must be after the pickup time");
        check(expires > now + AHEAD + AHEAD, "expires_at", "must be within the next 800 days");
    }
    faults
}

/// What is wrong with the order's places.
pub(super) fn way_faults(order: &Order) -> Vec<Fault> {
    let places: Vec<_> = order.places().collect();
    let last = places.len() - 1;
    let mut faults = Vec::new();
    if order.stops.is_empty() && places[0].distance(places[last]).0 < SHORTEST_M {
        faults.push(Fault::new("dropoff", "must be at least 10 m away from the pickup"));
    }
    for (leg, ends) in (1..).zip(places.windows(2)) {
        if ends[0].distance(ends[1]).0 > LONGEST_M {
            let field = if leg == last { "dropoff".to_owned() } else { format!("stops[{}]", leg - 1) };
            let before = if leg == 1 { "pickup" } else { "stop before" };
            faults.push(Fault::new(&field, format!("must be within 2,000 km of the {before}")));
        }
    }
    faults
}
