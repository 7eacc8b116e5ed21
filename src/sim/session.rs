//! One vehicle's MQTT session (3.1.1, QoS 1) over an unsteady line: what is not acknowledged is sent again.

use super::depot::{Credential, Target};
use super::rng::Rng;
use rumqttc::{AsyncClient, ConnectionError, EventLoop, MqttOptions, Outgoing, Packet, QoS};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Sleep;

/// Messages in flight at most.
const WINDOW: usize = 20;
/// Waits between attempts to connect, in seconds: growing, and never in step with other vehicles.
const BACKOFF: (f64, f64) = (0.2, 3.0);

/// What a session tells.
#[derive(Debug)]
pub enum Event {
    /// The depot let it in.
    Online,
    /// The line is gone; why. It is tried again without being asked.
    Offline(String),
    /// A message on the command topic.
    Command(serde_json::Value),
    /// The depot acknowledged the message that was given this number.
    Acked(u64),
}

#[derive(Clone, Debug)]
struct Message {
    number: u64,
    topic: &'static str,
    payload: Vec<u8>,
}

type Polled = (EventLoop, Result<rumqttc::Event, ConnectionError>);

/// Exactly one of: a line, or a wait for the next attempt.
enum Line {
    Up { client: AsyncClient, polling: Pin<Box<dyn Future<Output = Polled> + Send>> },
    Down(Pin<Box<Sleep>>),
}

/// The session. It lives as long as it is polled with [`Session::next`].
pub struct Session {
    vehicle: String,
    credential: Credential,
    target: watch::Receiver<Target>,
    rng: Rng,
    line: Line,
    failures: i32,
    numbers: u64,
    /// Not handed over yet.
    queue: VecDeque<Message>,
    /// Handed over, without a packet id so far; in order.
    leaving: VecDeque<Message>,
    /// Sent, by packet id.
    flying: HashMap<u16, Message>,
}

fn poll(mut events: EventLoop) -> Pin<Box<dyn Future<Output = Polled> + Send>> {
    Box::pin(async move {
        let event = events.poll().await;
        (events, event)
    })
}

impl Session {
    /// A session that connects as soon as it is polled; `target` tells where to at every attempt.
    pub fn new(vehicle: &str, credential: Credential, target: watch::Receiver<Target>, rng: Rng) -> Self {
        Self {
            vehicle: vehicle.to_owned(),
            credential,
            target,
            rng,
            line: Line::Down(Box::pin(tokio::time::sleep(Duration::ZERO))),
            failures: 0,
            numbers: 0,
            queue: VecDeque::new(),
            leaving: VecDeque::new(),
            flying: HashMap::new(),
        }
    }

    /// Queues a message for `v/{vehicle}/{topic}`; its number comes back with [`Event::Acked`].
    pub fn publish(&mut self, topic: &'static str, payload: Vec<u8>) -> u64 {
        self.numbers += 1;
        self.queue.push_back(Message { number: self.numbers, topic, payload });
        self.numbers
    }

    /// How many messages are not acknowledged.
    pub fn unacked(&self) -> usize {
        self.queue.len() + self.leaving.len() + self.flying.len()
    }

    /// Drops the line as a dead spot does, without a farewell, for so long.
    pub fn lose_line(&mut self, span: Duration) {
        self.take_back();
        self.line = Line::Down(Box::pin(tokio::time::sleep(span)));
    }

    /// Waits for what comes next. May be dropped at any time without losing anything.
    pub async fn next(&mut self) -> Event {
        loop {
            self.hand_over();
            match &mut self.line {
                Line::Down(wait) => {
                    wait.await;
                    self.connect();
                }
                Line::Up { polling, .. } => {
                    let (events, result) = polling.await;
                    if let Some(event) = self.digest(events, result) {
                        return event;
                    }
                }
            }
        }
    }

    fn connect(&mut self) {
        let SocketAddr::V4(to) = self.target.borrow().mqtt else {
            return self.fail();
        };
        let mut options = MqttOptions::new(&self.credential.username, to.ip().to_string(), to.port());
        options.set_credentials(&self.credential.username, &self.credential.password);
        options.set_keep_alive(Duration::from_secs(30)).set_inflight(100).set_clean_session(true);
        let (client, events) = AsyncClient::new(options, WINDOW + 2);
        self.line = Line::Up { client, polling: poll(events) };
    }

    fn fail(&mut self) {
        self.take_back();
        let wait = (BACKOFF.0 * 1.7_f64.powi(self.failures)).min(BACKOFF.1) * self.rng.between(0.6, 1.4);
        self.failures = (self.failures + 1).min(10);
        self.line = Line::Down(Box::pin(tokio::time::sleep(Duration::from_secs_f64(wait))));
    }

    /// What was sent without an answer goes back to the head of the queue, oldest first.
    fn take_back(&mut self) {
        let mut back: Vec<_> = self.flying.drain().map(|(_, message)| message).chain(self.leaving.drain(..)).collect();
        back.sort_by_key(|message| std::cmp::Reverse(message.number));
        back.into_iter().for_each(|message| self.queue.push_front(message));
    }

    fn hand_over(&mut self) {
        let Line::Up { client, .. } = &self.line else { return };
        while self.leaving.len() + self.flying.len() < WINDOW {
            let Some(message) = self.queue.front() else { return };
            let topic = format!("v/{}/{}", self.vehicle, message.topic);
            if client.try_publish(topic, QoS::AtLeastOnce, false, message.payload.clone()).is_err() {
                return;
            }
            self.leaving.extend(self.queue.pop_front());
        }
    }

    fn digest(&mut self, events: EventLoop, result: Result<rumqttc::Event, ConnectionError>) -> Option<Event> {
        let Line::Up { client, polling } = &mut self.line else { return None };
        let event = match result {
            Ok(event) => event,
            Err(error) => {
                self.fail();
                return Some(Event::Offline(error.to_string()));
            }
        };
        *polling = poll(events);
        match event {
            rumqttc::Event::Incoming(Packet::ConnAck(_)) => {
                self.failures = 0;
                // The channel has room for this beside a full window.
                let asked = client.try_subscribe(format!("v/{}/cmd", self.vehicle), QoS::AtLeastOnce);
                if let Err(error) = asked {
                    tracing::warn!(vehicle = %self.vehicle, %error, "cannot ask for commands");
                }
                Some(Event::Online)
            }
            rumqttc::Event::Outgoing(Outgoing::Publish(id)) => {
                let message = self.leaving.pop_front()?;
                self.flying.insert(id, message);
                None
            }
            rumqttc::Event::Incoming(Packet::PubAck(ack)) => self.flying.remove(&ack.pkid).map(|m| Event::Acked(m.number)),
            rumqttc::Event::Incoming(Packet::Publish(p)) => serde_json::from_slice(&p.payload).ok().map(Event::Command),
            _ => None,
        }
    }
}
