//! `depotd forecast backtest` from outside: what it tells, its faults, and how good it must be on real demand.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn backtest(dir: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_depotd");
    Command::new(program).current_dir(dir).args(["forecast", "backtest"]).args(arguments).output().unwrap()
}

fn json(dir: &Path, arguments: &[&str]) -> Value {
    let output = backtest(dir, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fault(dir: &Path, arguments: &[&str]) -> String {
    let output = backtest(dir, arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn figure(told: &Value, key: &str) -> f64 {
    told[key].as_f64().unwrap_or_else(|| panic!("{key}: {told}"))
}

/// So many days of requests at one corner from Monday, 2 March 2026, on: more at noon than at night, and some days more than others.
fn corner(days: usize) -> String {
    let mut text = "id,pickup_local,pickup_lat,pickup_lon\n".to_owned();
    let hours = jiff::civil::date(2026, 3, 2).at(0, 0, 0, 0).series(jiff::ToSpan::hours(1)).take(24 * days);
    for (n, at) in hours.enumerate() {
        let (day, hour) = (n / 24, n % 24);
        let requests = if (9..18).contains(&hour) { 2 + (day * 7 + hour * 5) % 4 } else { (day + hour) % 2 };
        for minute in (0..requests).map(|n| 7 * n) {
            text += &format!("r,{}:{minute:02}:00,38.70,-9.10\n", at.strftime("%Y-%m-%dT%H"));
        }
    }
    text
}

#[test]
fn a_backtest_is_told_in_figures_that_repeat() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("corner.csv"), corner(50) + "r,2026-04-03T10:00:00,91,-9.1\n").unwrap();
    let ask = ["--demand", "corner.csv", "--train-weeks", "4"];
    let told = json(dir.path(), &ask);
    assert_eq!((told["cells"].as_u64(), told["resolution"].as_u64(), told["zone"].as_str()), (Some(1), Some(7), Some("UTC")));
    assert_eq!((told["train"]["hours"].as_u64(), told["test"]["hours"].as_u64()), (Some(29 * 24), Some(21 * 24)));
    assert_eq!((told["unreadable"]["rows"].as_u64(), told["requests"].as_u64().unwrap() > 1_000), (Some(1), true));
    for key in ["mase", "hour_of_week_mase", "scaled_hour_of_week_mase", "seasonal_naive_mase", "coverage_80", "mae", "train_s"] {
        assert!(figure(&told, key) >= 0.0);
    }
    assert_eq!(told["by_day_mase"].as_array().map(Vec::len), Some(7));
    let figures = |mut told: Value| {
        told.as_object_mut().unwrap().remove("train_s");
        told
    };
    assert_eq!(figures(told), figures(json(dir.path(), &ask)));
    assert_eq!(json(dir.path(), &[&ask[..], &["--resolution", "9"]].concat())["resolution"], 9);
    let table = String::from_utf8(backtest(dir.path(), &ask).stdout).unwrap();
    assert!(table.contains("1 cells of resolution 7") && table.contains("mean of the hour of the week"), "{table}");
    assert!(table.contains("1 row(s) could not be read; the first: line ") && table.contains(": 91, -9.1: latitude must"), "{table}");
}

#[test]
fn faults_name_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let with = |text: &str, more: &[&str]| {
        std::fs::write(dir.path().join("x.csv"), text).unwrap();
        fault(dir.path(), &[&["--demand", "x.csv"], more].concat())
    };
    let short = with(&corner(20), &["--train-weeks", "2"]);
    assert!(short.contains("x.csv: it holds 20 whole days; 2 week(s) of training and one of test need 21"), "{short}");
    assert!(with("when,lat,lon\n", &["--train-weeks", "2"]).contains("x.csv, line 1: there is neither a column `pickup_ts`"));
    let unreadable = with("pickup_ts,lat,lon\nnoon,1,2\n", &["--train-weeks", "2"]);
    assert!(unreadable.contains("x.csv: no row can be read; line 2: column `pickup_ts`: \"noon\""), "{unreadable}");
    assert!(fault(dir.path(), &["--demand", "none.csv", "--train-weeks", "2"]).contains("none.csv: No such file"));
    for (more, told) in [
        (vec!["--zone", "Mars"], "is not an IANA time zone"),
        (vec!["--holidays", "2026-02-30"], "\"2026-02-30\" is not a holiday"),
        (vec!["--resolution", "12"], "12 is not in 0..=11"),
    ] {
        let output = backtest(dir.path(), &[&["--demand", "x.csv", "--train-weeks", "2"], &more[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(told), "{output:?}");
    }
}

/// A file of the recordings, which are not part of the repository.
fn recorded(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("DEPOTD_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let file = data.join(name);
    if !file.exists() {
        eprintln!("SKIPPED a backtest on real demand: {} is not there; set DEPOTD_TEST_DATA.", file.display());
        return None;
    }
    Some(file)
}

fn near(told: &Value, key: &str, known: f64) {
    assert!((figure(told, key) - known).abs() < 0.0006, "{key} is not {known}: {told}");
}

#[test]
fn three_weeks_of_new_york() {
    let Some(file) = recorded("nyc_uber_demand/pickups_B02512_20140401_20140630.csv.gz") else { return };
    let dir = tempfile::tempdir().unwrap();
    let told = json(dir.path(), &["--demand", file.to_str().unwrap(), "--train-weeks", "10"]);
    // The references say that the protocol is the one by which others are judged.
    near(&told, "seasonal_naive_mase", 0.911);
    near(&told, "hour_of_week_mase", 0.742);
    near(&told, "scaled_hour_of_week_mase", 0.726);
    assert_eq!((told["cells"].as_u64(), told["test"]["hours"].as_u64()), (Some(12), Some(3 * 168)));
    assert!(figure(&told, "mase") <= 0.675 && figure(&told["trained_once"], "mase") <= 0.69, "{told}");
    for told in [&told, &told["trained_once"]] {
        assert!((0.75..=0.85).contains(&figure(told, "coverage_80")), "{told}");
    }
}

#[test]
fn a_week_of_san_francisco_from_eight_days() {
    let Some(file) = recorded("sf_demand/pickups_20080518_20080601.csv.gz") else { return };
    let dir = tempfile::tempdir().unwrap();
    // The clock's zone is better known, but the days are the same without it.
    for zone in ["America/Los_Angeles", "UTC"] {
        let told = json(dir.path(), &["--demand", file.to_str().unwrap(), "--train-weeks", "1", "--zone", zone]);
        assert_eq!((told["train"]["hours"].as_u64(), told["test"]["hours"].as_u64()), (Some(8 * 24), Some(168)));
        assert!(figure(&told, "mase") <= 0.93 * figure(&told, "hour_of_week_mase"), "{told}");
        assert!((0.75..=0.85).contains(&figure(&told, "coverage_80")), "{told}");
    }
}
