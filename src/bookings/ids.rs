//! New ids.

use super::Result;
use crate::model::Timestamp;
use crate::store;
use uuid::Uuid;

/// What makes an id unlike all others of its millisecond.
pub(super) fn random() -> Result<[u8; 10]> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|e| store::Error::Corrupt(format!("no randomness for an id: {e}")))?;
    Ok(random)
}

/// An id that sorts by the time it was made (UUIDv7).
pub(super) fn uuid(now: Timestamp) -> Result<Uuid> {
    Ok(uuid::Builder::from_unix_timestamp_millis(u64::try_from(now.as_millis()).unwrap_or(0), &random()?).into_uuid())
}
