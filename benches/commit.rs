//! What a fix costs the disk and the processor on its way into `tracks.db`.
//!
//! `cargo bench --bench commit`: 500 vehicles, 100 fixes a second, a commit a second, by a clock moved by hand: bytes that
//! reach the device per fix (from /proc/self/io, so on a real file system: TMPDIR must not be a tmpfs), then as fast as it goes.

use depotd::clock::Clock;
use depotd::config;
use depotd::model::{Fix, Flags, Place, Span, Timestamp, VehicleId};
use depotd::tracks::Tracks;

const VEHICLES: i64 = 500;
const START: Timestamp = Timestamp::from_secs(1_700_000_000);

fn vehicles() -> Vec<VehicleId> {
    (0..VEHICLES).map(|n| VehicleId::new(&format!("V{n:03}")).expect("an id")).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "made-up readings of one decimal")]
/// A van that wanders: positions and speeds differ a little from fix to fix.
fn fix(vehicle: &VehicleId, number: i64, at: Timestamp) -> Fix {
    let (v, t) = (number as f64, at.as_millis() as f64 / 1000.0 % 100_000.0);
    let (lat, lon) = (42.5 + v * 1e-4 + (t / 700.0 + v).sin() * 0.05, 1.5 + (t / 900.0 + v * 2.0).cos() * 0.05);
    let rounded = |x: f64, to: f64| (x * to).round() / to;
    Fix {
        vehicle: vehicle.clone(),
        ts: at,
        received: at + Span::from_millis(100 + number * 7 % 900),
        place: Place::new(rounded(lat, 1e6), rounded(lon, 1e6)).expect("in range"),
        speed_kmh: Some(rounded(30.0 + (t / 60.0 + v).sin() * 25.0, 10.0) as f32),
        course: Some(rounded((t + v * 7.0) % 360.0, 1.0) as f32),
        accuracy_m: Some(5.0),
        ignition: Some(true),
        battery: None,
        flags: Flags::default(),
        extras: None,
    }
}

/// Bytes this process has sent towards the device.
fn written() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").expect("Linux");
    let line = text.lines().find_map(|l| l.strip_prefix("write_bytes: ")).expect("write_bytes");
    line.parse().expect("a number")
}

/// Processor seconds of this process.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    (fields[11].parse::<f64>().expect("utime") + fields[12].parse::<f64>().expect("stime")) / 100.0
}

#[tokio::main]
async fn main() {
    let seconds = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(3 * 3600);
    wear(seconds).await;
    speed().await;
}

/// Time is moved by hand: every second 100 fixes are appended and committed.
async fn wear(seconds: i64) {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(START);
    let limits = config::Tracks { commit_fixes: 100, ..config::Tracks::default() };
    let tracks = Tracks::open(dir.path(), &limits, clock.clone()).expect("opens");
    let (vehicles, mut durable, before) = (vehicles(), tracks.durable(), written());
    for second in 0..seconds {
        let now = START + Span::from_secs(second);
        let numbers = (0..VEHICLES).filter(|n| (n + second) % 5 == 0);
        let fixes = numbers.map(|n| fix(&vehicles[usize::try_from(n).expect("small")], n, now)).collect();
        let sequence = tracks.append(fixes).await.expect("open");
        durable.wait_for(|&d| d >= sequence).await.expect("durable");
        clock.advance(Span::from_secs(1));
    }
    let (stats, fixes) = (tracks.stats(), seconds * 100);
    let start = Clock::system().monotonic();
    let (from, to) = (START, START + Span::from_secs(seconds));
    let page = tracks.read(&vehicles[42], from, to, 100_000, None).await.expect("reads");
    println!("a track of {} fixes over {seconds} s: read in {:?}", page.fixes.len(), start.elapsed());
    let start = Clock::system().monotonic();
    let page = tracks.read(&vehicles[42], from, from + Span::from_secs(3600), 100_000, None).await.expect("reads");
    println!("a track of {} fixes over 3600 s: read in {:?}", page.fixes.len(), start.elapsed());
    let (start, mut replayed) = (Clock::system().monotonic(), 0u64);
    tracks.replay_after(0, |_| replayed += 1).expect("replays");
    println!("{replayed} fixes replayed in {:?}", start.elapsed());
    drop(tracks);
    let bytes = (written() - before) as f64 / fixes as f64;
    let size = std::fs::metadata(dir.path().join("tracks.db")).expect("there").len() as f64 / fixes as f64;
    let packed = stats.packed_bytes as f64 / fixes as f64;
    println!(
        "100 fixes/s, a commit a second, {seconds} s: {bytes:.0} bytes written a fix ({packed:.1} packed, {size:.1} in the file at last)"
    );
}

async fn speed() {
    const FIXES: i64 = 2_000_000;
    let dir = tempfile::tempdir().expect("a directory");
    let tracks = Tracks::open(dir.path(), &config::Tracks::default(), Clock::system()).expect("opens");
    let vehicles = vehicles();
    let batches: Vec<Vec<Fix>> = (0..FIXES / 50)
        .map(|batch| {
            let one =
                |n: i64| fix(&vehicles[usize::try_from(n % VEHICLES).expect("small")], n % VEHICLES, START + Span::from_millis(n * 10));
            (batch * 50..batch * 50 + 50).map(one).collect()
        })
        .collect();
    let (start, before, mut durable, mut last) = (Clock::system().monotonic(), cpu(), tracks.durable(), 0);
    for batch in batches {
        last = tracks.append(batch).await.expect("open");
    }
    durable.wait_for(|&d| d >= last).await.expect("durable");
    let (took, used) = (start.elapsed().as_secs_f64(), cpu() - before);
    let stats = tracks.stats();
    println!(
        "as fast as it goes: {:.0} fixes/s, {:.3} CPU-seconds per 100,000, {} commits, {:.1} packed bytes a fix",
        FIXES as f64 / took,
        used / (FIXES as f64 / 1e5),
        stats.commits,
        stats.packed_bytes as f64 / FIXES as f64
    );
}
