//! The policies that can be compared.

use super::world::World;
use crate::config;
use crate::dispatch::plan::{self, Rules};
use crate::model::{Availability, Span, Timestamp};
use std::collections::HashMap;

/// How drivers are found.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    /// What it is called.
    pub name: String,
    /// What it follows.
    pub rules: Rules,
    how: How,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum How {
    /// Whoever asked first gets the nearest that is free.
    Nearest,
    /// All that wait are planned together.
    Plan,
}

impl Policy {
    /// The names, with what they mean.
    pub const ALL: [(&'static str, &'static str); 3] = [
        ("default", "as the depot dispatches: its settings, with look-ahead and patience while vehicles are scarce"),
        ("batch", "everybody who asked within 10 s planned together, free vehicles only"),
        ("nearest", "at once, whoever asked first gets the nearest free vehicle"),
    ];

    /// The policy of a name, with the depot's settings where it leaves them open.
    pub fn named(name: &str, config: &config::Dispatch) -> Option<Self> {
        let mut rules = Rules::from(config);
        rules.told = 0;
        let fixed = |seconds| (Span::from_secs(seconds), Span::from_secs(seconds));
        let how = match name {
            "default" => How::Plan,
            "batch" => {
                (rules.gather, rules.look_ahead) = (fixed(10), Span::default());
                (rules.scarce_share, rules.trip_weight) = (f64::INFINITY, 0.0);
                How::Plan
            }
            "nearest" => {
                rules.gather = fixed(1);
                How::Nearest
            }
            _ => return None,
        };
        Some(Self { name: name.to_owned(), rules, how })
    }

    /// How long requests are gathered.
    pub fn gather(&self, waiting: usize, free: usize) -> Span {
        self.rules.gather(waiting, free)
    }

    /// Who is given what now: pairs of a request and a driver.
    pub fn decide(&self, now: Timestamp, world: &World<'_>) -> Vec<(usize, usize)> {
        let (waiting, seen) = (world.waiting(), world.seen());
        match self.how {
            How::Nearest => self.nearest(now, waiting, seen),
            How::Plan => {
                let requests: HashMap<_, _> = waiting.iter().map(|(request, w)| (w.id, *request)).collect();
                let drivers: HashMap<_, _> = seen.iter().zip(0..).map(|(s, driver)| (s.id.clone(), driver)).collect();
                let waiting: Vec<_> = waiting.into_iter().map(|(_, w)| w).collect();
                let plan = plan::assign(now, &waiting, &seen, &world.lately(), &self.rules);
                let pair = |o: &plan::Outcome| Some((*requests.get(&o.booking)?, *drivers.get(o.vehicle.as_ref()?)?));
                plan.outcomes.iter().filter_map(pair).collect()
            }
        }
    }

    fn nearest(&self, now: Timestamp, waiting: Vec<(usize, plan::Waiting)>, seen: Vec<plan::Seen>) -> Vec<(usize, usize)> {
        let free = seen.into_iter().zip(0..).filter(|(s, _)| s.availability == Availability::Free && s.barred.is_none());
        let mut free: Vec<_> = free.filter_map(|(s, driver)| Some((s.place?, s, driver))).collect();
        let mut given = Vec::new();
        for (request, booking) in waiting {
            let able = free.iter().enumerate().filter(|(_, (_, seen, _))| plan::demand(&booking, seen).is_none());
            let ways = able.map(|(at, (place, ..))| (place.distance(booking.pickup), at));
            let Some((way, at)) = ways.min_by(|a, b| a.0.0.total_cmp(&b.0.0)) else { continue };
            if booking.latest.is_none_or(|latest| now + self.rules.travel.eta(way).drive <= latest) {
                given.push((request, free.swap_remove(at).2));
            }
        }
        given
    }
}
