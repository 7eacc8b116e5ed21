//! What the rollups say about a time: in sum, hour by hour, and by driver, vehicle, customer, class or cell.

use super::fact::{Crew, Fact, Terms, WAIT_STEPS};
use super::rollups::{NAME, Rollups};
use crate::model::{Currency, Day, Dimension, Measure as M, Measures, Money, Span, Timestamp, Window};
use crate::store::{self, bookings, cursors, duty, journal, rollups, vehicles};
use rollups::Key;
use rusqlite::Connection;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Points of a series, at most.
pub const MOST_POINTS: usize = 2_000;
/// Jobs under way that are looked at.
const MOST_JOBS: usize = 100_000;

/// What happened in a time. A booking belongs to the time of its pickup; a mean or ratio of nothing is missing.
#[derive(Clone, PartialEq, Debug, Default, Serialize, ToSchema)]
pub struct Figures {
    /// Bookings in all.
    pub bookings: i64,
    /// Delivered.
    pub delivered: i64,
    /// Called off.
    pub cancelled: i64,
    /// Begun and not done.
    pub failed: i64,
    /// Nobody was found in time.
    pub expired: i64,
    /// Under way or to come.
    pub open: i64,
    /// The share that was delivered, of those that were delivered, failed or expired, 0 to 1.
    pub served_ratio: Option<f64>,
    /// Seconds from the asking to a vehicle, mean over the bookings for at once.
    pub assign_mean_s: Option<f64>,
    /// Seconds from the wanted pickup to the vehicle's arrival, mean; an early arrival counts as 0.
    pub wait_mean_s: Option<f64>,
    /// Pickups that a vehicle reached.
    pub pickups: i64,
    /// Those of them that were late.
    pub late: i64,
    /// The share of the pickups that were not late, 0 to 1.
    pub on_time_ratio: Option<f64>,
    /// Seconds from the vehicle's arrival until the load was on board, mean over the stops where both were told.
    pub stop_mean_s: Option<f64>,
    /// The stops that this is the mean of.
    pub stops: i64,
    /// The share of the time on duty that vehicles had a job, 0 to 1.
    pub utilisation: Option<f64>,
    /// Metres from where vehicles got jobs to the pickups, measured on their tracks.
    pub empty_m: i64,
    /// Metres with a load: measured, or the estimate of the booking where there is no track.
    pub loaded_m: i64,
    /// Seconds that vehicles had a job.
    pub busy_s: i64,
    /// Seconds that vehicles were on duty, without breaks.
    pub duty_s: i64,
    /// What the deliveries cost, by currency.
    pub revenue: Vec<Money>,
    /// Bookings with a factor of demand above 1 in their price.
    pub surged: i64,
    /// Demand's factor, mean over the bookings; 1 where prices did not follow demand.
    pub surge_mean: Option<f64>,
    /// What demand's factors added to the price of the deliveries, before contracts, promo codes and tax, by currency; negative
    /// where they took something off.
    pub surge: Vec<Money>,
}

impl Figures {
    fn of(sums: &BTreeMap<String, Measures>) -> Self {
        let mut all = Measures::default();
        for amounts in sums.values() {
            all += *amounts;
        }
        let ended = all[M::Delivered] + all[M::Cancelled] + all[M::Failed] + all[M::Expired];
        let money = |measure| {
            let of_currency = move |(currency, amounts): (&String, &Measures)| {
                let money = Money { amount_minor: amounts[measure], currency: Currency::new(currency)? };
                (money.amount_minor != 0).then_some(money)
            };
            sums.iter().filter_map(of_currency).collect()
        };
        Self {
            bookings: all[M::Bookings],
            delivered: all[M::Delivered],
            cancelled: all[M::Cancelled],
            failed: all[M::Failed],
            expired: all[M::Expired],
            open: all[M::Bookings] - ended,
            served_ratio: ratio(all[M::Delivered], ended - all[M::Cancelled]),
            assign_mean_s: ratio(all[M::AssignSeconds], all[M::Assigned]),
            wait_mean_s: ratio(all[M::WaitSeconds], all[M::Pickups]),
            pickups: all[M::Pickups],
            late: all[M::Pickups] - all[M::OnTime],
            on_time_ratio: ratio(all[M::OnTime], all[M::Pickups]),
            stop_mean_s: ratio(all[M::StopSeconds], all[M::Stops]),
            stops: all[M::Stops],
            utilisation: ratio(all[M::BusySeconds], all[M::DutySeconds]).map(|share| share.min(1.0)),
            empty_m: all[M::EmptyMetres],
            loaded_m: all[M::LoadedMetres],
            busy_s: all[M::BusySeconds],
            duty_s: all[M::DutySeconds],
            revenue: money(M::Revenue),
            surged: all[M::Surged],
            surge_mean: ratio(all[M::SurgeAbove], all[M::Bookings]).map(|above| 1.0 + above / 1_000.0),
            surge: money(M::SurgeRevenue),
        }
    }
}

/// A time in sum.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Summary {
    /// Its first moment.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The first moment after it.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// In sum.
    pub figures: Figures,
    /// Seconds that half of the pickups waited at most; between the steps that waits are counted in it is interpolated.
    pub wait_p50_s: Option<f64>,
    /// The same for 95 of 100.
    pub wait_p95_s: Option<f64>,
    /// Entries of the journal that are not counted yet: 0 but for a moment after each, and while all is made again.
    pub behind: i64,
}

/// A step of a series.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Point {
    /// Its first moment.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The first moment after it.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// In sum.
    pub figures: Figures,
}

/// One of those that a time is broken down by.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Ranked {
    /// Id of the vehicle or driver, name of the customer or class, or the H3 cell.
    pub key: String,
    /// In sum.
    pub figures: Figures,
}

/// How long each point of a series is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// An hour.
    Hour,
    /// A day of the depot's zone.
    Day,
    /// A week of it, from Monday.
    Week,
}

impl Step {
    /// The step that a name means.
    pub fn parse(name: &str) -> Option<Self> {
        [("hour", Self::Hour), ("day", Self::Day), ("week", Self::Week)].into_iter().find(|(n, _)| *n == name).map(|(_, step)| step)
    }

    /// The step that `at` lies in.
    fn around(self, at: Timestamp, zone: &str, terms: &Terms) -> Window {
        let day = Day::of(at, zone);
        match self {
            Self::Hour => {
                let from = terms.hour(at);
                let next = terms.hour(from + Span::from_secs(3_600));
                Window { from, until: if next > from { next } else { from + Span::from_secs(3_600) } }
            }
            Self::Day => day.time(),
            Self::Week => {
                let monday = day.monday();
                let mut end = monday.clone();
                for _ in 0..7 {
                    end = end.next();
                }
                Window { from: monday.time().from, until: end.time().from }
            }
        }
    }
}

/// What is asked about.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    /// The hours that begin within it.
    pub time: Window,
    /// Everything, or one of a dimension.
    pub of: Option<(Dimension, String)>,
}

impl Rollups {
    /// A time in sum.
    pub async fn summary(&self, question: Question) -> store::Result<Summary> {
        let (terms, now) = (self.terms(), self.now());
        let ask = move |c: &Connection| {
            let Question { time, of } = &question;
            let (dimension, key) = of.as_ref().map_or((Dimension::All, ""), |(dimension, key)| (*dimension, key.as_str()));
            let mut sums: BTreeMap<_, _> = rollups::total(c, dimension, Some(key), time.from, time.until)?.into_iter().collect();
            for (at, amounts) in under_way(c, now, &terms)? {
                if at.dimension == dimension && at.key == key && at.hour >= time.from && at.hour < time.until {
                    *sums.entry(at.currency).or_default() += amounts;
                }
            }
            let waits = if of.is_none() { waits(c, *time)? } else { Vec::new() };
            let behind = journal::head(c)? - cursors::get(c, NAME)?;
            Ok::<_, store::Error>(Summary {
                from: time.from,
                to: time.until,
                figures: Figures::of(&sums),
                wait_p50_s: percentile(&waits, 0.5),
                wait_p95_s: percentile(&waits, 0.95),
                behind,
            })
        };
        self.db().read(ask).await
    }

    /// The steps of a time, those without anything included; `None`: there are more than [`MOST_POINTS`].
    pub async fn series(&self, question: Question, step: Step) -> store::Result<Option<Vec<Point>>> {
        let (terms, now, zone) = (self.terms(), self.now(), self.zone().to_owned());
        let ask = move |c: &Connection| {
            let Question { time, of } = &question;
            let (dimension, key) = of.as_ref().map_or((Dimension::All, ""), |(dimension, key)| (*dimension, key.as_str()));
            let mut points: Vec<(Window, BTreeMap<String, Measures>)> = Vec::new();
            let mut at = time.from;
            while at < time.until {
                let window = step.around(at, &zone, &terms);
                at = window.until;
                points.push((window, BTreeMap::new()));
                if points.len() > MOST_POINTS {
                    return Ok(None);
                }
            }
            let mut add = |hour: Timestamp, currency: String, amounts: Measures| {
                let place = points.partition_point(|(window, _)| window.until <= hour);
                if let Some((_, sums)) = points.get_mut(place) {
                    *sums.entry(currency).or_default() += amounts;
                }
            };
            for (hour, currency, amounts) in rollups::hours(c, dimension, Some(key), time.from, time.until)? {
                add(hour, currency, amounts);
            }
            for (at, amounts) in under_way(c, now, &terms)? {
                if at.dimension == dimension && at.key == key && at.hour >= time.from && at.hour < time.until {
                    add(at.hour, at.currency, amounts);
                }
            }
            let point = |(Window { from, until }, sums)| Point { from, to: until, figures: Figures::of(&sums) };
            Ok::<_, store::Error>(Some(points.into_iter().map(point).collect()))
        };
        self.db().read(ask).await
    }

    /// A time broken down, the one with the most bookings first, then those with the most time on duty.
    pub async fn ranked(&self, dimension: Dimension, time: Window) -> store::Result<Vec<Ranked>> {
        let (terms, now) = (self.terms(), self.now());
        let ask = move |c: &Connection| {
            let mut by_key: BTreeMap<String, BTreeMap<String, Measures>> = BTreeMap::new();
            for (key, currency, amounts) in rollups::keys(c, dimension, time.from, time.until)? {
                *by_key.entry(key).or_default().entry(currency).or_default() += amounts;
            }
            for (at, amounts) in under_way(c, now, &terms)? {
                if at.dimension == dimension && at.hour >= time.from && at.hour < time.until {
                    *by_key.entry(at.key).or_default().entry(at.currency).or_default() += amounts;
                }
            }
            let mut ranked: Vec<_> = by_key.into_iter().map(|(key, sums)| Ranked { key, figures: Figures::of(&sums) }).collect();
            ranked.sort_by_key(|r| std::cmp::Reverse((r.figures.bookings, r.figures.duty_s)));
            Ok::<_, store::Error>(ranked)
        };
        self.db().read(ask).await
    }
}

/// What jobs and duties that go on add until `now`; it is counted for good when they end.
fn under_way(c: &Connection, now: Timestamp, terms: &Terms) -> store::Result<BTreeMap<Key, Measures>> {
    let mut sums = BTreeMap::new();
    for duty in duty::open(c)? {
        let class = vehicles::get(c, &duty.vehicle)?.map(|v| v.class);
        Fact::of_duty(&duty, class.as_deref(), now, terms).add_to(&mut sums, false);
    }
    for vehicle in vehicles::on_duty(c)? {
        if duty::of_vehicle(c, &vehicle.id)?.is_none()
            && let Some(began) = journal::last_duty_change(c, &vehicle.id, i64::MAX)?
        {
            Fact::of_vehicle(&vehicle.id, Some(&vehicle.class), began.at, now, terms).add_to(&mut sums, false);
        }
    }
    for booking in bookings::under_way(c, MOST_JOBS)? {
        let Some(vehicle) = booking.vehicle.as_ref().map(|id| vehicles::get(c, id)).transpose()?.flatten() else { continue };
        let driver = duty::of_vehicle(c, &vehicle.id)?.map(|duty| duty.driver);
        let crew = Crew { class: Some(&vehicle.class), driver };
        Fact::of_job(&booking, crew, now, terms).add_to(&mut sums, false);
    }
    Ok(sums)
}

/// How many pickups waited up to each step.
fn waits(c: &Connection, time: Window) -> store::Result<Vec<(i64, i64)>> {
    let mut steps: Vec<(i64, i64)> = Vec::new();
    for (key, _, amounts) in rollups::keys(c, Dimension::Wait, time.from, time.until)? {
        let bound = key.parse().map_err(|_| store::Error::Corrupt(format!("a wait of {key:?}")))?;
        steps.push((bound, amounts[M::Pickups]));
    }
    steps.sort_unstable();
    Ok(steps)
}

/// The value that `share` of what is counted does not exceed.
fn percentile(steps: &[(i64, i64)], share: f64) -> Option<f64> {
    let all: i64 = steps.iter().map(|(_, count)| count).sum();
    let mut left = float(all) * share;
    for (bound, count) in steps {
        if left <= float(*count) {
            let place = WAIT_STEPS.iter().position(|step| step == bound).unwrap_or(WAIT_STEPS.len());
            let below = place.checked_sub(1).map_or(0, |below| WAIT_STEPS[below]);
            let bound = WAIT_STEPS.get(place).copied().unwrap_or(2 * below);
            return Some(float(below) + float(bound - below) * left / float(*count).max(1.0));
        }
        left -= float(*count);
    }
    None
}

fn ratio(of: i64, all: i64) -> Option<f64> {
    (all > 0).then(|| float(of) / float(all))
}

#[expect(clippy::cast_precision_loss, reason = "sums far below 2^52")]
fn float(n: i64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_within_their_step() {
        let steps = [(0, 10), (60, 10), (120, 70), (i64::MAX, 10)];
        assert_eq!(percentile(&steps, 0.1), Some(0.0));
        let half = percentile(&steps, 0.5).unwrap();
        assert!((60.0..120.0).contains(&half), "{half}");
        assert!(percentile(&steps, 0.95).unwrap() > 7_200.0);
        assert_eq!(percentile(&[], 0.5), None);
    }
}
