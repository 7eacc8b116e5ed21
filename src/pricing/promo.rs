//! Promo codes: what they take off, and whether one may be used.

use super::line::half_up;
use super::rates::MOST_MINOR;
use crate::fields::document::{Document, Faults};
use crate::model::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A code that takes something off a price.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Promo {
    /// What people type, in capitals; see [`Promo::normal`].
    pub code: String,
    /// So much of the price, in basis points: 1000 is 10 %. Either this or `amount_minor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_bp: Option<u32>,
    /// This amount, in minor units; no more than the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_minor: Option<i64>,
    /// Of a percentage at most so much, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_minor: Option<i64>,
    /// May be used from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_from: Option<Timestamp>,
    /// May be used before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub valid_until: Option<Timestamp>,
    /// How often it may be used by all together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_total: Option<u32>,
    /// How often it may be used by one customer; whoever books without a customer's name may not use it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_per_customer: Option<u32>,
    /// Only for prices of at least so much before it, in minor units. A trip that comes to a little more may so cost less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_price_minor: Option<i64>,
}

/// How often a code was used before; a booking that was called off before its pickup gives its use back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// By all together.
    pub total: u32,
    /// By this customer.
    pub by_customer: u32,
}

/// Why a promo code may not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its time has not come.
    #[error("may be used from {0} on")]
    NotYet(Timestamp),
    /// Its time is over.
    #[error("could be used until {0}")]
    Over(Timestamp),
    /// Everybody together used it as often as it may be.
    #[error("was used {0} times, which is all")]
    UsedUp(u32),
    /// This customer used it as often as one may.
    #[error("may be used {0} times by a customer, and was")]
    UsedUpByCustomer(u32),
    /// One customer may use it so often only, and nobody knows who this is.
    #[error("is for known customers: name the customer")]
    NoCustomer,
    /// The price is too low.
    #[error("is for prices from {0} minor units on")]
    BelowMinimum(i64),
}

impl Refusal {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotYet(_) => "not_yet",
            Self::Over(_) => "over",
            Self::UsedUp(_) => "used_up",
            Self::UsedUpByCustomer(_) => "used_up_by_customer",
            Self::NoCustomer => "no_customer",
            Self::BelowMinimum(_) => "below_minimum",
        }
    }
}

impl Promo {
    /// A code as it is kept and looked up: trimmed, in capitals.
    pub fn normal(code: &str) -> String {
        code.trim().to_ascii_uppercase()
    }

    /// May it be used at `at` by a customer (is he known?), after `uses`? Whether the price is enough, the price says.
    pub fn may_be_used(&self, at: Timestamp, uses: Uses, is_known: bool) -> Result<(), Refusal> {
        if let Some(from) = self.valid_from.filter(|from| at < *from) {
            return Err(Refusal::NotYet(from));
        }
        if let Some(until) = self.valid_until.filter(|until| *until <= at) {
            return Err(Refusal::Over(until));
        }
        if self.limit_per_customer.is_some() && !is_known {
            return Err(Refusal::NoCustomer);
        }
        self.used_up(uses).map_or(Ok(()), Err)
    }

    /// Why it may not be used after `uses`.
    pub fn used_up(&self, uses: Uses) -> Option<Refusal> {
        let all = self.limit_total.filter(|limit| *limit <= uses.total).map(Refusal::UsedUp);
        all.or_else(|| self.limit_per_customer.filter(|limit| *limit <= uses.by_customer).map(Refusal::UsedUpByCustomer))
    }

    /// What it takes off a price of `total`, in minor units: never more than that.
    pub(super) fn off(&self, total: i64) -> Result<i64, Refusal> {
        if let Some(least) = self.minimum_price_minor.filter(|least| total < *least) {
            return Err(Refusal::BelowMinimum(least));
        }
        let percent = self.percent_bp.map_or(0, |bp| half_up(i128::from(total) * i128::from(bp), 10_000));
        let percent = i64::try_from(percent).unwrap_or(i64::MAX).min(self.most_minor.unwrap_or(i64::MAX));
        Ok(percent.saturating_add(self.amount_minor.unwrap_or(0)).clamp(0, total.max(0)))
    }
}

impl Document for Promo {
    fn check(&self, f: &mut Faults) {
        f.id("code", &self.code);
        f.demand(self.code == Self::normal(&self.code), "code", "must be in capitals");
        f.demand(self.percent_bp.is_some() != self.amount_minor.is_some(), "percent_bp", "either it or amount_minor must be given");
        f.range("percent_bp", self.percent_bp.unwrap_or(1), 1, 10_000);
        f.range("amount_minor", self.amount_minor.unwrap_or(1), 1, MOST_MINOR);
        f.range("most_minor", self.most_minor.unwrap_or(1), 1, MOST_MINOR);
        f.demand(self.most_minor.is_none() || self.percent_bp.is_some(), "most_minor", "is for percentages only");
        let backwards = self.valid_from.zip(self.valid_until).is_some_and(|(from, until)| until <= from);
        f.demand(!backwards, "valid_until", "must be after valid_from");
        f.range("limit_total", self.limit_total.unwrap_or(1), 1, 1_000_000_000);
        f.range("limit_per_customer", self.limit_per_customer.unwrap_or(1), 1, 1_000_000_000);
        f.range("minimum_price_minor", self.minimum_price_minor.unwrap_or(0), 0, MOST_MINOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const FROM: Timestamp = Timestamp::from_secs(1_000);
    const UNTIL: Timestamp = Timestamp::from_secs(2_000);

    #[test]
    fn a_code_says_why_it_may_not_be_used() {
        let promo = Promo {
            valid_from: Some(FROM),
            valid_until: Some(UNTIL),
            limit_total: Some(5),
            limit_per_customer: Some(2),
            ..Promo::default()
        };
        let ask = |secs, total, by_customer, known| {
            promo.may_be_used(Timestamp::from_secs(secs), Uses { total, by_customer }, known).map_err(Refusal::as_str)
        };
        assert_eq!(ask(1_000, 4, 1, true), Ok(()));
        assert_eq!(ask(999, 0, 0, true), Err("not_yet"));
        assert_eq!(ask(2_000, 0, 0, true), Err("over"));
        assert_eq!(ask(1_999, 5, 0, true), Err("used_up"));
        assert_eq!(ask(1_500, 4, 2, true), Err("used_up_by_customer"));
        assert_eq!(ask(1_500, 0, 0, false), Err("no_customer"));
        assert_eq!(Promo::default().may_be_used(FROM, Uses { total: u32::MAX, by_customer: u32::MAX }, false), Ok(()));
        assert_eq!(Refusal::NotYet(FROM).to_string(), "may be used from 1970-01-01T00:16:40.000Z on");
    }

    #[test]
    fn a_percentage_has_its_bound_and_a_price_its_minimum() {
        let promo = Promo { percent_bp: Some(2_500), most_minor: Some(500), minimum_price_minor: Some(1_000), ..Promo::default() };
        assert_eq!(promo.off(999), Err(Refusal::BelowMinimum(1_000)));
        assert_eq!((promo.off(1_000), promo.off(1_001), promo.off(9_000)), (Ok(250), Ok(250), Ok(500)));
    }

    #[test]
    fn its_faults_are_told() {
        let fields = |document| Promo::read(&document).unwrap_err().into_iter().map(|e| e.field).collect::<Vec<_>>();
        assert_eq!(fields(json!({"code": "spring 5"})), ["code", "code", "percent_bp"]);
        assert_eq!(fields(json!({"code": "A", "amount_minor": 0, "most_minor": 5})), ["amount_minor", "most_minor"]);
        let times = json!({"code": "A", "percent_bp": 1, "valid_from": "2026-01-02T00:00:00Z", "valid_until": "2026-01-02T00:00:00Z"});
        assert_eq!(fields(times), ["valid_until"]);
        assert_eq!(fields(json!({"code": "A", "percent_bp": 1, "valid_from": "tomorrow"})), ["valid_from"]);
        assert_eq!(Promo::normal(" Spring-5 "), "SPRING-5");
    }

    proptest! {
        #[test]
        fn nothing_is_taken_off_that_is_not_there(
            total in any::<i64>(), bp in prop::option::of(any::<u32>()), amount in prop::option::of(any::<i64>()), most in prop::option::of(any::<i64>()),
        ) {
            let off = Promo { percent_bp: bp, amount_minor: amount, most_minor: most, ..Promo::default() }.off(total).unwrap();
            prop_assert!(off >= 0 && off <= total.max(0));
        }
    }
}
