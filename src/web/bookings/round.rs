//! What a round of dispatch said about a booking, for the API's description: it is kept as JSON and served as it was kept.
#![expect(dead_code, reason = "only describes what `dispatch::record` and a decision by hand leave")]

use crate::model::Timestamp;
use crate::web::shapes::words;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a round, or somebody by hand, said about a booking.
#[derive(ToSchema)]
#[schema(as = Round)]
pub struct RoundShape {
    /// Numbers the rounds, increasing.
    round: i64,
    /// When it was; of several that said the same the first.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How many rounds said the same one after the other.
    rounds: Option<u32>,
    /// When the last of them was.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Name and version of the policy; `by_hand` when somebody decided.
    policy: String,
    /// What made the round happen; by hand: who, like `user:ana`.
    trigger: String,
    /// Where the travel time of the vehicle that is told first comes from.
    #[schema(value_type = Option<words::EtaSource>)]
    eta_source: Option<String>,
    /// The vehicle that got the booking.
    chosen: Option<String>,
    /// The vehicle that will get it once it is free, unless a later round finds better.
    promised: Option<String>,
    /// Vehicles whose drivers are asked, the best one first.
    asked: Option<Vec<String>>,
    /// Why, in one sentence.
    sentence: String,
    /// What keeps it from a vehicle, when nobody got it and nobody was promised.
    blocked_by: Option<BlockedBy>,
    /// By hand: what the vehicle lacks, in words.
    r#override: Option<Vec<String>>,
    /// What each part of the cost weighs.
    weights: Option<BTreeMap<String, f64>>,
    /// Who could have got it, cheapest first.
    candidates: Vec<Considered>,
    /// The nearest ones that could not.
    excluded: Vec<LeftOut>,
    /// How many could not, for each reason.
    excluded_total: BTreeMap<String, u32>,
}

/// What keeps a booking from a vehicle.
#[derive(ToSchema)]
pub struct BlockedBy {
    /// Reasons as under `excluded`; or `outbid`: other bookings got all that could; `scarce`: none is near enough while vehicles are
    /// scarce; `no_vehicles`.
    reasons: Vec<String>,
    /// The vehicle that lacks no more than this.
    vehicle_id: Option<String>,
}

/// A vehicle that could have got the booking.
#[derive(ToSchema)]
#[schema(as = RoundCandidate)]
pub struct Considered {
    /// The vehicle.
    vehicle_id: String,
    /// What it would cost, in seconds; `factors` add up to it.
    cost: f64,
    /// Seconds until it would be there.
    eta_s: f64,
    /// Where that comes from.
    #[schema(value_type = words::EtaSource)]
    eta_source: String,
    /// Metres until it would be there.
    distance_m: f64,
    /// The parts of the cost.
    factors: Vec<Factor>,
    /// Did it get the booking?
    chosen: bool,
    /// The booking that got it instead.
    lost_to: Option<String>,
}

/// A part of a cost.
#[derive(ToSchema)]
#[schema(as = CostFactor)]
pub struct Factor {
    /// Its name.
    name: String,
    /// Seconds.
    value: f64,
}

/// A vehicle that could not have got the booking.
#[derive(ToSchema)]
#[schema(as = RoundExcluded)]
pub struct LeftOut {
    /// The vehicle.
    vehicle_id: String,
    /// Why, in a word.
    reason: String,
    /// Why, for people.
    detail: String,
    /// Metres to the pickup.
    distance_m: Option<f64>,
}
