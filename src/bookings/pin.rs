//! The PIN of a delivery: whoever waits for the load knows it and tells it the driver, who proves by it that he was there.
//!
//! It is made of the booking's id and a key that the database keeps, so it is the same whenever somebody asks, also after a restore.

use super::Error;
use super::error::Fault;
use crate::model::{Booking, BookingId};
use crate::ops::allowance::{Allowances, Rate};
use crate::pricing::Need;
use crate::store::{self, pins};
use crate::tariffs::proof_rules;
use ring::hmac;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Instant;

/// What may be guessed of one booking: five at once, then one in five minutes. All of a PIN's 10,000 take a month.
const GUESSES: Rate = Rate { per_second: 1.0 / 300.0, burst: 5.0 };

/// The PIN of a booking that its tariff asks for, while it may still be wanted.
pub fn pin(c: &Connection, booking: &Booking) -> store::Result<Option<String>> {
    if booking.status.is_final() || proof_rules(c, booking.id)?.pin == Need::Off {
        return Ok(None);
    }
    of(c, booking.id).map(Some)
}

/// Four digits.
fn of(c: &Connection, id: BookingId) -> store::Result<String> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &pins::key(c)?), id.to_string().as_bytes());
    let number = tag.as_ref().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    Ok(format!("{:04}", number % 10_000))
}

/// Bounds how often a PIN is guessed. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Guesses(Arc<Allowances<BookingId>>);

impl Default for Guesses {
    fn default() -> Self {
        Self(Arc::new(Allowances::new(GUESSES)))
    }
}

impl Guesses {
    /// Is `said` the PIN of that booking?
    pub(super) fn check(&self, c: &Connection, id: BookingId, said: &str, now: Instant) -> Result<(), Error> {
        let wrong = |message: &str| Error::Invalid(vec![Fault::new("proof.pin", message)]);
        self.0.take(id, now).map_err(|_| wrong("was wrong too often: wait some minutes, or ask the depot to end the job"))?;
        if of(c, id)? == said.trim() { Ok(()) } else { Err(wrong("is not the one of this delivery")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::model::Timestamp;
    use crate::store::Db;
    use std::time::Duration;

    #[tokio::test]
    async fn a_pin_stays_the_same_and_is_guessed_five_times_only() {
        let dir = tempfile::tempdir().unwrap();
        let ids = [1, 2].map(|n| BookingId::generate(Timestamp::from_secs(1_700_000_000), [n; 10]));
        let read =
            async || Db::open(dir.path()).unwrap().read(move |c| Ok::<_, store::Error>([of(c, ids[0])?, of(c, ids[1])?])).await.unwrap();
        let pins = read().await;
        assert!(pins.iter().all(|pin| pin.len() == 4 && pin.bytes().all(|b| b.is_ascii_digit())), "{pins:?}");
        assert_eq!(read().await, pins, "also after a restart");
        let (guesses, now) = (Guesses::default(), Clock::system().monotonic());
        let wrong = if pins[0] == "0000" { "0001" } else { "0000" };
        let check = move |c: &Connection| {
            let told = |said: &str, at| match guesses.check(c, ids[0], said, at) {
                Ok(()) => "right",
                Err(Error::Invalid(faults)) if faults[0].message.starts_with("is not") => "wrong",
                Err(_) => "too often",
            };
            assert_eq!(told(&format!(" {} ", pins[0]), now), "right");
            assert_eq!([0; 5].map(|_| told(wrong, now)), ["wrong", "wrong", "wrong", "wrong", "too often"]);
            assert_eq!((told(&pins[0], now), told(&pins[0], now + Duration::from_secs(301))), ("too often", "right"));
            assert!(guesses.check(c, ids[1], &pins[1], now).is_ok());
            Ok::<_, store::Error>(())
        };
        Db::open(dir.path()).unwrap().read(check).await.unwrap();
    }
}
