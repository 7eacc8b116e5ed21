//! The words of the trade: ids, units, fixes, bookings, events, places.
//!
//! Nothing here knows tokio, SQL, JSON values or the clock, so every other room may use it.

#[macro_use]
mod names;

mod booking;
mod change;
mod command;
mod day;
mod delivery;
mod driver;
mod event;
mod fix;
mod ids;
mod language;
mod mail;
mod measure;
mod offer;
mod order;
mod recurrence;
mod report;
mod rule;
mod schedule;
mod sync;
mod time;
mod units;
mod vehicle;
mod webhook;

pub use booking::{Booking, Origin, Status, Step, StepRefused};
pub use change::Part;
pub use command::{Answered, Verdict};
pub use day::Day;
pub use delivery::{Attempt, Channel, Delivery, DeliveryId, DeliveryState, NewDelivery, To};
pub use driver::{Crew, Driver, Duty, Pause, Period, Shift};
pub use event::{Actor, Event, Kind};
pub use fix::{Fix, Flag, Flags};
pub use ids::{BookingId, DeviceId, DriverId, DutyId, IdError, RecurrenceId, ShiftId, VehicleId};
pub use language::Language;
pub use mail::{AddressError, MailAddress};
pub use measure::{Dimension, Measure, Measures};
pub use offer::{Offer, OfferState};
pub use order::{Contact, Fare, Load, Order, Priority, Site, Stop, StopKind, Window};
pub use recurrence::{Look, MissingHour, Outcome, Pattern, Recurrence, RepeatedHour};
pub use report::{MailedReport, ReportName, ReportPeriod};
pub use rule::{Limit, Quiet, QuietThen, Rule, RuleBody, Who};
pub use schedule::{Missed, Run, RunResult, RunTrigger, Schedule, ScheduleKind};
pub use sync::{Difference, HeldUp, Lane, LaneStatus, LineMode, RowDifference, SinkStatus, Verified};
pub use time::{Span, Timestamp};
pub use units::{Currency, Metres, Money, Place, PlaceError};
pub use vehicle::{Availability, Capacity, Overload, Vehicle};
pub use webhook::{Webhook, WebhookState, fits};
