//! The rumqttd router, for local subscribers only: dashboards, integrations, a device's own retained status.
//!
//! It is fed and asked by one thread of ours, because its channel blocks and its links want care (see the crate's map):
//! topics are checked before they come here, payloads copied, acknowledgements never asked of it. It carries every message at
//! QoS 0 with the real QoS in front of the payload; the sessions do QoS 1 towards their clients themselves. A router that
//! fails cannot be mended, so its end is reported and ends the process.

#![expect(clippy::result_large_err, reason = "the error is rumqttd's, and it ends the process")]

use super::known::Known;
use super::stats::{Stats, add};
use bytes::{BufMut, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rumqttd::local::{LinkBuilder, LinkRx, LinkTx};
use rumqttd::protocol::{self, Packet};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// A message on its way to a local subscriber.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalMessage {
    /// Where it was published.
    pub topic: String,
    /// The message.
    pub payload: Vec<u8>,
    /// The QoS it was published with.
    pub qos: u8,
    /// Kept from before the subscription?
    pub retain: bool,
}

/// What comes to one subscriber.
pub trait Feed: Send + Sync {
    /// The next message; `None` when the router has dropped this subscriber.
    fn next(&mut self) -> BoxFuture<'_, Option<LocalMessage>>;
}

/// One subscriber's place at the router.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Seat(u32);

/// Spreads messages to local subscribers.
pub trait Router: Send + Sync {
    /// Gives a copy to whoever subscribed; `topic` is a checked topic name. Never blocks: a busy router loses the copy, and so
    /// does a topic beyond what one owner or all may use.
    fn publish(&self, topic: &str, payload: &[u8], qos: u8, retain: bool);
    /// Takes a seat; `None` when all are taken or the router is gone.
    fn open(&self) -> BoxFuture<'static, Option<(Seat, Box<dyn Feed>)>>;
    /// Adds a checked filter to a seat; `false` when no more different filters can be held.
    fn subscribe(&self, seat: Seat, filter: &str) -> bool;
    /// Takes a filter from a seat.
    fn unsubscribe(&self, seat: Seat, filter: &str);
    /// Gives a seat back.
    fn close(&self, seat: Seat);
}

/// Different filters over the life of the process, in all and of one owner: the router never forgets one.
const FILTERS: (usize, usize) = (5_000, 32);
/// Different topics, likewise.
const TOPICS: (usize, usize) = (100_000, 32);
/// Retained messages that a new subscription gets at most; the router drops the others.
const RETAINED: u64 = 50_000;
/// The QoS that a vehicle's status is published with.
pub const STATUS_QOS: u8 = 1;
/// Copies that may wait for the router.
const QUEUE: usize = 4_096;

enum Job {
    Publish { topic: String, payload: BytesMut, retain: bool },
    Open(oneshot::Sender<(Seat, LinkRx)>),
    Subscribe(Seat, String),
    Unsubscribe(Seat, String),
    Close(Seat),
}

/// [`Router`] over rumqttd.
pub struct Rumqttd {
    jobs: SyncSender<Job>,
    taken: Arc<AtomicUsize>,
    filters: Mutex<Known>,
    topics: Mutex<Known>,
    stats: Arc<Stats>,
}

impl Rumqttd {
    /// Starts the router and the thread that speaks to it; `failed` is cancelled when either ends. `retained` holds topics and
    /// payloads to begin with. At most `seats` subscribers at once; each costs about 40 KB.
    pub fn start(
        seats: u16,
        stats: Arc<Stats>,
        failed: CancellationToken,
        retained: impl Iterator<Item = (String, String)> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(QUEUE);
        let taken = Arc::new(AtomicUsize::new(0));
        let thread_taken = taken.clone();
        std::thread::Builder::new().name("mqtt-local".into()).spawn(move || {
            let _failed = failed.drop_guard();
            let first = retained.map(|(topic, payload)| publication(topic, payload.as_bytes(), STATUS_QOS, true));
            if let Some(fault) = serve(first, &queue, &thread_taken, seats) {
                tracing::error!("the router for local subscribers failed: {fault}");
            }
        })?;
        let (filters, topics) = (Mutex::new(Known::new(FILTERS)), Mutex::new(Known::new(TOPICS)));
        Ok(Self { jobs, taken, filters, topics, stats })
    }

    fn must(&self, job: Job) {
        // Subscriptions are few; when the queue is full of copies they wait behind them on a thread of their own making.
        if let Err(TrySendError::Full(job)) = self.jobs.try_send(job) {
            let jobs = self.jobs.clone();
            std::mem::drop(tokio::task::spawn_blocking(move || jobs.send(job)));
        }
    }
}

impl Router for Rumqttd {
    fn publish(&self, topic: &str, payload: &[u8], qos: u8, retain: bool) {
        if !retain && self.taken.load(Ordering::Relaxed) == 0 {
            return;
        }
        let admitted = self.topics.lock().unwrap_or_else(PoisonError::into_inner).admit(topic);
        let sent = admitted && self.jobs.try_send(publication(topic.to_owned(), payload, qos, retain)).is_ok();
        add(if sent { &self.stats.copies } else { &self.stats.copies_dropped }, 1);
    }

    fn open(&self) -> BoxFuture<'static, Option<(Seat, Box<dyn Feed>)>> {
        let (reply, opened) = oneshot::channel();
        self.must(Job::Open(reply));
        async move {
            let (seat, rx) = opened.await.ok()?;
            let feed: Box<dyn Feed> = Box::new(LinkFeed { link: rx, paused: false });
            Some((seat, feed))
        }
        .boxed()
    }

    fn subscribe(&self, seat: Seat, filter: &str) -> bool {
        if !self.filters.lock().unwrap_or_else(PoisonError::into_inner).admit(filter) {
            return false;
        }
        self.must(Job::Subscribe(seat, filter.to_owned()));
        true
    }

    fn unsubscribe(&self, seat: Seat, filter: &str) {
        self.must(Job::Unsubscribe(seat, filter.to_owned()));
    }

    fn close(&self, seat: Seat) {
        self.must(Job::Close(seat));
    }
}

struct LinkFeed {
    link: LinkRx,
    /// The router waits to be told that there is room again; kept here because [`Feed::next`] may be dropped halfway.
    paused: bool,
}

impl Feed for LinkFeed {
    fn next(&mut self) -> BoxFuture<'_, Option<LocalMessage>> {
        async move {
            loop {
                if self.paused {
                    self.link.wake().await.ok()?;
                    self.paused = false;
                }
                let Some(notification) = self.link.next().await.ok()? else { continue };
                if matches!(notification, rumqttd::Notification::Unschedule) {
                    self.paused = true;
                    continue;
                }
                match Option::<Packet>::from(notification) {
                    Some(Packet::Publish(publish, _)) => {
                        let Some((&qos, payload)) = publish.payload.split_first() else { continue };
                        let Ok(topic) = std::str::from_utf8(&publish.topic) else { continue };
                        return Some(LocalMessage { topic: topic.to_owned(), payload: payload.to_vec(), qos, retain: publish.retain });
                    }
                    Some(Packet::Disconnect(..)) => return None,
                    _ => {}
                }
            }
        }
        .boxed()
    }
}

/// The copy of a message, its QoS in front of its payload.
fn publication(topic: String, payload: &[u8], qos: u8, retain: bool) -> Job {
    // An empty retained message clears what was retained; then nothing may stand in front of it.
    let mut carried = BytesMut::with_capacity(1 + payload.len());
    if !(retain && payload.is_empty()) {
        carried.put_u8(qos);
        carried.put_slice(payload);
    }
    Job::Publish { topic, payload: carried, retain }
}

fn serve(first: impl Iterator<Item = Job>, queue: &Receiver<Job>, taken: &AtomicUsize, seats: u16) -> Option<rumqttd::local::LinkError> {
    let config = rumqttd::RouterConfig {
        max_connections: usize::from(seats) + 2,
        max_outgoing_packet_count: RETAINED,
        max_segment_size: 1024 * 1024,
        max_segment_count: 2,
        ..Default::default()
    };
    let sender = rumqttd::Router::new(0, config).spawn();
    let build = |name: &str| LinkBuilder::new(name, sender.clone()).clean_session(true).topic_alias_max(0).build();
    let (mut publisher, _publisher_rx) = match build("depotd") {
        Ok((tx, rx, _)) => (tx, rx),
        Err(fault) => return Some(fault),
    };
    let mut free: Vec<u32> = (0..u32::from(seats)).rev().collect();
    let mut links: HashMap<Seat, LinkTx> = HashMap::new();
    for job in first.chain(queue.iter()) {
        let done = match job {
            Job::Publish { topic, payload, retain } => {
                let publish = protocol::Publish::new(topic, String::new(), retain);
                send(&mut publisher, Packet::Publish(with_payload(publish, payload), None))
            }
            Job::Open(reply) => {
                let Some(seat) = free.pop() else { continue };
                match build(&format!("local-{seat}")) {
                    Ok((tx, rx, _)) => {
                        links.insert(Seat(seat), tx);
                        taken.store(links.len(), Ordering::Relaxed);
                        match reply.send((Seat(seat), rx)) {
                            Ok(()) => Ok(()),
                            Err(_) => close(&mut links, &mut free, taken, Seat(seat)),
                        }
                    }
                    Err(fault) => Err(fault),
                }
            }
            Job::Subscribe(seat, filter) => links.get_mut(&seat).map_or(Ok(()), |link| {
                send(link, Packet::Unsubscribe(protocol::Unsubscribe { pkid: 1, filters: vec![filter.clone()] }, None))?;
                let filter = protocol::Filter {
                    path: filter,
                    qos: protocol::QoS::AtMostOnce,
                    nolocal: false,
                    preserve_retain: true,
                    retain_forward_rule: protocol::RetainForwardRule::OnEverySubscribe,
                };
                send(link, Packet::Subscribe(protocol::Subscribe { pkid: 1, filters: vec![filter] }, None))
            }),
            Job::Unsubscribe(seat, filter) => links
                .get_mut(&seat)
                .map_or(Ok(()), |link| send(link, Packet::Unsubscribe(protocol::Unsubscribe { pkid: 1, filters: vec![filter] }, None))),
            Job::Close(seat) => close(&mut links, &mut free, taken, seat),
        };
        if let Err(fault) = done {
            return Some(fault);
        }
    }
    None
}

fn with_payload(mut publish: protocol::Publish, payload: BytesMut) -> protocol::Publish {
    publish.payload = payload.freeze();
    publish
}

fn close(links: &mut HashMap<Seat, LinkTx>, free: &mut Vec<u32>, taken: &AtomicUsize, seat: Seat) -> Result<(), rumqttd::local::LinkError> {
    let Some(mut link) = links.remove(&seat) else { return Ok(()) };
    free.push(seat.0);
    taken.store(links.len(), Ordering::Relaxed);
    let farewell = protocol::Disconnect { reason_code: protocol::DisconnectReasonCode::NormalDisconnection };
    send(&mut link, Packet::Disconnect(farewell, None))
}

/// Blocks while the router's channel is full; its future never waits.
fn send(link: &mut LinkTx, packet: Packet) -> Result<(), rumqttd::local::LinkError> {
    link.send(packet).now_or_never().map_or(Ok(()), |sent| sent.map(|_| ()))
}
