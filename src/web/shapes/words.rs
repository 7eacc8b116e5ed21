//! The closed lists of words of the API, for its description: clients get a type of each in place of any string.

use crate::auth;
use crate::model;
use crate::telemetry::Format;
use std::borrow::Cow;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! words {
    ($(#[doc = $about:literal] $name:ident = $words:expr;)+) => {$(
        #[doc = $about]
        #[derive(Debug)]
        pub enum $name {}
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words: Vec<&'static str> = $words.into_iter().collect();
                ObjectBuilder::new().schema_type(Type::String).description(Some($about.trim())).enum_values(Some(words)).into()
            }
        }
        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

words! {
    /// Where a booking stands.
    BookingStatus = model::Status::ALL.map(model::Status::as_str);
    /// How urgent a booking is.
    Priority = model::Priority::ALL.map(model::Priority::as_str);
    /// What is done at a stop.
    StopKind = model::StopKind::ALL.map(model::StopKind::as_str);
    /// What a driver reports of his job.
    DriverStep = model::Step::ALL.into_iter().filter(|step| step.is_drivers()).map(model::Step::as_str);
    /// How a driver was asked, and what came of it.
    OfferState = model::OfferState::ALL.map(model::OfferState::as_str);
    /// Where a travel time comes from.
    EtaSource = ["road", "cache", "learned", "great_circle"];
    /// What a vehicle is doing.
    VehicleStatus = ["free", "en_route", "loading", "offline", "off_duty", "paused"];
    /// What the filter found about a fix.
    FixFlag = ["future", "old", "jump", "alarm"];
    /// What a driver is doing.
    DriverStatus = ["off_duty", "on_duty", "break", "hours"];
    /// Why a driver on duty is not to be given work.
    Pause = ["break", "hours"];
    /// What somebody may do.
    Role = auth::Role::ALL.map(auth::Role::as_str);
    /// What a person may do.
    UserRole = auth::Role::ALL.into_iter().filter(|role| role.signs_in()).map(auth::Role::as_str);
    /// What a program may do.
    TokenRole = auth::Role::ALL.into_iter().filter(|role| *role != auth::Role::Driver).map(auth::Role::as_str);
    /// What a device writes in.
    DeviceFormat = Format::ALL.map(Format::as_str);
    /// In which hour of a day that has one less or one more.
    MissingHour = model::MissingHour::ALL.map(model::MissingHour::as_str);
    /// Which of two hours of the same name.
    RepeatedHour = model::RepeatedHour::ALL.map(model::RepeatedHour::as_str);
    /// What became, or will become, of a day of a recurrence.
    OccurrenceOutcome = std::iter::once("expected").chain(model::Outcome::ALL.map(model::Outcome::as_str));
    /// What the clock does to a day's hour.
    OccurrenceHour = ["missing", "repeated"];
    /// How placing the bookings of a recurrence went.
    RecurrenceOutcome = ["ok", "failed"];
    /// How something is said.
    DeliveryChannel = model::Channel::ALL.iter().map(|one| one.as_str());
    /// How a rule of notifications says something.
    RuleChannel = model::Channel::ALL.iter().filter(|one| **one != model::Channel::Webhook).map(|one| one.as_str());
    /// How something that is said stands.
    DeliveryStatus = model::DeliveryState::ALL.iter().map(|one| one.as_str());
    /// How a webhook stands.
    WebhookState = model::WebhookState::ALL.iter().map(|one| one.as_str());
    /// Whom a rule of notifications tells.
    RuleAudience = model::Who::ALL.iter().map(|one| one.as_str());
    /// A language that depotd speaks to people outside the depot.
    Locale = model::Language::ALL.iter().map(|one| one.as_str());
    /// What becomes of a message within quiet hours.
    QuietThen = model::QuietThen::ALL.iter().map(|one| one.as_str());
    /// What a schedule does.
    ScheduleKind = model::ScheduleKind::ALL.iter().map(|one| one.as_str());
    /// What a schedule does about slots that were missed.
    Missed = model::Missed::ALL.iter().map(|one| one.as_str());
    /// Why a schedule ran.
    RunTrigger = model::RunTrigger::ALL.iter().map(|one| one.as_str());
    /// How a schedule's run went.
    RunResult = model::RunResult::ALL.iter().map(|one| one.as_str());
    /// A report.
    ReportName = model::ReportName::ALL.iter().map(|one| one.as_str());
    /// The time of a report.
    ReportPeriod = model::ReportPeriod::ALL.iter().map(|one| one.as_str());
    /// A lane of the line to head office.
    SyncLaneName = model::Lane::ALL.map(model::Lane::as_str);
    /// A lane whose records are counted by day.
    ReceiptLane = model::Lane::ALL.into_iter().filter(|lane| *lane != model::Lane::Live).map(model::Lane::as_str);
    /// How a sink's line stands.
    SyncMode = ["offline", "catching_up", "live", "paused", "closed"];
    /// What speaks at a sink's other end.
    SinkKind = ["http", "postgres", "nats", "kafka", "mqtt"];
    /// What became of an order from head office.
    OrderOutcome = model::Verdict::ALL.map(model::Verdict::as_str);
    /// How a version of the tariff stands.
    TariffState = ["coming", "in_effect", "past", "withdrawn"];
    /// Where a setting's value is from.
    SettingOrigin = ["default", "file", "env", "flag", "head_office", "override"];
    /// By what figures are broken down.
    FigureDimension = ["vehicle", "driver", "customer", "class", "cell"];
    /// How long a point of a series is.
    SeriesStep = ["hour", "day", "week"];
}
