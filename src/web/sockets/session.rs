//! One connection: what it says is dealt with in order, what it is to hear is sent as far as it takes it.

use super::doors::Place;
use super::entry::{Entered, Guest, Proof, Told, send_away};
use super::unit::Aboard;
use crate::ops::allowance::{Allowance, Rate};
use crate::web::Web;
use crate::web::live::frames::Frame;
use crate::web::live::hub::Seat;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::{SendError, SocketError};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Messages that a client may send.
const MESSAGES: Rate = Rate { per_second: 20.0, burst: 60.0 };
/// So many too fast ones in a row end the connection.
const PATIENCE: u32 = 200;
/// Time between two looks whether a person still may be here, and with which vehicle.
const RECHECK: Duration = Duration::from_secs(2);
/// A device's credentials are looked at when some change, and every so many looks.
const DEVICE_LOOKS: u32 = 30;
/// Time until something that a client had no room for is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// Why a connection ends.
pub struct End(pub &'static str);

/// An answer that waits until the log is on the disk up to a number.
pub struct Pending {
    pub upto: u64,
    pub ack: AckSender,
    pub answer: Value,
}

/// A live connection.
pub struct Session {
    pub web: Web,
    pub socket: SocketRef,
    pub guest: Guest,
    proof: Proof,
    inbox: mpsc::Receiver<Told>,
    gone: CancellationToken,
    pub aboard: Option<Aboard>,
    pub seat: Option<Seat>,
    pub held: Option<Frame>,
    pub pending: VecDeque<Pending>,
    pub stuck: bool,
    durable: watch::Receiver<u64>,
    doubts: watch::Receiver<u64>,
    allowance: Allowance,
    hasty: u32,
    looks: u32,
}

fn every(time: Duration) -> Interval {
    let mut interval = interval(time);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval.reset();
    interval
}

impl Session {
    pub fn new(web: Web, socket: SocketRef, entered: Entered) -> Self {
        let Entered { guest, proof, inbox, gone } = entered;
        let allowance = Allowance::full(MESSAGES, web.clock.monotonic());
        let (durable, doubts) = (web.tracks.durable(), web.cab.doubts());
        Self {
            web,
            socket,
            guest,
            proof,
            inbox,
            gone,
            aboard: None,
            seat: None,
            held: None,
            pending: VecDeque::new(),
            stuck: false,
            durable,
            doubts,
            allowance,
            hasty: 0,
            looks: 0,
        }
    }

    /// Serves until the client is gone, or is sent away.
    pub async fn run(mut self, place: Place) {
        self.go_aboard().await;
        let closing = self.web.closing.clone();
        let end = tokio::select! {
            () = self.gone.clone().cancelled_owned() => None,
            () = closing.cancelled() => Some(End("the depot is going down")),
            end = self.serve() => Some(end),
        };
        if let Some(End(reason)) = end {
            send_away(&self.socket, reason);
        }
        drop(place);
    }

    async fn serve(&mut self) -> End {
        let (mut recheck, mut retry) = (every(RECHECK), every(RETRY));
        loop {
            self.release();
            if let Err(end) = self.pump().await {
                return end;
            }
            let (seat, aboard) = (&mut self.seat, &mut self.aboard);
            let done = tokio::select! {
                Some(told) = self.inbox.recv() => self.take(told).await,
                changed = self.durable.changed(), if !self.pending.is_empty() => {
                    changed.map_err(|_| End("the fix log is closed"))
                }
                frame = next(seat), if self.held.is_none() => match frame {
                    Some(frame) => { self.show(frame); Ok(()) }
                    None => Err(End("the depot is going down")),
                },
                news = Aboard::news(aboard) => { self.heard(news); Ok(()) }
                _ = recheck.tick() => self.recheck(false).await,
                Ok(()) = self.doubts.changed() => self.recheck(true).await,
                _ = retry.tick(), if self.stuck || self.held.is_some() => {
                    self.stuck = false;
                    if let Some(frame) = self.held.take() {
                        self.show(frame);
                    }
                    Ok(())
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Had the client no room for what was sent? Whatever else went wrong, it is gone, and that is heard of elsewhere.
    pub fn is_full(&self, sent: Result<(), SendError>) -> bool {
        matches!(sent, Err(SendError::Socket(SocketError::InternalChannelFull)))
    }

    async fn take(&mut self, told: Told) -> Result<(), End> {
        let taken = self.allowance.take(MESSAGES, self.web.clock.monotonic());
        self.web.doors.heard(taken.is_ok());
        if let Err(wait) = taken {
            self.hasty += 1;
            let said =
                json!({"ok": false, "error": "too many messages: send several fixes as an array", "retry_after_s": wait.as_secs_f64()});
            answer(told.ack, &said);
            return if self.hasty > PATIENCE { Err(End("too many messages")) } else { Ok(()) };
        }
        self.hasty = 0;
        let Told { event, body, ack } = told;
        let body = body.as_deref().unwrap_or(RawValue::NULL);
        let said = match event.as_str() {
            "fix" => return self.fix(body, ack).await,
            "online" => self.online(body).await,
            "step" => self.step(body).await,
            "answer" => self.answer(body).await,
            "ack" => self.ack(body),
            "subscribe" => self.subscribe(body).await,
            "unsubscribe" => {
                (self.seat, self.held) = (None, None);
                json!({"ok": true})
            }
            other => {
                json!({"ok": false, "error": format!("there is no event {other:.64}; there are fix, online, step, answer, ack, subscribe and unsubscribe")})
            }
        };
        answer(ack, &said);
        Ok(())
    }

    /// Answers what is on the disk.
    fn release(&mut self) {
        let durable = *self.durable.borrow_and_update();
        while let Some(first) = self.pending.pop_front_if(|first| first.upto <= durable) {
            answer(first.ack, &first.answer);
        }
    }

    async fn recheck(&mut self, in_doubt: bool) -> Result<(), End> {
        self.looks = self.looks.wrapping_add(1);
        let is_person = matches!(self.guest, Guest::Person(_));
        if (is_person || in_doubt || self.looks.is_multiple_of(DEVICE_LOOKS)) && !self.web.is_still(&self.guest, &self.proof).await {
            return Err(End("signed out, or allowed something else now"));
        }
        if is_person {
            self.go_aboard().await;
        }
        Ok(())
    }
}

/// The next frame of whoever follows something.
async fn next(seat: &mut Option<Seat>) -> Option<Frame> {
    match seat {
        Some(seat) => seat.next().await,
        None => std::future::pending().await,
    }
}

/// Answers who asked for an answer. One for which there is no room is lost with its connection's next drop, as any answer may be:
/// the client asks again.
pub fn answer(ack: AckSender, said: &Value) {
    let _late = ack.send(said);
}
