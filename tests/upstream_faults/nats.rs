//! `nats`: a nats-server with JetStream on the disk.

use crate::upstream_support::nats::Server;
use crate::upstream_support::proxy::Marks;
use crate::upstream_support::run::{Odds, Office, run};
use crate::upstream_support::{Content, batch, settings};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy};
use async_nats::{HeaderMap, header};
use depotd::clock::Clock;
use depotd::config;
use depotd::model::Lane;
use depotd::sim::rng::Rng;
use depotd::upstream::sink::{self, Answer, Sink};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

const ODDS: Odds = Odds { rounds: 6, kill: 0.3, millis: 80 };
/// The shortest memory for message ids that the server takes, and longer than that.
const WINDOW: Duration = Duration::from_millis(100);
const LONGER: Duration = Duration::from_millis(400);

impl Office for Server {
    async fn meet(&mut self, _depot: &str) {}

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port()).into()
    }

    fn settings(&self, depot: &str, proxy: SocketAddr, _dir: &Path) -> config::Upstream {
        settings(depot, &format!("nats://{proxy}"))
    }

    fn marks(&self, depot: &str) -> Marks {
        Lane::ALL.map(|lane| (lane, format!("HPUB depotd.{depot}.{} ", lane.as_str()).into_bytes())).to_vec()
    }

    async fn kill(&mut self, _rng: &mut Rng) {
        self.kill_and_restart().await;
    }

    async fn back_up(&mut self, _depot: &str) {
        self.back_up().await;
    }

    async fn put_back(&mut self, _depot: &str) {
        self.put_back().await;
    }

    async fn content(&mut self, depot: &str) -> Content {
        Content::of_batches(&self.batches("depotd", depot).await)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_nats_runs_end_equal() {
    let mut server = Server::start().await;
    server.stream("depotd", Config { duplicate_window: WINDOW, ..Config::default() }).await;
    for seed in 1..21 {
        run(&mut server, seed, ODDS).await;
    }
}

fn open(server: &Server, more: impl FnOnce(&mut config::SinkSettings)) -> Box<dyn Sink> {
    let mut settings = settings("lyon", &server.url());
    more(&mut settings.sinks[0]);
    sink::open(&settings.sinks[0], "lyon", Duration::from_secs(5), &Clock::system()).unwrap()
}

#[tokio::test]
async fn a_batch_that_comes_again_after_the_server_forgot_its_id_is_refused() {
    let server = Server::start().await;
    server.stream("depotd", Config { duplicate_window: WINDOW, ..Config::default() }).await;
    let (mut first, mut second) = (open(&server, |_| {}), open(&server, |_| {}));
    assert_eq!(second.known().await.unwrap(), Some(vec![]));
    first.known().await.unwrap();
    let sent = batch(Lane::Bookings, 1, 5);
    assert_eq!(first.deliver(&sent).await.unwrap(), Answer::Stored(5));
    tokio::time::sleep(LONGER).await;

    // Whoever does not know of it sends it again: the server does not know its id any more, but its place is taken.
    assert_eq!(second.deliver(&sent).await.unwrap(), Answer::Stored(5));
    assert_eq!(second.deliver(&batch(Lane::Bookings, 3, 9)).await.unwrap(), Answer::Stored(9), "the line keeps to the order, not the sink");
    assert_eq!(server.batches("depotd", "lyon").await.len(), 2);

    // Such a message without its expected place is stored twice: the window is indeed over.
    let context = server.context().await;
    for _ in 0..2 {
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_MESSAGE_ID, "the same");
        context.publish_with_headers("depotd.probe", headers, "x".into()).await.unwrap().await.unwrap();
        tokio::time::sleep(LONGER).await;
    }
    let stream = context.get_stream("DEPOTD").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 4);
}

#[tokio::test]
async fn what_a_stream_does_not_take_is_said() {
    let server = Server::start().await;
    let fault = async |prefix: &str, config: Config| {
        server.stream(prefix, config).await;
        let mut sink = open(&server, |sink| prefix.clone_into(&mut sink.prefix));
        match sink.known().await {
            Ok(_) => sink.deliver(&batch(Lane::Bookings, 1, 5)).await.map_err(|fault| fault.what),
            Err(fault) => Err(fault.what),
        }
    };
    let small = Config { max_message_size: 1_000, ..Config::default() };
    assert_eq!(fault("small", small).await, Ok(Answer::TooLarge));
    let full = Config { max_bytes: 10, discard: DiscardPolicy::New, ..Config::default() };
    let said = fault("full", full).await.unwrap_err();
    assert!(said.contains("FULL") && said.contains("maximum bytes exceeded"), "{said}");
    let said = fault("queue", Config { retention: RetentionPolicy::WorkQueue, ..Config::default() }).await.unwrap_err();
    assert!(said.contains("retention must be limits"), "{said}");

    let context = server.context().await;
    server.stream("other", Config::default()).await;
    context.publish("other.lyon.bookings", "not a batch".into()).await.unwrap().await.unwrap();
    let said = open(&server, |sink| "other".clone_into(&mut sink.prefix)).known().await.unwrap_err().what;
    assert!(said.contains("message 1 of the stream OTHER") && said.contains("remove it"), "{said}");
}

#[tokio::test]
async fn a_stream_that_forgets_does_not_make_the_depot_send_all_again() {
    let server = Server::start().await;
    server.stream("depotd", Config { max_age: Duration::from_millis(200), duplicate_window: WINDOW, ..Config::default() }).await;
    let mut sink = open(&server, |_| {});
    sink.known().await.unwrap();
    assert_eq!(sink.deliver(&batch(Lane::Bookings, 1, 5)).await.unwrap(), Answer::Stored(5));
    assert_eq!(sink.known().await.unwrap().unwrap()[0].through, 5);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(sink.known().await.unwrap(), Some(vec![]));
    assert!(!sink.speaks_of(Lane::Bookings), "the depot's own cursor counts");
    assert_eq!(sink.deliver(&batch(Lane::Bookings, 6, 9)).await.unwrap(), Answer::Stored(9));
}

#[tokio::test]
async fn orders_are_the_messages_that_are_orders() {
    let server = Server::start().await;
    server.stream("depotd", Config::default()).await;
    let context = server.context().await;
    let publish = async |text: &str| context.publish("depotd.lyon.orders", text.to_owned().into()).await.unwrap().await.unwrap().sequence;
    publish("garbage").await;
    let first = publish("{\"seq\":99,\"command\":\"{}\",\"signature\":\"s\"}").await;
    publish("{\"half\":").await;
    let second = publish("{\"seq\":1,\"command\":\"{}\",\"signature\":\"t\"}").await;
    publish("[]").await;
    let mut sink = open(&server, |_| {});
    let mut numbers = async |after: u64| -> Vec<u64> {
        sink.orders(after.cast_signed()).await.unwrap().iter().map(|order| order.seq.cast_unsigned()).collect()
    };
    assert_eq!(numbers(0).await, [first, second]);
    assert_eq!(numbers(0).await, [first, second], "until they are done");
    assert_eq!(numbers(first).await, [second]);
    assert!(numbers(second).await.is_empty());
    let third = publish("{\"seq\":1,\"command\":\"{}\",\"signature\":\"u\"}").await;
    assert_eq!(numbers(second).await, [third]);
}

#[tokio::test]
async fn a_connection_that_is_cut_is_noticed_at_once() {
    let mut server = Server::start().await;
    let mut sink = open(&server, |_| {});
    sink.known().await.unwrap();
    server.kill_and_restart().await;
    let fault = tokio::time::timeout(Duration::from_secs(2), sink.deliver(&batch(Lane::Bookings, 1, 5))).await;
    assert!(fault.expect("it does not wait for an answer that will not come").is_err());
}
