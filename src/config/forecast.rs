//! The section `[forecast]`.

use serde::{Deserialize, Serialize};

/// What will be asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Forecast {
    /// H3 resolution of the cells that demand is learned by; 7 is about 5 km², 8 about 0.7.
    pub resolution: u8,
    /// Weeks of bookings that it is learned from, at most.
    pub weeks: u32,
    /// Days that are like a Sunday: `2026-06-24`, `12-25`, `last monday of may`, `easter-2`.
    pub holidays: Vec<String>,
    /// The share of their time on duty that drivers are meant to have a job: by it the staff that is needed is reckoned.
    pub utilisation: f64,
    /// Are idle vehicles advised where to wait?
    pub advise: bool,
    /// Only those that have been free and connected for so many seconds.
    pub advise_after_s: u64,
    /// No sooner than so many seconds after the last advice that the vehicle got.
    pub advise_again_s: u64,
}

impl Default for Forecast {
    fn default() -> Self {
        Self {
            resolution: 7,
            weeks: 26,
            holidays: Vec::new(),
            utilisation: 0.75,
            advise: false,
            advise_after_s: 600,
            advise_again_s: 1_200,
        }
    }
}

impl Forecast {
    /// Tells `demand` what must hold, with the sentence to say when it does not.
    pub fn check(&self, demand: &mut impl FnMut(bool, &str)) {
        demand((5..=9).contains(&self.resolution), "forecast.resolution must be within 5 to 9");
        demand((1..=520).contains(&self.weeks), "forecast.weeks must be within 1 to 520");
        demand(self.holidays.len() <= 400, "forecast.holidays must be 400 days at most");
        demand(self.advise_after_s <= 86_400, "forecast.advise_after_s must be at most 86400");
        demand((60..=86_400).contains(&self.advise_again_s), "forecast.advise_again_s must be within 60 to 86400");
        demand(self.utilisation > 0.0 && self.utilisation <= 1.0, "forecast.utilisation must be more than 0 and at most 1");
    }
}
