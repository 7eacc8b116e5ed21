//! When a job will be done.

use super::words;
use crate::bookings::etas::JobEta;
use crate::model::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// When a job under way will be done.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = JobEta)]
pub struct EtaShape {
    /// When its vehicle will be at the pickup; not once it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub pickup_at: Option<Timestamp>,
    /// When it will be at the drop-off, halts on the way included.
    #[schema(value_type = String, format = DateTime)]
    pub dropoff_at: Timestamp,
    /// Where the travel times come from: `road`, `cache`, `learned` or `great_circle`; of several the least trusted.
    #[schema(value_type = words::EtaSource)]
    pub source: &'static str,
    /// Seconds by which it will miss its window, or the time that was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_s: Option<i64>,
    /// When this was found.
    #[schema(value_type = String, format = DateTime)]
    pub computed_at: Timestamp,
}
impl From<JobEta> for EtaShape {
    fn from(eta: JobEta) -> Self {
        Self {
            pickup_at: eta.pickup_at,
            dropoff_at: eta.dropoff_at,
            source: eta.source,
            late_s: eta.late.map(|late| late.by.as_millis() / 1_000),
            computed_at: eta.computed_at,
        }
    }
}
