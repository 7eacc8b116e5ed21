//! A few things that stand out in a time, each with what it rests on. A rule speaks only when chance is a poor explanation.

use super::reports::{Reports, centre};
use super::{Figures, Question, Ranked};
use crate::model::{Dimension, Timestamp, Window};
use crate::store;
use serde::Serialize;
use utoipa::ToSchema;

/// How many standard deviations something must be off to be told.
const SURE: f64 = 2.6;
/// Insights of a kind at most, the clearest first.
const EACH: usize = 3;
/// Fewer stops than this tell nothing.
const FEW: i64 = 10;
/// A device lags when half of its fixes come in so many seconds late.
const LAG_S: i64 = 60;

/// Something that stands out.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Insight {
    /// `unserved_cell`, `long_stops`, `late_driver` or `lagging_device`.
    pub kind: &'static str,
    /// In a few words.
    pub title: String,
    /// What it means, and what could be done.
    pub detail: String,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// The one that it is about, as `of` of the other questions takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// A number behind an insight.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Evidence {
    /// What it is.
    pub label: &'static str,
    /// How much.
    pub value: String,
}

fn evidence<const N: usize>(rows: [(&'static str, String); N]) -> Vec<Evidence> {
    rows.into_iter().map(|(label, value)| Evidence { label, value }).collect()
}

impl Reports {
    /// What stands out in a time.
    pub async fn insights(&self, time: Window, now: Timestamp) -> store::Result<Vec<Insight>> {
        let all = self.rollups.summary(Question { time, of: None }).await?.figures;
        let cells = self.rollups.ranked(Dimension::Cell, time).await?;
        let drivers = self.rollups.ranked(Dimension::Driver, time).await?;
        let mut found = unserved_cells(&all, &cells);
        found.extend(long_stops(&drivers));
        found.extend(late_drivers(&all, &drivers));
        if time.until >= now && time.from <= now {
            found.extend(self.lagging_devices(now).await?);
        }
        Ok(found)
    }

    async fn lagging_devices(&self, now: Timestamp) -> store::Result<Vec<Insight>> {
        let mut lagging = Vec::new();
        for view in self.fleet.all() {
            if let Some(lag) = self.lag(&view.id, now).await.filter(|lag| *lag >= LAG_S) {
                lagging.push((lag, view.id));
            }
        }
        lagging.sort_by_key(|(lag, _)| std::cmp::Reverse(*lag));
        let tell = |(lag, vehicle): (i64, crate::model::VehicleId)| Insight {
            kind: "lagging_device",
            title: format!("Positions of {vehicle} come {lag} s late"),
            detail: "Half of its fixes of the last hour came in later than that: look at its reception and at how it buffers.".to_owned(),
            evidence: evidence([("median lag", format!("{lag} s"))]),
            of: Some(format!("vehicle:{vehicle}")),
        };
        Ok(lagging.into_iter().take(EACH).map(tell).collect())
    }
}

/// Cells where a larger share goes unserved than elsewhere.
fn unserved_cells(all: &Figures, cells: &[Ranked]) -> Vec<Insight> {
    let lost = |f: &Figures| f.failed + f.expired;
    let ended = |f: &Figures| lost(f) + f.delivered;
    clearest(cells, |f| {
        let elsewhere = (lost(all) - lost(f), ended(all) - ended(f));
        above((lost(f), ended(f)), elsewhere)
    })
    .map(|r| {
        let f = &r.figures;
        let place = centre(&r.key).map_or_else(String::new, |p| format!(" around {:.3}, {:.3}", p.lat(), p.lon()));
        Insight {
            kind: "unserved_cell",
            title: format!("Demand goes unserved{place}"),
            detail:
                "A larger share of the bookings there found no vehicle than elsewhere: let vehicles wait nearer, or start a shift there."
                    .to_owned(),
            evidence: evidence([
                ("unserved there", format!("{} of {}", lost(f), ended(f))),
                ("elsewhere", format!("{} of {}", lost(all) - lost(f), ended(all) - ended(f))),
            ]),
            of: Some(format!("cell:{}", r.key)),
        }
    })
    .collect()
}

/// Drivers who take longer to load than is usual: than half of the other drivers do. Times at stops spread about as widely as they are
/// long, so a mean of n is off by its n-th root.
fn long_stops(drivers: &[Ranked]) -> Vec<Insight> {
    let usual = |own: &Figures| {
        let others = drivers.iter().map(|r| &r.figures).filter(|f| f.stops >= FEW && *f != own);
        let mut means: Vec<f64> = others.filter_map(|f| f.stop_mean_s).collect();
        means.sort_by(f64::total_cmp);
        means.get(means.len() / 2).copied()
    };
    clearest(drivers, |f| {
        let (mean, usual) = (f.stop_mean_s?, usual(f)?.max(1.0));
        (f.stops >= FEW && mean > 1.5 * usual).then(|| (mean / usual - 1.0) * float(f.stops).sqrt())
    })
    .map(|r| {
        let f = &r.figures;
        let minutes = |s: Option<f64>| s.map_or_else(String::new, |s| format!("{:.1} min", s / 60.0));
        Insight {
            kind: "long_stops",
            title: format!("Stops of {} are long", r.key),
            detail: "Loading takes this driver longer than the others, from arrival to the load on board: ask what holds it up.".to_owned(),
            evidence: evidence([
                ("mean of this driver", minutes(f.stop_mean_s)),
                ("usual", minutes(usual(f))),
                ("stops", f.stops.to_string()),
            ]),
            of: Some(format!("driver:{}", r.key)),
        }
    })
    .collect()
}

/// Drivers who are late at pickups more often than the others.
fn late_drivers(all: &Figures, drivers: &[Ranked]) -> Vec<Insight> {
    clearest(drivers, |f| above((f.late, f.pickups), (all.late - f.late, all.pickups - f.pickups)))
        .map(|r| {
            let f = &r.figures;
            Insight {
                kind: "late_driver",
                title: format!("{} is late more often than others", r.key),
                detail: "A larger share of the pickups was late: look at where the jobs come from and when the shift begins.".to_owned(),
                evidence: evidence([
                    ("late", format!("{} of {}", f.late, f.pickups)),
                    ("others", format!("{} of {}", all.late - f.late, all.pickups - f.pickups)),
                ]),
                of: Some(format!("driver:{}", r.key)),
            }
        })
        .collect()
}

/// Those that are off by more than [`SURE`], the most so first, [`EACH`] at most.
fn clearest(of: &[Ranked], off: impl Fn(&Figures) -> Option<f64>) -> impl Iterator<Item = &Ranked> {
    let mut found: Vec<_> = of.iter().filter_map(|r| Some((off(&r.figures).filter(|z| *z >= SURE)?, r))).collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().take(EACH).map(|(_, r)| r)
}

/// How many standard deviations the first share lies above the second: the two-proportion z-test. `None`: too few to tell, or the
/// difference is too small to matter.
fn above((of, n): (i64, i64), (other, m): (i64, i64)) -> Option<f64> {
    if of < 5 || n < 10 || m < 10 {
        return None;
    }
    let (share, usual) = (float(of) / float(n), float(other) / float(m));
    let pooled = float(of + other) / float(n + m);
    let spread = (pooled * (1.0 - pooled) * (1.0 / float(n) + 1.0 / float(m))).sqrt();
    (share > 1.25 * usual && spread > 0.0).then(|| (share - usual) / spread)
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn float(n: i64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranked(key: &str, delivered: i64, expired: i64, stops: i64, stop_mean_s: f64) -> Ranked {
        let figures = Figures { delivered, expired, stops, stop_mean_s: Some(stop_mean_s), ..Figures::default() };
        Ranked { key: key.to_owned(), figures }
    }

    fn sum(of: &[Ranked]) -> Figures {
        of.iter().fold(Figures::default(), |all, Ranked { figures: f, .. }| Figures {
            delivered: all.delivered + f.delivered,
            expired: all.expired + f.expired,
            ..all
        })
    }

    #[test]
    fn the_cell_that_is_served_worse_is_told_and_no_other() {
        let cells = [ranked("871f1d489ffffff", 300, 12, 0, 0.0), ranked("871f1d48bffffff", 60, 25, 0, 0.0), ranked("x", 4, 3, 0, 0.0)];
        let told = unserved_cells(&sum(&cells), &cells);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].of.as_deref(), Some("cell:871f1d48bffffff"));
        assert_eq!(told[0].evidence[0].value, "25 of 85");
    }

    #[test]
    fn long_stops_need_to_be_many_and_long() {
        let drivers = [ranked("D-1001", 0, 0, 60, 120.0), ranked("D-1002", 0, 0, 40, 400.0), ranked("D-1003", 0, 0, 3, 4_000.0)];
        let told = long_stops(&drivers);
        assert_eq!(told.iter().map(|i| i.of.as_deref().unwrap()).collect::<Vec<_>>(), ["driver:D-1002"]);
    }

    proptest! {
        /// Where all cells are alike, hardly anything is told: what chance makes of 200 cells may be one or two.
        #[test]
        fn chance_alone_is_seldom_told(seed in any::<u64>()) {
            let mut state = seed | 1;
            let mut draw = || { state ^= state << 13; state ^= state >> 7; state ^= state << 17; (state >> 11) as f64 / (1_u64 << 53) as f64 };
            let cells: Vec<_> = (0..200).map(|n| {
                let expired: i64 = (0..100).map(|_| i64::from(draw() < 0.1)).sum();
                ranked(&n.to_string(), 100 - expired, expired, 0, 0.0)
            }).collect();
            prop_assert!(unserved_cells(&sum(&cells), &cells).len() <= EACH);
            let off = cells.iter().filter(|r| above((r.figures.expired, 100), (2_000, 20_000)).is_some_and(|z| z >= SURE)).count();
            prop_assert!(off <= 16, "{} of 200", off);
        }
    }
}
