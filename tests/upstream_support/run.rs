//! A seeded run: a depot that lives and dies, a line that fails, an end that dies and forgets. At the end both have the same, each
//! record once, in order; and after every reconnect what is most urgent went first.

use super::proxy::{Marks, Proxy};
use super::{Content, PATIENCE, Truths};
use depotd::config;
use depotd::model::Lane;
use depotd::sim::rng::Rng;
use depotd::sync::Sync;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Where the batches of a run go.
pub trait Office {
    /// A depot that nobody has heard of will send something.
    async fn meet(&mut self, depot: &str);
    /// Where lines lead to.
    fn address(&self) -> SocketAddr;
    /// The settings of a line that goes through `proxy`; `dir` is for files that they name.
    fn settings(&self, depot: &str, proxy: SocketAddr, dir: &Path) -> config::Upstream;
    /// By which bytes towards it a batch of each lane is known.
    fn marks(&self, depot: &str) -> Marks;
    /// It dies with whatever it was doing and comes back, perhaps at another address.
    async fn kill(&mut self, rng: &mut Rng);
    /// Keeps a copy of what it has of `depot`.
    async fn back_up(&mut self, _depot: &str) {}
    /// Puts the copy in the place of what it has.
    async fn put_back(&mut self, _depot: &str) {}
    /// What it has of `depot`. Panics when something is there twice or out of order.
    async fn content(&mut self, depot: &str) -> Content;
}

/// How rough a run is.
#[derive(Clone, Copy)]
pub struct Odds {
    /// So often the depot starts and dies.
    pub rounds: usize,
    /// In how many rounds the other end dies.
    pub kill: f64,
    /// A round lasts at most so many milliseconds before somebody dies.
    pub millis: usize,
}

/// Makes the run that `seed` describes.
pub async fn run(office: &mut impl Office, seed: u64, odds: Odds) {
    let (dir, mut rng) = (tempfile::tempdir().unwrap(), Rng::new(seed, 1));
    let depot = format!("depot{seed}");
    office.meet(&depot).await;
    let proxy = Proxy::start(office.address(), seed, office.marks(&depot)).await;
    let settings = office.settings(&depot, proxy.addr(), dir.path());
    let mut truths = Truths::open(dir.path());
    let mut backed_up = false;
    for _ in 0..odds.rounds {
        let changes = 1 + rng.index(30);
        truths.live(&mut rng, changes).await;
        if rng.chance(0.5) {
            truths.drive(&mut rng, 40).await;
        }
        let sync = Sync::new(truths.db.clone(), &settings, truths.clock.clone());
        let line = tokio::spawn(truths.line(&sync, &settings).run(CancellationToken::new()));
        tokio::time::sleep(Duration::from_millis(rng.index(odds.millis) as u64)).await;
        if rng.chance(odds.kill) {
            office.kill(&mut rng).await;
            proxy.retarget(office.address());
            tokio::time::sleep(Duration::from_millis(rng.index(odds.millis) as u64)).await;
        }
        match rng.index(6) {
            0 => {
                office.back_up(&depot).await;
                backed_up = true;
            }
            1 if backed_up => {
                // The line is up meanwhile: what it sends next finds a hole before it. It may have sent other lanes already.
                urgent_first(&proxy, seed);
                office.put_back(&depot).await;
                let changes = rng.index(10);
                truths.live(&mut rng, changes).await;
                proxy.overlook();
                tokio::time::sleep(Duration::from_millis(rng.index(odds.millis) as u64)).await;
            }
            _ => {}
        }
        // The depot dies in the middle of whatever it was doing.
        line.abort();
        drop(line.await);
        if rng.chance(0.3) {
            drop(truths);
            truths = Truths::open(dir.path());
        }
    }
    proxy.mend();
    end_equal(office, &truths, &settings, seed).await;
    urgent_first(&proxy, seed);
}

/// Sends the rest, and waits until both have the same.
async fn end_equal(office: &mut impl Office, truths: &Truths, settings: &config::Upstream, seed: u64) {
    let (cancel, ours) = (CancellationToken::new(), Content::of_depot(truths).await);
    let sync = Sync::new(truths.db.clone(), settings, truths.clock.clone());
    let work = tokio::spawn(truths.line(&sync, settings).run(cancel.clone()));
    truths.drained(&sync).await;
    let mut theirs = Content::default();
    let same = async {
        loop {
            theirs = office.content(&settings.depot).await;
            if theirs == ours {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, same).await.is_err() {
        panic!("seed {seed}: {}", ours.unlike(&theirs));
    }
    cancel.cancel();
    work.await.unwrap();
}

/// Bookings go first after every reconnect: what a connection carried of them was there when it began.
pub fn urgent_first(proxy: &Proxy, seed: u64) {
    for lanes in proxy.lanes().iter().filter(|lanes| lanes.contains(&Lane::Bookings)) {
        assert_eq!(lanes[0], Lane::Bookings, "seed {seed}: {lanes:?}");
    }
}
