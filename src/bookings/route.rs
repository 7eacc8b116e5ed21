//! The way of an order: its length by the great circle, its time by the chain of travel times.

use super::Bookings;
use crate::eta::{self, Asker, Eta, Etas, Leg};
use crate::model::{Order, Timestamp};
use crate::pricing::Way;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// The way of an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// Its length and time.
    pub way: Way,
    /// Who says how long it takes: the least trusted of its legs' sources.
    pub source: &'static str,
}

impl Bookings {
    /// The chain of travel times that prices ask.
    pub fn ways(&self) -> &Etas {
        &self.ways
    }

    /// The way of `order`. The road service is asked for as long as a round waits, and never makes this fail.
    pub(super) async fn route(&self, order: &Order, now: Timestamp) -> Route {
        let (legs, at) = (legs(order), order.pickup_at.unwrap_or(now));
        let drives = self.ways.drives(&legs, at, Asker::Background, self.patience()).await;
        self.routed(order, &drives)
    }

    /// Asks for the ways of `orders`, all together for as long as a round waits, so that they are known when their prices are wanted
    /// where nobody can wait.
    pub async fn ask_ways(&self, orders: impl IntoIterator<Item = &Order>, now: Timestamp) {
        let until = self.patience();
        let mut by_hour: BTreeMap<u8, (Timestamp, Vec<Leg>)> = BTreeMap::new();
        for order in orders {
            let at = order.pickup_at.unwrap_or(now);
            by_hour.entry(self.ways.hour(at)).or_insert_with(|| (at, Vec::new())).1.extend(legs(order));
        }
        for (at, legs) in by_hour.into_values() {
            self.ways.drives(&legs, at, Asker::Background, until).await;
        }
    }

    /// The way of `order` by what is known without asking.
    pub(super) fn known_route(&self, order: &Order, now: Timestamp) -> Route {
        self.routed(order, &self.ways.known(&legs(order), order.pickup_at.unwrap_or(now)))
    }

    fn patience(&self) -> Instant {
        self.clock.monotonic() + self.ways.patience()
    }

    fn routed(&self, order: &Order, drives: &[Eta]) -> Route {
        let config = &self.rules().dispatch;
        let straight = Way::through(order.places(), config.detour_factor, config.speed_kmh);
        let seconds = |eta: &Eta| (eta.drive.as_millis() + 500) / 1_000;
        let duration_s = u32::try_from(drives.iter().map(seconds).sum::<i64>()).unwrap_or(u32::MAX);
        Route { way: Way { duration_s, ..straight }, source: eta::least_trusted(drives) }
    }
}

/// From halt to halt, by a vehicle of the class that is asked for.
fn legs(order: &Order) -> Vec<Leg> {
    let class: Option<Arc<str>> = order.vehicle_class.as_deref().map(Into::into);
    let halts: Vec<_> = order.places().collect();
    halts.windows(2).map(|ends| Leg { class: class.clone(), from: ends[0], to: ends[1] }).collect()
}
