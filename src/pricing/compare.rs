//! The dry run of a tariff: who would have paid what.

use super::engine::price;
use super::tariff::Tariff;
use super::trip::Trip;
use crate::model::Currency;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A trip that was made, to be priced again.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// The booking's id.
    pub booking: String,
    /// What people call it, like `B-1042`.
    pub reference: String,
    /// The trip, as it is known now.
    pub trip: Trip<'a>,
}

/// The tariffs count in different currencies: their prices cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a price in {} cannot be compared with one in {}", .old.code(), .new.code())]
pub struct CurrenciesDiffer {
    /// The old tariff's.
    pub old: Currency,
    /// The new tariff's.
    pub new: Currency,
}

/// What some bookings come to by two tariffs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DryRunTotals)]
pub struct Totals {
    /// How many they are.
    pub bookings: u64,
    /// How many would cost more.
    pub up: u64,
    /// How many would cost less.
    pub down: u64,
    /// All prices by the old tariff, in minor units.
    pub old_minor: i64,
    /// All prices by the new tariff, in minor units.
    pub new_minor: i64,
}

impl Totals {
    /// How much more they come to by the new tariff, in minor units.
    pub fn difference_minor(&self) -> i64 {
        self.new_minor.saturating_sub(self.old_minor)
    }

    fn add(&mut self, other: &Self) {
        self.bookings += other.bookings;
        self.up += other.up;
        self.down += other.down;
        self.old_minor = self.old_minor.saturating_add(other.old_minor);
        self.new_minor = self.new_minor.saturating_add(other.new_minor);
    }
}

/// What the bookings of one class or customer come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DryRunGroup)]
pub struct Group {
    /// The class or the customer; null: those without one.
    pub name: Option<String>,
    /// What they come to.
    pub totals: Totals,
}

/// Groups whose totals differ most, and all the others together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DryRunGroups)]
pub struct Groups {
    /// Those that differ most, the largest difference first.
    pub largest: Vec<Group>,
    /// How many more there are.
    pub others: u64,
    /// What these come to.
    pub others_totals: Totals,
}

/// A booking that would cost something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DryRunChange)]
pub struct Change {
    /// The booking's id.
    pub booking: String,
    /// What people call it.
    pub reference: String,
    /// The class that was asked for.
    pub class: Option<String>,
    /// Who it was for.
    pub customer: Option<String>,
    /// Its price by the old tariff, in minor units.
    pub old_minor: i64,
    /// Its price by the new tariff, in minor units.
    pub new_minor: i64,
}

/// What a dry run comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DryRun)]
pub struct Comparison {
    /// What all amounts are counted in.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// All bookings.
    pub all: Totals,
    /// By the class that was asked for.
    pub by_class: Groups,
    /// By customer.
    pub by_customer: Groups,
    /// The bookings whose price changes most, the largest change first.
    pub changes: Vec<Change>,
}

/// Prices every case by both tariffs. Each list holds `most` entries at most; the totals are over all.
pub fn compare<'a>(
    old: &Tariff,
    new: &Tariff,
    cases: impl IntoIterator<Item = Case<'a>>,
    most: usize,
) -> Result<Comparison, CurrenciesDiffer> {
    if old.currency != new.currency {
        return Err(CurrenciesDiffer { old: old.currency, new: new.currency });
    }
    let mut all = Totals::default();
    let (mut classes, mut customers) = (BTreeMap::new(), BTreeMap::new());
    let mut changes = Vec::new();
    for case in cases {
        let prices = (price(old, &case.trip).total.amount_minor, price(new, &case.trip).total.amount_minor);
        let (old_minor, new_minor) = prices;
        let one = Totals { bookings: 1, up: (new_minor > old_minor).into(), down: (new_minor < old_minor).into(), old_minor, new_minor };
        all.add(&one);
        add(&mut classes, case.trip.class, &one);
        add(&mut customers, case.trip.customer, &one);
        if old_minor != new_minor {
            changes.push(Change::of(case, prices));
            if changes.len() > most.saturating_mul(2).saturating_add(64) {
                keep_largest(&mut changes, most);
            }
        }
    }
    keep_largest(&mut changes, most);
    Ok(Comparison { currency: old.currency, all, by_class: groups(classes, most), by_customer: groups(customers, most), changes })
}

impl Change {
    fn of(case: Case<'_>, (old_minor, new_minor): (i64, i64)) -> Self {
        let Case { booking, reference, trip } = case;
        let (class, customer) = (trip.class.map(str::to_owned), trip.customer.map(str::to_owned));
        Self { booking, reference, class, customer, old_minor, new_minor }
    }
}

type Named = BTreeMap<Option<String>, Totals>;

fn add(groups: &mut Named, name: Option<&str>, one: &Totals) {
    groups.entry(name.map(str::to_owned)).or_default().add(one);
}

/// The `most` changes that are largest; of equal ones the booking with the smaller id.
fn keep_largest(changes: &mut Vec<Change>, most: usize) {
    changes.sort_by(|a, b| {
        let size = |change: &Change| Reverse(change.new_minor.abs_diff(change.old_minor));
        size(a).cmp(&size(b)).then_with(|| a.booking.cmp(&b.booking))
    });
    changes.truncate(most);
}

fn groups(named: Named, most: usize) -> Groups {
    let mut all: Vec<_> = named.into_iter().map(|(name, totals)| Group { name, totals }).collect();
    all.sort_by_key(|group| Reverse(group.totals.difference_minor().unsigned_abs()));
    let others = all.split_off(most.min(all.len()));
    let mut others_totals = Totals::default();
    others.iter().for_each(|group| others_totals.add(&group.totals));
    Groups { largest: all, others: others.len() as u64, others_totals }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::document::Document;
    use crate::pricing::Way;
    use proptest::prelude::*;
    use serde_json::json;

    fn tariff(km: i64, van_km: i64) -> Tariff {
        let classes = json!({"van": {"rates": {"per_km_minor": van_km}}});
        Tariff::read(&json!({"name": "T", "currency": "EUR", "rates": {"per_km_minor": km}, "classes": classes})).unwrap()
    }

    fn case<'a>(number: usize, km: u32, class: Option<&'a str>, customer: Option<&'a str>) -> Case<'a> {
        let trip = Trip { class, customer, ..Trip::new(Way { distance_m: km * 1_000, duration_s: 0 }) };
        Case { booking: format!("{number:04}"), reference: format!("B-{number}"), trip }
    }

    #[test]
    fn it_says_who_would_pay_what() {
        let cases = [
            case(1, 10, None, Some("acme")),
            case(2, 20, Some("van"), Some("acme")),
            case(3, 5, Some("van"), None),
            case(4, 0, None, None),
        ];
        let run = compare(&tariff(100, 200), &tariff(150, 170), cases, 2).unwrap();
        assert_eq!(run.all, Totals { bookings: 4, up: 1, down: 2, old_minor: 6_000, new_minor: 5_750 });
        assert_eq!(
            run.changes.iter().map(|c| (c.reference.as_str(), c.new_minor - c.old_minor)).collect::<Vec<_>>(),
            [("B-2", -600), ("B-1", 500)]
        );
        let classes: Vec<_> = run.by_class.largest.iter().map(|g| (g.name.as_deref(), g.totals.difference_minor())).collect();
        assert_eq!(classes, [(Some("van"), -750), (None, 500)]);
        assert_eq!(run.by_customer.others, 0);
    }

    #[test]
    fn two_currencies_are_not_compared() {
        let pounds = Tariff { currency: Currency::new("GBP").unwrap(), ..tariff(1, 1) };
        let error = compare(&tariff(1, 1), &pounds, [], 5).unwrap_err();
        assert_eq!(error.to_string(), "a price in EUR cannot be compared with one in GBP");
    }

    proptest! {
        #[test]
        fn lists_are_bounded_and_totals_are_over_all(trips in prop::collection::vec((0..50_u32, 0..9_usize), 0..300), most in 0..12_usize) {
            let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
            let cases = || trips.iter().enumerate().map(|(n, (km, who))| case(n, *km, None, Some(names[*who])));
            let run = compare(&tariff(100, 0), &tariff(130, 0), cases(), most).unwrap();
            let full = compare(&tariff(100, 0), &tariff(130, 0), cases(), 1_000).unwrap();
            prop_assert_eq!(run.all, full.all);
            prop_assert_eq!(&run.changes[..], &full.changes[..most.min(full.changes.len())]);
            prop_assert_eq!(run.all.new_minor, trips.iter().map(|(km, _)| i64::from(*km) * 130).sum::<i64>());
            let mut sum = run.by_customer.others_totals;
            run.by_customer.largest.iter().for_each(|group| sum.add(&group.totals));
            prop_assert_eq!(sum, run.all);
            prop_assert!(run.by_customer.largest.len() <= most);
        }
    }
}
