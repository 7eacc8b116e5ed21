//! From a tariff and a trip to a price; the order is told in [`super`].

use super::calendar::Local;
use super::contract::Contract;
use super::currency::in_words;
use super::fixed::{self, FixedPrice};
use super::line::{Line, LineKind, Sum, half_up, share};
use super::promo::Refusal;
use super::rates::Layers;
use super::tariff::{Rounding, RoundingMode, Tariff, Tax};
use super::trip::Trip;
use crate::model::Money;

/// One, in thousandths.
const ONE: u32 = 1_000;
/// One, in basis points.
const WHOLE_BP: i64 = 10_000;

/// A price and what it is made of; the lines' sum is the total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// What is to be paid, tax and all.
    pub total: Money,
    /// What it is made of.
    pub lines: Vec<Line>,
    /// How much of the total is tax, in minor units.
    pub tax_minor: i64,
    /// Demand's factor that is in it, in thousandths.
    pub surge_per_mille: u32,
    /// Why the promo code that was given is not in it.
    pub refused: Option<Refusal>,
}

/// The price of `trip` by `tariff`.
pub fn price(tariff: &Tariff, trip: &Trip<'_>) -> Price {
    Pricing::of(tariff, trip).price()
}

/// How the way is priced.
#[derive(Clone, Copy)]
enum Basis<'a> {
    /// By its length and time.
    Metered,
    /// From zone to zone, by the tariff.
    Fixed(&'a FixedPrice),
    /// From zone to zone, by the contract.
    Agreed(&'a FixedPrice),
}

struct Pricing<'a> {
    tariff: &'a Tariff,
    trip: &'a Trip<'a>,
    local: Local,
    contract: Option<&'a Contract>,
    rates: Layers<'a>,
    basis: Basis<'a>,
}

impl<'a> Pricing<'a> {
    fn of(tariff: &'a Tariff, trip: &'a Trip<'a>) -> Self {
        let local = Local::of(trip.pickup_at, trip.depot_zone);
        let contract = trip.contract.filter(|contract| contract.holds(trip.customer, local.date));
        let own = contract.into_iter().flat_map(|contract| contract.layers(trip.class));
        let rates = Layers(own.chain(tariff.layers(trip).0).collect());
        let agreed = contract.and_then(|contract| fixed::find(&contract.fixed, trip)).map(Basis::Agreed);
        let basis = agreed.or_else(|| fixed::find(&tariff.fixed, trip).map(Basis::Fixed)).unwrap_or(Basis::Metered);
        Self { tariff, trip, local, contract, rates, basis }
    }

    fn price(&self) -> Price {
        let mut sum = Sum::default();
        match self.basis {
            Basis::Metered => self.rates.add_way(&mut sum, self.trip),
            Basis::Fixed(fixed) | Basis::Agreed(fixed) => {
                sum.add(LineKind::Fixed, fixed.label(), fixed.amount_minor.into());
            }
        }
        let mut surge_per_mille = ONE;
        if !self.is_all_in() {
            self.rates.add_stops_and_load(&mut sum, self.trip);
            let basis = sum.total();
            surge_per_mille = self.add_surge(&mut sum, basis);
            self.add_surcharges(&mut sum, basis);
        }
        self.rates.add_waiting(&mut sum, self.trip);
        self.take_off_discount(&mut sum);
        if !self.is_all_in() {
            let missing = self.rates.minimum().saturating_sub(sum.total()).max(0);
            sum.add_if_any(LineKind::Minimum, || "Up to the minimum".into(), missing.into());
        }
        let refused = self.take_off_promo(&mut sum).err();
        let added_minor = self.add_tax(&mut sum);
        if let Some(rounding) = self.tariff.rounding {
            round(&mut sum, rounding);
        }
        let tax_minor = added_minor + self.tell_included_tax(&mut sum);
        let (amount_minor, lines) = sum.done();
        Price { total: self.money(amount_minor), lines, tax_minor, surge_per_mille, refused }
    }

    fn money(&self, amount_minor: i64) -> Money {
        Money { amount_minor, currency: self.tariff.currency }
    }

    fn is_all_in(&self) -> bool {
        match self.basis {
            Basis::Metered => false,
            Basis::Fixed(fixed) => fixed.all_in,
            Basis::Agreed(_) => true,
        }
    }

    fn add_surge(&self, sum: &mut Sum, basis: i64) -> u32 {
        let rules = self.tariff.surge_rules(self.trip.class);
        let exempt = self.contract.is_some_and(|contract| contract.without_surge);
        let Some(factor) = self.trip.surge.filter(|_| rules.on && !exempt) else { return ONE };
        let per_mille = rules.bounded(factor.per_mille);
        let label = || format!("Demand × {}: {}", in_decimals(per_mille), factor.reason);
        sum.add_if_any(LineKind::Surge, label, share(basis, i64::from(per_mille) - i64::from(ONE), ONE.into()));
        per_mille
    }

    fn add_surcharges(&self, sum: &mut Sum, basis: i64) {
        for surcharge in self.tariff.surcharges(self.trip.class) {
            if surcharge.applies(self.local, &self.tariff.holidays) {
                let percent = share(basis, surcharge.percent_bp.unwrap_or(0).into(), WHOLE_BP);
                let amount = percent + i128::from(surcharge.amount_minor.unwrap_or(0));
                sum.add_if_any(LineKind::Surcharge, || surcharge.label.clone(), amount);
            }
        }
    }

    fn take_off_discount(&self, sum: &mut Sum) {
        let Some(contract) = self.contract.filter(|_| !matches!(self.basis, Basis::Agreed(_))) else { return };
        let off = share(sum.total(), -i64::from(contract.discount_bp), WHOLE_BP);
        let label = || format!("{}, {} % off", contract.label, percent(contract.discount_bp));
        sum.add_if_any(LineKind::Contract, label, off);
    }

    fn take_off_promo(&self, sum: &mut Sum) -> Result<(), Refusal> {
        let Some((promo, uses)) = self.trip.promo else { return Ok(()) };
        promo.may_be_used(self.trip.asked_at, uses, self.trip.customer.is_some())?;
        let off = promo.off(sum.total())?;
        sum.add_if_any(LineKind::Promo, || format!("Code {}", promo.code), -i128::from(off));
        Ok(())
    }

    /// Adds the tax that is to be added, and says how much that is.
    fn add_tax(&self, sum: &mut Sum) -> i64 {
        let Some(tax) = self.tariff.tax.as_ref().filter(|tax| !tax.included) else { return 0 };
        let net = sum.total();
        sum.add(LineKind::Tax, tax_label(tax), share(net, tax.rate_bp.into(), WHOLE_BP));
        sum.total() - net
    }

    /// Tells of the tax that is in the total already, and says how much that is.
    fn tell_included_tax(&self, sum: &mut Sum) -> i64 {
        let Some(tax) = self.tariff.tax.as_ref().filter(|tax| tax.included) else { return 0 };
        let share = half_up(i128::from(sum.total()) * i128::from(tax.rate_bp), WHOLE_BP + i64::from(tax.rate_bp));
        let minor = i64::try_from(share).unwrap_or(i64::MAX);
        sum.add(LineKind::Tax, format!("{} included: {}", tax_label(tax), in_words(self.money(minor))), 0);
        minor
    }
}

fn round(sum: &mut Sum, rounding: Rounding) {
    let (total, step) = (i128::from(sum.total()), i128::from(rounding.to_minor.max(1)));
    let steps = match rounding.mode {
        RoundingMode::Nearest => half_up(total, rounding.to_minor),
        RoundingMode::Up => (total + step - 1).div_euclid(step),
        RoundingMode::Down => total.div_euclid(step),
    };
    sum.add_if_any(LineKind::Rounding, || "Rounding".into(), steps * step - total);
}

fn tax_label(tax: &Tax) -> String {
    format!("{} {} %", tax.label, percent(tax.rate_bp))
}

/// Basis points as a percentage: `20`, `7.5`, `0.25`.
fn percent(bp: u32) -> String {
    trimmed(format!("{}.{:02}", bp / 100, bp % 100))
}

/// Thousandths as a factor: `1`, `1.5`, `0.95`.
pub(super) fn in_decimals(per_mille: u32) -> String {
    trimmed(format!("{}.{:03}", per_mille / 1_000, per_mille % 1_000))
}

fn trimmed(decimals: String) -> String {
    decimals.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
