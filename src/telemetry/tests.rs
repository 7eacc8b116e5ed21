use super::{Filter, Format, Inspector, Rejected, VehicleState, Verdict, decode};
use crate::config;
use crate::model::{DeviceId, Fix, Flag, Flags, Place, Span, Timestamp, VehicleId};
use proptest::prelude::*;
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp::from_secs(1_769_610_800);

fn van() -> VehicleId {
    VehicleId::new("van").unwrap()
}

fn read(format: Format, topic: &str, payload: &str) -> Result<Vec<Fix>, String> {
    decode(format, topic, payload.as_bytes(), &van(), NOW).map_err(|r| r.to_string())
}

fn one(format: Format, topic: &str, payload: &str) -> Fix {
    let fixes = read(format, topic, payload).unwrap();
    assert_eq!(fixes.len(), 1, "{payload}");
    fixes.into_iter().next().unwrap()
}

#[test]
fn native_payloads() {
    let full = r#"{"ts":"2026-01-28T14:32:40.250Z","lat":42.5,"lon":1.5,"speed_kmh":31.5,"course":270,"accuracy_m":4,"ignition":true,"battery":88}"#;
    let fix = one(Format::Native, "v/van/gps", full);
    assert_eq!(fix.ts, Timestamp::from_millis(1_769_610_760_250));
    assert_eq!((fix.place.lat(), fix.place.lon(), fix.received, fix.vehicle.as_str()), (42.5, 1.5, NOW, "van"));
    assert_eq!((fix.speed_kmh, fix.course, fix.accuracy_m), (Some(31.5), Some(270.0), Some(4.0)));
    assert_eq!((fix.ignition, fix.battery, fix.extras, fix.flags), (Some(true), Some(88.0), None, Flags::default()));
    for ts in ["1769610760250", "\"1769610760250\"", "1769610760250.0", "\"2026-01-28T15:32:40.25+01:00\""] {
        let fix = one(Format::Native, "", &format!(r#"{{"lat":"42.5","ts":{ts},"lon":1}}"#));
        assert_eq!(fix.ts, Timestamp::from_millis(1_769_610_760_250), "{ts}");
    }
    let fix = one(
        Format::Native,
        "",
        r#"{"ts":1769610760250,"lat":1,"lon":2,"speed_kmh":null,"course":-1,"door":{"left": [1, "ä\n"]},"alarm":"sos"}"#,
    );
    assert_eq!((fix.speed_kmh, fix.course), (None, None));
    assert_eq!(fix.extras.as_deref(), Some(r#"{"door":{"left": [1, "ä\n"]},"alarm":"sos"}"#));
    assert!(fix.flags.has(Flag::Alarm));
    let batch = read(Format::Native, "", r#"[{"ts":1769610760250,"lat":1,"lon":2},{"ts":1769610761250,"lat":1,"lon":2}]"#).unwrap();
    assert_eq!(batch[1].ts - batch[0].ts, Span::from_secs(1));
    assert_eq!(read(Format::Native, "", "[]").unwrap(), []);
}

#[test]
fn native_faults_name_the_field() {
    let at = |rest: &str| format!(r#"{{"ts":1769610760250{rest}}}"#);
    for (payload, reason) in [
        ("".to_owned(), "not valid JSON for this format: EOF"),
        ("hello".to_owned(), "not valid JSON for this format: expected value"),
        ("7".to_owned(), "an object {ts, lat, lon, ...} or an array of them"),
        ("{} x".to_owned(), "`ts` is missing"),
        (at(",\"lat\":1"), "`lon` is missing"),
        (at(",\"lat\":91,\"lon\":1"), "`lat` must be a latitude within -90 to 90 degrees"),
        (at(",\"lat\":1,\"lon\":181"), "`lon` must be a longitude within -180 to 180 degrees"),
        (at(",\"lat\":\"north\",\"lon\":1"), "`lat`: invalid value: string \"north\", expected a number"),
        (at(",\"lat\":1,\"lon\":1} trailing"), "trailing characters"),
        (r#"{"ts":1769610760,"lat":1,"lon":1}"#.to_owned(), "`ts` must be a time between 1980 and 2100"),
        (r#"{"ts":"yesterday","lat":1,"lon":1}"#.to_owned(), "expected an RFC 3339 time or epoch milliseconds"),
        (r#"[{"ts":1769610760250,"lat":1,"lon":2},{"lat":1}]"#.to_owned(), "fix 2 of the batch: `ts` is missing"),
    ] {
        let told = read(Format::Native, "", &payload).unwrap_err();
        assert!(told.contains(reason), "{payload}: {told}");
    }
    let many = format!("[{}]", vec![r#"{"ts":1769610760250,"lat":1,"lon":2}"#; super::MAX_BATCH + 1].join(","));
    assert_eq!(decode(Format::Native, "", many.as_bytes(), &van(), NOW), Err(Rejected::TooMany(super::MAX_BATCH)));
}

#[test]
fn owntracks_payloads() {
    let topic = "owntracks/u/d";
    let fix = one(
        Format::OwnTracks,
        topic,
        r#"{"cog":271,"lon":"2.29513","acc":5,"vel":61,"vac":21,"lat":48.85833,"tst":"1497349316","alt":167,"_type":"location","tid":"JJ","t":"u","batt":67}"#,
    );
    assert_eq!((fix.ts, fix.place.lon()), (Timestamp::from_secs(1_497_349_316), 2.29513));
    assert_eq!((fix.speed_kmh, fix.course, fix.accuracy_m, fix.battery), (Some(61.0), Some(271.0), Some(5.0), Some(67.0)));
    assert_eq!(fix.extras.as_deref(), Some(r#"{"vac":21,"alt":167,"tid":"JJ","t":"u"}"#));
    let off = one(Format::OwnTracks, topic, r#"{"_type":"location","lat":1,"lon":2,"tst":1736519167,"t":"I"}"#);
    assert_eq!(off.ignition, Some(false));
    for (topic, other) in [
        (topic, r#"{"_type":"lwt","tst":1498932340}"#),
        (topic, r#"{"_type":"transition","tid":"XX","acc":10.0,"desc":"Work","event":"enter","lat":42.53,"lon":18.22,"tst":1527966973}"#),
        (topic, ""),
        ("owntracks/u/d/event", "not even JSON"),
        ("owntracks/u/d/cmd", "{}"),
    ] {
        assert_eq!(read(Format::OwnTracks, topic, other), Ok(vec![]), "{topic} {other}");
    }
    for (payload, reason) in [
        (r#"{"lat":1,"lon":2,"tst":1736519167}"#, "`_type` is missing"),
        (r#"{"_type":"location","lat":1,"tst":1736519167}"#, "`lon` is missing"),
        (r#"{"_type":"location","lat":1,"lon":"x","tst":1736519167}"#, "`lon` must be a number"),
        (r#"{"_type":"location","lat":1,"lon":2,"tst":1736519167000}"#, "`tst` must be a time"),
    ] {
        assert!(read(Format::OwnTracks, topic, payload).unwrap_err().contains(reason), "{payload}");
    }
}

#[test]
fn teltonika_payloads() {
    let record = r#"{"ts":1769610760000,"pr":0,"latlng":"55.661378,12.584098","alt":0,"ang":90,"sat":0,"sp":12,"evt":240,"239":1,"240":0}"#;
    for payload in [record.to_owned(), format!(r#"{{"state":{{"reported":{record}}}}}"#)] {
        let fix = one(Format::Teltonika, "teltonika/1/data", &payload);
        assert_eq!((fix.ts, fix.place.lat(), fix.place.lon()), (Timestamp::from_millis(1_769_610_760_000), 55.661378, 12.584098));
        assert_eq!((fix.speed_kmh, fix.course, fix.ignition), (Some(12.0), Some(90.0), Some(true)));
        assert!(fix.extras.unwrap().contains(r#""240":0"#) && !fix.flags.has(Flag::Alarm));
    }
    let panic = one(Format::Teltonika, "", r#"{"ts":1769610760000,"pr":2,"latlng":"1,2"}"#);
    assert!(panic.flags.has(Flag::Alarm));
    assert_eq!(read(Format::Teltonika, "", r#"{"RSP":"OK"}"#), Ok(vec![]));
    for (payload, reason) in [
        (r#"{"ts":1769610760000}"#, "`latlng` is missing"),
        (r#"{"ts":1769610760000,"latlng":"1;2"}"#, "`latlng` must be \"latitude,longitude\""),
        (r#"{"ts":1769610760000,"latlng":"95,2"}"#, "`latlng` must be a latitude"),
        (r#"{"state":{"reported":{"latlng":"1,2"}}}"#, "`ts` is missing"),
    ] {
        assert!(read(Format::Teltonika, "", payload).unwrap_err().contains(reason), "{payload}");
    }
}

#[test]
fn owntracks_vectors_of_others() {
    let data = std::env::var("DEPOTD_TEST_DATA").unwrap_or_else(|_| "../shared/data".into());
    let file = format!("{data}/device_payloads/owntracks_osmand_derived.ndjson");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("SKIPPED: {file} is not there; set DEPOTD_TEST_DATA");
        return;
    };
    let mut seen = 0;
    for line in text.lines() {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        if vector["protocol"] != "owntracks" {
            continue;
        }
        seen += 1;
        let fix = one(Format::OwnTracks, "owntracks/u/d", vector["payload"]["body"].as_str().unwrap());
        let derived = &vector["derived"];
        assert_eq!(Some(fix.ts.as_millis() / 1000), derived["ts"].as_i64(), "{line}");
        assert_eq!((Some(fix.place.lat()), Some(fix.place.lon())), (derived["lat"].as_f64(), derived["lon"].as_f64()));
        for (ours, theirs) in
            [(fix.speed_kmh, "speed_kmh"), (fix.course, "course"), (fix.accuracy_m, "accuracy_m"), (fix.battery, "battery_pct")]
        {
            assert_eq!(ours.map(f64::from), derived[theirs].as_f64(), "{theirs}: {line}");
        }
    }
    assert_eq!(seen, 6);
}

#[test]
fn the_quick_clock_agrees_with_the_calendar() {
    for text in ["2024-02-29T23:59:59Z", "2026-01-01T00:00:00.001Z", "1999-12-31T12:00:00Z", "2000-03-01T00:00:00Z", "2100-02-28T00:00:00Z"]
    {
        assert_eq!(super::json::quick_utc(text), Timestamp::parse(text), "{text}");
    }
    for text in [
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:00+00:00Z",
        "ä024-01-01T00:00:0Z",
        "",
    ] {
        assert_eq!(super::json::quick_utc(text), None, "{text}");
    }
}

fn fix(second: i64, metres_east: f64) -> Fix {
    Fix {
        vehicle: van(),
        ts: NOW + Span::from_secs(second),
        received: NOW + Span::from_secs(second),
        place: Place::new(0.0, metres_east / 111_195.0).unwrap(),
        speed_kmh: None,
        course: None,
        accuracy_m: None,
        ignition: None,
        battery: None,
        flags: Flags::default(),
        extras: None,
    }
}

fn judged(state: &mut VehicleState, fix: Fix) -> Option<Flags> {
    match Filter::new(&config::Telemetry::default()).judge(state, fix) {
        Verdict::Keep(fix) => Some(fix.flags),
        Verdict::Duplicate => None,
    }
}

#[test]
fn the_filter_flags_and_never_locks_out() {
    let (mut state, none) = (VehicleState::default(), Flags::default());
    let jump = none.with(Flag::Jump);
    assert_eq!(judged(&mut state, fix(0, 0.0)), Some(none));
    assert_eq!(judged(&mut state, fix(0, 0.0)), None, "a repetition");
    assert_eq!(judged(&mut state, fix(5, 200.0)), Some(none));
    assert_eq!(judged(&mut state, fix(10, 50_000.0)), Some(jump));
    assert_eq!(judged(&mut state, fix(15, 400.0)), Some(none), "back where it was");
    assert_eq!(judged(&mut state, fix(20, 50_000.0)), Some(jump));
    assert_eq!(judged(&mut state, fix(25, 50_100.0)), Some(none), "two agree: it is there");
    assert_eq!(judged(&mut state, fix(7200, 250_000.0)), Some(none), "200 km in two hours is no jump");
    let alarm = Fix { flags: none.with(Flag::Alarm), ..fix(7200, 250_000.0) };
    assert_eq!(judged(&mut state, alarm), Some(none.with(Flag::Alarm)), "an alarm is never a repetition");
    let future = Fix { received: NOW, ..fix(121, 0.0) };
    assert_eq!(judged(&mut state, future), Some(none.with(Flag::Future)));
    let old = Fix { received: NOW + Span::from_secs(86_401), ..fix(0, 1.0) };
    assert_eq!(judged(&mut state, old), Some(none.with(Flag::Old)));
}

#[test]
fn the_inspector_keeps_the_last_twenty() {
    let inspector = Inspector::default();
    let device = DeviceId::new("d").unwrap();
    for n in 0..25 {
        inspector.record(&device, NOW + Span::from_secs(n), "v/d/gps", "`ts` is missing", &[b'x'; 5000]);
    }
    let kept = inspector.of(&device);
    assert_eq!((kept.len(), kept[0].at, kept[0].payload.len()), (20, NOW + Span::from_secs(24), 1024));
    for n in 0..1000 {
        inspector.record(&DeviceId::new(&format!("d{n}")).unwrap(), NOW + Span::from_secs(100 + n), "t", "r", b"");
    }
    assert!(inspector.of(&device).is_empty(), "the stalest device gives way");
}

/// What a vehicle's fixes leave behind: the track, and the latest.
fn outcome(fixes: &[Fix]) -> (BTreeMap<Timestamp, Place>, Option<Place>) {
    let (mut state, mut track, mut latest) = (VehicleState::default(), BTreeMap::new(), None::<(Timestamp, Place)>);
    for fix in fixes {
        if let Verdict::Keep(fix) = Filter::new(&config::Telemetry::default()).judge(&mut state, fix.clone()) {
            track.insert(fix.ts, fix.place);
            let hidden = fix.flags.has(Flag::Future) || fix.flags.has(Flag::Old);
            if !hidden && latest.is_none_or(|(ts, _)| fix.ts > ts) {
                latest = Some((fix.ts, fix.place));
            }
        }
    }
    (track, latest.map(|l| l.1))
}

proptest! {
    #[test]
    fn late_repeated_and_shuffled_fixes_end_in_the_same_track(
        moves in prop::collection::vec((1..600i64, -3_000.0..3_000.0f64), 1..40),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        seed in any::<u64>(),
    ) {
        let (mut second, mut east, mut ordered) = (0, 0.0, Vec::new());
        for (gap, step) in moves {
            (second, east) = (second + gap, east + step);
            ordered.push(Fix { received: NOW + Span::from_secs(3600), ..fix(second - 20_000, east) });
        }
        let mut shuffled = ordered.clone();
        shuffled.extend(again.iter().map(|i| i.get(&ordered).clone()));
        let mut state = seed;
        for n in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(n, usize::try_from(state >> 33).unwrap() % (n + 1));
        }
        prop_assert_eq!(outcome(&shuffled), outcome(&ordered));
    }

    #[test]
    fn no_payload_is_a_panic(payload in prop::collection::vec(any::<u8>(), 0..80), text in "[\\{\\}\\[\\]\":,a-z0-9 .-]{0,60}") {
        for format in Format::ALL {
            let _ = decode(format, "owntracks/u/d", &payload, &van(), NOW);
            let _ = decode(format, "owntracks/u/d", text.as_bytes(), &van(), NOW);
        }
    }
}
