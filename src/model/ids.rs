//! Identifiers, each its own type so that none can stand in for another.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Empty, or longer than 64 bytes.
    #[error("must have 1 to 64 characters")]
    Length,
    /// A character that would be special in an MQTT topic, a URL path or a log line.
    #[error("may hold only letters, digits, '.', '_' and '-'")]
    Character,
    /// Not a number behind the letter of its kind.
    #[error("is not an id of this kind, which is like {0}-1001")]
    NotNumbered(char),
    /// Not a UUID.
    #[error("is not a booking id (a UUID)")]
    NotUuid,
}

fn check_name(text: &str) -> Result<(), IdError> {
    if text.is_empty() || text.len() > 64 {
        return Err(IdError::Length);
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if text.bytes().all(fits) { Ok(()) } else { Err(IdError::Character) }
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier, when `text` has 1 to 64 characters out of letters, digits, `.`, `_` and `-`.
            pub fn new(text: &str) -> Result<Self, IdError> {
                check_name(text).map(|()| Self(text.into()))
            }
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }
        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    };
}

name_id! {
    /// A vehicle: what moves loads and is drawn on the map.
    VehicleId
}
name_id! {
    /// A device: what has credentials and reports a vehicle's position.
    DeviceId
}

macro_rules! numbered_id {
    ($(#[$doc:meta])* $name:ident, $letter:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(i64);

        impl $name {
            /// The id of row `number`, counted from 1.
            pub const fn of_row(number: i64) -> Self {
                Self(number)
            }
            /// Its row.
            pub const fn row(self) -> i64 {
                self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}-{}", $letter, self.0.saturating_add(1000))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text.strip_prefix($letter).and_then(|rest| rest.strip_prefix('-'));
                let number = digits.filter(|d| d.bytes().all(|b| b.is_ascii_digit())).and_then(|d| d.parse::<i64>().ok());
                number.filter(|n| *n > 1000).map(|n| Self(n - 1000)).ok_or(IdError::NotNumbered($letter))
            }
        }
    };
}

numbered_id! {
    /// A driver, like `D-1001`.
    DriverId, 'D'
}
numbered_id! {
    /// A planned shift, like `S-1001`.
    ShiftId, 'S'
}
numbered_id! {
    /// A duty, like `Y-1001`.
    DutyId, 'Y'
}
name_id! {
    /// A recurring booking.
    RecurrenceId
}

/// A booking, as a UUIDv7: ids sort by the time they were made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BookingId(Uuid);

impl BookingId {
    /// A new id, made at `now`; `random` makes it unique among ids of the same millisecond.
    pub fn generate(now: super::Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
    /// The id as 16 bytes, in sorting order.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}
impl fmt::Display for BookingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl fmt::Debug for BookingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl std::str::FromStr for BookingId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError::NotUuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refuse_what_a_topic_or_a_path_would_misread() {
        for bad in ["", "a/b", "a+b", "#", "a b", "ä", &"x".repeat(65)] {
            assert!(VehicleId::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(VehicleId::new("KA-104").unwrap().as_str(), "KA-104");
    }

    #[test]
    fn numbered_ids_round_trip_and_refuse_the_rest() {
        assert_eq!("D-1001".parse(), Ok(DriverId::of_row(1)));
        assert_eq!(DriverId::of_row(1).to_string(), "D-1001");
        for bad in ["", "D-", "D-1000", "D-+1001", "S-1001", "d-1001", "1001", "D-99999999999999999999"] {
            assert!(bad.parse::<DriverId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn booking_ids_sort_by_time() {
        let at = |ms| BookingId::generate(crate::model::Timestamp::from_millis(ms), [7; 10]);
        assert!(at(1_000) < at(2_000));
    }
}
