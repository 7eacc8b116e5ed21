//! What clients send about bookings.

use crate::bookings::{ByHand, Filter, Page, PlaceRequest};
use crate::model::{Order, Status, Step, Timestamp, VehicleId};
use crate::web::fields::{Fields, Read};
use crate::web::order::{OrderInput, OrderPatch};
use crate::web::shapes::words;
use crate::web::shapes::{PageParams, WindowShape};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// A load to be moved.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BookingRequest)]
pub struct BookingInput {
    /// What is asked for.
    #[serde(flatten)]
    #[schema(value_type = OrderInput)]
    order: Order,
    /// A quote whose price is to hold.
    quote_id: Option<String>,
    /// A promo code; one that was given for the quote counts already.
    promo_code: Option<String>,
}
impl Read for BookingInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let order = Order::read(f);
        let (quote_id, promo_code) = (f.text("quote_id", 64), f.text("promo_code", 64));
        Some(Self { order: order?, quote_id: quote_id?, promo_code: promo_code? })
    }
}
impl From<BookingInput> for PlaceRequest {
    fn from(b: BookingInput) -> Self {
        Self { order: b.order, quote_id: b.quote_id, promo_code: b.promo_code }
    }
}

/// Which bookings.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Statuses, separated by commas.
    #[param(value_type = Option<String>)]
    status: Vec<Status>,
    /// Pickup from then on.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Pickup before then.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Part of a reference, customer, note, address, contact or vehicle.
    q: Option<String>,
    /// Where the page before ended.
    cursor: Option<String>,
    /// Items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: u32,
}
impl Read for ListParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let names = Status::ALL.map(Status::as_str).join(", ");
        let status = f.one_of("status", &names, |text| text.split(',').map(|s| Status::parse(s.trim())).collect::<Option<Vec<_>>>());
        let from = f.instant("from");
        let to = f.instant("to");
        let q = f.text("q", 100);
        let page = PageParams::read(f);
        let (status, from, to, q, page) = (status?.unwrap_or_default(), from?, to?, q?, page?);
        Some(Self { status, from, to, q, cursor: page.cursor, limit: page.limit })
    }
}
impl ListParams {
    /// What to look for, and which page of it.
    pub fn split(self) -> (Filter, Page) {
        let filter = Filter { status: self.status, from: self.from, to: self.to, q: self.q, customer: None };
        (filter, Page { cursor: self.cursor, limit: self.limit })
    }
}

/// What is to change: a JSON merge patch (RFC 7396) of the order. What is absent stays, `null` clears.
#[derive(ToSchema)]
#[schema(as = BookingPatch)]
#[expect(dead_code, reason = "only describes the fields of a merge patch")]
pub struct BookingPatch {
    /// Any of the order's fields.
    #[serde(flatten)]
    order: OrderPatch,
    /// A quote for the changed trip, whose price is to hold.
    quote_id: Option<String>,
}
impl BookingInput {
    /// Does it have a promo code?
    pub fn has_promo_code(&self) -> bool {
        self.promo_code.is_some()
    }

    /// Order and quote.
    pub fn split(self) -> (Order, Option<String>) {
        (self.order, self.quote_id)
    }
}

/// What is wanted of a booking that was given up.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes what `ReopenInput` reads out of the merged order")]
pub struct ReopenRequest {
    /// Why.
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// When it is to be picked up. When absent: as before, or now if that is over.
    #[schema(value_type = Option<String>, format = DateTime)]
    pickup_at: Option<Timestamp>,
    /// Between when and when it is to be picked up.
    pickup_window: Option<WindowShape>,
    /// Between when and when it is to be delivered; `null` for whenever. When absent: as before.
    dropoff_window: Option<WindowShape>,
    /// When it is given up again if no vehicle has it by then.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}
/// The order with its new times, and why.
#[derive(Debug)]
pub struct ReopenInput {
    /// The order.
    pub order: Order,
    /// In the words of whoever does it.
    pub reason: Option<String>,
}
impl ReopenInput {
    /// What may be said of a booking that is reopened.
    pub const FIELDS: [&str; 5] = ["reason", "pickup_at", "pickup_window", "dropoff_window", "expires_at"];
}
impl Read for ReopenInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let reason = f.text("reason", 500);
        let order = Order::read(f);
        Some(Self { order: order?, reason: reason? })
    }
}

/// Who is to do it.
#[derive(Debug, ToSchema)]
#[schema(as = AssignRequest)]
pub struct AssignInput {
    /// The vehicle.
    #[schema(value_type = String)]
    vehicle_id: VehicleId,
    /// Why; required with `override`.
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// The dispatcher is to keep its hands off the booking.
    #[schema(required = false)]
    lock: bool,
    /// Also though the vehicle is not made for it.
    #[schema(required = false)]
    r#override: bool,
}
impl From<AssignInput> for ByHand {
    fn from(input: AssignInput) -> Self {
        Self { vehicle: input.vehicle_id, reason: input.reason, lock: input.lock, anyway: input.r#override, pause: None }
    }
}
impl Read for AssignInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let vehicle_id = f.named("vehicle_id");
        let vehicle_id = f.required("vehicle_id", vehicle_id);
        let (reason, lock, over) = (f.text("reason", 500), f.flag("lock"), f.flag("override"));
        Some(Self { vehicle_id: vehicle_id?, reason: reason?, lock: lock?.unwrap_or(false), r#override: over?.unwrap_or(false) })
    }
}

/// Whether the dispatcher may have it.
#[derive(Debug, ToSchema)]
#[schema(as = LockRequest)]
pub struct LockInput {
    /// `true`: the dispatcher neither gives it to anybody nor takes it from its vehicle.
    pub locked: bool,
    /// Why.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}
impl Read for LockInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let locked = f.flag("locked");
        let locked = f.required("locked", locked);
        let reason = f.text("reason", 500);
        Some(Self { locked: locked?, reason: reason? })
    }
}

/// Why it is called off, or could not be done.
#[derive(Debug, ToSchema)]
#[schema(as = ReasonRequest)]
pub struct ReasonInput {
    /// In the words of whoever does it.
    #[schema(max_length = 500)]
    pub reason: String,
}
impl Read for ReasonInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let reason = f.text("reason", 500);
        Some(Self { reason: f.required("reason", reason)? })
    }
}

/// What happened with the job.
#[derive(Debug, ToSchema)]
#[schema(as = StepRequest)]
pub struct StepInput {
    /// `arrived`, `picked_up`, `delivered` or `failed`.
    #[schema(value_type = words::DriverStep)]
    pub step: Step,
    /// When; now when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// A signature, a photo's address, a reason: kept with the event.
    #[schema(value_type = Option<Object>)]
    pub proof: Option<Value>,
}
impl Read for StepInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let step = f.one_of("step", "arrived, picked_up, delivered, failed", |s| Step::parse(s).filter(|s| s.is_drivers()));
        let step = f.required("step", step);
        let at = f.instant("at");
        let proof = f.json("proof", 8192);
        Some(Self { step: step?, at: at?, proof: proof? })
    }
}
