//! What of an order may still change, by the booking's status.

use super::{Order, Status};

/// A part of an order that changes as a whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Part {
    /// Where the load is picked up.
    Pickup,
    /// What the pickup is called and whom to ask for there.
    PickupDetails,
    /// Where it goes.
    Dropoff,
    /// What the drop-off is called and whom to ask for there.
    DropoffDetails,
    /// The stops on the way.
    Stops,
    /// When it is picked up.
    PickupTime,
    /// When it is delivered.
    DropoffWindow,
    /// The class of vehicle.
    VehicleClass,
    /// Weight, volume and pieces.
    Load,
    /// What the vehicle must be able to do.
    Skills,
    /// Who it is for.
    Customer,
    /// What the customer calls it.
    CustomerReference,
    /// How urgent it is.
    Priority,
    /// Free words.
    Notes,
    /// When it is given up.
    Expiry,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 15] = [
        Self::Pickup,
        Self::PickupDetails,
        Self::Dropoff,
        Self::DropoffDetails,
        Self::Stops,
        Self::PickupTime,
        Self::DropoffWindow,
        Self::VehicleClass,
        Self::Load,
        Self::Skills,
        Self::Customer,
        Self::CustomerReference,
        Self::Priority,
        Self::Notes,
        Self::Expiry,
    ];

    /// The field of the order that holds it.
    pub fn field(self) -> &'static str {
        match self {
            Self::Pickup | Self::PickupDetails => "pickup",
            Self::Dropoff | Self::DropoffDetails => "dropoff",
            Self::Stops => "stops",
            Self::PickupTime => "pickup_at",
            Self::DropoffWindow => "dropoff_window",
            Self::VehicleClass => "vehicle_class",
            Self::Load => "load_kg",
            Self::Skills => "skills",
            Self::Customer => "customer",
            Self::CustomerReference => "customer_reference",
            Self::Priority => "priority",
            Self::Notes => "notes",
            Self::Expiry => "expires_at",
        }
    }

    /// The parts in which two orders differ.
    pub fn changed(old: &Order, new: &Order) -> Vec<Self> {
        let differs = |part: &Self| match part {
            Self::Pickup => old.pickup.place != new.pickup.place,
            Self::PickupDetails => (&old.pickup.address, &old.pickup.contact) != (&new.pickup.address, &new.pickup.contact),
            Self::Dropoff => old.dropoff.place != new.dropoff.place,
            Self::DropoffDetails => (&old.dropoff.address, &old.dropoff.contact) != (&new.dropoff.address, &new.dropoff.contact),
            Self::Stops => old.stops != new.stops,
            Self::PickupTime => (old.pickup_at, old.pickup_until) != (new.pickup_at, new.pickup_until),
            Self::DropoffWindow => old.dropoff_window != new.dropoff_window,
            Self::VehicleClass => old.vehicle_class != new.vehicle_class,
            Self::Load => (old.load_kg, old.load_m3, old.pieces) != (new.load_kg, new.load_m3, new.pieces),
            Self::Skills => old.skills != new.skills,
            Self::Customer => old.customer != new.customer,
            Self::CustomerReference => old.customer_reference != new.customer_reference,
            Self::Priority => old.priority != new.priority,
            Self::Notes => old.notes != new.notes,
            Self::Expiry => old.expires_at != new.expires_at,
        };
        Self::ALL.into_iter().filter(differs).collect()
    }

    /// May it change while the booking is in `status`? Until a vehicle has it, all may. Then what chose the vehicle stands;
    /// at the pickup its place and time stand too; once the load is on board only what lies ahead may change. At the end nothing.
    pub fn may_change(self, status: Status) -> bool {
        use Part as P;
        match status {
            Status::Scheduled | Status::Waiting | Status::Offered => true,
            Status::Assigned => !matches!(self, P::VehicleClass | P::Skills | P::Expiry),
            Status::Arrived => !matches!(self, P::VehicleClass | P::Skills | P::Expiry | P::Pickup | P::PickupTime),
            Status::PickedUp => {
                matches!(self, P::Dropoff | P::DropoffDetails | P::Stops | P::DropoffWindow | P::Customer | P::CustomerReference | P::Notes)
            }
            Status::Delivered | Status::Cancelled | Status::Failed | Status::Expired => false,
        }
    }

    /// Does it belong to whoever placed the booking alone? Where head office did, the depot then leaves it as it is. What the
    /// vehicle must be like is for both to say: the depot sees the load, and knows its vehicles.
    pub fn is_placers(self) -> bool {
        !matches!(self, Self::VehicleClass | Self::Load | Self::Skills)
    }

    /// Must the driver who has the job, or was asked to take it, know of the change?
    pub fn concerns_driver(self) -> bool {
        !matches!(self, Self::CustomerReference | Self::Priority | Self::Expiry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Contact, Place, Priority, Site, Stop, StopKind, Timestamp, Window};

    /// A row for each part, a column for each status in the order of [`Status::ALL`]: `x` may change, `.` may not.
    const TABLE: [(Part, &str); 15] = [
        (Part::Pickup, "xxxx......"),
        (Part::PickupDetails, "xxxxx....."),
        (Part::Dropoff, "xxxxxx...."),
        (Part::DropoffDetails, "xxxxxx...."),
        (Part::Stops, "xxxxxx...."),
        (Part::PickupTime, "xxxx......"),
        (Part::DropoffWindow, "xxxxxx...."),
        (Part::VehicleClass, "xxx......."),
        (Part::Load, "xxxxx....."),
        (Part::Skills, "xxx......."),
        (Part::Customer, "xxxxxx...."),
        (Part::CustomerReference, "xxxxxx...."),
        (Part::Priority, "xxxxx....."),
        (Part::Notes, "xxxxxx...."),
        (Part::Expiry, "xxx......."),
    ];

    #[test]
    fn the_table() {
        assert_eq!(TABLE.map(|(part, _)| part), Part::ALL);
        for (part, row) in TABLE {
            for (status, mark) in Status::ALL.into_iter().zip(row.chars()) {
                assert_eq!(part.may_change(status), mark == 'x', "{part:?} while {status:?}");
            }
        }
    }

    #[test]
    fn each_part_is_told_from_the_others() {
        let site = |lat| Site::at(Place::new(lat, 1.5).unwrap());
        let base = Order::new(site(42.5), site(42.6));
        let at = Some(Timestamp::from_secs(1));
        let contact = Some(Contact { name: Some("Ana".into()), ..Contact::default() });
        let changes = [
            (Part::Pickup, Order { pickup: site(42.4), ..base.clone() }),
            (Part::PickupDetails, Order { pickup: Site { contact: contact.clone(), ..site(42.5) }, ..base.clone() }),
            (Part::Dropoff, Order { dropoff: site(42.7), ..base.clone() }),
            (Part::DropoffDetails, Order { dropoff: Site { address: Some("x".into()), ..site(42.6) }, ..base.clone() }),
            (Part::Stops, Order { stops: vec![Stop { site: site(42.55), kind: StopKind::Visit, notes: None }], ..base.clone() }),
            (Part::PickupTime, Order { pickup_until: at, ..base.clone() }),
            (Part::DropoffWindow, Order { dropoff_window: at.map(|t| Window { from: t, until: t }), ..base.clone() }),
            (Part::VehicleClass, Order { vehicle_class: Some("van".into()), ..base.clone() }),
            (Part::Skills, Order { skills: vec!["cold".into()], ..base.clone() }),
            (Part::Priority, Order { priority: Priority::High, ..base.clone() }),
            (Part::Load, Order { pieces: Some(1), ..base.clone() }),
            (Part::Customer, Order { customer: Some("x".into()), ..base.clone() }),
            (Part::CustomerReference, Order { customer_reference: Some("x".into()), ..base.clone() }),
            (Part::Notes, Order { notes: Some("x".into()), ..base.clone() }),
            (Part::Expiry, Order { expires_at: at, ..base.clone() }),
        ];
        for (part, order) in changes {
            assert_eq!(Part::changed(&base, &order), [part]);
        }
        assert!(Part::changed(&base, &base).is_empty());
    }
}
