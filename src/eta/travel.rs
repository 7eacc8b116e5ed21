//! Great circles, stretched to a road and driven at one speed.

use super::Eta;
use crate::model::{Metres, Span};
use serde::{Deserialize, Serialize};

/// Turns great-circle distances into travel times.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Travel {
    detour_factor: f64,
    micros_per_metre: f64,
}

/// No drive is taken to be longer than this: 1,000 hours, in microseconds.
const LONGEST_MICROS: i64 = 3_600_000_000_000;

impl Travel {
    /// The name of this source on the wire.
    pub const SOURCE: &'static str = "great_circle";

    /// The road is `detour_factor` times as long as the great circle and driven at `speed_kmh` (more than 0).
    pub fn new(detour_factor: f64, speed_kmh: f64) -> Self {
        let detour_factor = detour_factor.max(1.0);
        Self { detour_factor, micros_per_metre: detour_factor * 3_600_000.0 / (speed_kmh.max(0.1) * 1_000.0) * 1_000.0 }
    }

    /// The same detour, driven so that great circles pass at `metres_per_second` (more than 0).
    pub fn passing_at(self, metres_per_second: f64) -> Self {
        Self { micros_per_metre: 1_000_000.0 / metres_per_second.max(0.001), ..self }
    }

    /// How fast great circles pass, in metres per second.
    pub fn metres_per_second(&self) -> f64 {
        1_000_000.0 / self.micros_per_metre
    }

    /// The road's length over a great-circle distance.
    pub fn road(&self, way: Metres) -> Metres {
        Metres(way.0 * self.detour_factor)
    }

    /// The travel time over a great-circle distance.
    pub fn eta(&self, way: Metres) -> Eta {
        Eta { drive: Span::from_millis((self.micros(way) + 500) / 1_000), source: Self::SOURCE }
    }

    /// The travel time in whole microseconds; never decreases as the way grows.
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
    pub fn micros(&self, way: Metres) -> i64 {
        ((self.micros_per_metre * way.0) as i64).clamp(0, LONGEST_MICROS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_kilometres_at_twenty_five_with_a_detour() {
        let eta = Travel::new(1.3, 25.0).eta(Metres(10_000.0));
        assert_eq!(eta, Eta { drive: Span::from_secs(1_872), source: "great_circle" });
    }

    #[test]
    fn another_pace_keeps_the_detour() {
        let travel = Travel::new(1.25, 45.0);
        assert!((travel.metres_per_second() - 10.0).abs() < 1e-9);
        let slower = travel.passing_at(5.0);
        assert_eq!((slower.eta(Metres(1_000.0)).drive, slower.road(Metres(1_000.0))), (Span::from_secs(200), Metres(1_250.0)));
    }

    #[test]
    fn no_way_is_endless() {
        assert_eq!(Travel::new(1.0, 0.0).micros(Metres(f64::MAX)), LONGEST_MICROS);
    }
}
