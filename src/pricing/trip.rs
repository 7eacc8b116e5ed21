//! What decides the price of a trip, besides the tariff.

use super::contract::Contract;
use super::promo::{Promo, Uses};
use super::surge::Factor;
use super::way::Way;
use crate::model::{Load, Timestamp};

/// A trip to be priced. Who asks knows its zones (`zones::Zones::at`), the customer's contract and how often the code was used.
#[derive(Clone, Debug)]
pub struct Trip<'a> {
    /// Length and time of its way, over all stops.
    pub way: Way,
    /// The class of vehicle that is asked for.
    pub class: Option<&'a str>,
    /// Stops between pickup and drop-off.
    pub stops: u32,
    /// What is carried.
    pub load: Load,
    /// When it is picked up; calendars and contracts go by it.
    pub pickup_at: Timestamp,
    /// The depot's IANA zone, in which calendars are read.
    pub depot_zone: &'a str,
    /// The ids of the tariff zones of the pickup, the foremost first.
    pub pickup_zones: &'a [&'a str],
    /// The ids of the tariff zones of the drop-off, the foremost first.
    pub dropoff_zones: &'a [&'a str],
    /// Who it is for.
    pub customer: Option<&'a str>,
    /// That customer's contract; one of somebody else, or one that does not hold on the pickup's day, counts for nothing.
    pub contract: Option<&'a Contract>,
    /// When the price was asked for; promo codes go by it.
    pub asked_at: Timestamp,
    /// The promo code that was given, and how often it was used before.
    pub promo: Option<(&'a Promo, Uses)>,
    /// Seconds that the vehicle waited at the pickup; known after it, before it 0.
    pub waiting_s: u32,
    /// How demand and supply stand where and when it begins.
    pub surge: Option<&'a Factor>,
}

impl Trip<'_> {
    /// A trip over `way` of which nothing else is known: at the epoch in UTC, for anybody.
    pub fn new(way: Way) -> Self {
        Self {
            way,
            class: None,
            stops: 0,
            load: Load::default(),
            pickup_at: Timestamp::default(),
            depot_zone: "UTC",
            pickup_zones: &[],
            dropoff_zones: &[],
            customer: None,
            contract: None,
            asked_at: Timestamp::default(),
            promo: None,
            waiting_s: 0,
            surge: None,
        }
    }
}
