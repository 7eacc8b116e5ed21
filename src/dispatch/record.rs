//! What a round says about one booking: the JSON that `/bookings/{id}/dispatch` serves, and its one plain sentence.

use super::plan::{Blocked, Candidate, Cost, Excluded, Exclusions, Outcome, Parts, Reason, Rules, Seen, Waiting};
use crate::model::{BookingId, Metres, Timestamp, VehicleId};
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
}

/// A vehicle that could have taken the booking.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Considered {
    vehicle_id: VehicleId,
    cost: f64,
    eta_s: f64,
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
        let others = if vehicles.len() > 1 { format!(", and so {}", list(&names(&vehicles[1..]))) } else { String::new() };
        self.sentence = format!("Asked: {}{others}.", self.sentence.trim_end_matches('.'));
        self.asked = vehicles;
    }
}

fn names(vehicles: &[VehicleId]) -> Vec<String> {
    vehicles.iter().map(ToString::to_string).collect()
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
            blocked_by: blocked_by(outcome, blocked),
            weights: self.weights(),
            candidates: outcome.candidates.iter().map(|c| self.considered(c)).collect(),
            excluded: exclusions.nearest.iter().map(|e| self.left_out(e)).collect(),
            excluded_total: exclusions.totals.iter().map(|(reason, count)| (reason.as_str(), *count)).collect(),
        }
    }

    /// Where the travel time of the vehicle that is told first comes from: the chosen one, else the cheapest.
    fn source(&self, outcome: &Outcome, waiting: &Waiting) -> Arc<str> {
        let told = outcome.candidates.iter().find(|c| c.chosen).or(outcome.candidates.first());
        let road = told.and_then(|c| waiting.roads.iter().find(|road| road.vehicle == c.vehicle));
        road.map_or_else(|| self.eta_source.into(), |road| Arc::clone(&road.source))
    }

    fn weights(&self) -> Weights {
        let Rules { until_weight, lateness_weight, empty_km, fit, fairness, .. } = self.rules;
        let (empty_km_s, fit_s, fairness_s) = (empty_km.as_secs_f64(), fit.as_secs_f64(), fairness.as_secs_f64());
        Weights { until: *until_weight, lateness: *lateness_weight, empty_km_s, fit_s, fairness_s }
    }

    fn considered(&self, candidate: &Candidate) -> Considered {
        let eta_s = candidate.until.as_secs_f64() + candidate.parts.drive.as_secs_f64();
        Considered {
            vehicle_id: candidate.vehicle.clone(),
            cost: tenth(candidate.cost.as_secs_f64()),
            eta_s: eta_s.round(),
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

    fn left_out(&self, excluded: &Excluded) -> LeftOut {
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
                Some(ts) => format!("its last fix is {} old", minutes(self.at.since(ts).as_secs_f64())),
                None => "it has never sent a fix".to_owned(),
            },
            Reason::Class => format!("it is a {}", vehicle.map_or("vehicle of another class", |v| &*v.class)),
            Reason::Capacity => {
                let said = vehicle.zip(excluded.overload).map(|(vehicle, overload)| vehicle.capacity.says(overload));
                said.unwrap_or_else(|| "it is too small".to_owned())
            }
            Reason::Skills => "it lacks a skill that the booking needs".to_owned(),
            Reason::Declined => "its driver declined this booking".to_owned(),
            Reason::TooFar => format!("it is more than {} away", kilometres(self.rules.max_radius)),
            Reason::TooLate => "it cannot be at the pickup in time".to_owned(),
        };
        let distance_m = excluded.distance.map(|d| d.0.round());
        LeftOut { vehicle_id: excluded.vehicle.clone(), reason: excluded.reason.as_str(), detail, distance_m }
    }

    fn sentence(&self, outcome: &Outcome, exclusions: &Exclusions, blocked: Option<&Blocked>) -> String {
        match outcome.candidates.iter().find(|c| c.chosen) {
            Some(chosen) if outcome.promised.is_some() => {
                let (name, until) = (&chosen.vehicle, minutes(chosen.until.as_secs_f64()));
                format!("Nobody yet: {name} will be free in {until} and is the best then, {} away.", self.away(chosen))
            }
            Some(chosen) => self.why_this_one(chosen, outcome, exclusions),
            None if !outcome.candidates.is_empty() => {
                let others = outcome.candidates.iter().find_map(|c| c.lost_to.and_then(|b| self.references.get(&b)));
                let whom = others.map_or(String::new(), |b| format!(", the nearest to {b}"));
                match others {
                    Some(_) => format!("Nobody yet: every vehicle that could take it went to another booking{whom}."),
                    None => "Nobody yet: vehicles are scarce, and none that could take it is near enough.".to_owned(),
                }
            }
            None => why_nobody(exclusions, blocked),
        }
    }

    fn away(&self, candidate: &Candidate) -> String {
        minutes(candidate.parts.drive.as_secs_f64())
    }

    fn why_this_one(&self, chosen: &Candidate, outcome: &Outcome, exclusions: &Exclusions) -> String {
        let away = self.away(chosen);
        let name = &chosen.vehicle;
        let mut sentence = match outcome.candidates.iter().find(|c| c.cost < chosen.cost) {
            None if outcome.candidates.len() == 1 => format!("{name} was the only one that is free: {away} away"),
            None => format!("{name} was nearest of those that are free: {away} away"),
            Some(nearer) => {
                let whom = nearer.lost_to.and_then(|b| self.references.get(&b)).map_or("another booking", String::as_str);
                format!("{name} is {away} away; {} is nearer but does more good on {whom}", nearer.vehicle)
            }
        };
        let closer: Vec<Reason> =
            exclusions.nearest.iter().filter(|e| e.distance.is_some_and(|d| d < chosen.distance)).map(|e| e.reason).collect();
        if !closer.is_empty() {
            let more = if closer.len() == EXCLUDED_TOLD { " or more" } else { "" };
            let nouns = if closer.len() == 1 { "closer one was" } else { "closer ones were" };
            sentence += &format!("; {}{more} {nouns} {}", closer.len(), words(&closer));
        }
        sentence + "."
    }
}

fn blocked_by(outcome: &Outcome, blocked: Option<&Blocked>) -> Option<BlockedBy> {
    if outcome.vehicle.is_some() || outcome.promised.is_some() {
        return None;
    }
    let only = |reason| BlockedBy { reasons: vec![reason], vehicle_id: None };
    Some(match blocked {
        _ if outcome.candidates.iter().any(|c| c.lost_to.is_some()) => only("outbid"),
        _ if !outcome.candidates.is_empty() => only("scarce"),
        Some(Blocked { vehicle, reasons }) => {
            BlockedBy { reasons: reasons.iter().map(|r| r.as_str()).collect(), vehicle_id: Some(vehicle.clone()) }
        }
        None => only("no_vehicles"),
    })
}

fn why_nobody(exclusions: &Exclusions, blocked: Option<&Blocked>) -> String {
    if exclusions.totals.is_empty() {
        return "Nobody yet: the depot has no vehicle.".to_owned();
    }
    let part = |(reason, count): (&Reason, &u32)| format!("{count} {} {}", if *count == 1 { "is" } else { "are" }, word(*reason));
    let parts: Vec<String> = exclusions.totals.iter().map(part).collect();
    let all: u32 = exclusions.totals.values().sum();
    let whole = if all == 1 { "of 1 vehicle".to_owned() } else { format!("of {all} vehicles") };
    let nearly = blocked.filter(|b| all > 1 && b.reasons.len() == 1);
    let nearly = nearly.map_or(String::new(), |b| format!(" {} could, were it not {}.", b.vehicle, words(&b.reasons)));
    format!("Nobody yet: {whole}, {}.{nearly}", list(&parts))
}

fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::OffDuty => "off duty",
        Reason::Busy => "busy",
        Reason::Hours => "out of hours",
        Reason::Break => "on a break",
        Reason::Asked => "being asked",
        Reason::Unanswered => "not answering",
        Reason::Declined => "unwilling",
        Reason::Offline => "offline",
        Reason::NoRecentFix => "without a recent position",
        Reason::Class => "of another class",
        Reason::Capacity => "too small",
        Reason::Skills => "without the skills",
        Reason::TooFar => "too far away",
        Reason::TooLate => "too late",
    }
}

fn words(reasons: &[Reason]) -> String {
    let mut distinct: Vec<Reason> = reasons.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let names: Vec<String> = distinct.into_iter().map(|r| word(r).to_owned()).collect();
    names.join(" or ")
}

fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn minutes(seconds: f64) -> String {
    if seconds < 60.0 { "less than a minute".to_owned() } else { format!("{:.0} min", seconds / 60.0) }
}

fn kilometres(way: Metres) -> String {
    format!("{:.0} km", way.0 / 1_000.0)
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::eta::Travel;
    use crate::dispatch::plan;
    use crate::model::{Availability, Capacity, Place, Span};

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn seen(id: &str, east: f64, availability: Availability) -> Seen {
        let place = Place::new(0.0, east / 111_195.0).ok();
        let id = VehicleId::new(id).unwrap();
        Seen {
            id,
            class: "van".into(),
            capacity: Capacity::default(),
            skills: [].into(),
            online: true,
            availability,
            place,
            fix_ts: Some(NOW),
            soon: None,
            barred: None,
            jobs_per_hour: 0.0,
        }
    }

    fn record(seen: &[Seen]) -> Record {
        let rules = Rules::from(&crate::config::Dispatch::default());
        let id = BookingId::generate(NOW, [1; 10]);
        let pickup = Place::new(0.0, 0.0).unwrap();
        let waiting = Waiting { trip: Span::from_secs(600), ..Waiting::new(id, pickup, NOW) };
        let plan = plan::assign(NOW, std::slice::from_ref(&waiting), seen, &plan::Lately::default(), &rules);
        let survey = plan::Survey::new(NOW, seen, &rules);
        let out = survey.exclusions(&waiting, EXCLUDED_TOLD);
        let references = HashMap::from([(id, "B-1".to_owned())]);
        Round { number: 7, at: NOW, trigger: "journal", rules: &rules, eta_source: Travel::SOURCE, seen, references: &references }.record(
            &plan.outcomes[0],
            &waiting,
            &out,
            survey.blocked(&waiting).as_ref(),
        )
    }

    #[test]
    fn the_sentence_says_why_this_one() {
        use Availability::{EnRoute, Free, Loading};
        let told = record(&[
            seen("KA-1", 100.0, EnRoute),
            seen("KA-2", 200.0, Loading),
            seen("KA-104", 1_300.0, Free),
            seen("KA-9", 2_000.0, Free),
        ]);
        assert_eq!(told.sentence, "KA-104 was nearest of those that are free: 4 min away; 2 closer ones were busy.");
        let json = serde_json::to_value(&told).unwrap();
        assert_eq!(json["chosen"], "KA-104");
        assert_eq!(json["candidates"][0]["factors"][0]["name"], "travel_s");
        assert_eq!(json["excluded"][0]["reason"], "busy");
        assert_eq!(json["excluded_total"]["busy"], 2);
    }

    #[test]
    fn the_sentence_says_why_nobody() {
        assert_eq!(record(&[]).sentence, "Nobody yet: the depot has no vehicle.");
        let fleet = [seen("a", 1.0, Availability::EnRoute), seen("b", 2.0, Availability::EnRoute), seen("c", 3.0, Availability::OffDuty)];
        assert_eq!(record(&fleet).sentence, "Nobody yet: of 3 vehicles, 1 is off duty and 2 are busy. a could, were it not busy.");
        assert_eq!(record(&fleet).blocked_by, Some(BlockedBy { reasons: vec!["busy"], vehicle_id: Some(fleet[0].id.clone()) }));
    }
}
