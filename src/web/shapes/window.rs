//! Spans of time.

use crate::model::{Timestamp, Window};
use serde::Serialize;
use utoipa::ToSchema;

/// A span of time in which something is to happen.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Window)]
pub struct WindowShape {
    /// Not before then.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Not after then.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}
impl From<Window> for WindowShape {
    fn from(w: Window) -> Self {
        Self { from: w.from, until: w.until }
    }
}
