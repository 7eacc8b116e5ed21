//! `mqtt`: a Mosquitto, and a head office that reads from it.

use crate::common::until;
use crate::upstream_support::mosquitto::{Broker, Consumer, Disk, Kept};
use crate::upstream_support::proxy::Marks;
use crate::upstream_support::run::{Odds, Office, run};
use crate::upstream_support::{Content, PATIENCE, Truths, batch, settings};
use depotd::clock::Clock;
use depotd::config;
use depotd::model::{Lane, LineMode};
use depotd::sim::rng::Rng;
use depotd::sync::Sync;
use depotd::upstream::sink::{self, Answer, Sink};
use rumqttc::v5::mqttbytes::QoS;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const ODDS: Odds = Odds { rounds: 6, kill: 0.4, millis: 80 };

struct Bridged {
    broker: Broker,
    disk: Disk,
    consumer: Consumer,
    copy: Kept,
}

impl Office for Bridged {
    async fn meet(&mut self, _depot: &str) {}

    fn address(&self) -> SocketAddr {
        self.broker.address()
    }

    fn settings(&self, depot: &str, proxy: SocketAddr, _dir: &Path) -> config::Upstream {
        settings(depot, &format!("mqtt://{proxy}"))
    }

    /// A topic with its length in front.
    fn marks(&self, depot: &str) -> Marks {
        let topic = |lane: Lane| {
            let topic = format!("depotd/{depot}/{}", lane.as_str());
            [&u16::try_from(topic.len()).unwrap().to_be_bytes(), topic.as_bytes()].concat()
        };
        Lane::ALL.map(|lane| (lane, topic(lane))).to_vec()
    }

    async fn kill(&mut self, rng: &mut Rng) {
        if rng.chance(0.5) {
            self.broker.kill_and_restart().await;
        } else {
            self.consumer = Consumer::start(&self.broker, &self.disk);
        }
    }

    async fn back_up(&mut self, depot: &str) {
        self.copy = self.disk.lock().unwrap().get(depot).cloned().unwrap_or_default();
    }

    async fn put_back(&mut self, depot: &str) {
        self.disk.lock().unwrap().insert(depot.to_owned(), self.copy.clone());
        self.consumer = Consumer::start(&self.broker, &self.disk);
    }

    async fn content(&mut self, depot: &str) -> Content {
        Content::of_batches(&self.disk.lock().unwrap().get(depot).cloned().unwrap_or_default().batches)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_mqtt_runs_end_equal() {
    let (broker, disk) = (Broker::start("").await, Disk::default());
    let consumer = Consumer::start(&broker, &disk);
    let mut office = Bridged { broker, disk, consumer, copy: Kept::default() };
    for seed in 1..21 {
        run(&mut office, seed, ODDS).await;
    }
}

fn open(broker: &Broker, orders: bool) -> Box<dyn Sink> {
    let mut settings = settings("lyon", &format!("mqtt://{}", broker.address()));
    settings.sinks[0].orders = orders;
    sink::open(&settings.sinks[0], "lyon", Duration::from_secs(5), &Clock::system()).unwrap()
}

#[tokio::test]
async fn what_the_broker_does_not_pass_on_is_not_taken_for_stored() {
    let broker = Broker::start("max_packet_size 2000").await;
    let mut sink = open(&broker, false);
    let said = sink.deliver(&batch(Lane::History, 1, 5)).await.unwrap_err().what;
    assert!(said.contains("nobody listens"), "{said}");
    let said = sink.deliver(&batch(Lane::Bookings, 1, 5)).await.unwrap_err().what;
    assert!(said.contains("nobody listens"), "{said}");
    let mut large = batch(Lane::History, 1, 5);
    large.body = vec![7; 3_000].into();
    assert_eq!(sink.deliver(&large).await.unwrap(), Answer::TooLarge);

    let disk = Disk::default();
    let _consumer = Consumer::start(&broker, &disk);
    let stored = async {
        loop {
            if let Ok(answer) = sink.deliver(&batch(Lane::Bookings, 1, 5)).await {
                return answer;
            }
            sink = open(&broker, false);
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, stored).await.unwrap(), Answer::Stored(5));
    // What it said before it had anything.
    sink.told();
    assert_eq!(sink.deliver(&batch(Lane::Bookings, 9, 12)).await.unwrap(), Answer::Expected(6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_office_that_says_nothing_is_told_of_and_holds_up_only_its_own_lane() {
    let broker = Broker::start("").await;
    let (mute, mut events) = broker.client("mute");
    mute.subscribe("depotd/+/+", QoS::AtLeastOnce).await.unwrap();
    let listening = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let (dir, mut rng) = (tempfile::tempdir().unwrap(), Rng::new(1, 1));
    let mut truths = Truths::open(dir.path());
    truths.live(&mut rng, 60).await;
    let settings = settings("lyon", &format!("mqtt://{}", broker.address()));
    let sync = Sync::new(truths.db.clone(), &settings, truths.clock.clone());
    let cancel = CancellationToken::new();
    let work = tokio::spawn(truths.line(&sync, &settings).run(cancel.clone()));
    let lane = |lane: Lane| sync.status()[0].lanes.iter().find(|status| status.lane == lane).cloned();
    until("a line that is up to say what is wrong with it", async || {
        let status = sync.status().remove(0);
        let says = status.fault.as_deref().is_some_and(|fault| fault.contains("head office did not answer on depotd/lyon/ack"));
        (says && status.mode == LineMode::CatchingUp).then_some(())
    })
    .await;
    until("the other lanes to go on", async || {
        let held_up = lane(Lane::Bookings).is_some_and(|bookings| bookings.held_up.is_some());
        (held_up && lane(Lane::Dispatch).is_some_and(|dispatch| dispatch.backlog == 0)).then_some(())
    })
    .await;
    let disk = Disk::default();
    let _consumer = Consumer::start(&broker, &disk);
    truths.drained(&sync).await;
    assert_eq!(sync.status()[0].fault, None);
    cancel.cancel();
    work.await.unwrap();
    listening.abort();
}

#[tokio::test]
async fn a_broker_that_refuses_the_size_only_afterwards_gets_smaller_batches() {
    let broker = Broker::start("message_size_limit 500").await;
    let disk = Disk::default();
    let _consumer = Consumer::start(&broker, &disk);
    let mut sink = open(&broker, false);
    let mut large = batch(Lane::Bookings, 1, 5);
    large.body = vec![7; 900].into();
    assert_eq!(sink.deliver(&large).await.unwrap(), Answer::TooLarge);
}

#[tokio::test]
async fn an_order_stays_at_the_broker_until_the_depot_has_dealt_with_it() {
    let broker = Broker::start("").await;
    // The first session makes the subscription that outlives it.
    open(&broker, true).known().await.unwrap();
    let (office, mut events) = broker.client("desk");
    let work = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let order = |seq: i64| serde_json::json!({"seq": seq, "command": "{}", "signature": "s"}).to_string();
    for text in ["garbage".to_owned(), order(1), order(2), order(2), order(3)] {
        office.publish("depotd/lyon/orders", QoS::AtLeastOnce, false, text).await.unwrap();
    }
    let numbers = async |sink: &mut Box<dyn Sink>, after: i64, count: usize| -> Vec<i64> {
        let all = async {
            loop {
                let found: Vec<i64> = sink.orders(after).await.unwrap().iter().map(|order| order.seq).collect();
                if found.len() >= count {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.unwrap()
    };
    let mut sink = open(&broker, true);
    assert_eq!(numbers(&mut sink, 0, 3).await, [1, 2, 3]);
    // The depot dies before it has dealt with any of them, and again when it has dealt with the first.
    let mut sink = open(&broker, true);
    assert_eq!(numbers(&mut sink, 0, 3).await, [1, 2, 3]);
    assert_eq!(numbers(&mut sink, 1, 2).await, [2, 3]);
    let mut sink = open(&broker, true);
    assert_eq!(numbers(&mut sink, 1, 2).await, [2, 3]);
    assert!(numbers(&mut sink, 3, 0).await.is_empty());
    // What it says next is behind its acknowledgements.
    sink.deliver(&batch(Lane::History, 1, 1)).await.unwrap_err();
    office.publish("depotd/lyon/orders", QoS::AtLeastOnce, false, order(4)).await.unwrap();
    let mut sink = open(&broker, true);
    assert_eq!(numbers(&mut sink, 0, 1).await, [4], "the others are gone from the broker");
    work.abort();
}
