//! Instants as PostgreSQL takes and gives them.

use crate::model::Timestamp;
use std::time::{Duration, SystemTime};

/// Milliseconds since 1970 as an instant; whoever reads a batch bounds them (see [`crate::batch::is_time`]).
pub(super) fn instant(millis: i64) -> SystemTime {
    let span = Duration::from_millis(millis.unsigned_abs());
    if millis < 0 { SystemTime::UNIX_EPOCH - span } else { SystemTime::UNIX_EPOCH + span }
}

pub(super) fn at(time: Timestamp) -> SystemTime {
    instant(time.as_millis())
}

/// An instant back from PostgreSQL.
pub(super) fn time(time: SystemTime) -> Timestamp {
    let millis = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    };
    Timestamp::from_millis(millis)
}
