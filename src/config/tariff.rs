//! The section `[tariff]`.

use crate::model::Currency;
use serde::{Deserialize, Serialize};

/// The flat tariff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tariff {
    /// ISO 4217 code.
    pub currency: Currency,
    /// Base price in minor units.
    pub base_minor: i64,
    /// Price of a kilometre in minor units.
    pub per_km_minor: i64,
    /// Price of a minute in minor units.
    pub per_minute_minor: i64,
    /// No trip costs less, in minor units.
    pub minimum_minor: i64,
    /// Minutes a quote holds.
    pub quote_minutes: u32,
}

impl Default for Tariff {
    fn default() -> Self {
        Self {
            currency: Currency::new("EUR").unwrap_or_else(|| unreachable!("EUR has three capitals")),
            base_minor: 500,
            per_km_minor: 120,
            per_minute_minor: 30,
            minimum_minor: 800,
            quote_minutes: 15,
        }
    }
}
