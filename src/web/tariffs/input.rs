//! What clients send about tariffs.

use crate::fields::document::{Document, Faults};
use crate::model::Timestamp;
use crate::pricing::Tariff;
use serde::Deserialize;
use utoipa::ToSchema;

/// A tariff to be tried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DryRunRequest)]
pub struct DryRunInput {
    /// Bookings with a pickup from then on; yesterday's begin when it is absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Bookings with a pickup before then; yesterday's end.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
    /// What it says.
    pub tariff: Tariff,
}

impl Document for DryRunInput {
    fn check(&self, faults: &mut Faults) {
        faults.within("tariff", |f| self.tariff.check(f));
    }
}
