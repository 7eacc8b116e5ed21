//! What a round says about one booking: the JSON that `/bookings/{id}/dispatch` serves, and its one plain `sentence`.

mod sentence;

use super::plan::{Blocked, Candidate, Cost, Excluded, Exclusions, Left, Outcome, Parts, Reason, Rules, Seen, Waiting};
use crate::model::{BookingId, Timestamp, VehicleId};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Excluded vehicles told in detail for each booking.
pub const EXCLUDED_TOLD: usize = 10;

/// One booking's part of a round.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Record {
    /// Numbers the rounds, increasing.
    pub round: i64,
    /// When the round was.
    pub at: Timestamp,
    /// Name and version of the policy.
    pub policy: &'static str,
    /// What made the round happen.
    pub trigger: &'static str,
    /// Where the travel time of the vehicle that is told first comes from.
    pub eta_source: Arc<str>,
    /// The vehicle that got the booking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<VehicleId>,
    /// The vehicle that will get it once it is free, unless a later round finds better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promised: Option<VehicleId>,
    /// Vehicles whose drivers are asked, the best one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<VehicleId>,
    /// Why, in one sentence.
    pub sentence: String,
    /// What keeps it from a vehicle, when nobody got it and nobody was promised: were that otherwise, it could be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<BlockedBy>,
    /// What each part of the cost weighs.
    pub weights: Weights,
    /// Who could have got it, cheapest first.
    pub candidates: Vec<Considered>,
    /// The nearest ones that could not.
    pub excluded: Vec<LeftOut>,
    /// How many could not, for each reason.
    pub excluded_total: BTreeMap<&'static str, u32>,
}

/// What keeps a booking from a vehicle.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BlockedBy {
    /// Reasons as under `excluded`; or `outbid`: other bookings got all that could; or `scarce`: none is near enough while vehicles are
    /// scarce; or `no_vehicles`.
    pub reasons: Vec<&'static str>,
    /// The vehicle that lacks no more than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle_id: Option<VehicleId>,
}

/// The weights of the objective's parts.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Weights {
    until: f64,
    lateness: f64,
    empty_km_s: f64,
    fit_s: f64,
    fairness_s: f64,
    scarce_share: f64,
    patience_trips: f64,
    trip_weight: f64,
}

/// A vehicle that could have taken the booking.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Considered {
    vehicle_id: VehicleId,
    cost: f64,
    eta_s: f64,
    eta_source: Arc<str>,
    distance_m: f64,
    factors: Vec<Factor>,
    chosen: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_to: Option<BookingId>,
}

/// A part of a cost; the parts add up to it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Factor {
    name: &'static str,
    value: f64,
}

/// A vehicle that could not take the booking.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LeftOut {
    vehicle_id: VehicleId,
    reason: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_m: Option<f64>,
}

/// What all records of a round share.
pub struct Round<'a> {
    /// Numbers the rounds, increasing.
    pub number: i64,
    /// When it is.
    pub at: Timestamp,
    /// What made it happen.
    pub trigger: &'static str,
    /// How it was planned.
    pub rules: &'a Rules,
    /// Where the travel times of `rules` come from.
    pub eta_source: &'static str,
    /// The vehicles as they were seen.
    pub seen: &'a [Seen],
    /// What people call the waiting bookings.
    pub references: &'a HashMap<BookingId, String>,
}

impl Record {
    /// Nobody gets the booking yet; these are asked.
    pub fn ask(&mut self, vehicles: Vec<VehicleId>) {
        self.chosen = None;
        self.sentence = sentence::asked(&self.sentence, &vehicles);
        self.asked = vehicles;
    }
}

impl Round<'_> {
    /// The record of one outcome.
    pub fn record(&self, outcome: &Outcome, waiting: &Waiting, exclusions: &Exclusions, blocked: Option<&Blocked>) -> Record {
        Record {
            round: self.number,
            at: self.at,
            policy: Rules::POLICY,
            trigger: self.trigger,
            eta_source: self.source(outcome, waiting),
            chosen: outcome.vehicle.clone(),
            promised: outcome.promised.clone(),
            asked: Vec::new(),
            sentence: self.sentence(outcome, exclusions, blocked),
            blocked_by: outcome.left(blocked).map(blocked_by),
            weights: self.weights(),
            candidates: outcome.candidates.iter().map(|c| self.considered(c, waiting)).collect(),
            excluded: exclusions.nearest.iter().map(|e| self.left_out(e, waiting)).collect(),
            excluded_total: exclusions.totals.iter().map(|(reason, count)| (reason.as_str(), *count)).collect(),
        }
    }

    /// Where the travel time of the vehicle that is told first comes from: the chosen one, else the cheapest.
    fn source(&self, outcome: &Outcome, waiting: &Waiting) -> Arc<str> {
        let told = outcome.candidates.iter().find(|c| c.chosen).or(outcome.candidates.first());
        told.map_or_else(|| self.eta_source.into(), |candidate| self.source_of(candidate, waiting))
    }

    fn source_of(&self, candidate: &Candidate, waiting: &Waiting) -> Arc<str> {
        let road = waiting.roads.iter().find(|road| road.vehicle == candidate.vehicle);
        road.map_or_else(|| self.eta_source.into(), |road| Arc::clone(&road.source))
    }

    fn weights(&self) -> Weights {
        let Rules { until_weight, lateness_weight, empty_km, fit, fairness, .. } = self.rules;
        let Rules { scarce_share, patience_trips, trip_weight, .. } = *self.rules;
        let (empty_km_s, fit_s, fairness_s) = (empty_km.as_secs_f64(), fit.as_secs_f64(), fairness.as_secs_f64());
        Weights {
            until: *until_weight,
            lateness: *lateness_weight,
            empty_km_s,
            fit_s,
            fairness_s,
            scarce_share,
            patience_trips,
            trip_weight,
        }
    }

    fn considered(&self, candidate: &Candidate, waiting: &Waiting) -> Considered {
        let eta_s = candidate.until.as_secs_f64() + candidate.parts.drive.as_secs_f64();
        Considered {
            vehicle_id: candidate.vehicle.clone(),
            cost: tenth(candidate.cost.as_secs_f64()),
            eta_s: eta_s.round(),
            eta_source: self.source_of(candidate, waiting),
            distance_m: candidate.distance.0.round(),
            factors: self.factors(candidate),
            chosen: candidate.chosen,
            lost_to: candidate.lost_to,
        }
    }

    fn factors(&self, candidate: &Candidate) -> Vec<Factor> {
        let Parts { drive, empty, until, late, fit, fairness } = candidate.parts;
        let named = [
            ("travel_s", drive),
            ("until_free_s", until),
            ("late_s", late),
            ("empty_km_s", empty),
            ("fit_s", fit),
            ("fairness_s", fairness),
        ];
        let said = |(name, part): &(&str, Cost)| *name == "travel_s" || *part != Cost::default();
        named.into_iter().filter(said).map(|(name, part)| Factor { name, value: tenth(part.as_secs_f64()) }).collect()
    }

    fn left_out(&self, excluded: &Excluded, waiting: &Waiting) -> LeftOut {
        let vehicle = self.seen.get(excluded.index);
        let detail = match excluded.reason {
            Reason::OffDuty => "nobody is on duty with it".to_owned(),
            Reason::Busy => "it has a job".to_owned(),
            Reason::Hours => "its driver has worked as long as he may".to_owned(),
            Reason::Break => "its driver is on a break".to_owned(),
            Reason::Asked => "its driver is being asked about another booking".to_owned(),
            Reason::Unanswered => "its driver did not answer when last asked".to_owned(),
            Reason::Offline => "it is not connected".to_owned(),
            Reason::NoRecentFix => match excluded.fix_ts {
                Some(ts) => format!("its last fix is {} old", sentence::minutes(self.at.since(ts).as_secs_f64())),
                None => "it has never sent a fix".to_owned(),
            },
            Reason::Class => format!("it is a {}", vehicle.map_or("vehicle of another class", |v| &*v.class)),
            Reason::Capacity => {
                let said = vehicle.zip(excluded.overload).map(|(vehicle, overload)| vehicle.capacity.says(overload));
                said.unwrap_or_else(|| "it is too small".to_owned())
            }
            Reason::Skills => {
                let has = |skill: &&String| vehicle.is_some_and(|v| v.skills.contains(skill));
                let lacks: Vec<&str> = waiting.skills.iter().filter(|skill| !has(skill)).map(String::as_str).collect();
                format!("it lacks {}", lacks.join(", "))
            }
            Reason::Declined => "its driver declined this booking".to_owned(),
            Reason::TooFar => format!("it is more than {} away", sentence::kilometres(self.rules.reach(waiting.since, self.at))),
            Reason::TooLate => "it cannot be at the pickup in time".to_owned(),
        };
        let distance_m = excluded.distance.map(|d| d.0.round());
        LeftOut { vehicle_id: excluded.vehicle.clone(), reason: excluded.reason.as_str(), detail, distance_m }
    }
}

fn blocked_by(left: Left<'_>) -> BlockedBy {
    let only = |reason| BlockedBy { reasons: vec![reason], vehicle_id: None };
    match left {
        Left::Outbid => only("outbid"),
        Left::Scarce => only("scarce"),
        Left::NoVehicles => only("no_vehicles"),
        Left::Blocked(Blocked { vehicle, reasons }) => {
            BlockedBy { reasons: reasons.iter().map(|r| r.as_str()).collect(), vehicle_id: Some(vehicle.clone()) }
        }
    }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests;
