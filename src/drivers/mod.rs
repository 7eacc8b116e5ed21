//! The use cases of drivers: who they are, when they are meant to work, and duty with its breaks and hours. One transaction each.
//!
//! A duty is one driver on one vehicle. While it lasts the vehicle has the driver's skills too, and [`crew`] says whether the
//! driver may be given work: not on a break, and not beyond the [`hours`] that he may work.

pub mod crew;
mod duty;
mod error;
pub mod hours;
mod shifts;

pub use duty::DutyChange;
pub use error::Error;
pub use shifts::{NewShift, ShiftChange};

use crate::clock::Clock;
use crate::config::{Config, Current};
use crate::model::{Actor, Driver, DriverId, Duty, Kind, Span, Timestamp, Window};
use crate::store::{self, Db};
use hours::{Hours, Limits};
use jiff::tz::TimeZone;
use rusqlite::{Connection, Transaction};
use serde_json::json;
use std::sync::Arc;

pub use crate::store::drivers::Filter;
pub use crate::store::shifts::Filter as ShiftFilter;

/// The drivers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Drivers {
    db: Db,
    clock: Clock,
    settings: Current,
}

/// How long drivers may work, where nothing else is said, and what a day is.
#[derive(Clone, PartialEq, Debug)]
pub struct Rules {
    zone: TimeZone,
    limits: Limits,
    keep: Span,
}

/// What is known of a driver.
#[derive(Clone, Debug, Default)]
pub struct DriverChange {
    /// What people call him.
    pub name: Option<String>,
    /// As it is dialled; `Some(None)` forgets it, here and below.
    pub phone: Option<Option<String>>,
    /// Mail address.
    pub email: Option<Option<String>>,
    /// What he can do and may drive.
    pub skills: Option<Vec<String>>,
    /// The user he signs in as.
    pub user: Option<Option<String>>,
    /// Longest time on duty in a day.
    pub max_day: Option<Option<Span>>,
    /// The same in any seven days.
    pub max_week: Option<Option<Span>>,
    /// May he go on duty?
    pub active: Option<bool>,
}

/// A driver, what he is doing, and how long he has worked.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Who.
    pub driver: Driver,
    /// The duty he is on.
    pub duty: Option<Duty>,
    /// How long he has worked.
    pub hours: Hours,
    /// How long he may.
    pub limits: Limits,
}

type Result<T> = std::result::Result<T, Error>;

impl Rules {
    /// As the settings say.
    pub fn new(config: &Config) -> Self {
        let span = |s: u64| Span::from_secs(i64::try_from(s).unwrap_or(i64::MAX / 1_000));
        let (day, week) = (span(config.drivers.max_day_s), span(config.drivers.max_week_s));
        Self {
            // The settings were checked, so the zone is one.
            zone: TimeZone::get(&config.depot.zone).unwrap_or(TimeZone::UTC),
            limits: Limits { day, week },
            keep: span(u64::from(config.drivers.keep_days) * 86_400),
        }
    }

    /// How long this driver may work.
    pub fn limits(&self, driver: &Driver) -> Limits {
        Limits { day: driver.max_day.unwrap_or(self.limits.day), week: driver.max_week.unwrap_or(self.limits.week) }
    }

    /// When within `time` he has worked as long as he may, with these duties of then and of the week before.
    pub fn spent_within(&self, time: Window, driver: &Driver, duties: &[Duty]) -> Vec<Window> {
        hours::spent_within(time, duties, &self.limits(driver), &self.zone)
    }

    /// How long he has worked.
    fn hours(&self, c: &Connection, driver: DriverId, now: Timestamp) -> store::Result<Hours> {
        Ok(hours::hours(now, &store::duty::since(c, driver, now - hours::WEEK)?, &self.zone))
    }
}

impl Drivers {
    /// The drivers of `db`, who may work as long as the settings say that are in effect then.
    pub fn new(db: Db, settings: impl Into<Current>, clock: Clock) -> Self {
        Self { db, clock, settings: settings.into() }
    }

    /// How long drivers may work now.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::new(Rules::new(&self.settings.get()))
    }

    /// Up to `limit` drivers after `after` by id.
    pub async fn list(&self, filter: Filter, after: Option<DriverId>, limit: usize) -> Result<Vec<Shown>> {
        let (rules, now) = (self.rules(), self.clock.now());
        let question = move |c: &Connection| {
            let found = store::drivers::list(c, &filter, after, limit)?;
            found.into_iter().map(|driver| shown(c, driver, &rules, now)).collect()
        };
        self.db.read(question).await
    }

    /// The driver of an id.
    pub async fn get(&self, id: DriverId) -> Result<Shown> {
        let (rules, now) = (self.rules(), self.clock.now());
        self.db.read(move |c| shown(c, find(c, id)?, &rules, now)).await
    }

    /// The driver who signs in as `user`.
    pub async fn of_user(&self, user: &str) -> Result<Option<DriverId>> {
        let user = user.to_owned();
        Ok(self.db.read(move |c| store::drivers::of_user(c, &user)).await?)
    }

    /// Adds a driver, who may go on duty unless `given` says otherwise.
    pub async fn add(&self, name: String, given: DriverChange, actor: Actor) -> Result<Shown> {
        let (rules, now) = (self.rules(), self.clock.now());
        let mut driver = Driver {
            id: DriverId::of_row(0),
            name,
            phone: None,
            email: None,
            skills: Vec::new(),
            user: None,
            max_day: None,
            max_week: None,
            active: true,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        given.apply(&mut driver);
        let change = move |tx: &Transaction<'_>| {
            check_user(tx, &driver)?;
            let driver = store::drivers::insert(tx, &driver)?;
            announce(tx, "driver.add", &driver, &actor, now)?;
            shown(tx, driver, &rules, now)
        };
        self.db.write(change).await
    }

    /// Changes a driver's data; refused when it is not at the `expected` version any more.
    pub async fn change(&self, id: DriverId, change: DriverChange, expected: Option<u32>, actor: Actor) -> Result<Shown> {
        let (rules, now) = (self.rules(), self.clock.now());
        let change = move |tx: &Transaction<'_>| {
            let mut driver = find(tx, id)?;
            check_version(id, driver.version, expected)?;
            change.apply(&mut driver);
            check_user(tx, &driver)?;
            if !driver.active && store::duty::of_driver(tx, id)?.is_some() {
                return Err(Error::OnDuty(driver.name));
            }
            (driver.version, driver.updated_at) = (driver.version + 1, now);
            store::drivers::update(tx, &driver)?;
            announce(tx, "driver.change", &driver, &actor, now)?;
            shown(tx, driver, &rules, now)
        };
        self.db.write(change).await
    }

    /// Deletes a driver with his shifts and duties; refused while he is on duty.
    pub async fn delete(&self, id: DriverId, expected: Option<u32>, actor: Actor) -> Result<()> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let driver = find(tx, id)?;
            check_version(id, driver.version, expected)?;
            if store::duty::of_driver(tx, id)?.is_some() {
                return Err(Error::OnDuty(driver.name));
            }
            store::drivers::delete(tx, id)?;
            Ok(store::drivers::announce(
                tx,
                (Kind::DriverChanged, "driver.delete"),
                &driver,
                None,
                json!({ "deleted": true }),
                (&actor, now),
            )?)
        };
        self.db.write(change).await
    }

    /// Forgets duties and shifts that ended longer ago than they are kept.
    pub async fn purge(&self, now: Timestamp) -> Result<()> {
        let before = now - self.rules().keep;
        let change = move |tx: &Transaction<'_>| {
            store::duty::purge(tx, before)?;
            Ok(store::shifts::purge(tx, before)?)
        };
        self.db.write(change).await
    }
}

impl DriverChange {
    fn apply(self, driver: &mut Driver) {
        fn set<T>(field: &mut T, to: Option<T>) {
            if let Some(to) = to {
                *field = to;
            }
        }
        set(&mut driver.name, self.name);
        set(&mut driver.phone, self.phone);
        set(&mut driver.email, self.email);
        set(&mut driver.skills, self.skills);
        set(&mut driver.user, self.user);
        set(&mut driver.max_day, self.max_day);
        set(&mut driver.max_week, self.max_week);
        set(&mut driver.active, self.active);
    }
}

fn find(c: &Connection, id: DriverId) -> Result<Driver> {
    store::drivers::get(c, id)?.ok_or(Error::Unknown(id))
}

fn shown(c: &Connection, driver: Driver, rules: &Rules, now: Timestamp) -> Result<Shown> {
    let (duty, hours, limits) = (store::duty::of_driver(c, driver.id)?, rules.hours(c, driver.id, now)?, rules.limits(&driver));
    Ok(Shown { driver, duty, hours, limits })
}

fn check_version(id: impl ToString, found: u32, expected: Option<u32>) -> Result<()> {
    match expected {
        Some(expected) if expected != found => Err(Error::Stale { what: id.to_string(), found, expected }),
        _ => Ok(()),
    }
}

/// The user he signs in as is there, and nobody else's.
fn check_user(c: &Connection, driver: &Driver) -> Result<()> {
    let Some(user) = &driver.user else { return Ok(()) };
    if store::users::get(c, user)?.is_none() {
        return Err(Error::field("user", format!("there is no user {user}")));
    }
    match store::drivers::of_user(c, user)? {
        Some(other) if other != driver.id => Err(Error::field("user", format!("{user} is driver {other} already"))),
        _ => Ok(()),
    }
}

/// Says that the driver's data changed; the vehicle that he is on duty with is named, for his skills are the vehicle's too.
fn announce(tx: &Transaction<'_>, action: &str, driver: &Driver, actor: &Actor, now: Timestamp) -> Result<()> {
    let vehicle = store::duty::of_driver(tx, driver.id)?.map(|duty| duty.vehicle);
    let data = json!({ "skills": driver.skills, "active": driver.active, "user": driver.user, "version": driver.version });
    Ok(store::drivers::announce(tx, (Kind::DriverChanged, action), driver, vehicle.as_ref(), data, (actor, now))?)
}

#[cfg(test)]
mod tests;
