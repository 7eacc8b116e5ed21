//! The way of a trip, measured or estimated.

use crate::model::{Metres, Place};

/// How a way's length and time were found.
pub const GREAT_CIRCLE: &str = "great_circle";

/// A trip's way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Length in metres.
    pub distance_m: u32,
    /// Time in seconds.
    pub duration_s: u32,
}

impl Way {
    /// The way through `places` in their order, the sum of [`Way::estimate`] of each leg.
    pub fn through(places: impl IntoIterator<Item = Place>, detour_factor: f64, speed_kmh: f64) -> Self {
        let mut places = places.into_iter();
        let mut here = places.next();
        let mut way = Self { distance_m: 0, duration_s: 0 };
        for next in places {
            if let Some(last) = here.replace(next) {
                let leg = Self::estimate(last, next, detour_factor, speed_kmh);
                way.distance_m = way.distance_m.saturating_add(leg.distance_m);
                way.duration_s = way.duration_s.saturating_add(leg.duration_s);
            }
        }
        way
    }

    /// The way between two places, estimated: great-circle distance × `detour_factor`, at `speed_kmh`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no way on earth is longer than 2^32 m; casts saturate")]
    pub fn estimate(from: Place, to: Place, detour_factor: f64, speed_kmh: f64) -> Self {
        let Metres(direct) = from.distance(to);
        let metres = direct * detour_factor;
        Self { distance_m: metres.round() as u32, duration_s: (metres / (speed_kmh / 3.6)).round() as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_the_sum_of_its_legs() {
        let place = |lat| Place::new(lat, 1.5).unwrap();
        let through = |stops: &[f64]| Way::through(stops.iter().copied().map(place), 1.3, 25.0);
        assert_eq!(through(&[42.0, 42.1]), Way::estimate(place(42.0), place(42.1), 1.3, 25.0));
        assert_eq!(through(&[42.0, 42.2, 42.1]).distance_m, through(&[42.0, 42.2]).distance_m + through(&[42.2, 42.1]).distance_m);
        assert_eq!(through(&[42.0]), Way { distance_m: 0, duration_s: 0 });
    }
}
