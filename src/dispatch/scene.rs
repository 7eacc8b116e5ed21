//! What a round looks at: bookings and vehicles in the plan's own words.

use super::plan::{Rules, Seen, Waiting};
use crate::fleet::{Fleet, Near, View};
use crate::model::{Booking, Timestamp, VehicleId};
use std::collections::BTreeMap;

/// A fleet up to this size is looked at as a whole.
const WHOLE: usize = 5_000;
/// Vehicles of any kind looked at around each pickup, to say why they were not considered.
const AROUND: usize = 32;

/// A booking, as far as the plan is concerned.
pub(super) fn waiting(booking: &Booking) -> Waiting {
    let order = &booking.order;
    Waiting {
        id: booking.id,
        pickup: order.pickup.place,
        class: order.vehicle_class.clone(),
        load_kg: order.load_kg,
        skills: order.skills.clone(),
        since: booking.created_at.max(order.pickup_at.unwrap_or(booking.created_at).min(booking.updated_at)),
    }
}

/// The vehicles worth looking at for these bookings.
///
/// With n bookings, the n nearest that fit each of them suffice for the best plan: of those, the other bookings can take
/// n - 1 at most. So few bookings in a large fleet are asked of the fleet's H3 index; else the whole fleet is looked at.
pub(super) fn vehicles(fleet: &Fleet, waiting: &[Waiting], rules: &Rules, now: Timestamp) -> Vec<Seen> {
    let total = fleet.counts().total();
    let near = waiting.len().max(rules.candidates) * 2;
    if total <= WHOLE || waiting.len().saturating_mul(near + AROUND) > total {
        return whole(fleet);
    }
    let mut found: BTreeMap<VehicleId, View> = BTreeMap::new();
    for booking in waiting {
        let mut ask = Near {
            place: booking.pickup,
            radius: rules.max_radius,
            limit: near,
            available_only: true,
            class: booking.class.as_deref(),
            max_fix_age: Some(rules.fix_max_age),
            now,
        };
        let free = fleet.nearby(&ask);
        let fit = free.iter().filter(|(view, _)| fits(booking, view)).count();
        if free.len() == near && fit < waiting.len().max(rules.candidates) {
            return whole(fleet);
        }
        ask = Near { limit: AROUND, available_only: false, class: None, max_fix_age: None, ..ask };
        found.extend(free.into_iter().chain(fleet.nearby(&ask)).map(|(view, _)| (view.id.clone(), view)));
    }
    found.into_values().map(seen).collect()
}

fn whole(fleet: &Fleet) -> Vec<Seen> {
    fleet.all().into_iter().map(seen).collect()
}

fn fits(booking: &Waiting, view: &View) -> bool {
    super::plan::demand(booking, &seen(view.clone())).is_none()
}

fn seen(view: View) -> Seen {
    Seen {
        id: view.id,
        class: view.class,
        capacity_kg: view.capacity_kg,
        skills: view.skills,
        online: view.online,
        availability: view.availability,
        place: view.place,
        fix_ts: view.fix_ts,
    }
}
