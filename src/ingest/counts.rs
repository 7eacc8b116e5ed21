//! What came in, by the way that it took.

use std::sync::atomic::{AtomicU64, Ordering};

/// How a fix can come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Way {
    /// An MQTT session.
    Mqtt,
    /// A driver's request to the API.
    Http,
    /// A phone that speaks OsmAnd's or Traccar Client's protocol.
    Osmand,
    /// A phone that speaks OwnTracks over HTTP.
    OwnTracks,
    /// A Socket.IO connection.
    SocketIo,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::Mqtt, Self::Http, Self::Osmand, Self::OwnTracks, Self::SocketIo];

    /// Its name in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Http => "http",
            Self::Osmand => "osmand",
            Self::OwnTracks => "owntracks",
            Self::SocketIo => "socketio",
        }
    }
}

/// The numbers of one way in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// Fixes handed to the log.
    pub taken: u64,
    /// Fixes that were known already.
    pub repeated: u64,
    /// Payloads, or fixes of an array, that no decoder takes.
    pub refused: u64,
}

#[derive(Default)]
pub(super) struct Counts([Counters; Way::ALL.len()]);

#[derive(Default)]
struct Counters {
    taken: AtomicU64,
    repeated: AtomicU64,
    refused: AtomicU64,
}

impl Counts {
    pub fn took(&self, way: Way, taken: usize, repeated: usize) {
        let counters = &self.0[way as usize];
        counters.taken.fetch_add(taken as u64, Ordering::Relaxed);
        if repeated > 0 {
            counters.repeated.fetch_add(repeated as u64, Ordering::Relaxed);
        }
    }

    pub fn refused(&self, way: Way) {
        self.0[way as usize].refused.fetch_add(1, Ordering::Relaxed);
    }

    pub fn all(&self) -> Vec<(Way, Count)> {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let count = |c: &Counters| Count { taken: get(&c.taken), repeated: get(&c.repeated), refused: get(&c.refused) };
        Way::ALL.into_iter().map(|way| (way, count(&self.0[way as usize]))).collect()
    }
}
