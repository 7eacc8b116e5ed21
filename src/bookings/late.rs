//! Warnings that a job under way will be late: told once, again when it gets worse, and taken back when it recovers.

use super::{Bookings, Result, find};
use crate::model::{Actor, Booking, BookingId, Kind, Span, Timestamp, VehicleId};
use crate::store::{journal, lateness};
use rusqlite::Transaction;
use serde_json::json;

/// A lateness that grew by this is told again.
const WORSE: Span = Span::from_secs(300);

/// How a job will be late.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Late {
    /// By how much; more than zero.
    pub by: Span,
    /// When the vehicle will be there.
    pub eta: Timestamp,
    /// When it should be.
    pub due: Timestamp,
    /// What that is, as on the wire: `pickup_window`, `pickup_at` or `dropoff_window`.
    pub against: &'static str,
}

impl Late {
    /// The worst way in which `job` will be late when its vehicle is at the pickup (still ahead) and at the drop-off at these
    /// times. A pickup without a window is late `after` the wanted time.
    pub fn worst(job: &Booking, pickup: Option<Timestamp>, dropoff: Timestamp, after: Span) -> Option<Self> {
        let order = &job.order;
        let wanted = order.pickup_at.map(|at| (at + after, "pickup_at"));
        let to_pick_up = order.pickup_until.map(|until| (until, "pickup_window")).or(wanted);
        let at_pickup = pickup.zip(to_pick_up).map(|(eta, (due, against))| (eta, due, against));
        let at_dropoff = order.dropoff_window.map(|window| (dropoff, window.until, "dropoff_window"));
        let late = |(eta, due, against): (Timestamp, Timestamp, &'static str)| Self { by: eta.since(due), eta, due, against };
        at_pickup.into_iter().chain(at_dropoff).map(late).filter(|late| late.by > Span::default()).max_by_key(|late| late.by)
    }
}

/// What there is to tell about a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// It will be late, or later than was told.
    Late,
    /// It will be in time after all.
    OnTime,
}

/// What there is to tell when a job was told late by `told` and will be late by `late` now; `tolerance` is not worth a word.
pub fn news(told: Option<Span>, late: Option<Span>, tolerance: Span) -> Option<News> {
    match (told, late) {
        (None, Some(late)) if late > tolerance => Some(News::Late),
        (Some(told), Some(late)) if late >= told + WORSE => Some(News::Late),
        (Some(_), None) => Some(News::OnTime),
        _ => None,
    }
}

impl Bookings {
    /// Every job that was told late, and by how much.
    pub async fn told_late(&self) -> Result<Vec<(BookingId, Span)>> {
        Ok(self.db.read(lateness::all).await?)
    }

    /// Tells the journal how late the job of `vehicle` will be (`None`: not at all), `source` being who says so; nothing when
    /// that is no news, or the vehicle has the job no more. Gives what is told now.
    pub async fn tell_late(&self, id: BookingId, vehicle: VehicleId, late: Option<Late>, source: &'static str) -> Result<Option<Span>> {
        let now = self.clock.now();
        let tolerance = Span::from_secs(i64::try_from(self.rules().dispatch.late_tolerance_s).unwrap_or(i64::MAX));
        let change = move |tx: &Transaction<'_>| {
            let told = lateness::of(tx, id)?;
            let job = find(tx, id)?;
            if !job.status.holds_vehicle() || job.vehicle.as_ref() != Some(&vehicle) {
                return Ok(told);
            }
            let (kind, data) = match (news(told, late.map(|l| l.by), tolerance), late) {
                (Some(News::Late), Some(late)) => {
                    lateness::put(tx, id, late.by, now)?;
                    let late_s = late.by.as_millis() / 1_000;
                    let data = json!({"late_s": late_s, "eta": late.eta, "due": late.due, "against": late.against, "source": source});
                    (Kind::BookingLate, data)
                }
                (Some(News::OnTime), _) => {
                    lateness::remove(tx, id)?;
                    (Kind::BookingOnTime, json!({"source": source}))
                }
                _ => return Ok(told),
            };
            let (actor, data) = (&Actor::System, data.to_string());
            journal::append(tx, &journal::NewEvent { at: now, kind, actor, booking: Some(id), vehicle: Some(&vehicle), data: &data })?;
            Ok(lateness::of(tx, id)?)
        };
        self.db.write(change).await
    }

    /// Forgets what was told about jobs that are over, or that the vehicle lost.
    pub async fn forget_late(&self, ids: Vec<BookingId>) -> Result<()> {
        let change = move |tx: &Transaction<'_>| {
            ids.into_iter().try_for_each(|id| lateness::remove(tx, id))?;
            Ok(())
        };
        self.db.write(change).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOLERANCE: Span = Span::from_secs(120);

    fn told_by(seconds: i64) -> Option<Span> {
        Some(Span::from_secs(seconds))
    }

    #[test]
    fn it_is_told_once_and_again_when_it_is_worse() {
        let cases = [
            (None, None, None),
            (None, told_by(120), None),
            (None, told_by(121), Some(News::Late)),
            (told_by(121), told_by(420), None),
            (told_by(121), told_by(421), Some(News::Late)),
            (told_by(421), told_by(1), None),
            (told_by(421), None, Some(News::OnTime)),
        ];
        for (told, late, expected) in cases {
            assert_eq!(news(told, late, TOLERANCE), expected, "{told:?} {late:?}");
        }
    }

    proptest! {
        #[test]
        fn what_wavers_by_less_than_five_minutes_is_told_once(base in 121_i64..5_000, wobble in proptest::collection::vec(-119_i64..180, 1..60)) {
            let mut told = None;
            let mut count = 0;
            for by in wobble {
                let late = told_by(base + by).filter(|late| *late > Span::default());
                if news(told, late, TOLERANCE) == Some(News::Late) {
                    told = late;
                    count += 1;
                }
            }
            prop_assert!(count <= 1);
        }
    }
}
