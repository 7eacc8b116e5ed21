//! What head office may order: one row of [`Act::read`] a kind.

use crate::auth::{self, Role, WantedUser};
use crate::batch::Command;
use crate::bookings::{self, Bookings, booking_json};
use crate::fields::document::Document;
use crate::fields::{FieldError, Fields, Read, Unreadable, merge};
use crate::model::{Actor, BookingId, Order, Timestamp};
use crate::pricing::Tariff;
use crate::settings::{self, Settings};
use crate::store;
use crate::tariffs::{self, TariffInput};
use crate::zones::Zone;
use rusqlite::{Connection, Transaction};
use serde_json::{Map, Value, json};

/// Members of a booking that are the depot's, whatever an order says.
const DEPOTS_OWN: [&str; 18] = [
    "id",
    "ref",
    "status",
    "vehicle_id",
    "locked",
    "origin",
    "recurrence_id",
    "version",
    "created_at",
    "updated_at",
    "assigned_at",
    "arrived_at",
    "picked_up_at",
    "delivered_at",
    "ended_at",
    "failed_at",
    "cancelled_at",
    "eta",
];

/// Why an order was not carried out.
#[derive(Clone, PartialEq, Debug)]
pub struct Rejection {
    /// In one word, for programs.
    pub reason: &'static str,
    /// In words, for people.
    pub detail: String,
    errors: Vec<FieldError>,
}

impl Rejection {
    pub fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), errors: Vec::new() }
    }

    fn naming(reason: &'static str, detail: impl Into<String>, errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(reason, detail) }
    }

    fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::naming("invalid", format!("{field} {message}"), vec![FieldError { field: field.to_owned(), message }])
    }

    /// The fields that it names, when it names any.
    pub fn told(&self) -> Value {
        if self.errors.is_empty() { Value::Null } else { json!(self.errors) }
    }
}

/// Why an order was not carried out, or could not be now.
#[derive(Debug)]
pub enum Failed {
    /// Head office is told so.
    Rejected(Rejection),
    /// The database did not do it.
    Store(store::Error),
}

impl From<Rejection> for Failed {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Unreadable> for Rejection {
    fn from(Unreadable(errors): Unreadable) -> Self {
        Self::naming("invalid", "the data are not right", errors)
    }
}

impl From<bookings::Error> for Failed {
    fn from(error: bookings::Error) -> Self {
        use bookings::Error as E;
        let detail = error.to_string();
        let told = |faults: Vec<bookings::Fault>| faults.into_iter().map(|f| FieldError { field: f.field, message: f.message }).collect();
        let (reason, errors) = match error {
            E::Store(error) => return Self::Store(error),
            E::Invalid(faults) => ("invalid", told(faults)),
            E::Fixed(_, faults) => ("fixed", told(faults)),
            E::Unknown => ("unknown", Vec::new()),
            E::Exists(_) => ("exists", Vec::new()),
            E::Stale(_) | E::Lost => ("stale", Vec::new()),
            E::HasVehicle => ("accepted", Vec::new()),
            E::OnBoard => ("on_board", Vec::new()),
            E::Refused(_) => ("status", Vec::new()),
            _ => ("invalid", Vec::new()),
        };
        Self::Rejected(Rejection::naming(reason, detail, errors))
    }
}

impl From<settings::Error> for Failed {
    fn from(error: settings::Error) -> Self {
        use settings::Error as E;
        let detail = error.to_string();
        match error {
            E::Store(error) => Self::Store(error),
            E::Invalid(faults) => {
                let told = faults.into_iter().map(|f| FieldError { field: f.key, message: f.message }).collect();
                Self::Rejected(Rejection::naming("invalid", detail, told))
            }
            E::Unknown(_) | E::Fixed(_) | E::NotOverridden(_) => Self::Rejected(Rejection::new("invalid", detail)),
        }
    }
}

impl From<tariffs::Error> for Failed {
    fn from(error: tariffs::Error) -> Self {
        use tariffs::Error as E;
        let detail = error.to_string();
        let (reason, errors) = match error {
            E::Store(error) => return Self::Store(error),
            E::Invalid(errors) => ("invalid", errors),
            E::Unknown(_) => ("unknown", Vec::new()),
            E::Exists(..) => ("exists", Vec::new()),
            E::Stale(_) => ("stale", Vec::new()),
            E::Refused(_) => ("refused", Vec::new()),
        };
        Self::Rejected(Rejection::naming(reason, detail, errors))
    }
}

impl From<auth::Error> for Failed {
    fn from(error: auth::Error) -> Self {
        use auth::Error as E;
        let detail = error.to_string();
        match error {
            E::Store(error) => Self::Store(error),
            E::Invalid(fault) => Self::Rejected(Rejection::field(&fault.field, fault.message)),
            E::Unknown(_) => Self::Rejected(Rejection::new("unknown", detail)),
            E::LastAdmin(_) => Self::Rejected(Rejection::new("last_admin", detail)),
            _ => Self::Rejected(Rejection::new("failed", detail)),
        }
    }
}

/// What is to be done.
#[derive(Debug)]
pub enum Act {
    /// A booking is placed, with that id when head office chose one.
    Create(Option<BookingId>, Box<Order>),
    /// What was ordered changes: a merge patch of the booking at a version.
    Change(BookingId, u32, Map<String, Value>),
    /// A booking is called off.
    Cancel(BookingId, Option<u32>, String),
    /// A user is made or changed; without a password a new one gets this hash.
    SetUser(WantedUser, String),
    /// A user is let in no more.
    DisableUser(String),
    /// Settings get other values; the order that says so is named.
    Set(Vec<(String, Value)>, String),
    /// What head office set is forgotten again.
    Clear(Vec<String>, String),
    /// A version of the tariff, in effect at once or from then on.
    Publish(Box<Tariff>, Option<Timestamp>),
    /// A zone is added, or put in the place of the one that there is.
    PutZone(Box<Zone>),
    /// A zone is deleted.
    DeleteZone(String),
}

/// What orders change.
pub struct Rooms<'a> {
    pub bookings: &'a Bookings,
    pub settings: &'a Settings,
}

impl Act {
    /// What `command` asks for.
    pub fn read(command: &Command) -> Result<Self, Rejection> {
        let data = command.data.clone();
        let booking = || -> Result<Option<BookingId>, Rejection> {
            let parse = |text: &String| text.parse().map_err(|e: crate::model::IdError| Rejection::field("target", e.to_string()));
            command.target.as_ref().map(parse).transpose()
        };
        let target = || booking()?.ok_or_else(|| Rejection::field("target", "is missing: the id of the booking"));
        match command.kind.as_str() {
            "booking.create" => {
                refuse_depots_own(&data)?;
                Ok(Self::Create(booking()?, Box::new(Fields::of_json(data.into())?)))
            }
            "booking.change" => {
                refuse_depots_own(&data)?;
                let version = command.expected_version.ok_or_else(|| Rejection::field("expected_version", "is missing"))?;
                Ok(Self::Change(target()?, version, data))
            }
            "booking.cancel" => {
                let Reason(reason) = Fields::of_json(data.into())?;
                Ok(Self::Cancel(target()?, command.expected_version, reason))
            }
            "user.set" => Ok(Self::SetUser(Fields::of_json(data.into())?, String::new())),
            "user.disable" => {
                let Name(name) = Fields::of_json(data.into())?;
                Ok(Self::DisableUser(name))
            }
            "settings.set" => Ok(Self::Set(values(data, "")?, command.cmd_id.clone())),
            "tariff.set" => Ok(Self::Set(values(data, "tariff.")?, command.cmd_id.clone())),
            "settings.clear" => {
                let Keys(keys) = Fields::of_json(data.into())?;
                Ok(Self::Clear(keys, command.cmd_id.clone()))
            }
            "tariff.publish" => {
                let TariffInput { starts_at, tariff } = document(data)?;
                Ok(Self::Publish(Box::new(tariff), starts_at))
            }
            "zone.put" => Ok(Self::PutZone(Box::new(document(data)?))),
            "zone.delete" => {
                let Id(id) = Fields::of_json(data.into())?;
                Ok(Self::DeleteZone(id))
            }
            kind => Err(Rejection::new("unsupported", format!("this depot knows no order {kind:?}"))),
        }
    }

    /// Does it; gives what it was about.
    pub fn run(self, tx: &Transaction<'_>, Rooms { bookings, settings }: &Rooms<'_>, now: Timestamp) -> Result<Option<String>, Failed> {
        let booking = match self {
            Self::Create(id, order) => bookings.place_for_head_office(tx, id, *order, now)?,
            Self::Change(id, version, patch) => {
                let change = |order: &Order| -> Result<Order, Failed> {
                    Ok(Fields::of_json(merge::patched(order, patch)).map_err(Rejection::from)?)
                };
                bookings.change_for_head_office(tx, id, version, change, now)?
            }
            Self::Cancel(id, version, reason) => bookings.cancel_for_head_office(tx, id, version, reason, now)?,
            Self::SetUser(user, unknown) => return Ok(Some(user.put(tx, unknown, &Actor::HeadOffice, now)?.name)),
            Self::DisableUser(name) => return Ok(Some(auth::disable(tx, &name, &Actor::HeadOffice, now)?.name)),
            Self::Set(values, cmd_id) => {
                settings.put_from_above(tx, &values, &cmd_id, now)?;
                return Ok(None);
            }
            Self::Clear(keys, cmd_id) => {
                settings.clear_from_above(tx, &keys, &cmd_id, now)?;
                return Ok(None);
            }
            Self::Publish(tariff, starts_at) => {
                let made = bookings.tariffs().publish_in(tx, *tariff, starts_at, &Actor::HeadOffice, now)?;
                return Ok(Some(made.row.version.to_string()));
            }
            Self::PutZone(zone) => return Ok(Some(bookings.tariffs().put_in(tx, *zone, &Actor::HeadOffice, now)?.document.id)),
            Self::DeleteZone(id) => {
                bookings.tariffs().delete_in::<Zone>(tx, &id, &Actor::HeadOffice, now)?;
                return Ok(Some(id));
            }
        };
        Ok(Some(booking.id.to_string()))
    }
}

/// How what an order of `kind` was about stands now; `None` when that has no state to be told.
pub fn current(connection: &Connection, kind: &str, target: Option<&str>) -> store::Result<Option<Value>> {
    if !kind.starts_with("booking.") {
        return Ok(None);
    }
    let Some(id) = target.and_then(|target| target.parse().ok()) else { return Ok(None) };
    Ok(store::bookings::get(connection, id)?.as_ref().map(booking_json))
}

fn refuse_depots_own(data: &Map<String, Value>) -> Result<(), Rejection> {
    let told = |name: &str| FieldError { field: name.to_owned(), message: "is the depot's".to_owned() };
    let errors: Vec<_> = DEPOTS_OWN.into_iter().filter(|name| data.contains_key(*name)).map(told).collect();
    if errors.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = errors.iter().map(|e| e.field.as_str()).collect();
    Err(Rejection::naming("depots_own", format!("{}: only the depot says so", names.join(", ")), errors))
}

/// The settings that `data` names, each behind `prefix`.
fn values(data: Map<String, Value>, prefix: &str) -> Result<Vec<(String, Value)>, Rejection> {
    if data.is_empty() {
        return Err(Rejection::new("invalid", "the data name no setting"));
    }
    Ok(data.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)).collect())
}

/// Which settings.
struct Keys(Vec<String>);

impl Read for Keys {
    fn read(f: &mut Fields) -> Option<Self> {
        let keys = f.texts("keys", 100);
        f.required("keys", keys).map(Self)
    }
}

/// A document that is kept as it is sent.
fn document<T: Document>(data: Map<String, Value>) -> Result<T, Rejection> {
    T::read(&data.into()).map_err(|errors| Rejection::naming("invalid", "the data are not right", errors))
}

/// Which one.
struct Id(String);

impl Read for Id {
    fn read(f: &mut Fields) -> Option<Self> {
        let id = f.text("id", 64);
        f.required("id", id).map(Self)
    }
}

/// Why a booking is called off.
struct Reason(String);

impl Read for Reason {
    fn read(f: &mut Fields) -> Option<Self> {
        let reason = f.text("reason", 500);
        f.required("reason", reason).map(Self)
    }
}

/// Whom it is about.
struct Name(String);

impl Read for Name {
    fn read(f: &mut Fields) -> Option<Self> {
        let name = f.text("name", 64);
        f.required("name", name).map(Self)
    }
}

impl Read for WantedUser {
    fn read(f: &mut Fields) -> Option<Self> {
        let name = f.text("name", 64);
        let name = f.required("name", name);
        let role = f.one_of("role", "admin, dispatcher, viewer, driver", |text| Role::parse(text).filter(|role| role.is_ours()));
        let role = f.required("role", role);
        let (disabled, password_hash) = (f.flag("disabled"), f.secret("password_hash"));
        Some(Self { name: name?, role: role?, disabled: disabled?, password_hash: password_hash? })
    }
}
