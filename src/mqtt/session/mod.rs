//! One client's session: reads, decides, writes; one task, one loop.

mod ingest;
mod outbound;

use super::frame::{self, Kind, Version};
use super::pace::{Advice, QUIET_MS};
use super::registry::{Mailbox, Parked, REVOKED, TAKEN_OVER};
use super::shared::Shared;
use super::stats::{Reason, add};
use super::stream::{Stream, Turn};
use super::who::Who;
use super::will::{LastWord, Will};
use super::wire;
use bytes::{Buf, BytesMut};
use ingest::Ingest;
use outbound::Outbound;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::Sleep;

/// Output beyond which nothing more is read, in bytes.
const OUTPUT_LIMIT: usize = 64 * 1024;
/// How long a client may take to accept output, and how long a farewell may last.
const SEND_LIMIT: Duration = Duration::from_secs(20);
const FAREWELL: Duration = Duration::from_secs(1);

/// How a session ended.
#[derive(Debug)]
pub enum End {
    /// DISCONNECT: no will.
    Left,
    /// DISCONNECT with the will asked for.
    LeftWithWill,
    /// The connection broke or was closed without a word.
    Lost,
    /// The client did what it must not: v5 reason code, the reason counted, details.
    Fault(u8, Reason, String),
    /// Told to go.
    Kicked(u8),
    /// The fix log is closed: nothing can be acknowledged any more.
    LogClosed,
}

impl From<frame::Fault> for End {
    fn from(fault: frame::Fault) -> Self {
        let reason = if fault == frame::Fault::TooLarge { Reason::TooLarge } else { Reason::BadPacket };
        Self::Fault(fault.code(), reason, fault.to_string())
    }
}

/// What a client may rely on for this connection.
pub struct Terms {
    pub(super) version: Version,
    pub(super) owner: String,
    pub(super) client_id: String,
    pub(super) keep_alive: Duration,
    /// How long its state is kept after the connection.
    pub(super) keep_state: Duration,
    pub(super) will: Option<Box<Will>>,
}

/// An acknowledgement that waits until the log is durable up to a number.
pub(super) struct Pending {
    pub upto: u64,
    pub pkid: u16,
    pub packet: u8,
    pub reason: u8,
}

/// A live session.
pub struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) terms: Box<Terms>,
    pub(super) who: Who,
    pub(super) peer: std::net::IpAddr,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) stream: Stream,
    pub(super) input: BytesMut,
    pub(super) output: BytesMut,
    pub(super) pending: VecDeque<Pending>,
    pub(super) received: Vec<u16>,
    pub(super) ingest: Ingest,
    pub(super) outbound: Outbound,
    pub(super) durable: watch::Receiver<u64>,
    pub(super) heard: Instant,
    left: bool,
    watching: bool,
    sending_since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, terms: Terms, who: Who, stream: Stream, peer: std::net::IpAddr, mailbox: Arc<Mailbox>) -> Self {
        let (durable, heard) = (shared.deps.tracks.durable(), shared.deps.clock.monotonic());
        Self {
            ingest: Ingest::behind(shared.deps.tracks.stats().appended),
            outbound: Outbound::default(),
            terms: Box::new(terms),
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            input: BytesMut::new(),
            output: BytesMut::new(),
            pending: VecDeque::new(),
            received: Vec::new(),
            left: false,
            watching: false,
            sending_since: None,
            shared,
            who,
            peer,
            mailbox,
            stream,
            durable,
            heard,
        }
    }

    /// Serves until the end, says why to the client, leaves the registry; gives the will that is now to be executed.
    pub(super) async fn run(mut self: Box<Self>) -> Option<LastWord> {
        let end = self.serve().await.err().unwrap_or(End::Lost);
        self.finish(end).await
    }

    async fn serve(&mut self) -> Result<(), End> {
        self.arm(self.heard);
        loop {
            if let Some(code) = self.mailbox.kicked() {
                return Err(End::Kicked(code));
            }
            if self.mailbox.take_commands() {
                self.outbound.look = true;
            }
            self.release();
            if !self.input.is_empty() && self.has_room() {
                self.take().await?;
                if self.is_full() {
                    self.hurry();
                }
                self.release();
            }
            self.pump().await?;
            self.wait().await?;
        }
    }

    fn is_full(&self) -> bool {
        self.pending.len() >= usize::from(self.shared.config.max_inflight)
    }

    fn has_room(&self) -> bool {
        !self.is_full() && self.output.len() < OUTPUT_LIMIT
    }

    /// Waits for anything to happen, and takes note of it.
    async fn wait(&mut self) -> Result<(), End> {
        let want_read = self.has_room();
        let (stream, input, output) = (&mut self.stream, &mut self.input, &mut self.output);
        tokio::select! {
            biased;
            () = self.mailbox.woken.notified() => Ok(()),
            turn = poll_fn(|cx| stream.poll_turn(cx, input, output, want_read)) => match turn {
                Ok(Turn::Read(_, more)) => self.arrived(more).await,
                Ok(Turn::Written) => { self.sending_since = None; Ok(()) }
                Ok(Turn::Closed) | Err(_) => Err(End::Lost),
            },
            changed = self.durable.changed(), if !self.pending.is_empty() => changed.map_err(|_| End::LogClosed),
            message = self.outbound.next_local(), if self.outbound.wants_local() => {
                self.forward(message);
                Ok(())
            }
            () = self.timer.as_mut() => self.on_time(want_read),
        }
    }

    async fn arrived(&mut self, more: bool) -> Result<(), End> {
        let (now, before) = (self.shared.deps.clock.monotonic(), self.ingest.acknowledgeable);
        self.heard = now;
        self.watching = false;
        self.take().await?;
        let (new, unacked) = (self.ingest.acknowledgeable - before, self.pending.len());
        let full = usize::from(self.shared.config.max_inflight);
        if new == 0 || (more && unacked < full) {
            return Ok(());
        }
        match self.ingest.pace.arrived(now, new, unacked, full) {
            Advice::Wait => {}
            Advice::Hurry => self.hurry(),
            Advice::Watch => {
                self.watching = true;
                self.reset_timer(now, Duration::from_millis(QUIET_MS));
            }
        }
        Ok(())
    }

    fn hurry(&self) {
        add(&self.shared.stats.hurried, 1);
        self.shared.deps.tracks.hurry();
    }

    fn reset_timer(&mut self, now: Instant, span: Duration) {
        self.timer.as_mut().reset(tokio::time::Instant::from_std(now + span));
    }

    fn arm(&mut self, now: Instant) {
        let alive = match self.terms.keep_alive {
            Duration::ZERO => Duration::from_secs(3600),
            span => (span + span / 2).saturating_sub(now.saturating_duration_since(self.heard)),
        };
        let span = if self.output.is_empty() { alive } else { alive.min(SEND_LIMIT) };
        let span = self.who.until().map_or(span, |until| span.min((until - self.shared.deps.clock.now()).as_duration()));
        self.reset_timer(now, span.max(Duration::from_millis(1)));
    }

    fn on_time(&mut self, was_reading: bool) -> Result<(), End> {
        let now = self.shared.deps.clock.monotonic();
        if std::mem::take(&mut self.watching) && self.ingest.pace.quiet(self.pending.len()) == Advice::Hurry {
            self.hurry();
        }
        if self.who.until().is_some_and(|until| until <= self.shared.deps.clock.now()) {
            return Err(End::Kicked(REVOKED));
        }
        let keep_alive = self.terms.keep_alive;
        // While it is held back, what the client sends is not read: its silence is ours.
        if !was_reading {
            self.heard = now;
        } else if !keep_alive.is_zero() && now.saturating_duration_since(self.heard) >= keep_alive + keep_alive / 2 {
            return Err(End::Fault(0x8D, Reason::KeepAlive, format!("silent for {keep_alive:?} and a half")));
        }
        if self.output.is_empty() {
            self.sending_since = None;
        } else if now.saturating_duration_since(*self.sending_since.get_or_insert(now)) >= SEND_LIMIT {
            return Err(End::Fault(0x97, Reason::SlowReader, "does not read what is sent".to_owned()));
        }
        self.arm(now);
        Ok(())
    }

    /// Takes all whole packets of the input, hands their fixes to the log at once, keeps the rest.
    async fn take(&mut self) -> Result<(), End> {
        let mut input = std::mem::take(&mut self.input);
        let taken = self.take_packets(&input).await;
        // Also when a later packet is bad: what came before it is known as seen and would not be taken again.
        self.hand_over().await?;
        let taken = taken?;
        if taken < input.len() {
            input.advance(taken);
            self.input = input;
        }
        Ok(())
    }

    async fn take_packets(&mut self, bytes: &[u8]) -> Result<usize, End> {
        let (mut at, max) = (0, self.shared.config.max_packet_bytes);
        self.ingest.received = self.shared.deps.clock.now();
        while self.has_room()
            && let Some(packet) = frame::next(&bytes[at..], max)?
        {
            match packet.kind {
                Kind::Publish => self.publish(&packet).await?,
                Kind::PubAck | Kind::PubRec | Kind::PubComp => self.acknowledged(&packet)?,
                Kind::PubRel => self.release_received(&packet)?,
                Kind::PingReq => wire::pong(&mut self.output),
                Kind::Subscribe => self.subscribe(&bytes[at..at + packet.len]).await?,
                Kind::Unsubscribe => self.unsubscribe(&bytes[at..at + packet.len])?,
                Kind::Disconnect => {
                    let code = frame::farewell(&packet, self.terms.version)?;
                    return Err(if code == 4 { End::LeftWithWill } else { End::Left });
                }
                Kind::Connect => return Err(frame::Fault::Protocol("a second CONNECT").into()),
            }
            at += packet.len;
        }
        Ok(at)
    }

    /// Writes every acknowledgement whose fixes are durable.
    pub(super) fn release(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let durable = *self.durable.borrow_and_update();
        let mut done = 0;
        while let Some(first) = self.pending.front().filter(|p| p.upto <= durable) {
            wire::ack(&mut self.output, self.terms.version, first.packet, first.pkid, first.reason);
            self.pending.pop_front();
            done += 1;
        }
        if done > 0 {
            add(&self.shared.stats.acknowledged, done);
            self.ingest.pace.acknowledged(self.shared.deps.clock.monotonic());
        }
        if self.pending.is_empty() && self.pending.capacity() > 8 {
            self.pending = VecDeque::new();
        }
    }

    async fn finish(mut self: Box<Self>, end: End) -> Option<LastWord> {
        let now = self.shared.deps.clock.now();
        let code = match &end {
            End::Left | End::LeftWithWill | End::Lost => None,
            End::Fault(code, reason, detail) => {
                let who = format!("{} from {}", self.who.name(), self.peer);
                self.shared.stats.refuse(now, *reason, who, detail.clone());
                Some(*code)
            }
            End::Kicked(code) => {
                let reason = match *code {
                    TAKEN_OVER => Some(Reason::TakenOver),
                    REVOKED => Some(Reason::Kicked),
                    _ => None,
                };
                if let Some(reason) = reason {
                    self.shared.stats.refuse(now, reason, format!("{} from {}", self.who.name(), self.peer), String::new());
                }
                Some(*code)
            }
            End::LogClosed => Some(0x88),
        };
        self.park();
        self.leave();
        if let Some(code) = code {
            wire::disconnect(&mut self.output, self.terms.version, code);
        }
        if !matches!(end, End::Lost) {
            let _ = tokio::time::timeout(FAREWELL, self.stream.close(&mut self.output)).await;
        }
        if matches!(end, End::Left | End::LogClosed) {
            return None;
        }
        match (self.terms.will.take(), &self.who) {
            (Some(will), Who::Device(names)) => Some(LastWord::new(names.clone(), self.peer, self.terms.owner.clone(), *will)),
            _ => None,
        }
    }

    /// Keeps what the next connection of this client may want.
    fn park(&mut self) {
        if self.terms.keep_state.is_zero() {
            return;
        }
        let parked = Parked {
            subscriptions: std::mem::take(&mut self.outbound.subscriptions),
            received: std::mem::take(&mut self.received),
            ..Parked::default()
        };
        let (owner, now) = (&self.terms.owner, self.shared.deps.clock.monotonic());
        self.shared.registry.park(owner, &self.terms.client_id, parked, self.terms.keep_state, now);
    }

    fn leave(&mut self) {
        if !std::mem::replace(&mut self.left, true) {
            self.outbound.leave(&self.shared);
            self.shared.registry.leave(&self.terms.owner, &self.mailbox, |vehicle| self.shared.tell_status(vehicle, false));
            self.mailbox.gone.cancel();
        }
    }
}

impl Drop for Session {
    /// A session that panicked leaves as well.
    fn drop(&mut self) {
        self.leave();
    }
}
