//! What it is worth to serve a booking in this round, and so what leaving it costs.
//!
//! While there are vehicles for all, everybody is served. When they are scarce, each one sent far is missed by the bookings
//! that come in the meantime: so none is sent further than a usual job takes (the opportunity cost of its time), and of
//! those that must wait, longer jobs wait rather than short ones (W. E. Smith, "Various optimizers for single-stage
//! production", Naval Research Logistics Quarterly 3 (1956) 59–66). A booking that was left becomes worth more by the
//! second, so everybody's turn comes. A high priority is worth more than any drive; a low one waits first.

use super::field::Field;
use super::{Lately, Rules, Waiting};
use crate::model::{Priority, Span, Timestamp};

const DAY_MICROS: i64 = 86_400_000_000;

/// What it costs to leave each booking, in microseconds like all costs; not negative.
pub fn alone_costs(now: Timestamp, bookings: &[&Waiting], field: &Field<'_>, lately: &Lately, rules: &Rules) -> Vec<i64> {
    let patience = patience(lately, rules);
    let most = field.most();
    let worth = |w: &&Waiting| {
        let overdue = now.since(w.since + patience).as_micros().min(DAY_MICROS);
        let usual = (patience.as_micros() + overdue - (w.trip * rules.trip_weight).as_micros()).max(0);
        match w.priority {
            Priority::Low => usual / 2,
            Priority::Normal => usual,
            Priority::High => usual + most,
            Priority::Urgent => usual + 2 * most,
        }
    };
    let mut worths: Vec<i64> = bookings.iter().map(worth).collect();
    // All else equal, who has waited longer, and then the lower id: a microsecond each.
    let mut order: Vec<usize> = (0..bookings.len()).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(bookings[at].since), std::cmp::Reverse(at)));
    order.iter().zip(0..).for_each(|(&at, rank)| worths[at] += rank);
    if is_scarce(bookings.len(), lately.vehicles.unwrap_or(field.columns()), lately, patience, rules) {
        worths
    } else {
        serve_all(worths, most)
    }
}

/// How much driving to a pickup is worth while others wait: as long as a usual job of late takes.
fn patience(lately: &Lately, rules: &Rules) -> Span {
    lately.trip * rules.patience_trips
}

/// Are there so many bookings, waiting and soon to come, that every vehicle will be wanted? Those to come are counted with
/// three standard deviations less than expected (Poisson), so that a handful of bookings in a small depot is no rush.
fn is_scarce(waiting: usize, vehicles: usize, lately: &Lately, patience: Span, rules: &Rules) -> bool {
    let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    let coming = f64::from(lately.bookings) * patience.as_secs_f64() / lately.over.as_secs_f64().max(1.0);
    count(waiting) > rules.scarce_share * count(vehicles) && coming - 3.0 * coming.sqrt() > count(vehicles)
}

/// So much that one more served is always worth it, a little more for more worth.
fn serve_all(worths: Vec<i64>, most: i64) -> Vec<i64> {
    let count = i64::try_from(worths.len()).unwrap_or(i64::MAX);
    let most = most + worths.iter().max().copied().unwrap_or(0) + 1;
    // Sums of all these must fit an i64; in a round that is absurdly large and wide, that goes before serving the most.
    let never = most.saturating_mul(count + 1).min(i64::MAX / 4 / (count + 1));
    worths.into_iter().map(|worth| never + worth).collect()
}
