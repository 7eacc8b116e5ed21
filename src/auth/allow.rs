//! One table: who may do what. What is not in it is refused.

use crate::model::Actor;
use serde::{Deserialize, Serialize};

/// A role.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May do everything.
    Admin,
    /// Runs the shift: bookings, assignments, duty.
    Dispatcher,
    /// Sees, changes nothing.
    Viewer,
    /// Has its own jobs.
    Driver,
    /// Has its own bookings.
    Customer,
    /// Another program, limited to its token's scope.
    Integration,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [Self::Admin, Self::Dispatcher, Self::Viewer, Self::Driver, Self::Customer, Self::Integration];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Dispatcher => "dispatcher",
            Self::Viewer => "viewer",
            Self::Driver => "driver",
            Self::Customer => "customer",
            Self::Integration => "integration",
        }
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == name)
    }

    /// May somebody sign in with it?
    pub fn signs_in(self) -> bool {
        !matches!(self, Self::Integration)
    }

    /// Is it one of the depot's own people?
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Admin | Self::Dispatcher | Self::Viewer | Self::Driver)
    }
}

/// What somebody wants to do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum What {
    /// See bookings.
    ReadBookings,
    /// Quote, place, cancel and see the bookings of the customer that one belongs to.
    OwnBookings,
    /// Quote, place, cancel, step bookings.
    WriteBookings,
    /// Give bookings to vehicles, put vehicles and drivers on duty, plan shifts.
    Assign,
    /// See drivers, their shifts and duties.
    ReadDrivers,
    /// Go on and off duty and on a break: a driver himself only.
    Duty,
    /// See where vehicles are and were.
    ReadPositions,
    /// Vehicles, devices, users, tokens, configuration, backup.
    Administer,
}

impl What {
    /// Everything that can be wanted.
    pub const ALL: [Self; 8] = [
        Self::ReadBookings,
        Self::OwnBookings,
        Self::WriteBookings,
        Self::Assign,
        Self::ReadDrivers,
        Self::Duty,
        Self::ReadPositions,
        Self::Administer,
    ];

    /// Its name in a token's scope.
    pub fn scope(self) -> &'static str {
        match self {
            Self::ReadBookings => "bookings:read",
            Self::OwnBookings => "bookings:own",
            Self::WriteBookings => "bookings:write",
            Self::Assign => "assign",
            Self::ReadDrivers => "drivers:read",
            Self::Duty => "duty",
            Self::ReadPositions => "positions:read",
            Self::Administer => "admin",
        }
    }
}

/// Somebody who was recognised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Who {
    /// The role.
    pub role: Role,
    /// The user's name, or the token's id.
    pub name: String,
    /// What a token is limited to; empty: all that the role may (an integration: nothing).
    pub scopes: Vec<String>,
    /// A token, not a person.
    pub by_token: bool,
    /// The customer whose bookings are its own; a [`Role::Customer`] has one, nobody else.
    pub customer: Option<String>,
}

impl Who {
    /// How the journal names it.
    pub fn actor(&self) -> Actor {
        if self.by_token { Actor::Token(self.name.clone()) } else { Actor::User(self.name.clone()) }
    }
}

/// May `who` do `what`?
pub fn allow(who: &Who, what: What) -> bool {
    use What::{Administer, Assign, Duty, OwnBookings, ReadBookings, ReadDrivers, ReadPositions, WriteBookings};
    let by_role = match who.role {
        Role::Admin => matches!(what, ReadBookings | WriteBookings | Assign | ReadDrivers | Duty | ReadPositions | Administer),
        Role::Dispatcher => matches!(what, ReadBookings | WriteBookings | Assign | ReadDrivers | Duty | ReadPositions),
        Role::Viewer => matches!(what, ReadBookings | ReadDrivers | ReadPositions),
        // His own, which the routes see to.
        Role::Driver => what == Duty,
        Role::Customer => who.customer.is_some() && what == OwnBookings,
        Role::Integration => !who.scopes.is_empty() && !matches!(what, Administer | OwnBookings),
    };
    by_role && (who.scopes.is_empty() || who.scopes.iter().any(|s| s == what.scope()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(role: Role, scopes: &[&str]) -> Who {
        let customer = (role == Role::Customer).then(|| "acme".into());
        Who { role, name: "x".into(), scopes: scopes.iter().map(|s| (*s).to_owned()).collect(), by_token: !scopes.is_empty(), customer }
    }

    #[test]
    fn the_table() {
        let expected: [(Role, [bool; 8]); 6] = [
            (Role::Admin, [true, false, true, true, true, true, true, true]),
            (Role::Dispatcher, [true, false, true, true, true, true, true, false]),
            (Role::Viewer, [true, false, false, false, true, false, true, false]),
            (Role::Driver, [false, false, false, false, false, true, false, false]),
            (Role::Customer, [false, true, false, false, false, false, false, false]),
            (Role::Integration, [false; 8]),
        ];
        for (role, row) in expected {
            for (what, may) in What::ALL.into_iter().zip(row) {
                assert_eq!(allow(&who(role, &[]), what), may, "{role:?} {what:?}");
            }
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
    }

    #[test]
    fn a_scope_only_narrows() {
        assert!(allow(&who(Role::Integration, &["bookings:read"]), What::ReadBookings));
        assert!(!allow(&who(Role::Integration, &["bookings:read"]), What::WriteBookings));
        assert!(!allow(&who(Role::Integration, &["admin"]), What::Administer));
        assert!(!allow(&who(Role::Integration, &["bookings:own"]), What::OwnBookings));
        assert!(!allow(&who(Role::Viewer, &["bookings:write"]), What::WriteBookings));
        assert!(!allow(&who(Role::Admin, &["bookings:read"]), What::Administer));
    }
}
