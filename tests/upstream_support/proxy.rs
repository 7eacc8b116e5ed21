//! A line that fails: between a depot and a sink, by a seed.

use depotd::model::Lane;
use depotd::sim::rng::Rng;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A replay comes so long after its connection has ended.
const REPLAY: Duration = Duration::from_millis(30);

/// By which bytes towards the sink a batch of each lane is known.
pub type Marks = Vec<(Lane, Vec<u8>)>;

/// What happens to a connection.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Nothing.
    Well,
    /// It is cut after so many bytes towards the sink.
    CutRequest(usize),
    /// It is cut after so many bytes towards the depot.
    CutAnswer(usize),
    /// Every part is late by so many milliseconds.
    Delayed(u64),
    /// Nobody answers any more after so many bytes towards the sink, and nothing is closed.
    HalfOpen(usize),
    /// The sink gets so many bytes and then the end of it; what it says to that still arrives.
    Truncated(usize),
    /// What was sent is sent once more, on a connection of its own, when this one ends.
    Duplicated,
}

struct Shared {
    target: Mutex<SocketAddr>,
    rng: Mutex<Rng>,
    well: AtomicBool,
    faults: AtomicU64,
    marks: Marks,
    /// Of each connection, which lanes it carried, in the order in which they first came.
    lanes: Mutex<Vec<Vec<Lane>>>,
    overlooked: AtomicUsize,
}

/// The proxy. Ends when it is dropped.
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    pub async fn start(target: SocketAddr, seed: u64, marks: Marks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            rng: Mutex::new(Rng::new(seed, 77)),
            well: AtomicBool::new(false),
            faults: AtomicU64::new(0),
            marks,
            lanes: Mutex::default(),
            overlooked: AtomicUsize::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { addr, shared, task }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The sink is elsewhere from now on.
    pub fn retarget(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap() = target;
    }

    /// From now on nothing fails any more.
    pub fn mend(&self) {
        self.shared.well.store(true, Ordering::Relaxed);
    }

    /// Connections that failed so far.
    pub fn faults(&self) -> u64 {
        self.shared.faults.load(Ordering::Relaxed)
    }

    /// Of each connection so far, which lanes it carried, in the order in which they first came.
    pub fn lanes(&self) -> Vec<Vec<Lane>> {
        self.shared.lanes.lock().unwrap()[self.shared.overlooked.load(Ordering::Relaxed)..].to_vec()
    }

    /// Forgets the connections so far.
    pub fn overlook(&self) {
        self.shared.overlooked.store(self.shared.lanes.lock().unwrap().len(), Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn fate(&self) -> Fate {
        if self.well.load(Ordering::Relaxed) {
            return Fate::Well;
        }
        let mut rng = self.rng.lock().unwrap();
        let far = |rng: &mut Rng| rng.index(6_000);
        let fate = match rng.index(11) {
            0 | 1 => Fate::CutRequest(far(&mut rng)),
            2 | 3 => Fate::CutAnswer(rng.index(600)),
            4 => Fate::Delayed(rng.index(20) as u64),
            5 => Fate::HalfOpen(far(&mut rng)),
            6 => Fate::Duplicated,
            7 => Fate::Truncated(far(&mut rng)),
            _ => Fate::Well,
        };
        if !matches!(fate, Fate::Well) {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        fate
    }
}

/// The lanes that a connection carried so far.
struct Heard {
    connection: usize,
    found: Vec<Lane>,
    /// The end of what was seen, so that a mark in two parts is found.
    tail: Vec<u8>,
}

impl Heard {
    fn look(&mut self, shared: &Shared, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        let first = |mark: &[u8]| self.tail.windows(mark.len()).position(|part| part == mark);
        let new = shared.marks.iter().filter(|(lane, _)| !self.found.contains(lane));
        let mut new: Vec<(usize, Lane)> = new.filter_map(|(lane, mark)| Some((first(mark)?, *lane))).collect();
        new.sort();
        self.found.extend(new.iter().map(|(_, lane)| *lane));
        shared.lanes.lock().unwrap()[self.connection].clone_from(&self.found);
        let longest = shared.marks.iter().map(|(_, mark)| mark.len()).max().unwrap_or(0);
        self.tail.drain(..self.tail.len().saturating_sub(longest));
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let connection = {
            let mut lanes = shared.lanes.lock().unwrap();
            lanes.push(Vec::new());
            lanes.len() - 1
        };
        let (fate, target) = (shared.fate(), *shared.target.lock().unwrap());
        let heard = Heard { connection, found: Vec::new(), tail: Vec::new() };
        connections.spawn(carry(stream, target, fate, heard, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(mut depot: TcpStream, target: SocketAddr, fate: Fate, mut heard: Heard, shared: Arc<Shared>) {
    let Ok(mut sink) = TcpStream::connect(target).await else { return };
    let (mut up, mut down) = (vec![0; 16_384], vec![0; 16_384]);
    let (mut sent, mut answered, mut said) = (0, 0, Vec::new());
    loop {
        let read = tokio::select! {
            read = depot.read(&mut up) => read.map(|n| (n, true)),
            read = sink.read(&mut down) => read.map(|n| (n, false)),
        };
        let Ok((n, upwards)) = read else { break };
        if n == 0 {
            break;
        }
        if let Fate::Delayed(millis) = fate {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        let carried = if upwards {
            let left = match fate {
                Fate::CutRequest(bytes) | Fate::HalfOpen(bytes) | Fate::Truncated(bytes) => n.min(bytes.saturating_sub(sent)),
                _ => n,
            };
            sent += left;
            if matches!(fate, Fate::Duplicated) {
                said.extend_from_slice(&up[..n]);
            }
            heard.look(&shared, &up[..left]);
            sink.write_all(&up[..left]).await.map(|()| left == n)
        } else {
            let left = if let Fate::CutAnswer(bytes) = fate { n.min(bytes.saturating_sub(answered)) } else { n };
            answered += left;
            depot.write_all(&down[..left]).await.map(|()| left == n)
        };
        match carried {
            Ok(true) => {}
            Ok(false) if matches!(fate, Fate::HalfOpen(_)) => {
                // The depot's own patience ends it.
                while depot.read(&mut up).await.is_ok_and(|n| n > 0) {}
                break;
            }
            Ok(false) if matches!(fate, Fate::Truncated(_)) => {
                drop(sink.shutdown().await);
                while let Ok(n @ 1..) = sink.read(&mut down).await {
                    drop(depot.write_all(&down[..n]).await);
                }
                break;
            }
            _ => break,
        }
    }
    drop((depot, sink));
    if !said.is_empty() {
        tokio::time::sleep(REPLAY).await;
        let target = *shared.target.lock().unwrap();
        if let Ok(mut again) = TcpStream::connect(target).await {
            drop(again.write_all(&said).await);
            drop(tokio::time::timeout(Duration::from_millis(300), again.read(&mut down)).await);
        }
    }
}
