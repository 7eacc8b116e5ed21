//! What waited while there was no line, written by the depot's own writers.

use anyhow::{Context as _, Result};
use depotd::clock::Clock;
use depotd::config;
use depotd::model::{Actor, BookingId, Fix, Flags, Kind, Place, Span, Timestamp, VehicleId};
use depotd::sim::rng::Rng;
use depotd::store::{self, Db, journal};
use depotd::tracks::Tracks;
use indicatif::ProgressBar;
use std::path::Path;

/// As many vehicles report …
const VEHICLES: usize = 500;
/// … so often.
const EVERY_MS: i64 = 5_000;
const QUARTER_MS: i64 = 900_000;

/// Vehicles that drive about.
struct Fleet {
    ids: Vec<VehicleId>,
    places: Vec<(f64, f64)>,
    rng: Rng,
}

impl Fleet {
    fn new() -> Result<Self> {
        let ids = (0..VEHICLES).map(|n| VehicleId::new(&format!("van-{n:04}"))).collect::<Result<Vec<_>, _>>()?;
        let mut rng = Rng::new(1, 1);
        let places = ids.iter().map(|_| (rng.between(42.45, 42.60), rng.between(1.40, 1.70))).collect();
        Ok(Self { ids, places, rng })
    }

    /// Where everyone is at `ts`: each has moved by up to seventy metres.
    fn report(&mut self, ts: Timestamp, into: &mut Vec<Fix>) -> Result<()> {
        for (id, (lat, lon)) in self.ids.iter().zip(&mut self.places) {
            let rng = &mut self.rng;
            (*lat, *lon) = (*lat + rng.between(-6e-4, 6e-4), *lon + rng.between(-8e-4, 8e-4));
            into.push(Fix {
                vehicle: id.clone(),
                ts,
                received: ts + Span::from_millis(40 + i64::try_from(rng.index(200))?),
                place: Place::new(*lat, *lon)?,
                speed_kmh: Some(f32::from(u16::try_from(rng.index(900))?) / 10.0),
                course: Some(f32::from(u16::try_from(rng.index(360))?)),
                accuracy_m: None,
                ignition: Some(true),
                battery: None,
                flags: Flags::default(),
                extras: None,
            });
        }
        Ok(())
    }
}

/// Writes `count` fixes of the last days into the fix log in `data`.
pub async fn fixes(data: &Path, count: u64) -> Result<u64> {
    let clock = Clock::system();
    let tracks = Tracks::open(data, &config::Tracks::default(), clock.clone())?;
    let rounds = i64::try_from(count.div_ceil(VEHICLES as u64))?;
    let (mut fleet, bar) = (Fleet::new()?, ProgressBar::new(count));
    let first = clock.now() - Span::from_millis(rounds * EVERY_MS + QUARTER_MS);
    let (mut waiting, mut written) = (Vec::new(), 0);
    for round in 0..rounds {
        fleet.report(first + Span::from_millis(round * EVERY_MS), &mut waiting)?;
        let over = (round + 1) % (QUARTER_MS / EVERY_MS) == 0 || round + 1 == rounds;
        if waiting.len() >= 10_000 || over {
            written += waiting.len() as u64;
            let last = tracks.append(std::mem::take(&mut waiting)).await?;
            if over {
                tracks.durable().wait_for(|&durable| durable >= last).await.context("the fix log ended")?;
                tracks.compact().await?;
                bar.set_position(written);
            }
        }
    }
    bar.finish_and_clear();
    tracks.close();
    tracks.ended().await?;
    Ok(written)
}

/// Writes `count` journal entries into ops.db in `data`.
pub async fn entries(data: &Path, count: u64) -> Result<()> {
    let (db, now) = (Db::open(data)?, Clock::system().now());
    for first in (0..count).step_by(10_000) {
        let some = first..count.min(first + 10_000);
        db.write(move |tx| -> store::Result<()> {
            for _ in some {
                let event = journal::NewEvent {
                    at: now,
                    kind: Kind::AccessChanged,
                    actor: &Actor::System,
                    booking: None::<BookingId>,
                    vehicle: None,
                    data: "{}",
                };
                journal::append(tx, &event)?;
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}
