//! An order as clients send it, for a quote and for a booking alike; [`crate::fields`] reads it.

use super::shapes::WindowShape;
use crate::model::Timestamp;
use crate::web::shapes::words;
use serde::Serialize;
use utoipa::ToSchema;

/// Whom to ask for at a site.
#[derive(Serialize, ToSchema)]
#[schema(as = ContactRequest)]
pub struct ContactInput {
    /// A person or a desk.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// As it is dialled.
    #[schema(max_length = 40)]
    phone: Option<String>,
    /// Mail address.
    #[schema(max_length = 254)]
    email: Option<String>,
}

/// One end of a booking.
#[derive(Serialize, ToSchema)]
#[schema(as = SiteRequest)]
pub struct SiteInput {
    /// Latitude, north positive.
    #[schema(minimum = -90, maximum = 90)]
    lat: f64,
    /// Longitude, east positive.
    #[schema(minimum = -180, maximum = 180)]
    lon: f64,
    /// What people call it.
    #[schema(max_length = 200)]
    address: Option<String>,
    /// Whom to ask for there.
    contact: Option<ContactInput>,
}

/// A stop between pickup and drop-off.
#[derive(Serialize, ToSchema)]
#[schema(as = StopRequest)]
pub struct StopInput {
    /// Where, and whom to ask for.
    #[serde(flatten)]
    site: SiteInput,
    /// `pickup`, `dropoff` or `visit`.
    #[schema(value_type = Option<words::StopKind>, default = "visit")]
    kind: Option<String>,
    /// Free words for the driver.
    #[schema(max_length = 500)]
    notes: Option<String>,
}

/// What may be said of a load and its way besides its ends and the time of its pickup.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderDetails)]
pub struct OrderDetails {
    /// Stops on the way, in the order in which they are made.
    #[schema(max_items = 20)]
    stops: Option<Vec<StopInput>>,
    /// Between when and when it is to be delivered.
    dropoff_window: Option<WindowShape>,
    /// Only a vehicle of this class will do.
    #[schema(max_length = 64)]
    vehicle_class: Option<String>,
    /// Weight in kg.
    #[schema(maximum = 100_000)]
    load_kg: Option<u32>,
    /// Volume in cubic metres.
    #[schema(minimum = 0, maximum = 1_000)]
    load_m3: Option<f64>,
    /// Number of pieces.
    #[schema(maximum = 10_000)]
    pieces: Option<u32>,
    /// What the vehicle must be able to do.
    #[schema(max_items = 16)]
    skills: Option<Vec<String>>,
    /// Who it is for.
    #[schema(max_length = 200)]
    customer: Option<String>,
    /// What the customer calls it.
    #[schema(max_length = 100)]
    customer_reference: Option<String>,
    /// `low`, `normal`, `high` or `urgent`; `normal` unless it is said.
    #[schema(value_type = Option<words::Priority>)]
    priority: Option<String>,
    /// Free words.
    #[schema(max_length = 2000)]
    notes: Option<String>,
    /// When it is given up if no vehicle has it by then; unless it is said, `bookings.expire_after_s` after the latest pickup.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// What is asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderRequest)]
pub struct OrderInput {
    /// Where the load is picked up.
    pickup: SiteInput,
    /// Where it goes.
    dropoff: SiteInput,
    /// When it is to be picked up; now when absent. Not together with `pickup_window`.
    #[schema(value_type = Option<String>, format = DateTime)]
    pickup_at: Option<Timestamp>,
    /// Between when and when it is to be picked up.
    pickup_window: Option<WindowShape>,
    #[serde(flatten)]
    details: OrderDetails,
}

/// What is to change of one end of a booking.
#[derive(Serialize, ToSchema)]
#[schema(as = SitePatch)]
pub struct SitePatch {
    /// Latitude, north positive.
    #[schema(minimum = -90, maximum = 90)]
    lat: Option<f64>,
    /// Longitude, east positive.
    #[schema(minimum = -180, maximum = 180)]
    lon: Option<f64>,
    /// What people call it.
    #[schema(max_length = 200)]
    address: Option<String>,
    /// Whom to ask for there.
    contact: Option<ContactInput>,
}

/// What is to change of an order.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderPatch)]
pub struct OrderPatch {
    /// Where the load is picked up.
    pickup: Option<SitePatch>,
    /// Where it goes.
    dropoff: Option<SitePatch>,
    /// When it is to be picked up; takes the place of a window. `null`: now.
    #[schema(value_type = Option<String>, format = DateTime)]
    pickup_at: Option<Timestamp>,
    /// Between when and when it is to be picked up; `null` leaves its begin.
    pickup_window: Option<WindowShape>,
    #[serde(flatten)]
    details: OrderDetails,
}
