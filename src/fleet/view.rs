//! What is known of a vehicle now, and what can be asked about many.

use crate::model::{Availability, BookingId, Capacity, Crew, Fix, Flags, Metres, Place, Span, Timestamp, VehicleId};
use std::sync::Arc;

/// A vehicle as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// A small number that stays its own while the process lives.
    pub idx: u32,
    /// Its id.
    pub id: VehicleId,
    /// Its class, like `van`.
    pub class: Arc<str>,
    /// What it can carry at most.
    pub capacity: Capacity,
    /// What it can do, like `tail_lift`; who is on duty with it included.
    pub skills: Arc<[String]>,
    /// Where it was at its latest fix.
    pub place: Option<Place>,
    /// Fix time of the latest fix.
    pub fix_ts: Option<Timestamp>,
    /// When that was received.
    pub received: Option<Timestamp>,
    /// Speed in km/h.
    pub speed_kmh: Option<f32>,
    /// Course in degrees.
    pub course: Option<f32>,
    /// Accuracy in metres.
    pub accuracy_m: Option<f32>,
    /// Is the ignition on?
    pub ignition: Option<bool>,
    /// Battery charge in percent.
    pub battery: Option<f32>,
    /// What the filter found odd about the latest fix.
    pub flags: Flags,
    /// Is its device connected?
    pub online: bool,
    /// Since when it is, or is not.
    pub since: Timestamp,
    /// Who is on duty with it, where that is known.
    pub crew: Option<Arc<Crew>>,
    /// Can it take work?
    pub availability: Availability,
    /// What it is doing.
    pub booking: Option<BookingId>,
    /// Revision of the fleet at which this last changed.
    pub rev: u64,
}

/// One word for what a vehicle is doing, connection included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Status {
    /// Can take a job.
    Free,
    /// On its way with a job.
    EnRoute,
    /// At a pickup.
    Loading,
    /// On duty, and not connected.
    Offline,
    /// Nobody is on duty with it.
    OffDuty,
    /// Its driver pauses or has worked as long as he may.
    Paused,
}

impl Status {
    /// What a vehicle with this availability shows.
    pub fn of(availability: Availability, online: bool) -> Self {
        match availability {
            Availability::OffDuty => Self::OffDuty,
            Availability::Paused => Self::Paused,
            _ if !online => Self::Offline,
            Availability::Free => Self::Free,
            Availability::EnRoute => Self::EnRoute,
            Availability::Loading => Self::Loading,
        }
    }
    /// The name used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::EnRoute => "en_route",
            Self::Loading => "loading",
            Self::Offline => "offline",
            Self::OffDuty => "off_duty",
            Self::Paused => "paused",
        }
    }
    /// The number used in live frames.
    pub fn code(self) -> u8 {
        match self {
            Self::Free => 0,
            Self::EnRoute => 1,
            Self::Loading => 2,
            Self::Offline => 3,
            Self::OffDuty => 4,
            Self::Paused => 5,
        }
    }
}

impl View {
    /// One word for what it is doing.
    pub fn status(&self) -> Status {
        Status::of(self.availability, self.online)
    }

    pub(super) fn new(idx: u32, id: VehicleId) -> Self {
        Self {
            idx,
            id,
            class: Arc::from("van"),
            capacity: Capacity::default(),
            skills: Arc::from([]),
            place: None,
            fix_ts: None,
            received: None,
            speed_kmh: None,
            course: None,
            accuracy_m: None,
            ignition: None,
            battery: None,
            flags: Flags::default(),
            online: false,
            since: Timestamp::default(),
            crew: None,
            availability: Availability::default(),
            booking: None,
            rev: 0,
        }
    }

    pub(super) fn take(&mut self, fix: &Fix) {
        self.place = Some(fix.place);
        self.fix_ts = Some(fix.ts);
        self.received = Some(fix.received);
        self.speed_kmh = fix.speed_kmh;
        self.course = fix.course;
        self.accuracy_m = fix.accuracy_m;
        self.ignition = fix.ignition;
        self.battery = fix.battery;
        self.flags = fix.flags;
    }
}

/// A question for the nearest vehicles.
#[derive(Clone, Copy, Debug)]
pub struct Near<'a> {
    /// Near what.
    pub place: Place,
    /// Great-circle distance at most.
    pub radius: Metres,
    /// Vehicles at most.
    pub limit: usize,
    /// Only those that can take a job: free and connected.
    pub available_only: bool,
    /// Only this class.
    pub class: Option<&'a str>,
    /// Only with a latest fix not older than this.
    pub max_fix_age: Option<Span>,
    /// The time now, for the age.
    pub now: Timestamp,
}

/// How many vehicles there are of each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Can take a job.
    pub free: usize,
    /// On their way with a job.
    pub en_route: usize,
    /// At a pickup.
    pub loading: usize,
    /// On duty, not connected.
    pub offline: usize,
    /// Off duty.
    pub off_duty: usize,
    /// Their drivers pause or have worked as long as they may.
    pub paused: usize,
}

impl Counts {
    pub(super) fn of(&mut self, status: Status) -> &mut usize {
        match status {
            Status::Free => &mut self.free,
            Status::EnRoute => &mut self.en_route,
            Status::Loading => &mut self.loading,
            Status::Offline => &mut self.offline,
            Status::OffDuty => &mut self.off_duty,
            Status::Paused => &mut self.paused,
        }
    }
    /// All vehicles.
    pub fn total(&self) -> usize {
        self.free + self.en_route + self.loading + self.offline + self.off_duty + self.paused
    }
}
