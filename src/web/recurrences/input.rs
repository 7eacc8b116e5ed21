//! What clients send about recurring bookings.

use crate::bookings::recurrences::RecurrenceRequest;
use crate::model::{MissingHour, Order, Pattern, Recurrence, RepeatedHour};
use crate::web::fields::{Fields, Read};
use crate::web::order::{OrderInput, OrderPatch};
use crate::web::shapes::words;
use jiff::civil::{Date, Time};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

/// Times that the pattern says, so the order must not.
const TIMES: [&str; 4] = ["pickup_at", "pickup_window", "dropoff_window", "expires_at"];

/// A recurring booking. `start_date` and `zone` must be there; the console fills in today and the depot's.
#[derive(ToSchema)]
#[schema(as = RecurrenceRequest)]
#[expect(dead_code, reason = "only describes what `RecurrenceRequest` reads")]
pub struct RecurrenceInput {
    /// What is ordered each time: as for a booking, without times.
    order: OrderInput,
    /// The days, as an RFC 5545 rule with FREQ DAILY, WEEKLY, MONTHLY or YEARLY.
    #[schema(example = "FREQ=WEEKLY;BYDAY=TU", max_length = 200)]
    rule: String,
    /// The rule counts from this local day on.
    #[schema(format = Date)]
    start_date: String,
    /// Local time of the pickup.
    #[schema(example = "08:30")]
    start_time: String,
    /// IANA time zone.
    #[schema(example = "Europe/Lisbon")]
    zone: String,
    /// Minutes within which the pickup is to happen.
    #[schema(minimum = 1, maximum = 1440)]
    window_minutes: Option<u32>,
    /// On days whose clock jumps over the time: `earlier`, `later` or `skip`. Demanded where that happens.
    #[schema(value_type = Option<words::MissingHour>)]
    missing_hour: Option<String>,
    /// On days whose clock shows the time twice: `first` or `second`. Demanded where that happens.
    #[schema(value_type = Option<words::RepeatedHour>)]
    repeated_hour: Option<String>,
}

/// What is to change: a JSON merge patch (RFC 7396).
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the fields of a merge patch")]
pub struct RecurrencePatch {
    /// What is ordered each time.
    order: Option<OrderPatch>,
    /// The days.
    rule: Option<String>,
    /// The rule counts from this local day on.
    #[schema(format = Date)]
    start_date: Option<String>,
    /// Local time of the pickup.
    start_time: Option<String>,
    /// IANA time zone.
    zone: Option<String>,
    /// Minutes within which the pickup is to happen.
    window_minutes: Option<u32>,
    /// `earlier`, `later` or `skip`.
    #[schema(value_type = Option<words::MissingHour>)]
    missing_hour: Option<String>,
    /// `first` or `second`.
    #[schema(value_type = Option<words::RepeatedHour>)]
    repeated_hour: Option<String>,
}

impl Read for RecurrenceRequest {
    fn read(f: &mut Fields) -> Option<Self> {
        let order = f.object::<Template>("order");
        let order = f.required("order", order);
        let rule = f.text("rule", 200);
        let rule = f.required("rule", rule);
        let start_date = f.choice("start_date", "a day like 2026-12-01", |v| v.as_str()?.parse::<Date>().ok());
        let start_date = f.required("start_date", start_date);
        let start_time = f.choice("start_time", "a time of day like 08:30", |v| v.as_str().and_then(time));
        let start_time = f.required("start_time", start_time);
        let zone = f.text("zone", 64);
        let zone = f.required("zone", zone);
        let window_minutes = f.whole("window_minutes", 1, 1_440);
        let missing_hour = f.one_of("missing_hour", &MissingHour::ALL.map(MissingHour::as_str).join(", "), MissingHour::parse);
        let repeated_hour = f.one_of("repeated_hour", &RepeatedHour::ALL.map(RepeatedHour::as_str).join(", "), RepeatedHour::parse);
        let pattern = Pattern {
            rule: rule?,
            start_date: start_date?,
            start_time: start_time?,
            zone: zone?,
            missing_hour: missing_hour?,
            repeated_hour: repeated_hour?,
        };
        Some(Self { pattern, order: order?.0, window_minutes: window_minutes? })
    }
}

/// A time of day, to the minute or second.
fn time(text: &str) -> Option<Time> {
    text.parse().ok().filter(|_| text.len() == 5 || text.len() == 8).filter(|t: &Time| t.subsec_nanosecond() == 0)
}

/// An order without times.
#[derive(Debug)]
struct Template(Order);

impl Read for Template {
    fn read(f: &mut Fields) -> Option<Self> {
        let given: Vec<_> = TIMES.into_iter().filter(|name| f.has(name)).collect();
        let order = Order::read(f);
        for name in &given {
            f.fault(name, "must not be given: rule, start_date, start_time and window_minutes say when");
        }
        order.filter(|_| given.is_empty()).map(Self)
    }
}

/// The recurrence as a client would send it.
pub fn document(r: &Recurrence) -> Map<String, Value> {
    let p = &r.pattern;
    let whole = json!({"order": r.order, "rule": p.rule, "start_date": p.start_date, "start_time": super::clock_time(p.start_time),
                       "zone": p.zone, "window_minutes": r.window_minutes, "missing_hour": p.missing_hour, "repeated_hour": p.repeated_hour});
    let Value::Object(mut members) = whole else { return Map::new() };
    if let Some(Value::Object(order)) = members.get_mut("order") {
        order.remove("pickup_until");
    }
    members
}

/// How many days ahead.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NextParams {
    /// Days at most.
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub count: u32,
}
impl Read for NextParams {
    fn read(f: &mut Fields) -> Option<Self> {
        Some(Self { count: f.whole("count", 1, 100)?.unwrap_or(10) })
    }
}

/// One day.
#[derive(Debug, ToSchema)]
#[schema(as = SkipRequest)]
pub struct SkipInput {
    /// The local day to leave out.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// `true`: to take in again.
    #[schema(default = false)]
    pub undo: Option<bool>,
}
impl Read for SkipInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let date = f.choice("date", "a day like 2026-12-01", |v| v.as_str()?.parse::<Date>().ok());
        let date = f.required("date", date);
        let undo = f.flag("undo");
        Some(Self { date: date?, undo: undo? })
    }
}
