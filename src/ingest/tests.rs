use super::*;
use crate::config::Config;

struct Depot {
    ingest: Ingest,
    tracks: Tracks,
    inspector: Inspector,
    van: VehicleId,
    device: DeviceId,
    _dir: tempfile::TempDir,
}

fn depot() -> Depot {
    let (dir, clock, mut config) = (tempfile::tempdir().unwrap(), Clock::system(), Config::default());
    config.tracks.commit_window_ms = 5;
    let tracks = Tracks::open(dir.path(), &config.tracks, clock.clone()).unwrap();
    let (fleet, inspector) = (Fleet::new(&config.fleet), Inspector::default());
    let ingest = Ingest::new(fleet, tracks.clone(), inspector.clone(), &config.telemetry, clock);
    Depot { ingest, tracks, inspector, van: "van".parse().unwrap(), device: "dev".parse().unwrap(), _dir: dir }
}

impl Depot {
    fn message<'a>(&'a self, payload: &'a str) -> Message<'a> {
        let source = Source { device: Some(&self.device), vehicle: &self.van, format: Format::Native };
        Message { source, topic: "test", payload: payload.as_bytes(), received: self.ingest.now() }
    }

    async fn stored(&self) -> usize {
        let (from, to) = (Timestamp::from_secs(0), Timestamp::from_secs(4_000_000_000));
        self.tracks.read(&self.van, from, to, 100, None).await.unwrap().fixes.len()
    }
}

fn fix(second: u32) -> String {
    format!(r#"{{"ts":"2026-05-30T16:00:{second:02}Z","lat":42.5,"lon":1.5}}"#)
}

#[tokio::test]
async fn what_is_told_as_stored_is_on_the_disk_whichever_way_it_came() {
    let depot = depot();
    let batch = format!("[{},{},{}]", fix(1), r#"{"ts":5}"#, fix(2));
    let tally = depot.ingest.store(Way::Http, &depot.message(&batch)).await.unwrap();
    assert_eq!((tally.taken, tally.repeated, tally.refused.len()), (2, 0, 1), "{tally:?}");
    assert_eq!(tally.refused[0].index, 1);
    assert_eq!(depot.stored().await, 2);
    assert_eq!(depot.inspector.of(&depot.device).len(), 1);
    let again = depot.ingest.store(Way::SocketIo, &depot.message(&fix(2))).await.unwrap();
    assert_eq!((again.taken, again.repeated), (0, 1));
    let counts = depot.ingest.counts();
    assert_eq!(counts[Way::Http as usize].1, Count { taken: 2, repeated: 0, refused: 1 });
    assert_eq!(counts[Way::SocketIo as usize].1, Count { taken: 0, repeated: 1, refused: 0 });
}

#[tokio::test]
async fn one_wrong_fix_of_an_mqtt_message_refuses_all_of_it() {
    let depot = depot();
    let mut intake = depot.ingest.intake(&depot.van, Way::Mqtt);
    let batch = format!("[{},{}]", fix(1), r#"{"ts":5}"#);
    assert!(intake.take(&depot.message(&batch)).is_err());
    intake.hand_over().await.unwrap();
    assert_eq!(depot.tracks.stats().appended, 0);
}

#[tokio::test]
async fn what_a_connection_dropped_in_its_hand_is_taken_when_it_comes_again() {
    let depot = depot();
    let (mut first, mut second) = (depot.ingest.intake(&depot.van, Way::Mqtt), depot.ingest.intake(&depot.van, Way::Http));
    assert_eq!(first.take(&depot.message(&fix(1))), Ok(1));
    // The first may never hand it over, so the second must not rely on that.
    assert_eq!(second.take(&depot.message(&fix(1))), Ok(1));
    drop(first);
    depot.ingest.durable(second.hand_over().await.unwrap()).await.unwrap();
    assert_eq!(depot.stored().await, 1);
    let mut third = depot.ingest.intake(&depot.van, Way::Http);
    assert_eq!(third.take(&depot.message(&fix(2))), Ok(1));
    drop(third);
    let tally = depot.ingest.store(Way::Http, &depot.message(&fix(2))).await.unwrap();
    assert_eq!((tally.taken, depot.stored().await), (1, 2));
    let tally = depot.ingest.store(Way::Http, &depot.message(&fix(2))).await.unwrap();
    assert_eq!((tally.taken, tally.repeated), (0, 1), "nothing is in anybody's hand any more");
}
