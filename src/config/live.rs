//! What must hold of the sections that may change while depotd runs. Bounds are wide, but every number has some: what a person
//! or head office sets on a running depot must not be able to stop it.

use super::{Bookings, Dispatch, Drivers, Tariff};

/// Seconds of 30 days.
const MONTH_S: u64 = 30 * 86_400;
/// No amount of a tariff is larger.
const MOST_MINOR: i64 = 1_000_000_000;

impl Drivers {
    /// Tells `demand` what must hold, with the sentence to say when it does not.
    pub(super) fn check(&self, demand: &mut impl FnMut(bool, &str)) {
        demand((1..=86_400).contains(&self.max_day_s), "drivers.max_day_s must be within 1 to 86400");
        demand((1..=604_800).contains(&self.max_week_s), "drivers.max_week_s must be within 1 to 604800");
        let keeps = (8..=36_500).contains(&self.keep_days);
        demand(keeps, "drivers.keep_days must be within 8 to 36500, for a week's hours are summed");
    }
}

impl Bookings {
    /// See [`Drivers::check`].
    pub(super) fn check(&self, demand: &mut impl FnMut(bool, &str)) {
        demand((60..=30 * 86_400).contains(&self.expire_after_s), "bookings.expire_after_s must be within 60 to 2592000");
        demand((1..=60).contains(&self.recurring_ahead_days), "bookings.recurring_ahead_days must be within 1 to 60");
        let offsets = &self.remind_before_s;
        demand(
            offsets.len() <= 8 && offsets.iter().all(|s| (60..=30 * 86_400).contains(s)),
            "bookings.remind_before_s must hold eight numbers at most, each within 60 to 2592000",
        );
        demand((1..=36_500).contains(&self.keep_proofs_days), "bookings.keep_proofs_days must be within 1 to 36500");
        demand((1..=50_000).contains(&self.import_max_lines), "bookings.import_max_lines must be within 1 to 50000");
    }
}

impl Dispatch {
    /// See [`Drivers::check`].
    pub(super) fn check(&self, demand: &mut impl FnMut(bool, &str)) {
        self.check_times(demand);
        self.check_weights(demand);
        demand(self.speed_kmh > 0.0 && self.speed_kmh <= 100_000.0, "dispatch.speed_kmh must be more than 0 and at most 100000");
        demand((1.0..=10.0).contains(&self.detour_factor), "dispatch.detour_factor must be within 1 to 10");
        let radius = |metres: f64| metres > 0.0 && metres <= 20_100_000.0;
        demand(radius(self.max_radius_m), "dispatch.max_radius_m must be more than 0 and at most 20100000, half around the earth");
        demand(radius(self.radius_m), "dispatch.radius_m must be more than 0 and at most 20100000, half around the earth");
        demand((1..=100_000).contains(&self.candidates), "dispatch.candidates must be within 1 to 100000");
        demand((1..=20).contains(&self.offer_best), "dispatch.offer_best must be within 1 to 20");
        demand(self.keep_rounds_days <= 36_500, "dispatch.keep_rounds_days must be at most 36500");
    }

    fn check_times(&self, demand: &mut impl FnMut(bool, &str)) {
        demand(self.gather_most_ms >= self.gather_ms, "dispatch.gather_most_ms must not be less than dispatch.gather_ms");
        demand(self.gather_most_ms <= 600_000, "dispatch.gather_most_ms must be at most 600000");
        demand(self.retry_s <= 3_600, "dispatch.retry_s must be at most 3600");
        demand(self.look_ahead_s <= 3_600, "dispatch.look_ahead_s must be at most 3600");
        demand((5..=3_600).contains(&self.offer_timeout_s), "dispatch.offer_timeout_s must be within 5 to 3600");
        demand(self.late_after_s <= 86_400, "dispatch.late_after_s must be at most 86400");
        demand(self.late_tolerance_s <= 86_400, "dispatch.late_tolerance_s must be at most 86400");
        for (seconds, name) in [
            (self.fix_max_age_s, "fix_max_age_s"),
            (self.radius_grow_s, "radius_grow_s"),
            (self.lead_s, "lead_s"),
            (self.slack_s, "slack_s"),
            (self.decline_backoff_s, "decline_backoff_s"),
            (self.silent_s, "silent_s"),
            (self.late_gain_s, "late_gain_s"),
        ] {
            demand(seconds <= MONTH_S, &format!("dispatch.{name} must be at most {MONTH_S}"));
        }
    }

    fn check_weights(&self, demand: &mut impl FnMut(bool, &str)) {
        for (weight, name) in [
            (self.until_weight, "until_weight"),
            (self.lateness_weight, "lateness_weight"),
            (self.empty_km_s, "empty_km_s"),
            (self.fit_s, "fit_s"),
            (self.fairness_s, "fairness_s"),
            (self.scarce_share, "scarce_share"),
            (self.patience_trips, "patience_trips"),
            (self.trip_weight, "trip_weight"),
        ] {
            demand((0.0..=100.0).contains(&weight), &format!("dispatch.{name} must be within 0 to 100"));
        }
    }
}

impl Tariff {
    /// See [`Drivers::check`].
    pub(super) fn check(&self, demand: &mut impl FnMut(bool, &str)) {
        for (minor, name) in [
            (self.base_minor, "base_minor"),
            (self.per_km_minor, "per_km_minor"),
            (self.per_minute_minor, "per_minute_minor"),
            (self.minimum_minor, "minimum_minor"),
        ] {
            demand((0..=MOST_MINOR).contains(&minor), &format!("tariff.{name} must be within 0 to {MOST_MINOR}"));
        }
        demand((1..=10_080).contains(&self.quote_minutes), "tariff.quote_minutes must be within 1 to 10080");
    }
}
