//! An order as clients send it, for a quote and for a booking alike.

use super::fields::{Fields, Read};
use super::shapes::WindowShape;
use crate::model::{Contact, Order, Place, Priority, Site, Stop, StopKind, Timestamp, Window};
use serde::Serialize;
use utoipa::ToSchema;

/// Stops of one booking at most.
const MAX_STOPS: usize = 20;

impl Read for Contact {
    fn read(f: &mut Fields) -> Option<Self> {
        let name = f.text("name", 100);
        let phone = f.text("phone", 40);
        let email = f.text("email", 254);
        let contact = Self { name: name?, phone: phone?, email: email? };
        let mut fine = true;
        if contact.phone.as_deref().is_some_and(|p| !p.chars().any(|c| c.is_ascii_digit())) {
            f.fault("phone", "must contain digits");
            fine = false;
        }
        if contact.email.as_deref().is_some_and(|e| !e.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())) {
            f.fault("email", "must be a mail address, like ana@example.org");
            fine = false;
        }
        fine.then_some(contact)
    }
}

impl Read for Site {
    fn read(f: &mut Fields) -> Option<Self> {
        let place = Place::read(f);
        let address = f.text("address", 200);
        let contact = f.object::<Contact>("contact");
        let contact = contact.map(|c| c.filter(|c| *c != Contact::default()));
        Some(Self { place: place?, address: address?, contact: contact? })
    }
}

impl Read for Stop {
    fn read(f: &mut Fields) -> Option<Self> {
        let site = Site::read(f);
        let kind = f.one_of("kind", &StopKind::ALL.map(StopKind::as_str).join(", "), StopKind::parse);
        let notes = f.text("notes", 500);
        Some(Self { site: site?, kind: kind?.unwrap_or_default(), notes: notes? })
    }
}

impl Read for Window {
    fn read(f: &mut Fields) -> Option<Self> {
        let from = f.instant("from");
        let from = f.required("from", from);
        let until = f.instant("until");
        let until = f.required("until", until);
        Some(Self { from: from?, until: until? })
    }
}

impl Read for Order {
    fn read(f: &mut Fields) -> Option<Self> {
        let pickup = f.object("pickup");
        let pickup = f.required("pickup", pickup);
        let dropoff = f.object("dropoff");
        let dropoff = f.required("dropoff", dropoff);
        let stops = f.objects("stops", MAX_STOPS);
        let time = pickup_time(f);
        let dropoff_window = f.object("dropoff_window");
        let vehicle_class = f.text("vehicle_class", 64);
        let load_kg = f.whole("load_kg", 0, 100_000);
        let load_m3 = f.number("load_m3", 0.0, 1_000.0);
        let pieces = f.whole("pieces", 0, 10_000);
        let skills = f.texts("skills", 16);
        let customer = f.text("customer", 200);
        let customer_reference = f.text("customer_reference", 100);
        let priority = f.one_of("priority", &Priority::ALL.map(Priority::as_str).join(", "), Priority::parse);
        let notes = f.text("notes", 2000);
        let expires_at = f.instant("expires_at");
        let (pickup_at, pickup_until) = time?;
        Some(Self {
            pickup: pickup?,
            dropoff: dropoff?,
            stops: stops?.unwrap_or_default(),
            pickup_at,
            pickup_until,
            dropoff_window: dropoff_window?,
            vehicle_class: vehicle_class?,
            load_kg: load_kg?,
            load_m3: load_m3?,
            pieces: pieces?,
            skills: skills?.unwrap_or_default(),
            customer: customer?,
            customer_reference: customer_reference?,
            priority: priority?.unwrap_or_default(),
            notes: notes?,
            expires_at: expires_at?,
        })
    }
}

/// The earliest pickup and the latest, from `pickup_at` or `pickup_window`.
fn pickup_time(f: &mut Fields) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
    let at = f.instant("pickup_at");
    let window = f.object::<Window>("pickup_window");
    match (at?, window?) {
        (Some(_), Some(_)) => {
            f.fault("pickup_window", "must not be given together with pickup_at");
            None
        }
        (at, None) => Some((at, None)),
        (None, Some(window)) => Some((Some(window.from), Some(window.until))),
    }
}

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
    #[schema(default = "visit")]
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
