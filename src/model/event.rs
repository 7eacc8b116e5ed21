//! What happened: facts in the past tense, written beside the row they are about.

use super::{BookingId, Timestamp, VehicleId};

/// Who made it happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// depotd itself: dispatch, calendar.
    System,
    /// A signed-in user, by name.
    User(String),
    /// An API token, by id.
    Token(String),
    /// A device, by id, for its vehicle.
    Device(String),
    /// Head office, by an order that it signed.
    HeadOffice,
}

impl Actor {
    /// `system`, `user:ana`, `token:k3f`, `device:tracker-1`, `head_office`.
    pub fn to_text(&self) -> String {
        match self {
            Self::System => "system".to_owned(),
            Self::User(name) => format!("user:{name}"),
            Self::Token(id) => format!("token:{id}"),
            Self::Device(id) => format!("device:{id}"),
            Self::HeadOffice => "head_office".to_owned(),
        }
    }
}

/// What kind of fact it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// A booking was taken.
    BookingPlaced,
    /// What was ordered changed. Names the vehicle when its driver must know.
    BookingChanged,
    /// A scheduled booking became due.
    BookingReleased,
    /// A driver was asked.
    BookingOffered,
    /// The driver declined or did not answer.
    BookingDeclined,
    /// The question to a driver was taken back.
    BookingOfferWithdrawn,
    /// A vehicle got the booking.
    BookingAssigned,
    /// The vehicle lost it.
    BookingUnassigned,
    /// The vehicle is at the pickup.
    BookingArrived,
    /// The load is on board.
    BookingPickedUp,
    /// The load was delivered.
    BookingDelivered,
    /// It could not be done.
    BookingFailed,
    /// It was called off.
    BookingCancelled,
    /// Nobody was found in time.
    BookingExpired,
    /// It was given up, and is wanted after all.
    BookingReopened,
    /// The dispatcher is to keep its hands off.
    BookingLocked,
    /// The dispatcher may have it again.
    BookingUnlocked,
    /// A job under way will be late, or later than was told.
    BookingLate,
    /// It will be in time after all.
    BookingOnTime,
    /// Its pickup is not far off any more.
    BookingReminder,
    /// A link was made by which it can be followed without signing in.
    BookingLinkMade,
    /// Such a link was taken back.
    BookingLinkRevoked,
    /// A depot that was restored from a backup learned of it again from head office.
    BookingRelearned,
    /// A day to come was planned.
    DayPlanned,
    /// The report of a day was made.
    ReportMade,
    /// Somebody had all figures made again.
    FiguresForgotten,
    /// A recurring booking was made, changed, paused or taken away, or one of its days went another way.
    RecurrenceChanged,
    /// A vehicle was registered or its data changed.
    VehicleChanged,
    /// A vehicle went on or off duty without a driver who is known.
    VehicleDutyChanged,
    /// A vehicle without work was told where it had better wait.
    VehicleAdvised,
    /// A driver or a shift of his was added, changed or deleted.
    DriverChanged,
    /// A driver went on duty with a vehicle.
    DutyStarted,
    /// A driver went off duty.
    DutyEnded,
    /// A driver on duty began a break.
    BreakStarted,
    /// He is back.
    BreakEnded,
    /// A device was added, rotated or bound anew.
    DeviceChanged,
    /// A device's credentials were revoked.
    DeviceRevoked,
    /// A schedule was added, changed, removed or run by hand.
    ScheduleChanged,
    /// A webhook or a rule of notifications was added, changed or taken away.
    NotificationsChanged,
    /// A rule had something to say to a vehicle's driver, or to those at the console.
    MessageSent,
    /// A user, token or session right changed.
    AccessChanged,
    /// A version of the tariff, a zone, a contract or a promo code was made, changed or taken away.
    TariffChanged,
    /// A setting got another value, from head office or from people here, or lost that again.
    SettingsChanged,
    /// An order of head office was carried out.
    CommandApplied,
    /// An order of head office was understood, and not carried out.
    CommandRejected,
    /// An order of head office came too late.
    CommandExpired,
    /// Something that came as an order of head office was none for this depot.
    CommandRefused,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 47] = [
        Self::BookingPlaced,
        Self::BookingChanged,
        Self::BookingReleased,
        Self::BookingOffered,
        Self::BookingDeclined,
        Self::BookingOfferWithdrawn,
        Self::BookingAssigned,
        Self::BookingUnassigned,
        Self::BookingArrived,
        Self::BookingPickedUp,
        Self::BookingDelivered,
        Self::BookingFailed,
        Self::BookingCancelled,
        Self::BookingExpired,
        Self::BookingReopened,
        Self::BookingLocked,
        Self::BookingUnlocked,
        Self::BookingLate,
        Self::BookingOnTime,
        Self::BookingReminder,
        Self::BookingLinkMade,
        Self::BookingLinkRevoked,
        Self::BookingRelearned,
        Self::DayPlanned,
        Self::ReportMade,
        Self::FiguresForgotten,
        Self::RecurrenceChanged,
        Self::VehicleChanged,
        Self::VehicleDutyChanged,
        Self::VehicleAdvised,
        Self::DriverChanged,
        Self::DutyStarted,
        Self::DutyEnded,
        Self::BreakStarted,
        Self::BreakEnded,
        Self::DeviceChanged,
        Self::DeviceRevoked,
        Self::ScheduleChanged,
        Self::NotificationsChanged,
        Self::MessageSent,
        Self::AccessChanged,
        Self::TariffChanged,
        Self::SettingsChanged,
        Self::CommandApplied,
        Self::CommandRejected,
        Self::CommandExpired,
        Self::CommandRefused,
    ];

    /// The name in the journal and on the wire, like `booking.assigned`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BookingPlaced => "booking.placed",
            Self::BookingChanged => "booking.changed",
            Self::BookingReleased => "booking.released",
            Self::BookingOffered => "booking.offered",
            Self::BookingDeclined => "booking.declined",
            Self::BookingOfferWithdrawn => "booking.offer_withdrawn",
            Self::BookingAssigned => "booking.assigned",
            Self::BookingUnassigned => "booking.unassigned",
            Self::BookingArrived => "booking.arrived",
            Self::BookingPickedUp => "booking.picked_up",
            Self::BookingDelivered => "booking.delivered",
            Self::BookingFailed => "booking.failed",
            Self::BookingCancelled => "booking.cancelled",
            Self::BookingExpired => "booking.expired",
            Self::BookingReopened => "booking.reopened",
            Self::BookingLocked => "booking.locked",
            Self::BookingUnlocked => "booking.unlocked",
            Self::BookingLate => "booking.late",
            Self::BookingOnTime => "booking.on_time",
            Self::BookingReminder => "booking.reminder",
            Self::BookingLinkMade => "booking.link_made",
            Self::BookingLinkRevoked => "booking.link_revoked",
            Self::BookingRelearned => "booking.relearned",
            Self::DayPlanned => "day.planned",
            Self::ReportMade => "report.made",
            Self::FiguresForgotten => "figures.forgotten",
            Self::RecurrenceChanged => "recurrence.changed",
            Self::VehicleChanged => "vehicle.changed",
            Self::VehicleDutyChanged => "vehicle.duty_changed",
            Self::VehicleAdvised => "vehicle.advised",
            Self::DriverChanged => "driver.changed",
            Self::DutyStarted => "duty.started",
            Self::DutyEnded => "duty.ended",
            Self::BreakStarted => "break.started",
            Self::BreakEnded => "break.ended",
            Self::DeviceChanged => "device.changed",
            Self::DeviceRevoked => "device.revoked",
            Self::ScheduleChanged => "schedule.changed",
            Self::NotificationsChanged => "notifications.changed",
            Self::MessageSent => "message.sent",
            Self::AccessChanged => "access.changed",
            Self::TariffChanged => "tariff.changed",
            Self::SettingsChanged => "settings.changed",
            Self::CommandApplied => "command.applied",
            Self::CommandRejected => "command.rejected",
            Self::CommandExpired => "command.expired",
            Self::CommandRefused => "command.refused",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == name)
    }
}

/// A journal row.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Its place in the journal; grows, may have gaps.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: Kind,
    /// Who made it happen.
    pub actor: Actor,
    /// The booking it is about.
    pub booking: Option<BookingId>,
    /// The vehicle it concerns: a `booking.cancelled` names the vehicle that had the job.
    pub vehicle: Option<VehicleId>,
    /// The rest, as one JSON object text.
    pub data: String,
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn kinds_round_trip() {
        for k in Kind::ALL {
            assert_eq!(Kind::parse(k.as_str()), Some(k));
        }
    }
}
