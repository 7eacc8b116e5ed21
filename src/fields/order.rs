//! An order as clients and head office send it.

use super::{Fields, Read};
use crate::model::{Contact, MailAddress, Order, Place, Priority, Site, Stop, StopKind, Timestamp, Window};

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
        if let Some(Err(why)) = contact.email.as_deref().map(str::parse::<MailAddress>) {
            f.fault("email", why.to_string());
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
