//! Where a lane is at a sink, and what the sink's answers make of that.

use super::sink::{Answer, Fault};
use super::start::Epoch;
use crate::batch::{Batch, MAX_BYTES, TARGET_UNPACKED};
use crate::model::{HeldUp, Lane, Timestamp};
use crate::patience::backoff::Backoff;
use crate::store::sinks::Cursor;
use std::time::{Duration, Instant};

/// So often in a session the other side may send a lane back before it is a fault.
const SET_BACKS: u32 = 8;
/// A batch that failed so often, one time after the other, is taken to be at fault itself.
pub const SAME: u32 = 6;

/// Where a lane is.
pub struct Position {
    lane: Lane,
    pub epochs: Vec<Epoch>,
    pub cursor: Cursor,
    pub lost: u64,
    /// The last number ever acknowledged: what lies behind it is new ground.
    furthest: i64,
    set_backs: u32,
    /// A batch is closed when its lines have become so long.
    pub target: usize,
    /// Bytes of a packed batch that the sink takes.
    most: usize,
    trouble: Option<Trouble>,
}

/// A batch that was not taken.
struct Trouble {
    /// Its first number.
    first: i64,
    failures: u32,
    what: String,
    /// For good, by the other side's own words.
    refused: bool,
    hold: Option<Hold>,
}

/// The lane waits, the others go on.
struct Hold {
    backoff: Backoff,
    until: Instant,
    next_attempt_at: Timestamp,
}

/// What an answer came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// More is stored than ever before.
    Progress,
    /// The cursor moved, to where it was once before.
    Moved,
    /// The same comes again in smaller parts.
    Smaller,
}

impl Position {
    /// `lane` at `cursor`; what was learnt of the sink `before` stays.
    pub fn new(lane: Lane, epochs: Vec<Epoch>, cursor: Cursor, before: Option<Self>) -> Self {
        let before = before.unwrap_or(Self {
            lane,
            epochs: Vec::new(),
            cursor,
            lost: 0,
            furthest: cursor.through,
            set_backs: 0,
            target: TARGET_UNPACKED,
            most: MAX_BYTES,
            trouble: None,
        });
        Self { epochs, cursor, set_backs: 0, ..before }
    }

    /// Takes what the sink said of `batch`, of a lane whose last number is `head`.
    pub fn hear(&mut self, batch: &Batch, answer: Answer, head: i64, now: Timestamp) -> Result<Heard, Fault> {
        match answer {
            Answer::Stored(through) if through >= batch.span.last => {
                self.cursor.through = batch.span.last;
                self.cursor.acked_at = now;
                self.lost += batch.lost;
                self.cursor.records += batch.records;
                self.cursor.bytes += batch.body.len() as u64;
                self.target = batch.fitting(self.most);
                self.trouble = None;
                let is_new = self.cursor.through > self.furthest || self.lane == Lane::Live;
                self.furthest = self.furthest.max(self.cursor.through);
                Ok(if is_new { Heard::Progress } else { Heard::Moved })
            }
            Answer::TooLarge if batch.records > 1 => {
                (self.most, self.target) = (batch.body.len() / 2, (batch.unpacked.min(self.target) / 2).max(1));
                Ok(Heard::Smaller)
            }
            Answer::TooLarge => {
                let (last, length) = (batch.span.last, batch.body.len());
                Err(Fault::refusal(format!("record {last} of lane {} is larger than it takes ({length} bytes)", self.lane.as_str())))
            }
            Answer::Stored(through) => self.go_to(through, head).map(|()| Heard::Moved),
            Answer::Expected(next) => self.go_to(next.saturating_sub(1), head).map(|()| Heard::Moved),
        }
    }

    /// Goes on behind `through`. What the depot never had is not believed, and sent back again and again, both do not understand each other.
    fn go_to(&mut self, through: i64, head: i64) -> Result<(), Fault> {
        let (lane, least) = (self.lane.as_str(), self.least());
        if !(least..=head).contains(&through) {
            let asked = through.saturating_add(1);
            return Err(Fault::answer(format!("it asks for number {asked} of lane {lane}, which has {} to {head}", least + 1)));
        }
        if through <= self.cursor.through {
            self.set_backs += 1;
        }
        if self.set_backs > SET_BACKS {
            return Err(Fault::answer(format!("it asks for number {} of lane {lane} again and again", through + 1)));
        }
        self.cursor.through = through;
        Ok(())
    }

    /// The number before the first one that there is.
    fn least(&self) -> i64 {
        self.epochs.first().map_or(0, |first| first.from.saturating_sub(1))
    }

    /// `batch` was not taken. Is it the batch that is at fault, for it is refused for good, or the other side said too often that it
    /// failed?
    pub fn not_taken(&mut self, batch: &Batch, fault: &Fault) -> bool {
        let first = batch.span.first;
        let before = self.trouble.take().filter(|trouble| trouble.first == first || trouble.hold.is_some());
        let (failures, hold) = before.map_or((0, None), |trouble| (trouble.failures, trouble.hold));
        let failures = failures.saturating_add(u32::from(fault.answered));
        let at_fault = fault.refused || hold.is_some() || failures >= SAME;
        self.trouble = Some(Trouble { first, failures, what: fault.what.clone(), refused: fault.refused, hold });
        at_fault
    }

    /// Holds the lane up, longer each time, from `pauses.0` to `pauses.1`; `true` when it was not held up before.
    pub fn hold_up(&mut self, pauses: (Duration, Duration), draw: f64, (at, now): (Instant, Timestamp)) -> bool {
        let Some(trouble) = &mut self.trouble else { return false };
        let before = trouble.hold.take();
        let is_new = before.is_none();
        let mut backoff = before.map_or_else(|| Backoff::new(pauses.0, pauses.1), |hold| hold.backoff);
        let pause = backoff.next(draw);
        let next_attempt_at = now + crate::model::Span::from_millis(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
        trouble.hold = Some(Hold { backoff, until: at + pause, next_attempt_at });
        is_new
    }

    /// Tries again at `at` what is held up.
    pub fn try_at(&mut self, at: Instant) {
        if let Some(hold) = self.trouble.as_mut().and_then(|trouble| trouble.hold.as_mut()) {
            hold.until = hold.until.min(at);
        }
    }

    /// Does the lane wait at `at`?
    pub fn waits(&self, at: Instant) -> bool {
        self.trouble.as_ref().and_then(|trouble| trouble.hold.as_ref()).is_some_and(|hold| at < hold.until)
    }

    /// Is it held up, and not by what the other side refused for good?
    pub fn is_suspected(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.hold.is_some() && !trouble.refused)
    }

    /// What holds it up.
    pub fn held_up(&self) -> Option<HeldUp> {
        let trouble = self.trouble.as_ref()?;
        let next_attempt_at = trouble.hold.as_ref()?.next_attempt_at;
        let (first, fault) = (trouble.first, trouble.what.clone());
        Some(HeldUp { first, fault, refused: trouble.refused, failures: trouble.failures, next_attempt_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Span;

    fn at(through: i64) -> Position {
        let epochs = vec![Epoch { name: "e".into(), from: 11 }];
        Position::new(Lane::Bookings, epochs, Cursor { through, ..Cursor::default() }, None)
    }

    fn batch(first: i64, last: i64) -> Batch {
        let span = Span { depot: "d".into(), epoch: "e".into(), epoch_from: 11, lane: Lane::Bookings, first, last };
        Batch::pack(span, (last - first + 1).cast_unsigned(), 0, b"{}\n").unwrap()
    }

    fn heard(position: &mut Position, batch: &Batch, answer: Answer) -> Result<Heard, Fault> {
        position.hear(batch, answer, 100, Timestamp::from_millis(1))
    }

    #[test]
    fn numbers_that_the_depot_never_gave_out_are_not_believed() {
        for wrong in [i64::MIN, -1, 0, 10, 102, 1 << 62, i64::MAX] {
            let mut position = at(50);
            let fault = heard(&mut position, &batch(51, 60), Answer::Expected(wrong)).unwrap_err();
            assert!(fault.what.contains("which has 11 to 100"), "{wrong}: {fault}");
            assert_eq!(position.cursor.through, 50);
        }
        assert!(heard(&mut at(50), &batch(51, 60), Answer::Stored(-7)).is_err());
        for right in [11, 50, 101] {
            let mut position = at(50);
            assert_eq!(heard(&mut position, &batch(51, 60), Answer::Expected(right)), Ok(Heard::Moved));
            assert_eq!(position.cursor.through, right - 1);
        }
    }

    #[test]
    fn set_backs_are_counted_though_something_is_stored_between() {
        let mut position = at(10);
        let faults = (0..20).filter(|_| {
            heard(&mut position, &batch(11, 60), Answer::Stored(60)).unwrap();
            heard(&mut position, &batch(61, 70), Answer::Expected(11)).is_err()
        });
        assert_eq!(faults.count(), 12);
    }

    #[test]
    fn only_new_ground_is_progress() {
        let mut position = at(10);
        assert_eq!(heard(&mut position, &batch(11, 60), Answer::Stored(60)), Ok(Heard::Progress));
        heard(&mut position, &batch(61, 70), Answer::Expected(11)).unwrap();
        assert_eq!(heard(&mut position, &batch(11, 60), Answer::Stored(60)), Ok(Heard::Moved));
        assert_eq!(heard(&mut position, &batch(61, 70), Answer::Stored(70)), Ok(Heard::Progress));
    }

    #[test]
    fn what_was_learnt_of_the_size_stays_over_sessions() {
        let mut position = at(10);
        assert_eq!(heard(&mut position, &batch(11, 60), Answer::TooLarge), Ok(Heard::Smaller));
        let (target, most) = (position.target, position.most);
        let position = Position::new(Lane::Bookings, Vec::new(), Cursor::default(), Some(position));
        assert_eq!((position.target, position.most), (target, most));
        assert!(target < TARGET_UNPACKED && most < MAX_BYTES);
    }

    #[test]
    fn a_batch_that_fails_again_and_again_is_at_fault_and_held_up_ever_longer() {
        let (mut position, fault, pauses) = (at(10), Fault::answer("no"), (Duration::from_secs(1), Duration::from_secs(300)));
        let now = (crate::clock::Clock::system().monotonic(), Timestamp::from_millis(0));
        for _ in 0..SAME {
            assert!(!position.not_taken(&batch(11, 60), &Fault::new("the line broke")), "that says nothing of the batch");
        }
        for _ in 1..SAME {
            assert!(!position.not_taken(&batch(11, 60), &fault));
        }
        assert!(position.not_taken(&batch(11, 20), &fault) && position.held_up().is_none());
        assert!(position.hold_up(pauses, 1.0, now) && position.waits(now.0) && position.is_suspected());
        assert!(position.not_taken(&batch(11, 20), &fault) && !position.hold_up(pauses, 1.0, now));
        assert_eq!(position.held_up().unwrap().next_attempt_at, Timestamp::from_millis(2_000));
        position.try_at(now.0);
        assert!(!position.waits(now.0));
        heard(&mut position, &batch(11, 20), Answer::Stored(20)).unwrap();
        assert!(position.held_up().is_none());
        assert!(position.not_taken(&batch(21, 30), &Fault::refusal("never")), "at once, when it is refused for good");
    }
}
