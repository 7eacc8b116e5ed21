//! A line for every sink of the settings.

use super::Rooms;
use crate::model::Span;
use crate::upstream::{Deps, Line, Outgoing};
use anyhow::Result;

/// The lines, not yet at work.
pub fn lines(rooms: &Rooms) -> Result<Vec<Line>> {
    let config = &rooms.config.upstream;
    let deps = Deps {
        db: rooms.db.clone(),
        sync: rooms.sync.clone(),
        orders: rooms.orders.clone(),
        clock: rooms.clock.clone(),
        config: config.clone(),
        zone: rooms.config.depot.zone.clone(),
    };
    let line = |settings: &crate::config::SinkSettings| {
        let outgoing = Outgoing {
            db: rooms.db.clone(),
            tracks: rooms.tracks.clone(),
            fleet: rooms.fleet.clone(),
            clock: rooms.clock.clone(),
            depot: config.depot.clone(),
            credentials: settings.credentials,
            history: Span::from_secs(i64::from(config.history_days) * 86_400),
        };
        Ok(Line::new(deps.clone(), settings.clone(), outgoing)?)
    };
    config.sinks.iter().map(line).collect()
}
