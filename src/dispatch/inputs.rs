//! What a round saw and what it planned, kept so that the same plan can be made again.

use super::plan::{self, Lately, Outcome, Plan, Rules, Seen, Waiting};
use crate::model::{BookingId, Timestamp, VehicleId};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::io;

/// A fleet up to this size is kept whole; of a larger one the vehicles that some booking was told of suffice for a plan that is
/// as good, for the best one is made of them.
const WHOLE: usize = 300;

/// Who got a booking, and who was promised it.
pub type Given = BTreeMap<BookingId, (Option<VehicleId>, Option<VehicleId>)>;

/// A round's inputs with its result.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Inputs {
    /// Numbers the rounds.
    pub round: i64,
    /// Name and version of the policy.
    pub policy: String,
    /// When it was.
    pub now: Timestamp,
    /// The bookings that waited.
    pub waiting: Vec<Waiting>,
    /// The vehicles.
    pub seen: Vec<Seen>,
    /// What was asked of late, and how many vehicles could be had.
    pub lately: Lately,
    /// The rules, weights and travel times.
    pub rules: Rules,
    /// What came of it.
    pub given: Given,
}

/// A round that was planned again.
#[derive(Clone, PartialEq, Debug)]
pub struct Again {
    /// The plan of now.
    pub plan: Plan,
    /// Bookings for which it says something else: what was recorded, and what it is now.
    pub differs: Vec<(BookingId, Option<VehicleId>, Option<VehicleId>)>,
}

impl Inputs {
    /// Of a round that made `plan`.
    pub fn of(round: i64, now: Timestamp, waiting: &[Waiting], seen: &[Seen], lately: &Lately, rules: &Rules, plan: &Plan) -> Self {
        let able = plan::able_count(now, seen, rules);
        Self {
            round,
            policy: Rules::POLICY.to_owned(),
            now,
            waiting: waiting.to_vec(),
            seen: kept(seen, plan),
            lately: Lately { vehicles: Some(able), ..*lately },
            rules: rules.clone(),
            given: given(&plan.outcomes),
        }
    }

    /// As it is stored: compressed JSON.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        serde_json::to_writer(&mut packed, self)?;
        packed.finish()
    }

    /// Out of what was stored.
    pub fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        Ok(serde_json::from_reader(GzDecoder::new(bytes))?)
    }

    /// Plans it again, with the plan of this program.
    pub fn again(&self) -> Again {
        let plan = plan::assign(self.now, &self.waiting, &self.seen, &self.lately, &self.rules);
        let differs = given(&plan.outcomes).into_iter().filter_map(|(booking, (vehicle, promised))| {
            let (was, was_promised) = self.given.get(&booking).cloned().unwrap_or_default();
            let same = (&was, &was_promised) == (&vehicle, &promised);
            (!same).then(|| (booking, was.or(was_promised), vehicle.or(promised)))
        });
        Again { differs: differs.collect(), plan }
    }
}

fn given(outcomes: &[Outcome]) -> Given {
    outcomes.iter().map(|o| (o.booking, (o.vehicle.clone(), o.promised.clone()))).collect()
}

fn kept(seen: &[Seen], plan: &Plan) -> Vec<Seen> {
    if seen.len() <= WHOLE {
        return seen.to_vec();
    }
    let told: HashSet<&VehicleId> = plan.outcomes.iter().flat_map(|o| o.candidates.iter().map(|c| &c.vehicle)).collect();
    // Fairness is counted from the one with the fewest jobs.
    let fewest = seen.iter().min_by(|a, b| a.jobs_per_hour.total_cmp(&b.jobs_per_hour).then(a.id.cmp(&b.id))).map(|s| &s.id);
    seen.iter().filter(|s| told.contains(&s.id) || Some(&s.id) == fewest).cloned().collect()
}
