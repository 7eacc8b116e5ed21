//! The settings of travel times.

use serde::{Deserialize, Serialize};

/// How long ways take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Eta {
    /// An OSRM-compatible road service, like `http://127.0.0.1:5000`. Empty: travel times are estimated.
    pub road_url: String,
    /// The profile that it is asked for.
    pub road_profile: String,
    /// Milliseconds that it has for an answer.
    pub road_timeout_ms: u64,
    /// Places in a request at most; the service has a limit too.
    pub road_coordinates: usize,
    /// Requests under way at most; what is beyond is estimated.
    pub road_requests: usize,
    /// Share of the time between two rounds (`dispatch.retry_s`) that a round, or a quote, may wait for travel times.
    pub round_share: f64,
    /// Failures one after the other after which the service is left alone; as are more than half of the last 20.
    pub breaker_failures: u32,
    /// Seconds that it is left alone then, at most; half of them at least. Doubles each time.
    pub breaker_open_s: u64,
    /// But is never more than so many seconds.
    pub breaker_open_most_s: u64,
    /// Ways remembered at most, 100 bytes each.
    pub cache_ways: usize,
    /// Seconds that a way is remembered.
    pub cache_s: u64,
    /// Seconds between two looks at the jobs under way.
    pub live_s: u64,
    /// Seconds that a halt to load or unload is taken to last.
    pub halt_s: u64,
}

impl Default for Eta {
    fn default() -> Self {
        Self {
            road_url: String::new(),
            road_profile: "driving".into(),
            road_timeout_ms: 400,
            road_coordinates: 100,
            road_requests: 4,
            round_share: 0.2,
            breaker_failures: 5,
            breaker_open_s: 5,
            breaker_open_most_s: 120,
            cache_ways: 200_000,
            cache_s: 1_800,
            live_s: 5,
            halt_s: 120,
        }
    }
}

impl Eta {
    /// Tells `demand` what must hold, with the sentence to say when it does not; rounds are `retry_s` seconds apart.
    pub fn check(&self, retry_s: u64, demand: &mut impl FnMut(bool, &str)) {
        let url = &self.road_url;
        let plain = url.strip_prefix("http://").is_some_and(|rest| !rest.is_empty() && !rest.contains(['?', '#', ' ']));
        demand(url.is_empty() || plain, "eta.road_url must be http://host:port without a query, or empty");
        let profile = !self.road_profile.is_empty() && self.road_profile.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        demand(profile, "eta.road_profile must be a name of letters, digits, '-', '_' and '.'");
        demand((2..=1_000).contains(&self.road_coordinates), "eta.road_coordinates must be within 2 to 1000");
        demand((1..=64).contains(&self.road_requests), "eta.road_requests must be within 1 to 64");
        demand((0.0..=1.0).contains(&self.round_share), "eta.round_share must be within 0 to 1");
        let budget_s = self.round_share * f64::from(u32::try_from(retry_s.max(1)).unwrap_or(u32::MAX));
        let timeout_s = f64::from(u32::try_from(self.road_timeout_ms).unwrap_or(u32::MAX)) / 1_000.0;
        let fits = timeout_s > 0.0 && (url.is_empty() || timeout_s <= budget_s);
        demand(fits, "eta.road_timeout_ms must be more than 0 and fit into eta.round_share of dispatch.retry_s, else no round could ask");
        demand(self.breaker_failures > 0, "eta.breaker_failures must be at least 1");
        let open = 1..=self.breaker_open_most_s;
        demand(open.contains(&self.breaker_open_s), "eta.breaker_open_s must be at least 1 and not more than eta.breaker_open_most_s");
        demand(self.breaker_open_most_s <= 86_400, "eta.breaker_open_most_s must be at most 86400");
        demand(self.cache_ways <= 10_000_000, "eta.cache_ways must be at most 10000000");
        demand(self.cache_s <= 7 * 86_400, "eta.cache_s must be at most 604800");
        demand((1..=3_600).contains(&self.live_s), "eta.live_s must be within 1 to 3600");
        demand(self.halt_s <= 86_400, "eta.halt_s must be at most 86400");
    }
}
