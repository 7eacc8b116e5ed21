//! Days and cities that the default policy was not made for, beside the other policies: figures in one row each.
//!
//! `cargo bench --bench replay` plays all of them with seed 1; arguments choose: `--seeds 3`, and words that a row's name must hold,
//! like `Porto`, `16-20` or `default`.

mod days;

use depotd::replay::{Figures, PATIENCE, Policy};
use depotd::sim::traces::Trip;

/// Hours of a day that are played, as called and in Unix seconds, and with how many drivers.
type Hours = (&'static str, i64, i64, Vec<usize>);

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
/// Days of May 2008, 32 being 1 June.
const DAYS: [i64; 5] = [21, 24, 25, 27, 31];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let seeds = arguments.iter().position(|a| a == "--seeds").map_or(1, |at| arguments[at + 1].parse().unwrap());
    let words: Vec<&String> = arguments.iter().filter(|a| !a.starts_with("--") && a.parse::<u64>().is_err()).collect();
    println!("| day | hours | trips | drivers | policy | served | mean s | with lost ones | p95 s | empty km | plan p99 ms |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, trips, spans) in rows() {
        for (hours, from, to, drivers) in spans {
            let asked: Vec<Trip> = trips.iter().filter(|t| (from..to).contains(&t.pickup_ts)).cloned().collect();
            for drivers in drivers {
                let title = |policy| format!("{name} | {hours} | {} | {drivers} | {policy}", asked.len());
                let titles = Policy::ALL.iter().rev().map(|(policy, _)| (title(policy), policy));
                for (title, policy) in titles.filter(|(title, _)| words.iter().all(|word| title.contains(word.as_str()))) {
                    row(&title, &asked, drivers, policy, seeds);
                }
            }
        }
    }
}

fn rows() -> Vec<(String, Vec<Trip>, Vec<Hours>)> {
    let mut rows = Vec::new();
    if let Some(trips) = days::porto() {
        let at = |hour: i64| days::PORTO_MIDNIGHT + hour * 3_600;
        rows.push((
            "Porto 2013-07-01".to_owned(),
            trips,
            vec![("07-09", at(7), at(9), vec![40, 50, 60, 80]), ("00-10", at(0), at(10), vec![40, 60])],
        ));
    }
    let spans = |midnight: i64| {
        let at = |hour: i64| midnight + hour * 3_600;
        vec![
            ("16-20", at(16), at(20), vec![250, 300, 400]),
            ("06-10", at(6), at(10), vec![200, 320]),
            ("10-16", at(10), at(16), vec![200, 300]),
            ("all day", at(0), at(24), vec![380, 480]),
        ]
    };
    rows.extend(days::friday().map(|trips| ("SF Fri 05-30".to_owned(), trips, spans(days::midnight_of_may(30)))));
    for day in DAYS {
        let midnight = days::midnight_of_may(day);
        let name = format!("SF {} 05-{day}", WEEKDAYS[usize::try_from((day - 1) % 7).unwrap()]);
        rows.extend(days::san_francisco(midnight, 1).map(|trips| (name, trips, spans(midnight))));
    }
    rows
}

/// The mean over the seeds. A lost request has no wait of its own: the mean with all of them counts it as the patience that it had.
fn row(title: &str, trips: &[Trip], drivers: usize, policy: &str, seeds: u64) {
    let all: Vec<Figures> = (1..=seeds).map(|seed| days::play(trips, drivers, policy, seed)).collect();
    let mean = |figure: fn(&Figures) -> f64| all.iter().map(figure).sum::<f64>() / f64::from(u32::try_from(all.len()).unwrap());
    println!(
        "| {title} | {:.4} | {:.0} | {:.0} | {:.0} | {:.3} | {:.2} |",
        mean(|f| f.served_ratio),
        mean(|f| f.wait_mean_s),
        mean(|f| f.served_ratio * f.wait_mean_s + (1.0 - f.served_ratio) * PATIENCE.as_secs_f64()),
        mean(|f| f.wait_p95_s),
        mean(|f| f.empty_km_per_trip),
        mean(|f| f.plan_ms_p99),
    );
}
