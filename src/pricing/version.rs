//! Versions of the tariff: what was in effect when.

use super::tariff::Tariff;
use crate::model::{Actor, Timestamp};
use uuid::Uuid;

/// A tariff as it was made. It never changes: what is to be different is the next version.
#[derive(Clone, Debug, PartialEq)]
pub struct TariffVersion {
    /// Its id.
    pub id: Uuid,
    /// Counts the depot's versions, from 1. Quotes and bookings name it; 0 stands for the flat tariff of the settings.
    pub version: u32,
    /// It is in effect from then on, until another one is.
    pub starts_at: Timestamp,
    /// What it says.
    pub tariff: Tariff,
    /// Who made it.
    pub made_by: Actor,
    /// When it was made.
    pub made_at: Timestamp,
}

/// The version that is in effect at `now`: of those that have started the one that started last, of two that started together the
/// one made later. A quote is made by the version in effect when it is asked for, whenever the pickup is. `None`: none has started,
/// and the settings' flat tariff is in effect.
pub fn in_effect(versions: &[TariffVersion], now: Timestamp) -> Option<&TariffVersion> {
    let started = versions.iter().filter(|version| version.starts_at <= now);
    started.max_by_key(|version| (version.starts_at, version.version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::model::Currency;
    use proptest::prelude::*;

    fn version(version: u32, starts_s: i64) -> TariffVersion {
        let currency = Currency::new("EUR").unwrap();
        let flat = config::Tariff { currency, base_minor: 1, per_km_minor: 1, per_minute_minor: 1, minimum_minor: 1, quote_minutes: 15 };
        let starts_at = Timestamp::from_secs(starts_s);
        let id = Uuid::from_u128(version.into());
        TariffVersion { id, version, starts_at, tariff: Tariff::from(&flat), made_by: Actor::System, made_at: Timestamp::default() }
    }

    #[test]
    fn the_one_that_started_last_is_in_effect() {
        let versions = [version(1, 100), version(2, 300), version(3, 200), version(4, 200)];
        let at = |secs| in_effect(&versions, Timestamp::from_secs(secs)).map(|v| v.version);
        assert_eq!([at(99), at(100), at(199), at(200), at(299), at(300)], [None, Some(1), Some(1), Some(4), Some(4), Some(2)]);
    }

    proptest! {
        #[test]
        fn the_order_of_the_list_does_not_matter(starts in prop::collection::vec(0..20_i64, 0..10), now in 0..25_i64) {
            let versions: Vec<_> = (1..).zip(&starts).map(|(n, starts)| version(n, *starts)).collect();
            let reversed: Vec<_> = versions.iter().rev().cloned().collect();
            let now = Timestamp::from_secs(now);
            prop_assert_eq!(in_effect(&versions, now), in_effect(&reversed, now));
        }
    }
}
