use super::{Cursor, Error, Past, Tracks};
use crate::clock::Clock;
use crate::config;
use crate::model::{Fix, Flag, Flags, Place, Span, Timestamp, VehicleId};
use proptest::prelude::*;
use std::path::Path;

const START: Timestamp = Timestamp::from_secs(1_700_000_000);

fn fix(vehicle: &str, second: i64) -> Fix {
    Fix {
        vehicle: VehicleId::new(vehicle).unwrap(),
        ts: START + Span::from_secs(second),
        received: START + Span::from_millis(second * 1000 + 350),
        place: Place::new(42.5 + second as f64 * 1e-5, -1.5).unwrap(),
        speed_kmh: Some(31.5),
        course: None,
        accuracy_m: Some(4.25),
        ignition: Some(second % 2 == 0),
        battery: None,
        flags: Flags::default(),
        extras: (second % 3 == 0).then(|| format!("{{\"n\":{}}}", second / 9).into()),
    }
}

fn open(dir: &Path, clock: &Clock) -> Tracks {
    let limits = config::Tracks { commit_window_ms: 5, ..config::Tracks::default() };
    Tracks::open(dir, &limits, clock.clone()).unwrap()
}

async fn keep(tracks: &Tracks, fixes: Vec<Fix>) {
    let last = tracks.append(fixes).await.unwrap();
    tracks.hurry();
    tracks.durable().wait_for(|&d| d >= last).await.unwrap();
}

async fn whole(tracks: &Tracks, vehicle: &str) -> Vec<Fix> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let id = VehicleId::new(vehicle).unwrap();
        let page = tracks.read(&id, Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX), 7, after).await.unwrap();
        all.extend(page.fixes);
        let Some(next) = page.next else { return all };
        after = Some(next.to_string().parse::<Cursor>().unwrap());
    }
}

#[tokio::test]
async fn the_past_tells_where_a_vehicle_was() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Past::open(dir.path()).is_none());
    let tracks = open(dir.path(), &Clock::manual(START));
    keep(&tracks, vec![fix("a", 100), fix("a", 200), fix("a", 1_000), fix("b", 500)]).await;
    let past = Past::open(dir.path()).unwrap();
    let second = |second: i64| START + Span::from_secs(second);
    let place = |vehicle: &str, since: i64, at: i64, until: i64| {
        past.place(&VehicleId::new(vehicle).unwrap(), (second(since), second(at), second(until))).unwrap()
    };
    let was = |second: i64| Some(fix("a", second).place);
    assert_eq!((place("a", 0, 150, 1_500), place("a", 0, 500, 1_500), place("a", 0, 700, 1_500)), (was(100), was(200), was(1_000)));
    assert_eq!((place("a", 0, 700, 900), place("a", 300, 350, 1_500), place("a", 0, 200, 1_500)), (was(200), was(1_000), was(200)));
    assert_eq!((place("a", 300, 350, 900), place("nobody", 0, 500, 1_500)), (None, None));
}

#[tokio::test]
async fn a_track_comes_back_as_it_went_in_also_after_hours_and_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let tracks = open(dir.path(), &clock);
    let hours = 3 * 3600;
    for second in (0..hours).step_by(60) {
        let mut fixes: Vec<Fix> = (0..4).flat_map(|n| [fix("a", second + n * 15), fix("b", second + n * 15)]).collect();
        fixes.reverse();
        keep(&tracks, fixes).await;
        clock.advance(Span::from_secs(60));
    }
    let expected: Vec<Fix> = (0..hours).step_by(15).map(|s| fix("b", s)).collect();
    assert!(whole(&tracks, "b").await == expected);
    assert!(tracks.stats().compacted_chunks > 100, "{:?}", tracks.stats());
    let (from, to) = (START + Span::from_secs(3600), START + Span::from_secs(3660));
    let part = tracks.read(&VehicleId::new("a").unwrap(), from, to, 100, None).await.unwrap();
    assert_eq!(part.fixes, (3600..=3660).step_by(15).map(|s| fix("a", s)).collect::<Vec<_>>());
    let (epoch, last) = (tracks.epoch(), tracks.last_chunk());
    tracks.close();
    tracks.ended().await.unwrap();
    assert!(tracks.append(vec![fix("a", 1)]).await.is_err());
    drop(tracks);
    let tracks = open(dir.path(), &clock);
    assert_eq!((tracks.epoch(), tracks.last_chunk()), (epoch, last));
    assert!(whole(&tracks, "b").await == expected);
    assert!(whole(&tracks, "nobody").await.is_empty());
    let mut replayed = 0;
    assert_eq!(tracks.replay_after(0, |_| replayed += 1).unwrap(), last);
    assert_eq!(replayed, expected.len() * 2);
    let mut seen = Vec::new();
    tracks.replay_after(last - 1, |f| seen.push(f.clone())).unwrap();
    assert_eq!(seen.len(), 8, "the last chunk only");
    tracks.close();
    tracks.ended().await.unwrap();
    drop(tracks);
    super::renew_epoch(&dir.path().join("tracks.db")).unwrap();
    let tracks = open(dir.path(), &clock);
    assert!(tracks.epoch() != epoch && tracks.last_chunk() == last);
}

#[tokio::test]
async fn repeated_fixes_are_read_once_with_all_their_flags() {
    let dir = tempfile::tempdir().unwrap();
    let tracks = open(dir.path(), &Clock::manual(START));
    let alarm = Fix { flags: Flags::default().with(Flag::Alarm), ..fix("a", 5) };
    keep(&tracks, vec![fix("a", 5), fix("a", 3)]).await;
    keep(&tracks, vec![alarm.clone(), fix("a", 3)]).await;
    assert_eq!(whole(&tracks, "a").await, [fix("a", 3), alarm]);
}

#[tokio::test]
async fn the_old_goes_by_age_and_by_size() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let limits = config::Tracks { retain_days: 1, retain_mib: 1, commit_window_ms: 1, ..config::Tracks::default() };
    let tracks = Tracks::open(dir.path(), &limits, clock.clone()).unwrap();
    let long: Box<str> = format!("\"{}\"", "x".repeat(900)).into();
    for hour in 0..30i64 {
        let fixes = (0..200).map(|n| Fix { extras: Some(format!("{}{long}", n % 10).into()), ..fix("a", hour * 3600 + n) });
        keep(&tracks, fixes.collect()).await;
        clock.advance(Span::from_secs(3600));
    }
    let last = tracks.last_chunk();
    let done = tracks.retain(clock.now()).await.unwrap();
    assert!(done.rows > 0 && done.freed_bytes > 0, "{done:?}");
    assert!((3 << 18..=1 << 20).contains(&done.used_bytes), "as much as fits is kept: {done:?}");
    let left = whole(&tracks, "a").await;
    assert!(!left.is_empty() && left[0].ts >= clock.now() - Span::from_secs(86_400 + 900));
    assert_eq!(left.last().unwrap().ts, fix("a", 29 * 3600 + 199).ts, "the newest stay");
    drop(tracks);
    assert_eq!(open(dir.path(), &clock).last_chunk(), last);
}

#[tokio::test]
async fn the_old_goes_by_age_before_it_was_compacted_too() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let limits = config::Tracks { retain_days: 1, ..config::Tracks::default() };
    let tracks = Tracks::open(dir.path(), &limits, clock.clone()).unwrap();
    for second in 0..3 {
        keep(&tracks, vec![fix("a", second)]).await;
    }
    clock.advance(Span::from_secs(2 * 86_400));
    tracks.retain(clock.now()).await.unwrap();
    assert!(whole(&tracks, "a").await.len() <= 1, "only the newest chunk may be left");
    keep(&tracks, vec![fix("a", 2 * 86_400)]).await;
    assert_eq!(tracks.last_chunk(), 4);
}

#[tokio::test]
async fn commits_go_on_while_retention_is_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let limits = config::Tracks { retain_days: 1, commit_window_ms: 1, ..config::Tracks::default() };
    let tracks = Tracks::open(dir.path(), &limits, clock.clone()).unwrap();
    for second in 0..200 {
        keep(&tracks, vec![Fix { extras: Some("x".repeat(40_000).into()), ..fix("a", second) }]).await;
    }
    clock.advance(Span::from_secs(2 * 86_400));
    #[expect(clippy::disallowed_methods, reason = "a test is its own app")]
    let retained = tokio::spawn({
        let (tracks, now) = (tracks.clone(), clock.now());
        async move { tracks.retain(now).await }
    });
    for second in 0..50 {
        keep(&tracks, vec![fix("b", 2 * 86_400 + second)]).await;
    }
    let done = retained.await.unwrap().unwrap();
    assert!(done.freed_bytes > 4 << 20, "{done:?}");
    assert_eq!(whole(&tracks, "b").await.len(), 50);
}

#[tokio::test]
async fn a_full_queue_holds_back_and_then_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let limits = config::Tracks { queue_fixes: 10, commit_fixes: 10, commit_window_ms: 1, ..config::Tracks::default() };
    let tracks = Tracks::open(dir.path(), &limits, Clock::manual(START)).unwrap();
    let mut last = 0;
    for second in 0..500 {
        last = tracks.append((0..7).map(|n| fix("a", second * 7 + n)).collect()).await.unwrap();
    }
    tracks.durable().wait_for(|&d| d >= last).await.unwrap();
    let stats = tracks.stats();
    assert_eq!((stats.appended, stats.durable, stats.waiting), (3500, 3500, 0));
    assert!(stats.held_back > 0);
    assert_eq!(whole(&tracks, "a").await.len(), 3500);
}

#[tokio::test]
async fn a_failing_commit_ends_the_log_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let tracks = open(dir.path(), &Clock::manual(START));
    keep(&tracks, vec![fix("a", 1)]).await;
    let vandal = rusqlite::Connection::open(dir.path().join("tracks.db")).unwrap();
    vandal.execute_batch("alter table chunk rename to gone").unwrap();
    tracks.append(vec![fix("a", 2)]).await.unwrap();
    tracks.hurry();
    assert!(matches!(tracks.ended().await, Err(Error::Sqlite(why)) if why.contains("chunk")));
    assert!(tracks.append(vec![fix("a", 3)]).await.is_err());
    assert!(tracks.durable().wait_for(|&d| d >= 2).await.is_err());
}

#[test]
fn a_newer_or_foreign_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    drop(open(dir.path(), &clock));
    let file = dir.path().join("tracks.db");
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = |e: Option<Error>| e.unwrap().to_string();
    let limits = config::Tracks::default();
    assert!(refused(Tracks::open(dir.path(), &limits, clock.clone()).err()).contains("newer depotd"));
    std::fs::write(
        &file,
        "no database at all, but long enough to be taken for the head of one, which has a hundred bytes or so, doesn't it?",
    )
    .unwrap();
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.path().join(format!("tracks.db{end}")));
    }
    assert!(matches!(Tracks::open(dir.path(), &limits, clock).err(), Some(Error::Damaged(_))));
}

fn any_fix() -> impl Strategy<Value = Fix> {
    let optional = || prop::option::of((0..36_000i32).prop_map(|v| v as f32 / 100.0));
    let when = (0..6i64, 0..400_000_000i64, -100_000..100_000_000i64);
    let place = (-900_000_000..=900_000_000i32, -1_800_000_000..=1_800_000_000i32);
    let sensors = (optional(), optional(), optional(), optional(), prop::option::of(any::<bool>()));
    (when, place, sensors, any::<u8>(), prop::option::of("[a-zä]{0,9}")).prop_map(|(when, place, sensors, flags, extras)| Fix {
        vehicle: VehicleId::new(&format!("v{}", when.0)).unwrap(),
        ts: START + Span::from_millis(when.1),
        received: START + Span::from_millis(when.1 + when.2),
        place: Place::new(f64::from(place.0) / 1e7, f64::from(place.1) / 1e7).unwrap(),
        speed_kmh: sensors.0,
        course: sensors.1,
        accuracy_m: sensors.2,
        battery: sensors.3,
        ignition: sensors.4,
        flags: Flags::from_bits(flags),
        extras: extras.map(Into::into),
    })
}

proptest! {
    #[test]
    fn packing_loses_nothing(fixes in prop::collection::vec(any_fix(), 1..60)) {
        use super::codec::{Fixes, Packer, Sections};
        let vid = |fix: &Fix| fix.vehicle.as_str()[1..].parse::<u32>().unwrap();
        let mut order: Vec<_> = (0..).zip(&fixes).map(|(n, f)| (vid(f), f.ts.as_millis(), n)).collect();
        order.sort_unstable();
        let mut packer = Packer::default();
        let sections = Sections::open(packer.chunk(&fixes, &order)).unwrap();
        let (base, mut unpacked) = (sections.base, Vec::new());
        for section in sections {
            let (vid, bytes) = section.unwrap();
            let id = VehicleId::new(&format!("v{vid}")).unwrap();
            unpacked.extend(Fixes::new(id, base, bytes).map(Result::unwrap));
        }
        let expected: Vec<Fix> = order.iter().map(|o| fixes[o.2 as usize].clone()).collect();
        prop_assert_eq!(unpacked, expected);
    }

    #[test]
    fn rubbish_is_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        use super::codec::{Fixes, Sections};
        if let Ok(sections) = Sections::open(&bytes) {
            let base = sections.base;
            for (vid, section) in sections.flatten() {
                let id = VehicleId::new(&format!("v{vid}")).unwrap();
                let read = Fixes::new(id, base, section).count();
                prop_assert!(read <= bytes.len());
            }
        }
    }
}
