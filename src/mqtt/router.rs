//! The rumqttd router, for local subscribers only: dashboards, integrations, a device's own retained status.
//!
//! It is fed and asked by one thread of ours, because its channel blocks and its links want care (see the crate's map):
//! topics are checked before they come here, payloads copied, acknowledgements never asked of it. It carries every message at
//! QoS 0 with the real QoS in front of the payload; the sessions do QoS 1 towards their clients themselves. A router that
//! fails cannot be mended, so its end is reported and ends the process.

#![expect(clippy::result_large_err, reason = "the error is rumqttd's, and it ends the process")]

use super::stats::{Stats, add};
use bytes::{BufMut, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rumqttd::local::{LinkBuilder, LinkRx, LinkTx};
use rumqttd::protocol::{self, Packet};
use std::collections::{HashMap, HashSet};
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
    /// Gives a copy to whoever subscribed; `topic` is a checked topic name. Never blocks: a busy router loses the copy.
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

/// Subscribers at once; each costs about 40 KB.
const SEATS: u32 = 250;
/// Different filters over the life of the process: the router never forgets one.
const FILTERS: usize = 5_000;
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
    filters: Mutex<HashSet<String>>,
    stats: Arc<Stats>,
}

impl Rumqttd {
    /// Starts the router and the thread that speaks to it; `failed` is cancelled when either ends.
    pub fn start(stats: Arc<Stats>, failed: CancellationToken) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(QUEUE);
        let taken = Arc::new(AtomicUsize::new(0));
        let thread_taken = taken.clone();
        std::thread::Builder::new().name("mqtt-local".into()).spawn(move || {
            let _failed = failed.drop_guard();
            if let Some(fault) = serve(&queue, &thread_taken) {
                tracing::error!("the router for local subscribers failed: {fault}");
            }
        })?;
        Ok(Self { jobs, taken, filters: Mutex::default(), stats })
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
        // An empty retained message clears what was retained; then nothing may stand in front of it.
        let mut carried = BytesMut::with_capacity(1 + payload.len());
        if !(retain && payload.is_empty()) {
            carried.put_u8(qos);
            carried.put_slice(payload);
        }
        let counter = match self.jobs.try_send(Job::Publish { topic: topic.to_owned(), payload: carried, retain }) {
            Ok(()) => &self.stats.copies,
            Err(_) => &self.stats.copies_dropped,
        };
        add(counter, 1);
    }

    fn open(&self) -> BoxFuture<'static, Option<(Seat, Box<dyn Feed>)>> {
        let (reply, opened) = oneshot::channel();
        self.must(Job::Open(reply));
        async move {
            let (seat, rx) = opened.await.ok()?;
            let feed: Box<dyn Feed> = Box::new(LinkFeed(rx));
            Some((seat, feed))
        }
        .boxed()
    }

    fn subscribe(&self, seat: Seat, filter: &str) -> bool {
        let mut filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        if !filters.contains(filter) {
            if filters.len() >= FILTERS {
                return false;
            }
            filters.insert(filter.to_owned());
        }
        drop(filters);
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

struct LinkFeed(LinkRx);

impl Feed for LinkFeed {
    fn next(&mut self) -> BoxFuture<'_, Option<LocalMessage>> {
        async move {
            loop {
                let Some(notification) = self.0.next().await.ok()? else { continue };
                if matches!(notification, rumqttd::Notification::Unschedule) {
                    self.0.wake().await.ok()?;
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

fn serve(queue: &Receiver<Job>, taken: &AtomicUsize) -> Option<rumqttd::local::LinkError> {
    let config = rumqttd::RouterConfig {
        max_connections: SEATS as usize + 2,
        max_outgoing_packet_count: 200,
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
    let mut free: Vec<u32> = (0..SEATS).rev().collect();
    let mut links: HashMap<Seat, LinkTx> = HashMap::new();
    while let Ok(job) = queue.recv() {
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
