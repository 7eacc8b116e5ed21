//! How far counts stray from their mean: the negative binomial distribution, and what holdouts say of it.

use serde::{Deserialize, Serialize};

/// A count with this mean and variance mean + dispersion × mean².
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Count {
    mean: f64,
    shape: f64,
}

impl Count {
    /// `mean` > 0; a dispersion of nearly 0 is Poisson's.
    pub fn new(mean: f64, dispersion: f64) -> Self {
        Self { mean: mean.max(1e-6), shape: 1.0 / dispersion.max(1e-6) }
    }

    /// Logarithm of the probability of `count`.
    pub fn ln_probability(self, count: u32) -> f64 {
        let (Self { mean, shape }, count) = (self, f64::from(count));
        let ways = libm::lgamma(count + shape) - libm::lgamma(shape) - libm::lgamma(count + 1.0);
        ways + shape * (shape / (shape + mean)).ln() + count * (mean / (shape + mean)).ln()
    }

    /// The counts in order, from where there is any probability on: each with the probability of less, and its own.
    fn ranks(self) -> impl Iterator<Item = (u32, f64, f64)> {
        let Self { mean, shape } = self;
        let deviation = (mean + mean * mean / shape).sqrt();
        let (first, last) = (whole(mean - 8.0 * deviation), whole(mean + 60.0 * deviation).saturating_add(60));
        let (mut less, mut own) = (0.0, self.ln_probability(first).exp());
        (first..=last).map(move |count| {
            let rank = (count, less, own);
            less += own;
            own *= (f64::from(count) + shape) / (f64::from(count) + 1.0) * mean / (shape + mean);
            rank
        })
    }

    /// The smallest count that is not exceeded with probability `share`.
    pub fn quantile(self, share: f64) -> u32 {
        let mut last = 0;
        for (count, less, own) in self.ranks() {
            if less + own >= share {
                return count;
            }
            last = count;
        }
        last
    }

    /// Probability of less, and half of that of the same.
    pub fn mid_rank(self, count: u32) -> f64 {
        let rank = self.ranks().take_while(|(at, ..)| *at <= count).last();
        rank.map_or(0.0, |(at, less, own)| if at == count { less + own / 2.0 } else { 1.0 })
    }

    /// The counts whose mid-rank is within `tail` to 1 - `tail`, `tail` below a quarter.
    pub fn within(self, tail: f64) -> (u32, u32) {
        let (mut low, mut high) = (None, 0);
        for (count, less, own) in self.ranks() {
            let rank = less + own / 2.0;
            if low.is_none() && rank >= tail {
                low = Some(count);
            }
            if low.is_some() && rank > 1.0 - tail {
                break;
            }
            high = count;
        }
        let low = low.unwrap_or(high);
        (low, high.max(low))
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(x: f64) -> u32 {
    x as u32
}

/// A count that was forecast and then seen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Held {
    /// What was forecast.
    pub mean: f64,
    /// What came.
    pub seen: u32,
    /// What it counts.
    pub weight: f64,
}

/// How far counts stray from their forecast, learned on weeks or days held out of training.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Spread {
    /// Dispersion at a mean of one request.
    scale: f64,
    /// The dispersion goes with the mean to this power: busy hours stray less in proportion.
    power: f64,
    /// Mid-rank below which, and above one minus which, a count is outside of the 80 % interval.
    tail: f64,
}

impl Default for Spread {
    /// About what New York and San Francisco taught, until there is something to learn from.
    fn default() -> Self {
        Self { scale: 0.19, power: -0.25, tail: 0.13 }
    }
}

const SCALES: [f64; 12] = [0.005, 0.01, 0.02, 0.04, 0.06, 0.09, 0.13, 0.19, 0.28, 0.4, 0.6, 0.9];
const POWERS: [f64; 5] = [-1.0, -0.75, -0.5, -0.25, 0.0];
/// Tails are kept to these: below, an interval would be all there is; above, it could be empty.
const TAILS: (f64, f64) = (0.02, 0.24);
/// No more holdouts are looked at; evenly taken out of them all.
const ENOUGH: usize = 8_000;

impl Spread {
    /// The likeliest dispersion, and the tail with which 80 % of the holdouts are within the interval.
    ///
    /// The interval is made of whole counts, and by mid-ranks: an interval from quantile to quantile would hold 90 % and more of
    /// counts as small as these. The tail is then the 20 % quantile of the distance of a holdout's mid-rank from the nearer end,
    /// which is a split conformal calibration.
    pub(super) fn fit(held: &[Held]) -> Self {
        if held.is_empty() {
            return Self::default();
        }
        let held: Vec<Held> = held.iter().step_by(held.len().div_ceil(ENOUGH)).copied().collect();
        let laws = SCALES.iter().flat_map(|&scale| POWERS.iter().map(move |&power| Self { scale, power, ..Self::default() }));
        let likelihood = |law: &Self| held.iter().map(|h| h.weight * law.count(h.mean).ln_probability(h.seen)).sum::<f64>();
        let likeliest = laws.map(|law| (likelihood(&law), law)).max_by(|(a, _), (b, _)| a.total_cmp(b));
        let law = likeliest.map_or_else(Self::default, |(_, law)| law);
        let mut distances: Vec<(f64, f64)> = held.iter().map(|h| (law.distance(h), h.weight)).collect();
        distances.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let outside = 0.2 * distances.iter().map(|(_, weight)| weight).sum::<f64>();
        let mut so_far = 0.0;
        let tail = distances.iter().find(|(_, weight)| {
            so_far += weight;
            so_far > outside
        });
        Self { tail: tail.map_or(law.tail, |(distance, _)| distance.clamp(TAILS.0, TAILS.1)), ..law }
    }

    fn distance(&self, held: &Held) -> f64 {
        let rank = self.count(held.mean).mid_rank(held.seen);
        rank.min(1.0 - rank)
    }

    /// Dispersion of a count with this mean.
    pub(super) fn dispersion(&self, mean: f64) -> f64 {
        self.scale * mean.max(1e-3).powf(self.power)
    }

    /// A count with this mean.
    pub(super) fn count(&self, mean: f64) -> Count {
        Count::new(mean, self.dispersion(mean))
    }

    /// See [`Count::within`].
    pub(super) fn tail(&self) -> f64 {
        self.tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn probabilities_are_those_of_the_tables() {
        let poisson = Count::new(2.0, 0.0);
        let told: Vec<f64> = poisson.ranks().take(3).map(|(_, _, own)| own).collect();
        for (told, known) in told.iter().zip([0.135_335, 0.270_671, 0.270_671]) {
            assert!((told - known).abs() < 1e-5, "{told} {known}");
        }
        // Shape 2, mean 2: geometric sums, (n + 1) / 2^(n + 2).
        let negative = Count::new(2.0, 0.5);
        for (count, known) in [(0, 0.25), (1, 0.25), (2, 0.1875), (3, 0.125)] {
            assert!((negative.ln_probability(count).exp() - known).abs() < 1e-9, "{count}");
        }
        assert_eq!((negative.quantile(0.5), negative.quantile(0.51), negative.quantile(0.9)), (1, 2, 5));
        assert!((negative.mid_rank(1) - 0.375).abs() < 1e-9);
    }

    #[test]
    fn huge_counts_have_quantiles_too() {
        for (mean, dispersion) in [(5_000.0, 0.02), (100_000.0, 0.0001), (100_000.0, 0.05), (100_000.0, 0.0)] {
            let count = Count::new(mean, dispersion);
            let deviation = (mean + dispersion * mean * mean).sqrt();
            let (low, high) = count.within(0.1);
            for (told, known) in [(count.quantile(0.5), 0.0), (low, -1.28), (high, 1.28)] {
                assert!((f64::from(told) - mean - known * deviation).abs() < 0.12 * deviation, "{told} {mean} {known}");
            }
        }
    }

    /// Holdouts drawn from a law by evenly laid ranks.
    fn drawn(law: Spread) -> Vec<Held> {
        let means = (1..=40).map(|step| 0.02 * 1.2_f64.powi(step));
        let draw =
            |mean: f64| (0..60).map(move |n| Held { mean, seen: law.count(mean).quantile((f64::from(n) + 0.5) / 60.0), weight: 1.0 });
        means.flat_map(draw).collect()
    }

    #[test]
    fn the_law_is_found_again_and_covers_what_it_says() {
        let law = Spread { scale: 0.28, power: -0.5, tail: 0.13 };
        let fitted = Spread::fit(&drawn(law));
        assert_eq!((fitted.scale, fitted.power), (law.scale, law.power));
        let inside = |h: &&Held| {
            let (low, high) = fitted.count(h.mean).within(fitted.tail);
            (low..=high).contains(&h.seen)
        };
        let held = drawn(law);
        let covered = held.iter().filter(inside).count() as f64 / held.len() as f64;
        assert!((0.79..0.82).contains(&covered), "{covered}");
        assert_eq!(Spread::fit(&[]), Spread::default());
    }

    proptest! {
        #[test]
        fn quantiles_rise_and_the_interval_is_made_of_its_mid_ranks(
            mean in 0.001_f64..300.0, dispersion in 0.0_f64..1.0, tail in 0.02_f64..0.24, count in 0_u32..400,
        ) {
            let law = Count::new(mean, dispersion);
            let (low, high) = law.within(tail);
            prop_assert!(low <= high);
            prop_assert!(law.quantile(0.1) <= law.quantile(0.5) && law.quantile(0.5) <= law.quantile(0.9));
            prop_assert!(law.mid_rank(count) <= law.mid_rank(count + 1) + 1e-9);
            let rank = law.mid_rank(count);
            if (rank - tail).abs() > 1e-9 && (rank - (1.0 - tail)).abs() > 1e-9 {
                prop_assert_eq!((low..=high).contains(&count), rank >= tail && rank <= 1.0 - tail);
            }
        }
    }
}
