//! Drivers, duties and shifts as the API shows them.

use crate::drivers::{Shown, hours};
use crate::model::{Duty, Period, Shift, Span, Timestamp};
use crate::web::shapes::WindowShape;
use crate::web::shapes::words;
use serde::Serialize;
use utoipa::ToSchema;

fn seconds(span: Span) -> i64 {
    span.as_millis() / 1_000
}

/// A driver.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Driver)]
pub struct DriverShape {
    /// His id.
    #[schema(example = "D-1001")]
    id: String,
    /// What people call him.
    name: String,
    /// As it is dialled.
    phone: Option<String>,
    /// Mail address.
    email: Option<String>,
    /// What he can do and may drive, like `adr` or `licence_c`.
    skills: Vec<String>,
    /// The user he signs in as.
    user: Option<String>,
    /// Longest time on duty in a day of the depot's zone, breaks not counted; `null`: as the settings say.
    max_day_s: Option<i64>,
    /// The same in any seven days.
    max_week_s: Option<i64>,
    /// May he go on duty?
    active: bool,
    /// `off_duty`, `on_duty`, `break`, or `hours`: on duty, but has worked as long as he may.
    #[schema(value_type = words::DriverStatus)]
    status: &'static str,
    /// The duty he is on.
    duty: Option<OnDutyShape>,
    /// How long he has worked.
    hours: HoursShape,
    /// When he was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When his data last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Counts the changes of his data, from 1; goes into `If-Match`.
    version: u32,
}

/// The duty that a driver is on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OnDuty)]
pub struct OnDutyShape {
    /// With what.
    vehicle_id: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Since when he is on a break, if he is.
    #[schema(value_type = Option<String>, format = DateTime)]
    break_since: Option<Timestamp>,
}

/// Time on duty without the breaks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Hours)]
pub struct HoursShape {
    /// Worked today, in the depot's zone.
    today_s: i64,
    /// Worked in the last seven days.
    week_s: i64,
    /// The most in a day.
    max_day_s: i64,
    /// The most in any seven days.
    max_week_s: i64,
    /// How much longer he may work on; 0: he is given no work.
    left_s: i64,
}

impl From<Shown> for DriverShape {
    fn from(Shown { driver, duty, hours, limits }: Shown) -> Self {
        let duty =
            duty.map(|duty| OnDutyShape { vehicle_id: duty.vehicle.to_string(), since: duty.time.from, break_since: duty.paused_since() });
        let status = match &duty {
            None => "off_duty",
            Some(_) if hours.spent(&limits).is_some() => "hours",
            Some(duty) if duty.break_since.is_some() => "break",
            Some(_) => "on_duty",
        };
        Self {
            id: driver.id.to_string(),
            name: driver.name,
            phone: driver.phone,
            email: driver.email,
            skills: driver.skills,
            user: driver.user,
            max_day_s: driver.max_day.map(seconds),
            max_week_s: driver.max_week.map(seconds),
            active: driver.active,
            status,
            duty,
            hours: HoursShape {
                today_s: seconds(hours.today),
                week_s: seconds(hours.week),
                max_day_s: seconds(limits.day),
                max_week_s: seconds(limits.week),
                left_s: seconds(hours.left(&limits)),
            },
            created_at: driver.created_at,
            updated_at: driver.updated_at,
            version: driver.version,
        }
    }
}

/// Time that a driver was on duty with a vehicle.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Duty)]
pub struct DutyShape {
    /// Its id.
    #[schema(example = "Y-1001")]
    id: String,
    /// Who.
    driver_id: String,
    /// With what.
    vehicle_id: String,
    /// From when until when.
    #[serde(flatten)]
    time: PeriodShape,
    /// His breaks in it.
    breaks: Vec<PeriodShape>,
    /// Time worked in it so far, breaks not counted.
    worked_s: i64,
}

/// A stretch of time that may still go on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Period)]
pub struct PeriodShape {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// When it ended; `null`: it goes on.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}
impl From<Period> for PeriodShape {
    fn from(Period { from, until }: Period) -> Self {
        Self { from, until }
    }
}

impl DutyShape {
    /// As it is at `now`.
    pub fn new(duty: &Duty, now: Timestamp) -> Self {
        Self {
            id: duty.id.to_string(),
            driver_id: duty.driver.to_string(),
            vehicle_id: duty.vehicle.to_string(),
            time: duty.time.into(),
            breaks: duty.breaks.iter().copied().map(Into::into).collect(),
            worked_s: seconds(hours::worked(std::slice::from_ref(duty), duty.time.from, now)),
        }
    }
}

/// Time that a driver is meant to work.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Shift)]
pub struct ShiftShape {
    /// Its id.
    #[schema(example = "S-1001")]
    id: String,
    /// Whose.
    driver_id: String,
    /// The vehicle he is to take.
    vehicle_id: Option<String>,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// When he is to pause.
    #[serde(rename = "break")]
    pause: Option<WindowShape>,
    /// Counts its changes, from 1; goes into `If-Match`.
    version: u32,
}
impl From<Shift> for ShiftShape {
    fn from(shift: Shift) -> Self {
        Self {
            id: shift.id.to_string(),
            driver_id: shift.driver.to_string(),
            vehicle_id: shift.vehicle.map(|v| v.to_string()),
            from: shift.time.from,
            until: shift.time.until,
            pause: shift.pause.map(Into::into),
            version: shift.version,
        }
    }
}
