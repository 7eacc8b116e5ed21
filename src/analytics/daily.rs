//! The report of a day: what was to be picked up on it, and what came of that.

use crate::model::{Actor, Day, Kind, Span, Timestamp, Window};
use crate::store::days::{self, Kept};
use crate::store::{self, Db, journal, outcomes};
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Reports read at once, at most.
pub const MOST: usize = 400;

/// The figures of a day. A booking belongs to the day of its pickup.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = DailyReport)]
pub struct Report {
    /// Like `2026-10-25`.
    pub day: String,
    /// IANA zone of the day.
    pub zone: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// Bookings in all.
    pub bookings: u32,
    /// Delivered.
    pub delivered: u32,
    /// Called off.
    pub cancelled: u32,
    /// Begun and not done.
    pub failed: u32,
    /// Nobody was found in time.
    pub expired: u32,
    /// Still under way or to come when the report was made.
    pub open: u32,
    /// Seconds from the asking to a vehicle, mean over the bookings for at once.
    pub assign_mean_s: Option<f64>,
    /// Seconds from the wanted pickup to the vehicle's arrival, mean; an early arrival counts as 0.
    pub wait_mean_s: Option<f64>,
    /// The same, 95th percentile (nearest rank).
    pub wait_p95_s: Option<f64>,
    /// The share of the pickups that were not late, 0 to 1.
    pub on_time_ratio: Option<f64>,
    /// Metres driven with a load, as estimated at the booking.
    pub loaded_m: u64,
    /// Vehicles that delivered something.
    pub vehicles: u32,
    /// What the deliveries cost, in minor units of each currency.
    pub revenue_minor: BTreeMap<String, i64>,
}

/// Makes and keeps reports. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Daily {
    db: Db,
    tolerance: Span,
}

impl Daily {
    /// Over `db`; a pickup is late `tolerance` after its window, or after its time when it has none.
    pub fn new(db: Db, tolerance: Span) -> Self {
        Self { db, tolerance }
    }

    /// Makes the report of a day, in place of the one before, and tells the journal.
    pub async fn make(&self, day: Day, zone: &str, now: Timestamp) -> store::Result<Report> {
        let (zone, tolerance) = (zone.to_owned(), self.tolerance);
        let change = move |tx: &Transaction<'_>| {
            let report = figures(&outcomes::between(tx, day.time())?, &day, zone, tolerance, now);
            let text = serde_json::to_string(&report).map_err(|e| store::Error::Corrupt(format!("a report has no JSON: {e}")))?;
            days::put(tx, Kept::Report, &day, &text, now)?;
            let event =
                journal::NewEvent { at: now, kind: Kind::ReportMade, actor: &Actor::System, booking: None, vehicle: None, data: &text };
            journal::append(tx, &event)?;
            Ok(report)
        };
        self.db.write(change).await
    }

    /// The reports of the days `from` to `to`, both included, newest first; [`MOST`] at most.
    pub async fn list(&self, from: String, to: String) -> store::Result<Vec<Report>> {
        let texts = self.db.read(move |c| days::list(c, Kept::Report, &from, &to, MOST)).await?;
        let read = |text: &String| serde_json::from_str(text).map_err(|e| store::Error::Corrupt(format!("a daily report: {e}")));
        texts.iter().map(read).collect()
    }
}

fn figures(rows: &[outcomes::Outcome], day: &Day, zone: String, tolerance: Span, now: Timestamp) -> Report {
    let mut report = Report { day: day.to_string(), zone, made_at: now, ..Report::default() };
    let (mut assigned, mut waits, mut late) = (Vec::new(), Vec::new(), 0_u32);
    let mut vehicles = std::collections::BTreeSet::new();
    for row in rows {
        use crate::model::Status as S;
        report.bookings += 1;
        *match row.status {
            S::Delivered => &mut report.delivered,
            S::Cancelled => &mut report.cancelled,
            S::Failed => &mut report.failed,
            S::Expired => &mut report.expired,
            _ => &mut report.open,
        } += 1;
        let Window { from: wanted, until } = row.pickup;
        if let Some(at) = row.assigned_at.filter(|_| wanted <= row.created_at) {
            assigned.push(at.since(row.created_at).as_secs_f64());
        }
        if let Some(at) = row.arrived_at.or(row.picked_up_at) {
            waits.push(at.since(wanted).as_secs_f64());
            late += u32::from(at > until + tolerance);
        }
        if row.status == S::Delivered {
            report.loaded_m += u64::from(row.distance_m);
            *report.revenue_minor.entry(row.currency.clone()).or_default() += row.price_minor;
            vehicles.extend(row.vehicle.clone());
        }
    }
    waits.sort_by(f64::total_cmp);
    report.vehicles = u32::try_from(vehicles.len()).unwrap_or(u32::MAX);
    (report.assign_mean_s, report.wait_mean_s) = (mean(&assigned), mean(&waits));
    report.wait_p95_s = waits.get((waits.len() * 95).div_ceil(100).saturating_sub(1)).copied();
    report.on_time_ratio = mean(&waits).map(|_| 1.0 - f64::from(late) / count(waits.len()));
    report
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / count(values.len()))
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Status;
    use outcomes::Outcome;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + s)
    }

    fn outcome(status: Status, wanted: i64, waited: Option<i64>) -> Outcome {
        Outcome {
            status,
            pickup: Window { from: at(wanted), until: at(wanted) },
            created_at: at(0),
            assigned_at: waited.map(|_| at(40)),
            arrived_at: None,
            picked_up_at: waited.map(|waited| at(wanted + waited)),
            vehicle: waited.map(|_| "van-1".to_owned()),
            distance_m: 1_500,
            price_minor: 250,
            currency: "EUR".to_owned(),
        }
    }

    #[test]
    fn figures_count_what_there_is() {
        let rows = [
            outcome(Status::Delivered, 0, Some(60)),
            outcome(Status::Delivered, 3_600, Some(-300)),
            outcome(Status::PickedUp, 3_600, Some(600)),
            outcome(Status::Expired, 0, None),
            outcome(Status::Cancelled, 0, None),
        ];
        let day = Day::of(at(0), "UTC");
        let told = figures(&rows, &day, "UTC".to_owned(), Span::from_secs(120), at(9_999));
        assert_eq!((told.bookings, told.delivered, told.open, told.expired, told.cancelled, told.failed), (5, 2, 1, 1, 1, 0));
        assert_eq!(told.assign_mean_s, Some(40.0), "only the one for at once");
        assert_eq!((told.wait_mean_s, told.wait_p95_s), (Some(220.0), Some(600.0)), "who comes early has not waited less than nothing");
        assert!((told.on_time_ratio.unwrap() - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!((told.loaded_m, told.vehicles, told.revenue_minor["EUR"]), (3_000, 1, 500));
        let nothing = figures(&[], &day, "UTC".to_owned(), Span::default(), at(0));
        assert_eq!((nothing.bookings, nothing.wait_mean_s, nothing.on_time_ratio), (0, None, None));
    }
}
