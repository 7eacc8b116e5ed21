//! One connection to an MQTT broker: what was published on it and acknowledged, what head office said on it, which orders it brought.
//!
//! The connection is not made again here: whoever loses it opens a new one. So nothing is ever sent a second time behind anybody's
//! back, and an acknowledgement always belongs to what was published last.

use super::{Answer, Fault};
use crate::batch::{Known, Order, Span};
use crate::model::Lane;
use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5::{
    DisconnectReasonCode, Filter, Packet, PubAck, PubAckReason, Publish, PublishProperties, SubAck, SubscribeReasonCode,
};
use rumqttc::v5::mqttbytes::{self, QoS};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Orders that the broker may send before the depot has dealt with the first of them.
pub const ORDERS: u16 = 100;
/// Orders and words larger than this are not taken: the broker keeps them from us.
pub const MOST_HEARD: u32 = 256 << 10;
/// Requests to the event loop that may wait.
const REQUESTS: usize = 2 * ORDERS as usize;
/// Room for what a PUBLISH has beside its body.
const HEAD: usize = 1_024;

/// Why a connection is of no use any more.
#[derive(Clone, Debug)]
pub enum End {
    /// The broker does not take packets of that size.
    TooLarge,
    /// The broker is well, but head office does not say that it stored anything.
    Silent(String),
    /// Anything else, in words.
    Fault(String),
}

impl From<End> for Fault {
    fn from(end: End) -> Self {
        match end {
            End::TooLarge => Self::new("the broker does not take packets of that size"),
            End::Silent(what) => Self::answer(what),
            End::Fault(what) => Self::new(what),
        }
    }
}

/// What head office says on the topic `ack`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    /// All that it has, as `GET …/cursors` tells it: the depot is to go on behind that.
    All { items: Vec<Known> },
    /// So far a lane is stored.
    One(Known),
}

/// The topics of a depot.
pub struct Topics {
    /// Where head office says what is stored.
    pub ack: String,
    /// Where the depot tells that it is there.
    pub hello: String,
    /// Where orders come, when they are taken from here.
    pub orders: Option<String>,
}

#[derive(Default)]
struct Board {
    /// The largest packet that the broker takes.
    connected: Option<usize>,
    listening: bool,
    /// The number of the last packet published, 0 without acknowledgement.
    published: Option<u16>,
    acked: Option<Result<(), PubAckReason>>,
    words: BTreeMap<Lane, Known>,
    all: Option<Vec<Known>>,
    /// By their number, not yet acknowledged.
    orders: BTreeMap<i64, (Order, Publish)>,
    ended: Option<End>,
}

struct Shared {
    // A std mutex, held for a look and never across an await.
    board: Mutex<Board>,
    news: Notify,
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is up and listens.
pub struct Bridge {
    client: AsyncClient,
    shared: Arc<Shared>,
    most: usize,
    _work: JoinSet<()>,
}

impl Bridge {
    /// Connects, listens to `topics` and says hello.
    pub async fn open(mut options: MqttOptions, topics: Topics) -> Result<Self, End> {
        let stopped = |e: rumqttc::v5::ClientError| End::Fault(e.to_string());
        options.set_manual_acks(true).set_receive_maximum(Some(ORDERS)).set_max_packet_size(Some(MOST_HEARD));
        let (client, events) = AsyncClient::new(options, REQUESTS);
        let shared = Arc::new(Shared { board: Mutex::default(), news: Notify::new() });
        // A word counts on the connection on which it is said: what is sent again is answered again.
        let mut filters = vec![Filter::new(topics.ack.clone(), QoS::AtMostOnce)];
        filters.extend(topics.orders.as_ref().map(|orders| Filter::new(orders.clone(), QoS::AtLeastOnce)));
        let mut work = JoinSet::new();
        let hello = topics.hello.clone();
        work.spawn(listen(events, client.clone(), topics, Arc::clone(&shared)));
        let mut bridge = Self { client, shared, most: usize::MAX, _work: work };
        bridge.most = bridge.wait(|board| board.connected).await?;
        bridge.client.subscribe_many(filters).await.map_err(stopped)?;
        bridge.wait(|board| board.listening.then_some(())).await?;
        bridge.publish(hello, QoS::AtLeastOnce, Bytes::from_static(b"{}"), PublishProperties::default()).await?;
        Ok(bridge)
    }

    async fn wait<T>(&self, mut look: impl FnMut(&mut Board) -> Option<T>) -> Result<T, End> {
        loop {
            {
                let mut board = self.shared.board();
                if let Some(found) = look(&mut board) {
                    return Ok(found);
                }
                if let Some(end) = &board.ended {
                    return Err(end.clone());
                }
            }
            self.shared.news.notified().await;
        }
    }

    /// Puts a packet on the wire.
    pub async fn publish(&self, topic: String, quality: QoS, body: Bytes, properties: PublishProperties) -> Result<(), End> {
        if topic.len() + body.len() + HEAD > self.most {
            return Err(End::TooLarge);
        }
        {
            let mut board = self.shared.board();
            (board.published, board.acked) = (None, None);
            board.words.clear();
        }
        let sent = self.client.publish_with_properties(topic, quality, false, body, properties).await;
        sent.map_err(|e| End::Fault(e.to_string()))?;
        self.wait(|board| board.published.map(|_| ())).await
    }

    /// Waits for the broker's acknowledgement of what was published last.
    pub async fn acked(&self) -> Result<(), End> {
        self.wait(|board| board.acked).await?.map_err(refused)
    }

    /// Has the broker acknowledged what was published last?
    pub fn has_acked(&self) -> bool {
        matches!(self.shared.board().acked, Some(Ok(())))
    }

    /// Waits for head office's word on `span`, which was published last.
    pub async fn answer(&self, span: &Span) -> Result<Answer, End> {
        let word = |board: &mut Board| match board.acked {
            Some(Err(reason)) => Some(Err(refused(reason))),
            _ => board.said_to(span).map(Ok),
        };
        self.wait(word).await?
    }

    /// All that head office said it has, when it said so since it was last asked.
    pub fn all(&self) -> Option<Vec<Known>> {
        self.shared.board().all.take()
    }

    /// Orders behind number `after`. Up to there the depot has dealt with them: only now the broker may forget them.
    pub async fn orders(&self, after: i64) -> Result<Vec<Order>, End> {
        let done = {
            let mut board = self.shared.board();
            if let Some(end) = &board.ended {
                return Err(end.clone());
            }
            let waiting = board.orders.split_off(&after.saturating_add(1));
            std::mem::replace(&mut board.orders, waiting)
        };
        for (_, publish) in done.values() {
            self.client.ack(publish).await.map_err(|e| End::Fault(e.to_string()))?;
        }
        Ok(self.shared.board().orders.values().map(|(order, _)| order.clone()).collect())
    }
}

impl Board {
    /// What the words heard so far mean for `span`; `None`: nothing yet.
    fn said_to(&mut self, span: &Span) -> Option<Answer> {
        let word = self.words.remove(&span.lane).filter(|word| word.epoch == span.epoch).map(|word| word.through);
        let all = || {
            let mut of_lane = self.all.iter().flatten().filter(|known| known.lane == span.lane).peekable();
            of_lane.peek()?;
            Some(of_lane.find(|known| known.epoch == span.epoch).map_or(span.epoch_from - 1, |known| known.through))
        };
        let through = word.or_else(all)?;
        match through {
            _ if through >= span.last => Some(Answer::Stored(through)),
            // Said before this batch arrived.
            _ if through == span.first - 1 => None,
            _ => Some(Answer::Expected(through.saturating_add(1))),
        }
    }

    /// Takes in an order; gives what may be acknowledged at once: what is no order, and one that came before under the same number.
    fn order(&mut self, said: Publish) -> Option<Publish> {
        match serde_json::from_slice::<Order>(&said.payload) {
            Ok(order) => {
                let before = self.orders.insert(order.seq, (order, said));
                if self.orders.len() > usize::from(ORDERS) {
                    self.ended = Some(End::Fault(format!("the broker sends more than {ORDERS} orders at once")));
                }
                before.map(|(_, before)| before)
            }
            Err(error) => {
                tracing::warn!("a message is no order and is passed over: {error}");
                Some(said)
            }
        }
    }
}

/// Nobody stored the batch: the broker says why.
fn refused(reason: PubAckReason) -> End {
    match reason {
        PubAckReason::NoMatchingSubscribers => End::Fault("nobody listens at the broker: it dropped the batch".to_owned()),
        reason => End::Fault(format!("the broker refused a batch: {reason:?}")),
    }
}

/// Drives the connection until it ends.
async fn listen(mut events: EventLoop, client: AsyncClient, topics: Topics, shared: Arc<Shared>) {
    loop {
        let event = events.poll().await;
        {
            let mut board = shared.board();
            match event {
                Ok(Event::Incoming(packet)) => hear(&mut board, packet, &topics, &client),
                Ok(Event::Outgoing(rumqttc::Outgoing::Publish(number))) => board.published = Some(number),
                Ok(Event::Outgoing(_)) => {}
                Err(error) => board.ended = Some(end(&error)),
            }
        }
        shared.news.notify_one();
        if shared.board().ended.is_some() {
            return;
        }
    }
}

fn hear(board: &mut Board, packet: Packet, topics: &Topics, client: &AsyncClient) {
    match packet {
        Packet::ConnAck(said) => {
            let most = said.properties.and_then(|p| p.max_packet_size).and_then(|most| usize::try_from(most).ok());
            board.connected = Some(most.unwrap_or(usize::MAX));
        }
        Packet::SubAck(SubAck { return_codes, .. }) => {
            match return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_))) {
                Some(code) => board.ended = Some(End::Fault(format!("the broker does not let us listen to {}: {code:?}", topics.ack))),
                None => board.listening = true,
            }
        }
        Packet::PubAck(PubAck { pkid, reason, .. }) if board.published == Some(pkid) => {
            board.acked = Some(if reason == PubAckReason::Success { Ok(()) } else { Err(reason) });
        }
        Packet::Publish(said) => {
            let done = if said.topic == topics.ack.as_bytes() {
                match serde_json::from_slice(&said.payload) {
                    Ok(Word::One(known)) => drop(board.words.insert(known.lane, known)),
                    Ok(Word::All { items }) => board.all = Some(items),
                    Err(error) => tracing::warn!("what was said on {} is no acknowledgement: {error}", topics.ack),
                }
                Some(said)
            } else if topics.orders.as_ref().is_some_and(|orders| said.topic == orders.as_bytes()) {
                board.order(said)
            } else {
                Some(said)
            };
            // No room for it only when the connection stands still: the broker then sends the message again.
            if let Some(said) = done {
                drop(client.try_ack(&said));
            }
        }
        _ => {}
    }
}

fn end(error: &ConnectionError) -> End {
    /// "Packet too large" among MQTT's reasons; as an answer to a PUBLISH the library does not know it.
    const TOO_LARGE: u8 = 0x95;
    match error {
        ConnectionError::MqttState(
            StateError::OutgoingPacketTooLarge { .. }
            | StateError::ServerDisconnect { reason_code: DisconnectReasonCode::PacketTooLarge, .. }
            | StateError::Deserialization(mqttbytes::Error::InvalidConnectReturnCode(TOO_LARGE)),
        ) => End::TooLarge,
        error => End::Fault(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: i64, last: i64) -> Span {
        Span { depot: "d".into(), epoch: "e".into(), epoch_from: 1, lane: Lane::Bookings, first, last }
    }

    fn hears(words: &[&str], span: &Span) -> Option<Answer> {
        let mut board = Board::default();
        let topics = Topics { ack: "ack".into(), hello: "hello".into(), orders: None };
        let (client, _events) = AsyncClient::new(MqttOptions::new("c", "localhost", 1), 10);
        for word in words {
            hear(&mut board, Packet::Publish(Publish::new("ack", QoS::AtMostOnce, word.to_string(), None)), &topics, &client);
        }
        board.said_to(span)
    }

    #[test]
    fn a_word_confirms_refuses_or_was_said_before() {
        let one = |through: i64| format!("{{\"lane\":\"bookings\",\"epoch\":\"e\",\"through\":{through}}}");
        let span = span(11, 20);
        assert_eq!(hears(&[&one(20)], &span), Some(Answer::Stored(20)));
        assert_eq!(hears(&[&one(10)], &span), None, "the batch before");
        assert_eq!(hears(&[&one(15)], &span), Some(Answer::Expected(16)), "a part of it came in other batches");
        assert_eq!(hears(&[&one(4)], &span), Some(Answer::Expected(5)));
        assert_eq!(hears(&["nonsense", "{\"lane\":\"bookings\",\"epoch\":\"old\",\"through\":99}"], &span), None);
        assert_eq!(hears(&["{\"lane\":\"dispatch\",\"epoch\":\"e\",\"through\":99}"], &span), None);
        assert_eq!(hears(&[&format!("{{\"items\":[{}]}}", one(20))], &span), Some(Answer::Stored(20)));
        let old = "{\"items\":[{\"lane\":\"bookings\",\"epoch\":\"old\",\"through\":99}]}";
        assert_eq!(hears(&[old], &span), Some(Answer::Expected(1)), "it has nothing of this epoch");
        assert_eq!(hears(&["{\"items\":[]}"], &span), None, "it does not speak of the lane");
    }
}
