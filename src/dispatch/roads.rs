//! Asks the travel times of the pairs that a round's plan will look at first: those nearest as the crow flies.

use super::plan::{self, Road, Rules, Seen, Waiting};
use crate::eta::{Asker, Eta, Etas, Leg, Travel};
use crate::model::{Place, Timestamp, VehicleId};
use std::sync::Arc;
use std::time::Instant;

/// Pairs asked for in a round at most, and for each booking at least: with many bookings fewer for each.
const PAIRS: (usize, usize) = (8_000, 4);

/// Pairs whose travel times are wanted.
pub(super) struct Pairs {
    legs: Vec<Leg>,
    /// The index of the booking, and the vehicle, of each leg.
    of: Vec<(usize, VehicleId)>,
}

impl Pairs {
    /// The pairs of each booking with the nearest vehicles that it may have.
    pub fn nearest(waiting: &[Waiting], seen: &[Seen], rules: &Rules, now: Timestamp) -> Self {
        let able: Vec<_> = seen.iter().filter_map(|s| plan::able(now, s, rules).ok()).map(|a| (unit(a.place), a.place, a.seen)).collect();
        let each = rules.candidates.min(PAIRS.0 / waiting.len().max(1)).max(PAIRS.1);
        let mut pairs = Self { legs: Vec::new(), of: Vec::new() };
        for (index, booking) in waiting.iter().enumerate() {
            let to = unit(booking.pickup);
            let fits = able.iter().filter(|(_, _, seen)| plan::demand(booking, seen).is_none() && !booking.declined.contains(&seen.id));
            let mut near: Vec<_> = fits.map(|(at, place, seen)| (chord2(*at, to), *place, *seen)).collect();
            if near.len() > each {
                near.select_nth_unstable_by(each, |a, b| a.0.total_cmp(&b.0).then_with(|| a.2.id.cmp(&b.2.id)));
                near.truncate(each);
            }
            for (_, from, seen) in near {
                pairs.legs.push(Leg { class: Some(Arc::clone(&seen.class)), from, to: booking.pickup });
                pairs.of.push((index, seen.id.clone()));
            }
        }
        pairs
    }

    /// Asks for them, until `until`, and tells each booking what is known better than by the great circle.
    pub async fn ask(self, etas: &Etas, waiting: &mut [Waiting], now: Timestamp, until: Instant) {
        let told = etas.drives(&self.legs, now, Asker::Round, until).await;
        for ((index, vehicle), Eta { drive, source }) in self.of.into_iter().zip(told) {
            if source != Travel::SOURCE {
                waiting[index].roads.push(Road { vehicle, drive, source: source.into() });
            }
        }
    }
}

/// The place on a sphere of radius 1: distances compare as chords do, without a sine for each pair.
fn unit(place: Place) -> [f64; 3] {
    let (lat, lon) = (place.lat().to_radians(), place.lon().to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

fn chord2(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
