//! Whom to ask, and whom not to ask again for a while. Pure.

use super::plan::{Outcome, Reason};
use crate::config::{self, Offers};
use crate::model::{BookingId, Offer, OfferState, Span, Timestamp, VehicleId};
use std::collections::{HashMap, HashSet};

/// So often a wait doubles at most.
const DOUBLINGS: usize = 5;

/// What earlier answers mean for the next round.
#[derive(Debug, Default)]
pub(super) struct Answers {
    declined: HashMap<BookingId, Vec<VehicleId>>,
    barred: HashMap<VehicleId, Reason>,
}

impl Answers {
    /// How far back refusals count.
    pub fn horizon(config: &config::Dispatch) -> Span {
        waited(config, DOUBLINGS + 1)
    }

    /// Of these refusals, oldest first, and of the offers that are open.
    ///
    /// A booking is kept from a vehicle that refused it, twice as long each time; a vehicle whose driver let two offers pass is
    /// not asked about anything for as long, for the driver is not there.
    pub fn new(refused: &[Offer], open: &[Offer], config: &config::Dispatch, now: Timestamp) -> Self {
        let mut pairs: HashMap<(BookingId, &VehicleId), (usize, Timestamp)> = HashMap::new();
        let mut passed: HashMap<&VehicleId, (usize, Timestamp)> = HashMap::new();
        for offer in refused {
            let answered = offer.answered_at.unwrap_or(offer.expires_at);
            let times = pairs.entry((offer.booking, &offer.vehicle)).or_default();
            *times = (times.0 + 1, answered);
            if offer.state == OfferState::TimedOut {
                let times = passed.entry(&offer.vehicle).or_default();
                *times = (times.0 + 1, answered);
            }
        }
        let mut answers = Self::default();
        for ((booking, vehicle), (times, last)) in pairs {
            if now < last + waited(config, times) {
                answers.declined.entry(booking).or_default().push(vehicle.clone());
            }
        }
        answers.declined.values_mut().for_each(|vehicles| vehicles.sort_unstable());
        let away = passed.into_iter().filter(|(_, (times, last))| *times > 1 && now < *last + waited(config, times - 1));
        answers.barred.extend(away.map(|(vehicle, _)| (vehicle.clone(), Reason::Unanswered)));
        answers.barred.extend(open.iter().map(|offer| (offer.vehicle.clone(), Reason::Asked)));
        answers
    }

    /// The vehicles that this booking is kept from.
    pub fn declined(&self, booking: BookingId) -> Vec<VehicleId> {
        self.declined.get(&booking).cloned().unwrap_or_default()
    }

    /// Why the driver of this vehicle is not to be asked.
    pub fn barred(&self, vehicle: &VehicleId) -> Option<Reason> {
        self.barred.get(vehicle).copied()
    }
}

/// For how long a pair is left alone after so many refusals.
fn waited(config: &config::Dispatch, times: usize) -> Span {
    let once = Span::from_secs(i64::try_from(config.decline_backoff_s).unwrap_or(i64::MAX / 2_000));
    (1..times.min(DOUBLINGS + 1)).fold(once, |wait, _| wait + wait)
}

/// Whose drivers to ask: the one the plan chose and, where the depot asks several, the cheapest of those that are free and that
/// no other booking gets. `taken` are those asked in this round already.
pub(super) fn whom(outcome: &Outcome, config: &config::Dispatch, taken: &mut HashSet<VehicleId>) -> Vec<VehicleId> {
    let Some(chosen) = &outcome.vehicle else { return Vec::new() };
    let most = match config.offers {
        Offers::Off => 0,
        Offers::One => 1,
        Offers::Best => config.offer_best.max(1),
    };
    let is_free = |vehicle: &VehicleId| vehicle != chosen && !taken.contains(vehicle);
    let others = outcome.candidates.iter().filter(|c| c.until == Span::default() && c.lost_to.is_none());
    let others = others.map(|c| &c.vehicle).filter(|vehicle| is_free(vehicle));
    let asked: Vec<VehicleId> = std::iter::once(chosen).chain(others).take(most).cloned().collect();
    taken.extend(asked.iter().cloned());
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn refusal(booking: u8, vehicle: &str, state: OfferState, ago_s: i64) -> Offer {
        let at = NOW - Span::from_secs(ago_s);
        Offer {
            id: 0,
            booking: BookingId::generate(Timestamp::default(), [booking; 10]),
            vehicle: VehicleId::new(vehicle).unwrap(),
            state,
            offered_at: at,
            expires_at: at,
            answered_at: Some(at),
            reason: None,
        }
    }

    #[test]
    fn a_pair_is_left_alone_twice_as_long_each_time() {
        let config = config::Dispatch::default();
        let back = i64::try_from(config.decline_backoff_s).unwrap();
        let kept = |refused: &[Offer]| !Answers::new(refused, &[], &config, NOW).declined(refused[0].booking).is_empty();
        let once = |ago| vec![refusal(1, "a", OfferState::Declined, ago)];
        assert!(kept(&once(back - 1)) && !kept(&once(back)));
        let twice = |ago| [once(10 * back), once(ago)].concat();
        assert!(kept(&twice(2 * back - 1)) && !kept(&twice(2 * back)));
        let other = Answers::new(&once(1), &[], &config, NOW);
        assert!(other.declined(refusal(2, "a", OfferState::Declined, 1).booking).is_empty());
    }

    #[test]
    fn who_lets_two_pass_is_away_and_who_is_asked_is_not_asked_again() {
        let config = config::Dispatch::default();
        let pass = |booking, ago| refusal(booking, "a", OfferState::TimedOut, ago);
        let vehicle = VehicleId::new("a").unwrap();
        let barred = |refused: &[Offer], open: &[Offer]| Answers::new(refused, open, &config, NOW).barred(&vehicle);
        assert_eq!(barred(&[pass(1, 9)], &[]), None);
        assert_eq!(barred(&[pass(1, 9), pass(2, 5)], &[]), Some(Reason::Unanswered));
        assert_eq!(barred(&[pass(1, 9), pass(2, 5)], &[refusal(3, "a", OfferState::Open, 1)]), Some(Reason::Asked));
    }
}
