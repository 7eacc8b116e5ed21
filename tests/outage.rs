//! A receiver that is away for an hour, by a clock that is moved by hand: down, broken, slow, and losing its answers, while depotd is
//! killed again and again. Each notification takes effect once, in the order of its booking, or is a dead letter with its reason.
#![expect(clippy::disallowed_methods, reason = "a test is its own app")]

mod common;

use common::hook::{Hook, Manner};
use common::port::Closed;
use common::until;
use depotd::bookings::{Bookings, Standing};
use depotd::clock::Clock;
use depotd::config::Config;
use depotd::model::{Actor, BookingId, Delivery, DeliveryState, Order, Place, Site, Span, Timestamp, Webhook};
use depotd::notify::{Follower, Post, Sender, WebhookWish};
use depotd::store::Db;
use depotd::store::deliveries::Filter;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const START: Timestamp = Timestamp::from_secs(1_780_000_000);
/// Seconds that the clock is moved at once.
const STEP_S: i64 = 30;

/// The notifications of a depot, as one process runs them.
struct Depot {
    clock: Clock,
    bookings: Bookings,
    post: Post,
    follower: Follower,
    sender: JoinHandle<()>,
}

impl Depot {
    fn start(dir: &Path, clock: Clock) -> Self {
        let mut config = Config::default();
        config.depot.data_dir = dir.to_owned();
        config.notify.allow_addresses = vec!["127.0.0.0/8".parse().unwrap()];
        let db = Db::open(dir).unwrap();
        let bookings = Bookings::new(db.clone(), &config, clock.clone());
        let post = Post::open(db, &config, bookings.etas().clone(), clock.clone()).unwrap();
        let sender = tokio::spawn(Sender::new(post.clone()).run(CancellationToken::new()));
        Self { clock, bookings, follower: Follower::new(post.clone()), post, sender }
    }

    /// Ends it in the middle of whatever it does, and starts another over the same directory.
    async fn kill(self, dir: &Path) -> Self {
        self.sender.abort();
        drop(self.sender.await);
        let clock = self.clock.clone();
        drop((self.bookings, self.post, self.follower));
        Self::start(dir, clock)
    }

    async fn listen(&self, port: u16) -> String {
        let url = format!("http://127.0.0.1:{port}/");
        let wish = WebhookWish { name: url.clone(), url, events: vec!["booking.*".into()], enabled: true };
        self.post.add_webhook(wish, Actor::System).await.unwrap().0.id
    }

    async fn book(&self) -> BookingId {
        let site = |lon| Site::at(Place::new(42.5, lon).unwrap());
        self.bookings.place(Order::new(site(1.5), site(1.6)).into(), Actor::System, None).await.unwrap().booking.id
    }

    async fn cancel(&self, booking: BookingId) {
        self.bookings.cancel(booking, "test".into(), Standing::Jobs, Actor::System).await.unwrap();
    }

    async fn of(&self, state: DeliveryState) -> Vec<Delivery> {
        self.post.deliveries(Filter { state: Some(state), ..Filter::default() }, i64::MAX, 1_000).await.unwrap()
    }

    /// Moves the clock on and lets the sender have a look.
    async fn step(&self) {
        self.clock.advance(Span::from_secs(STEP_S));
        self.follower.catch_up().await.unwrap();
        for _ in 0..4 {
            self.of(DeliveryState::Waiting).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_hour_of_trouble_each_notification_took_effect_once_in_its_order() {
    let (dir, mut closed) = (tempfile::tempdir().unwrap(), Some(Closed::new()));
    let mut depot = Depot::start(dir.path(), Clock::manual(START));
    depot.listen(closed.as_ref().unwrap().port()).await;
    let (mut hook, mut bookings, steps) = (None, Vec::new(), 3_600 / STEP_S);
    for step in 0..steps {
        if step % 4 == 0 {
            bookings.push(depot.book().await);
        }
        if step % 4 == 2 {
            depot.cancel(bookings[bookings.len() - 1]).await;
        }
        if step == steps / 4 {
            let open = Hook::start_at(closed.take().unwrap().open());
            open.always(Some(500));
            hook = Some(open);
        }
        if let Some(hook) = hook.as_ref().filter(|_| step >= steps / 2 && step % 5 == 0) {
            hook.always(None);
            hook.be([Manner::Lost, Manner::Status(429), Manner::Lost, Manner::Status(302)]);
        }
        depot.step().await;
        if step % 7 == 6 {
            depot = depot.kill(dir.path()).await;
        }
    }
    let hook = hook.unwrap();
    let troubled = hook.calls();
    assert!(troubled.iter().any(|call| call.status == 500) && troubled.iter().any(|call| call.status == 0), "there was trouble");
    until("all to be said", async || {
        depot.step().await;
        depot.of(DeliveryState::Waiting).await.is_empty().then_some(())
    })
    .await;
    assert!(depot.of(DeliveryState::Dead).await.is_empty());
    assert_eq!(depot.of(DeliveryState::Sent).await.len(), bookings.len() * 2);

    // A receiver that knows a repeat by its id, as Standard Webhooks has it, deals with what it read, answered or not.
    let mut dealt_with = HashSet::new();
    let mut of = BTreeMap::<String, Vec<String>>::new();
    for call in hook.calls().iter().filter(|call| (call.status == 0 || call.status == 200) && dealt_with.insert(call.id.clone())) {
        let (kind, booking) = call.what();
        of.entry(booking).or_default().push(kind);
    }
    assert_eq!(of.keys().cloned().collect::<HashSet<_>>(), bookings.iter().map(ToString::to_string).collect());
    assert!(of.values().all(|kinds| *kinds == ["booking.placed", "booking.cancelled"]), "{of:?}");
    let repeats = hook.calls().iter().filter(|call| call.status == 0 || call.status == 200).count() - dealt_with.len();
    assert!(repeats > 0, "a lost answer makes a repeat");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_said_for_days_is_a_dead_letter_with_its_reason_over_kills() {
    let (dir, closed) = (tempfile::tempdir().unwrap(), Closed::new());
    let mut depot = Depot::start(dir.path(), Clock::manual(START));
    let id = depot.listen(closed.port()).await;
    for _ in 0..5 {
        let booking = depot.book().await;
        depot.cancel(booking).await;
    }
    depot.step().await;
    for _ in 0..6 {
        depot.clock.advance(Span::from_secs(13 * 3_600));
        depot.step().await;
        depot = depot.kill(dir.path()).await;
    }
    until("all to be given up", async || {
        depot.step().await;
        depot.of(DeliveryState::Waiting).await.is_empty().then_some(())
    })
    .await;
    let dead = depot.of(DeliveryState::Dead).await;
    assert_eq!((dead.len(), depot.of(DeliveryState::Sent).await.len()), (10, 0));
    for letter in &dead {
        let why = letter.last_error.as_deref().unwrap();
        assert!(why.starts_with("given up after ") && why.contains("refused"), "{why}");
    }
    // Switched on, for one that failed for days may be off, and sent again by hand they come, each once, under the ids they had.
    let hook = Hook::start_at(closed.open());
    let on = |was: &Webhook| WebhookWish { name: was.name.clone(), url: was.url.clone(), events: was.events.clone(), enabled: true };
    depot.post.change_webhook(&id, on, None, Actor::System).await.unwrap();
    for letter in dead.iter().rev() {
        depot.post.resend(letter.id).await.unwrap();
    }
    until("all to be sent", async || {
        depot.step().await;
        (depot.of(DeliveryState::Sent).await.len() == 10).then_some(())
    })
    .await;
    let ids: Vec<_> = hook.taken().into_iter().map(|call| call.id).collect();
    assert_eq!(ids.len(), 10);
    assert!(dead.iter().all(|letter| ids.contains(&letter.id.to_string())));
}
