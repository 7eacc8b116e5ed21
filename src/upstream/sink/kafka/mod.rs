//! `kafka`: a topic per depot and lane, a record per batch.
//!
//! A cluster takes the writes of a producer id once each and in order. The id outlives the connection here: the lane's last record
//! says who wrote it, and whoever connects next writes on with the same id and the next number. So a batch that was sent before a
//! crash, and comes late, and the same batch sent again have one number, and the second to arrive is not stored. Which of the two
//! that was is read back, once after each connection.

mod cluster;
mod login;
mod record;
mod scram;
mod wire;

use super::{Answer, Fault, Sink, Told, tls};
use crate::batch::{Batch, Known};
use crate::clock::Clock;
use crate::config::SinkSettings;
use crate::model::{Lane, Span, Timestamp};
use cluster::{Appended, Cluster};
use login::Door;
use record::{Mark, Pen, mark, record};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// So many records of somebody else's at the end of a topic are passed over.
const STRANGERS: i64 = 16;

/// Brokers close a connection that nobody uses (Kafka after 10 minutes, what stands in between often sooner): after so long a new one is
/// made, and nobody is told that the line is down.
const IDLE: Span = Span::from_secs(240);

/// How a lane's next record is written.
#[derive(Clone, Copy)]
struct Hand {
    pen: Pen,
    /// Nobody else's write can bear the next number: this connection's last one was seen in the topic.
    sure: bool,
}

/// What a topic's end says.
enum Tail {
    /// Nothing was ever written.
    New,
    /// All that was written is gone.
    Gone,
    /// The last record.
    Last(Mark),
}

struct Open {
    cluster: Cluster,
    hands: BTreeMap<Lane, Hand>,
}

pub struct Kafka {
    settings: SinkSettings,
    brokers: Vec<wire::Address>,
    depot: String,
    timeout: Duration,
    clock: Clock,
    open: Option<Open>,
    /// By the wall clock: it goes on while the machine sleeps.
    used: Timestamp,
    gone: BTreeSet<Lane>,
}

impl Kafka {
    pub fn new(settings: &SinkSettings, depot: &str, timeout: Duration, clock: &Clock) -> Result<Self, Fault> {
        tls::client(settings)?;
        let brokers = settings
            .brokers()
            .ok_or_else(|| Fault::new(format!("{:?} must be kafka://host[:port][,host[:port]]", settings.shown_url())))?;
        let (settings, depot, clock, used) = (settings.clone(), depot.to_owned(), clock.clone(), clock.now());
        Ok(Self { settings, brokers, depot, timeout, clock, open: None, used, gone: BTreeSet::new() })
    }

    fn topic(&self, lane: Lane) -> String {
        format!("{}.{}.{}", self.settings.prefix, self.depot, lane.as_str())
    }

    fn door(&self) -> Result<Door, Fault> {
        let tls = self.settings.url.starts_with("kafkas://").then(|| tls::client(&self.settings).map(Arc::new)).transpose()?;
        let user = self.settings.user.clone().unwrap_or_else(|| self.depot.clone());
        let login = self.settings.secret().map_err(Fault::new)?.map(|secret| (user, secret));
        let patience = self.timeout / u32::try_from(self.brokers.len() + 1).unwrap_or(2);
        Ok(Door { tls, client: format!("depotd-{}", self.depot), login, patience })
    }

    async fn open(&mut self) -> Result<&mut Open, Fault> {
        if self.open.is_none() {
            let topics: Vec<String> = self.settings.lanes.iter().map(|lane| self.topic(*lane)).collect();
            let cluster = Cluster::open(self.door()?, &self.brokers, &topics).await?;
            self.open = Some(Open { cluster, hands: BTreeMap::new() });
        }
        self.used = self.clock.now();
        self.open.as_mut().ok_or_else(|| Fault::new("not connected"))
    }

    /// Comes anew when the connection was idle for long; the lane of `batch` must be where it was left.
    async fn refresh(&mut self, batch: &Batch) -> Result<(), Fault> {
        if self.open.is_none() || self.clock.now() - self.used < IDLE {
            return Ok(());
        }
        self.open = None;
        let known = self.known().await?.unwrap_or_default();
        let (span, lane) = (&batch.span, batch.span.lane);
        let left = match known.iter().find(|known| known.lane == lane) {
            Some(known) => known.epoch == span.epoch && known.through.saturating_add(1) == span.first,
            None => !lane.is_durable() || self.gone.contains(&lane) || span.first == span.epoch_from,
        };
        if left { Ok(()) } else { Err(Fault::new(format!("topic {} ends elsewhere than before", self.topic(lane)))) }
    }
}

impl Open {
    async fn tail(&mut self, topic: &str, lane: Lane) -> Result<Tail, Fault> {
        if !self.cluster.has(topic) {
            return Ok(Tail::New);
        }
        let (start, end) = self.cluster.bounds(topic).await?;
        if start == end {
            return Ok(if end == 0 { Tail::New } else { Tail::Gone });
        }
        for offset in (start.max(end - STRANGERS)..end).rev() {
            if let Some(found) = self.cluster.read(topic, offset).await?.and_then(|record| mark(&record, lane)) {
                return Ok(Tail::Last(found));
            }
        }
        Err(Fault::new(format!(
            "the last records of topic {topic} are none of depotd's: it is for this depot alone, or prefix must change"
        )))
    }

    /// The hand that writes on; the cluster gives a new one where nothing was written, or by somebody else.
    async fn hand(&mut self, topic: &str, lane: Lane) -> Result<Hand, Fault> {
        if let Some(hand) = self.hands.get(&lane) {
            return Ok(*hand);
        }
        let (id, epoch) = self.cluster.producer(topic).await?;
        let hand = Hand { pen: Pen { id, epoch, next: 0 }, sure: true };
        self.hands.insert(lane, hand);
        Ok(hand)
    }

    /// A write of number `hand` was taken, or one like it before: was it this batch?
    async fn stored(&mut self, topic: &str, batch: &Batch, hand: Hand, offset: i64) -> Result<Answer, Fault> {
        let (span, lane) = (&batch.span, batch.span.lane);
        let pen = hand.pen.moved();
        if hand.sure {
            self.hands.insert(lane, Hand { pen, sure: true });
            return Ok(Answer::Stored(span.last));
        }
        let found = self.cluster.read(topic, offset).await?.and_then(|record| mark(&record, lane));
        let found = found.ok_or_else(|| Fault::new(format!("topic {topic}: what was stored at offset {offset} cannot be read back")))?;
        let same = found.known.epoch == span.epoch && found.first == span.first && found.known.through == span.last;
        self.hands.insert(lane, Hand { pen, sure: same });
        Ok(if same { Answer::Stored(span.last) } else { after(Some(&found.known), batch) })
    }

    /// The broker expects another number: the topic says which. Says it the number that was refused, it has forgotten the producer.
    async fn caught_up(&mut self, topic: &str, batch: &Batch, refused: Hand) -> Result<Answer, Fault> {
        let lane = batch.span.lane;
        self.hands.remove(&lane);
        let Tail::Last(last) = self.tail(topic, lane).await? else { return Ok(after(None, batch)) };
        if let Some(pen) = last.pen.filter(|pen| *pen != refused.pen) {
            self.hands.insert(lane, Hand { pen, sure: false });
        }
        Ok(after(Some(&last.known), batch))
    }
}

/// Where a lane goes on whose topic ends with `known`.
fn after(known: Option<&Known>, batch: &Batch) -> Answer {
    let same = known.filter(|known| known.epoch == batch.span.epoch);
    Answer::Expected(same.map_or(batch.span.first, |known| known.through.saturating_add(1)))
}

impl Sink for Kafka {
    fn known(&mut self) -> Told<'_, Option<Vec<Known>>> {
        Box::pin(async {
            let mut known = Vec::new();
            self.gone.clear();
            for lane in self.settings.lanes.clone().into_iter().filter(|lane| lane.is_durable()) {
                let topic = self.topic(lane);
                let open = self.open().await?;
                match open.tail(&topic, lane).await? {
                    Tail::New => {}
                    Tail::Gone => {
                        self.gone.insert(lane);
                    }
                    Tail::Last(last) => {
                        open.hands.extend(last.pen.map(|pen| (lane, Hand { pen, sure: false })));
                        known.push(last.known);
                    }
                }
            }
            Ok(Some(known))
        })
    }

    fn speaks_of(&self, lane: Lane) -> bool {
        !self.gone.contains(&lane)
    }

    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Told<'a, Answer> {
        Box::pin(async {
            let (span, lane) = (&batch.span, batch.span.lane);
            let (topic, timeout, now) = (self.topic(lane), self.timeout, self.clock.now());
            self.refresh(batch).await?;
            let open = self.open().await?;
            if !open.cluster.has(&topic) {
                open.cluster.create(&topic, timeout).await?;
            }
            if !lane.is_durable() {
                return match open.cluster.append(&topic, &record(batch, None, now), false, timeout).await? {
                    Appended::TooLarge => Ok(Answer::TooLarge),
                    Appended::At(_) | Appended::OutOfStep => Ok(Answer::Stored(span.last)),
                };
            }
            let hand = open.hand(&topic, lane).await?;
            match open.cluster.append(&topic, &record(batch, Some(hand.pen), now), true, timeout).await? {
                Appended::TooLarge => Ok(Answer::TooLarge),
                Appended::At(offset) => open.stored(&topic, batch, hand, offset).await,
                Appended::OutOfStep => open.caught_up(&topic, batch, hand).await,
            }
        })
    }
}
