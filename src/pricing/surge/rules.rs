//! Within which bounds prices follow demand.

use crate::fields::document::Faults;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One, in thousandths.
pub(super) const ONE: u32 = 1_000;
/// Steps from 1 to a bound at most: a peak reaches as many cells far.
const STEPS: u32 = 20;

/// How prices follow demand. Factors are thousandths: 1500 is 1.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SurgeRules {
    /// Do they? Off by default.
    pub on: bool,
    /// The factor is never lower, in thousandths; 1000 at most.
    pub floor_per_mille: u32,
    /// The factor is never higher, in thousandths; 1000 at least.
    pub cap_per_mille: u32,
    /// Factors are so many thousandths apart: by so much one changes in a minute and differs from its neighbours at most.
    pub step_per_mille: u32,
}

impl Default for SurgeRules {
    fn default() -> Self {
        Self { on: false, floor_per_mille: ONE, cap_per_mille: 1_500, step_per_mille: 100 }
    }
}

impl SurgeRules {
    /// `per_mille` within the bounds, which 1 is always in.
    pub fn bounded(&self, per_mille: u32) -> u32 {
        per_mille.clamp(self.floor_per_mille.min(ONE), self.cap_per_mille.max(ONE))
    }

    /// The lowest and the highest level, in steps from 1.
    pub(super) fn levels(&self) -> (i32, i32) {
        let steps = |way: u32| way.div_ceil(self.step()).min(STEPS).cast_signed();
        (-steps(ONE.saturating_sub(self.floor_per_mille)), steps(self.cap_per_mille.saturating_sub(ONE)))
    }

    /// The factor of a level.
    pub(super) fn factor(&self, level: i32) -> u32 {
        let way = level.unsigned_abs().saturating_mul(self.step());
        self.bounded(if level < 0 { ONE.saturating_sub(way) } else { ONE.saturating_add(way) })
    }

    /// The level next to a factor.
    pub(super) fn level(&self, per_mille: u32) -> i32 {
        let (low, high) = self.levels();
        let steps = (per_mille.abs_diff(ONE).saturating_add(self.step() / 2) / self.step()).min(STEPS).cast_signed();
        if per_mille < ONE { (-steps).max(low) } else { steps.min(high) }
    }

    /// Thousandths from a level to the next.
    pub(super) fn step(&self) -> u32 {
        self.step_per_mille.max(1)
    }

    /// Notes what is wrong with them.
    pub(in crate::pricing) fn check(&self, f: &mut Faults) {
        f.range("floor_per_mille", self.floor_per_mille, 100, ONE);
        f.range("cap_per_mille", self.cap_per_mille, ONE, 5_000);
        f.range("step_per_mille", self.step_per_mille, 10, 500);
        for (field, bound) in [("floor_per_mille", self.floor_per_mille), ("cap_per_mille", self.cap_per_mille)] {
            let steps = bound.abs_diff(ONE).div_ceil(self.step());
            f.demand(self.step_per_mille < 10 || steps <= STEPS, field, format_args!("is more than {STEPS} steps from 1000"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn levels_end_at_the_bounds() {
        let rules = SurgeRules { on: true, floor_per_mille: 850, cap_per_mille: 1_250, step_per_mille: 100 };
        assert_eq!(rules.levels(), (-2, 3));
        assert_eq!([-3, -2, -1, 0, 1, 2, 3, 4].map(|level| rules.factor(level)), [850, 850, 900, 1_000, 1_100, 1_200, 1_250, 1_250]);
    }

    proptest! {
        #[test]
        fn levels_and_factors_agree_and_stay_in_the_bounds(
            floor in any::<u32>(), cap in any::<u32>(), step in any::<u32>(), level in any::<i32>(), factor in any::<u32>(),
        ) {
            let rules = SurgeRules { on: true, floor_per_mille: floor, cap_per_mille: cap, step_per_mille: step };
            let (low, high) = rules.levels();
            prop_assert!(low <= 0 && high >= 0);
            prop_assert!((floor.min(1_000)..=cap.max(1_000)).contains(&rules.factor(level)));
            prop_assert!((low..=high).contains(&rules.level(factor)));
        }

        #[test]
        fn a_level_is_found_again_by_its_factor(floor in 100..=1_000_u32, cap in 1_000..=5_000_u32, step in 10..=500_u32, level in -20..=20_i32) {
            let rules = SurgeRules { on: true, floor_per_mille: floor, cap_per_mille: cap, step_per_mille: step };
            let (low, high) = rules.levels();
            let level = level.clamp(low, high);
            let found = rules.level(rules.factor(level));
            prop_assert!((found - level).abs() <= 1 && rules.factor(found).abs_diff(rules.factor(level)) <= step);
            prop_assert!(rules.factor(level + 1).abs_diff(rules.factor(level)) <= step);
        }
    }
}
