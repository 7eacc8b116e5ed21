//! What somebody asks the depot to move.

use super::{Money, Place, Timestamp};
use serde::{Deserialize, Serialize};

/// Whom to ask for at a site.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Contact {
    /// A person or a desk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As it is dialled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A place where a vehicle halts for a booking.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Site {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whom to ask for there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
}

impl Site {
    /// A bare place, without address or contact.
    pub fn at(place: Place) -> Self {
        Self { place, address: None, contact: None }
    }
}

/// What is done at a stop on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopKind {
    /// More is loaded.
    Pickup,
    /// Some is unloaded.
    Dropoff,
    /// Neither: a signature, a weighbridge, customs.
    #[default]
    Visit,
}

impl StopKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Pickup, Self::Dropoff, Self::Visit];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pickup => "pickup",
            Self::Dropoff => "dropoff",
            Self::Visit => "visit",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == name)
    }
}

/// A stop between pickup and drop-off.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Stop {
    /// Where, and whom to ask for.
    #[serde(flatten)]
    pub site: Site,
    /// What is done there.
    pub kind: StopKind,
    /// Free words for the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// A span of time in which something is to happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Window {
    /// Not before then.
    pub from: Timestamp,
    /// Not after then.
    pub until: Timestamp,
}

/// What is to be carried; what is not stated fits anywhere.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Load {
    /// Weight in kg.
    pub kg: Option<u32>,
    /// Volume in cubic metres.
    pub m3: Option<f64>,
    /// Number of pieces.
    pub pieces: Option<u32>,
}

/// How urgent a booking is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// May wait for others.
    Low,
    /// As usual.
    #[default]
    Normal,
    /// Before the usual ones.
    High,
    /// Before all others.
    Urgent,
}

impl Priority {
    /// Every priority, the least urgent first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Urgent];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }

    /// The priority of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == name)
    }
}

/// What somebody asks for: the same for a quote and for a booking.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Where the load is picked up.
    pub pickup: Site,
    /// Where it goes.
    pub dropoff: Site,
    /// Stops on the way, in the order in which they are made.
    pub stops: Vec<Stop>,
    /// When it is to be picked up, or the earliest time for it; `None` means now.
    pub pickup_at: Option<Timestamp>,
    /// The latest pickup, where the customer gave a window.
    pub pickup_until: Option<Timestamp>,
    /// When it is to be delivered.
    pub dropoff_window: Option<Window>,
    /// Only a vehicle of this class will do.
    pub vehicle_class: Option<String>,
    /// Weight in kg.
    pub load_kg: Option<u32>,
    /// Volume in cubic metres.
    pub load_m3: Option<f64>,
    /// Number of pieces.
    pub pieces: Option<u32>,
    /// What the vehicle must be able to do.
    pub skills: Vec<String>,
    /// Who it is for.
    pub customer: Option<String>,
    /// What the customer calls it.
    pub customer_reference: Option<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// Free words.
    pub notes: Option<String>,
    /// When it is given up if no vehicle has it by then; `None`: as the depot usually does.
    pub expires_at: Option<Timestamp>,
}

impl Order {
    /// An order from `pickup` to `dropoff`, now, without any wish.
    pub fn new(pickup: Site, dropoff: Site) -> Self {
        Self {
            pickup,
            dropoff,
            stops: Vec::new(),
            pickup_at: None,
            pickup_until: None,
            dropoff_window: None,
            vehicle_class: None,
            load_kg: None,
            load_m3: None,
            pieces: None,
            skills: Vec::new(),
            customer: None,
            customer_reference: None,
            priority: Priority::Normal,
            notes: None,
            expires_at: None,
        }
    }

    /// Every place of the trip in the order in which it is reached.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        let stops = self.stops.iter().map(|s| s.site.place);
        std::iter::once(self.pickup.place).chain(stops).chain([self.dropoff.place])
    }

    /// What is to be carried.
    pub fn load(&self) -> Load {
        Load { kg: self.load_kg, m3: self.load_m3, pieces: self.pieces }
    }

    /// The window of the pickup, where the customer gave one.
    pub fn pickup_window(&self) -> Option<Window> {
        self.pickup_at.zip(self.pickup_until).map(|(from, until)| Window { from, until })
    }
}

/// What a trip costs and how long its way is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fare {
    /// What it costs.
    pub price: Money,
    /// Length of the way over all stops in metres.
    pub distance_m: u32,
    /// Time of the way over all stops in seconds.
    pub duration_s: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for kind in StopKind::ALL {
            assert_eq!(StopKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for priority in Priority::ALL {
            assert_eq!(Priority::parse(priority.as_str()), Some(priority));
            assert_eq!(serde_json::to_value(priority).unwrap(), priority.as_str());
        }
    }
}
