//! An OSRM-compatible table service that can be well, slow, wrong or down.

use depotd::model::Place;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How fast great circles pass on the fake's roads, in metres per second: faster than the settings guess.
pub const PACE: f64 = 8.0;

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Mode {
    /// Answers as it should. A way across the river, at this latitude, takes three times as long.
    Well { river: f64 },
    /// Never answers.
    Slow,
    /// Answers with this body.
    Wrong(&'static str),
    /// Does not listen.
    Down,
}

pub struct RoadService {
    mode: watch::Sender<Mode>,
    asked: watch::Receiver<u64>,
    addr: SocketAddr,
    _server: JoinSet<()>,
}

impl RoadService {
    pub async fn start(mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (mode, modes) = watch::channel(mode);
        let (count, asked) = watch::channel(0);
        let mut server = JoinSet::new();
        server.spawn(serve(listener, modes, count));
        Self { mode, asked, addr, _server: server }
    }

    pub fn setting(&self) -> String {
        format!("ETA__ROAD_URL=http://{}", self.addr)
    }

    pub fn turn(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Requests so far.
    pub fn asked(&self) -> u64 {
        *self.asked.borrow()
    }
}

async fn serve(listener: TcpListener, mut modes: watch::Receiver<Mode>, count: watch::Sender<u64>) {
    let addr = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    let mut open = JoinSet::new();
    loop {
        let mode = *modes.borrow_and_update();
        if mode == Mode::Down {
            listener = None;
            open.shutdown().await;
        } else if listener.is_none() {
            listener = Some(TcpListener::bind(addr).await.unwrap());
        }
        let next = async {
            match &listener {
                Some(listener) => listener.accept().await.unwrap().0,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = modes.changed() => if changed.is_err() { return },
            socket = next => drop(open.spawn(answer(socket, modes.clone(), count.clone()))),
        }
    }
}

async fn answer(mut socket: TcpStream, modes: watch::Receiver<Mode>, count: watch::Sender<u64>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    count.send_modify(|n| *n += 1);
    let mode = *modes.borrow();
    let body = match mode {
        Mode::Well { river } => table(&String::from_utf8(head).unwrap(), river).to_string(),
        Mode::Wrong(body) => body.to_owned(),
        Mode::Slow | Mode::Down => {
            drop(socket.read_u8().await);
            return;
        }
    };
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    drop(socket.write_all(answer.as_bytes()).await);
}

/// The answer to `GET /table/v1/driving/lon,lat;...?sources=...&destinations=...`.
fn table(head: &str, river: f64) -> Value {
    let path = head.strip_prefix("GET /table/v1/driving/").and_then(|rest| rest.split(' ').next()).expect("a table request");
    let (places, query) = path.split_once('?').unwrap();
    let place = |text: &str| {
        let (lon, lat) = text.split_once(',').unwrap();
        Place::new(lat.parse().unwrap(), lon.parse().unwrap()).unwrap()
    };
    let places: Vec<Place> = places.split(';').map(place).collect();
    let picked = |name: &str| -> Vec<Place> {
        let list = query.split('&').find_map(|part| part.strip_prefix(name)).unwrap();
        list.split(';').map(|n| places[n.parse::<usize>().unwrap()]).collect()
    };
    assert!(query.ends_with("annotations=duration,distance") && places.len() <= 100, "{path}");
    let each = |tell: &dyn Fn(Place, Place) -> f64| -> Value {
        picked("sources=").iter().map(|from| picked("destinations=").iter().map(|to| tell(*from, *to)).collect::<Vec<_>>()).collect()
    };
    let seconds = |from: Place, to: Place| {
        let crosses = (from.lat() > river) != (to.lat() > river);
        from.distance(to).0 / PACE * if crosses { 3.0 } else { 1.0 }
    };
    json!({"code": "Ok", "durations": each(&seconds), "distances": each(&|from, to| from.distance(to).0 * 1.4)})
}
