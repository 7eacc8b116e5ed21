//! What a dispatch round decided, safe against races: a booking that no longer waits is lost, with no trace.

use super::give::{give, is_at_work, take};
use super::offer;
use super::{Bookings, Error, Result, find};
use crate::model::{Actor, Booking, BookingId, Status, Timestamp, VehicleId};
use crate::store::rounds;
use rusqlite::Transaction;

/// What a dispatch round decided about one booking.
#[derive(Clone, PartialEq, Debug)]
pub enum Decision {
    /// This vehicle gets it.
    Give(VehicleId),
    /// The drivers of these are asked; an answer after `until` comes too late.
    Ask {
        /// The best one first.
        vehicles: Vec<VehicleId>,
        /// Until when they may answer.
        until: Timestamp,
    },
    /// It waits on.
    Leave,
}

/// A decision with the reasons for it.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The booking.
    pub booking: BookingId,
    /// What becomes of it.
    pub decision: Decision,
    /// The round's record about it, one JSON object text; `None`: nothing new to say.
    pub record: Option<String>,
}

impl Bookings {
    /// Takes the booking back for the dispatcher, provided that it still has `version` and its vehicle has not yet arrived.
    pub async fn take_back(&self, id: BookingId, version: u32, reason: String, actor: Actor) -> Result<Booking> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let booking = find(tx, id)?;
            if booking.version != version || booking.status != Status::Assigned {
                Err(Error::Lost)
            } else {
                take(tx, booking, reason, &actor, now)
            }
        };
        self.db.write(change).await
    }

    /// Commits a round in one transaction. Each booking stands for itself: one that is lost (no longer waiting, vehicle taken)
    /// gets neither a change nor a record, and its error is in its place of the answer.
    /// `inputs` is what the round saw, with its number.
    pub async fn assign_all(
        &self,
        round: Vec<Assignment>,
        inputs: Option<(i64, Vec<u8>)>,
        now: Timestamp,
    ) -> Result<Vec<Result<Option<Booking>>>> {
        let this = self.clone();
        let change = move |tx: &Transaction<'_>| {
            if let Some((number, inputs)) = &inputs {
                rounds::keep_inputs(tx, *number, now, inputs)?;
            }
            let (mut outcomes, mut said) = (Vec::with_capacity(round.len()), Vec::new());
            for Assignment { booking, decision, record } in round {
                let outcome = match settle(tx, booking, &decision, now) {
                    Err(Error::Store(error)) => return Err(Error::Store(error)),
                    outcome => outcome,
                };
                if let (Ok(_), Some(record)) = (&outcome, &record) {
                    said.push((booking, this.say(tx, booking, record, now)?));
                }
                outcomes.push(outcome);
            }
            Ok((outcomes, said))
        };
        let (outcomes, said) = self.db.write(change).await?;
        said.into_iter().for_each(|(booking, seq)| self.counts.begin(booking, seq, now));
        Ok(outcomes)
    }
}

fn settle(tx: &Transaction<'_>, id: BookingId, decision: &Decision, now: Timestamp) -> Result<Option<Booking>> {
    let booking = find(tx, id)?;
    if booking.status != Status::Waiting || booking.locked {
        return Err(Error::Lost);
    }
    Ok(match decision {
        // It went off duty or its driver on a break since the round looked at it.
        Decision::Give(vehicle) if !is_at_work(tx, vehicle)? => return Err(Error::Lost),
        Decision::Give(vehicle) => Some(give(tx, booking, vehicle, &Actor::System, now)?),
        Decision::Ask { vehicles, until } => Some(offer::ask(tx, booking, vehicles, *until, now)?),
        Decision::Leave => None,
    })
}
