use super::*;
use crate::model::{Attempt, BookingId, Delivery, DeliveryState};
use crate::store::deliveries::Filter;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const HOOK: &str = "webhook:k3f";

struct Depot {
    _dir: tempfile::TempDir,
    clock: Clock,
    post: Post,
}

fn depot(queue: usize) -> Depot {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(NOW));
    let mut config = Config::default();
    config.notify.queue = queue;
    let post = Post::open(Db::open(dir.path()).unwrap(), &config, Board::default(), clock.clone()).unwrap();
    Depot { _dir: dir, clock, post }
}

fn booking(n: u8) -> BookingId {
    BookingId::generate(NOW, [n; 10])
}

impl Depot {
    async fn put(&self, endpoint: &str, booking: Option<BookingId>, at: Timestamp) -> i64 {
        let (post, now) = (self.post.clone(), self.clock.now());
        let to =
            To { channel: Channel::Webhook, endpoint: endpoint.to_owned(), recipient: String::new(), booking, event: None, rule: None, at };
        let message = Message { subject: "s".into(), body: "b".into() };
        let put = move |tx: &Transaction<'_>| post.put(tx, &message, &[to], now);
        self.post.0.db.write(put).await.unwrap();
        self.all().await[0].number
    }

    async fn all(&self) -> Vec<Delivery> {
        self.post.0.db.read(|c| deliveries::list(c, &Filter::default(), i64::MAX, 1_000)).await.unwrap()
    }

    async fn due(&self) -> Vec<i64> {
        let now = self.clock.now();
        let due = self.post.0.db.read(move |c| deliveries::due(c, HOOK, now, 100)).await.unwrap();
        due.into_iter().map(|delivery| delivery.number).collect()
    }

    async fn write<T: Send + 'static>(&self, change: impl FnOnce(&Transaction<'_>) -> store::Result<T> + Send + 'static) -> T {
        self.post.0.db.write(change).await.unwrap()
    }
}

fn attempt(error: Option<&str>) -> Attempt {
    Attempt { at: NOW, status: None, ms: 3, error: error.map(str::to_owned) }
}

#[tokio::test]
async fn what_is_about_one_booking_is_said_in_its_order() {
    let d = depot(100);
    let first = d.put(HOOK, Some(booking(1)), NOW).await;
    let second = d.put(HOOK, Some(booking(1)), NOW).await;
    let other = d.put(HOOK, Some(booking(2)), NOW).await;
    let free = d.put(HOOK, None, NOW).await;
    d.put("webhook:else", Some(booking(1)), NOW).await;
    assert_eq!(d.due().await, [first, other, free]);
    d.write(move |tx| deliveries::put_off(tx, first, &attempt(Some("down")), NOW + Span::from_secs(60))).await;
    assert_eq!(d.due().await, [other, free], "the second waits for the first, which waits for its time");
    let next = d.post.0.db.read(|c| deliveries::next_due(c, HOOK, NOW)).await.unwrap();
    assert_eq!(next, Some(NOW + Span::from_secs(60)));
    d.clock.advance(Span::from_secs(60));
    d.write(move |tx| deliveries::sent(tx, first, &attempt(None))).await;
    assert_eq!(d.due().await, [second, other, free]);
    d.write(move |tx| deliveries::bury(tx, second, &attempt(Some("gone")), "gone")).await;
    assert_eq!(d.due().await, [other, free]);
    let kept = d.all().await.into_iter().find(|delivery| delivery.number == first).unwrap();
    assert_eq!((kept.state, kept.attempts, kept.log.len(), kept.last_error), (DeliveryState::Sent, 2, 2, None));
    let later = d.put(HOOK, Some(booking(3)), d.clock.now() + Span::from_secs(5)).await;
    let now = d.put(HOOK, Some(booking(3)), d.clock.now()).await;
    assert_eq!(d.due().await, [other, free, now], "what is not to be said yet holds nothing up");
    d.clock.advance(Span::from_secs(5));
    assert_eq!(d.due().await, [other, free, later], "from then on it does");
    let endpoints = d.post.0.db.read(deliveries::endpoints).await.unwrap();
    assert_eq!(endpoints, ["webhook:else", HOOK]);
}

#[tokio::test]
async fn a_queue_that_is_full_takes_nothing_and_says_so() {
    let d = depot(2);
    for n in 0..3 {
        d.put(HOOK, Some(booking(n)), NOW).await;
    }
    d.put("mail", None, NOW).await;
    let all = d.all().await;
    let states: Vec<_> = all.iter().map(|delivery| delivery.state.as_str()).collect();
    assert_eq!(states, ["waiting", "dead", "waiting", "waiting"]);
    assert_eq!(all[1].last_error.as_deref(), Some("2 wait for webhook:k3f already"));
    assert_eq!((d.post.stats().overflowed, d.post.stats().dead), (1, 1));
}

#[tokio::test]
async fn what_had_its_time_goes_with_the_one_that_failed_and_comes_back_when_somebody_says_so() {
    let d = depot(100);
    let old = d.put(HOOK, None, NOW).await;
    d.clock.advance(Span::from_secs(3_600));
    let young = d.put(HOOK, None, d.clock.now()).await;
    let gone = d.write(|tx| deliveries::give_up(tx, HOOK, NOW + Span::from_secs(1), "down for days", NOW)).await;
    assert_eq!((gone, d.due().await), (1, vec![young]));
    let dead = d.all().await.into_iter().find(|delivery| delivery.number == old).unwrap();
    assert_eq!((dead.state, dead.last_error.as_deref()), (DeliveryState::Dead, Some("down for days")));
    let (id, now) = (dead.id, d.clock.now());
    assert!(d.write(move |tx| deliveries::resend(tx, id, now)).await);
    assert!(!d.write(move |tx| deliveries::resend(tx, id, now)).await, "it waits already");
    assert_eq!(d.due().await, [old, young]);
    let again = d.post.0.db.read(move |c| deliveries::get(c, id)).await.unwrap().unwrap();
    assert_eq!((again.id, again.queued_at, again.attempts), (id, now, 0));
}

#[tokio::test]
async fn only_what_is_done_is_forgotten_and_what_it_said_with_it() {
    let d = depot(100);
    let done = d.put(HOOK, None, NOW).await;
    let waiting = d.put(HOOK, None, NOW).await;
    d.write(move |tx| deliveries::sent(tx, done, &attempt(None))).await;
    assert_eq!(d.post.purge().await.unwrap(), 0);
    d.clock.advance(Span::from_secs(31 * 86_400));
    assert_eq!(d.post.purge().await.unwrap(), 1);
    let left = d.all().await;
    assert_eq!(left.iter().map(|delivery| delivery.number).collect::<Vec<_>>(), [waiting]);
    let (gone, kept) = (left[0].message - 1, left[0].message);
    let said = d.post.0.db.read(move |c| Ok::<_, store::Error>((deliveries::message(c, gone)?, deliveries::message(c, kept)?)));
    let (gone, kept) = said.await.unwrap();
    assert!(gone.is_none() && kept.is_some());
}

#[tokio::test]
async fn the_log_of_one_that_fails_for_days_stays_short() {
    let d = depot(100);
    let number = d.put(HOOK, None, NOW).await;
    for n in 0..50_i64 {
        let failed = Attempt { at: NOW + Span::from_secs(n), ..attempt(Some("down")) };
        d.write(move |tx| deliveries::put_off(tx, number, &failed, NOW)).await;
    }
    let kept = d.all().await.remove(0);
    assert_eq!((kept.attempts, kept.log.len(), kept.log[19].at), (50, 20, NOW + Span::from_secs(49)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever fails, is put off or dies: of one booking nothing is said before what was put there earlier is done.
    #[test]
    fn order_holds_whatever_happens(script in proptest::collection::vec((0_u8..3, 0_u8..4), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let d = depot(1_000);
            let mut told: Vec<(BookingId, i64)> = Vec::new();
            for (which, act) in script {
                if act == 0 {
                    d.put(HOOK, Some(booking(which)), d.clock.now()).await;
                    continue;
                }
                let Some(number) = d.due().await.get(usize::from(which)).copied() else { continue };
                let about = d.all().await.into_iter().find(|one| one.number == number).unwrap().booking.unwrap();
                let later = d.clock.now() + Span::from_secs(i64::from(which) + 1);
                match act {
                    1 => {
                        told.push((about, number));
                        d.write(move |tx| deliveries::sent(tx, number, &attempt(None))).await;
                    }
                    2 => d.write(move |tx| deliveries::put_off(tx, number, &attempt(Some("x")), later)).await,
                    _ => d.write(move |tx| deliveries::bury(tx, number, &attempt(Some("x")), "x")).await,
                }
                d.clock.advance(Span::from_secs(1));
            }
            for pair in 0..3 {
                let numbers: Vec<i64> = told.iter().filter(|(b, _)| *b == booking(pair)).map(|(_, n)| *n).collect();
                assert!(numbers.is_sorted(), "{numbers:?}");
            }
        });
    }
}
