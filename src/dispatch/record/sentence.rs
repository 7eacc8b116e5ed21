//! Why, in one plain sentence.

use super::{EXCLUDED_TOLD, Round};
use crate::dispatch::plan::{Blocked, Candidate, Exclusions, Left, Outcome, Reason};
use crate::model::{Metres, VehicleId};

impl Round<'_> {
    pub(super) fn sentence(&self, outcome: &Outcome, exclusions: &Exclusions, blocked: Option<&Blocked>) -> String {
        match outcome.candidates.iter().find(|c| c.chosen) {
            Some(chosen) if outcome.promised.is_some() => {
                let (name, until) = (&chosen.vehicle, minutes(chosen.until.as_secs_f64()));
                format!("Nobody yet: {name} will be free in {until} and is the best then, {} away.", self.away(chosen))
            }
            Some(chosen) => self.why_this_one(chosen, outcome, exclusions),
            None if outcome.left(blocked) == Some(Left::Outbid) => {
                let others = outcome.candidates.iter().find_map(|c| c.lost_to.and_then(|b| self.references.get(&b)));
                let whom = others.map_or(String::new(), |b| format!(", the nearest to {b}"));
                format!("Nobody yet: every vehicle that could take it went to another booking{whom}.")
            }
            None if !outcome.candidates.is_empty() => {
                "Nobody yet: vehicles are scarce, and none that could take it is near enough.".to_owned()
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

/// The same when nobody gets the booking yet and the drivers of these are asked.
pub(super) fn asked(sentence: &str, vehicles: &[VehicleId]) -> String {
    let names: Vec<String> = vehicles.iter().skip(1).map(ToString::to_string).collect();
    let others = if names.is_empty() { String::new() } else { format!(", and so {}", list(&names)) };
    format!("Asked: {}{others}.", sentence.trim_end_matches('.'))
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

pub(super) fn minutes(seconds: f64) -> String {
    if seconds < 60.0 { "less than a minute".to_owned() } else { format!("{:.0} min", seconds / 60.0) }
}

pub(super) fn kilometres(way: Metres) -> String {
    format!("{:.0} km", way.0 / 1_000.0)
}
