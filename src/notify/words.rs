//! What placeholders say of an event.

use crate::model::{Booking, Day, Driver, Event, Kind, Language, Site, Span, Status, Timestamp, VehicleId};
use crate::pricing::currency::in_words;
use serde_json::Value;

/// What is known of an event.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What happened.
    pub kind: Kind,
    /// When.
    pub at: Timestamp,
    /// The booking it is about, as it is now.
    pub booking: Option<Booking>,
    /// Its PIN, where the tariff asks for one.
    pub pin: Option<String>,
    /// The vehicle it concerns.
    pub vehicle: Option<VehicleId>,
    /// Who is on duty with it.
    pub driver: Option<Driver>,
    /// When the vehicle is foreseen.
    pub eta: Option<Timestamp>,
    /// By how much it will be late.
    pub late: Option<Span>,
    /// IANA zone of the depot.
    pub zone: String,
    /// The depot's name.
    pub depot: String,
    /// In which language to speak.
    pub language: Language,
}

impl Facts {
    /// What a placeholder says; what is not known, in words.
    pub fn say(&self, placeholder: &str) -> String {
        let b = self.booking.as_ref();
        let said = match placeholder {
            "booking.reference" => b.map(|b| b.reference.clone()),
            "booking.status" => b.map(|b| status(b.status, self.language).to_owned()),
            "booking.customer" => b.and_then(|b| b.order.customer.clone()),
            "booking.customer_reference" => b.and_then(|b| b.order.customer_reference.clone()),
            "booking.pickup" => b.map(|b| address(&b.order.pickup)),
            "booking.dropoff" => b.map(|b| address(&b.order.dropoff)),
            "booking.pickup_time" => b.and_then(|b| b.order.pickup_at).map(|at| self.time(at)),
            "booking.price" => b.map(|b| in_words(b.fare.price)),
            "booking.pin" => self.pin.clone(),
            "booking.notes" => b.and_then(|b| b.order.notes.clone()),
            "booking.reason" => b.and_then(|b| b.reason.clone()),
            "vehicle" => self.vehicle.as_ref().map(ToString::to_string),
            "driver" => self.driver.as_ref().map(|driver| driver.name.clone()),
            "driver.phone" => self.driver.as_ref().and_then(|driver| driver.phone.clone()),
            "eta" => self.eta.map(|at| self.time(at)),
            "late" => self.late.map(|late| (late.as_millis() / 60_000).to_string()),
            "event" => Some(self.kind.as_str().to_owned()),
            "time" => Some(self.time(self.at)),
            "depot" => Some(self.depot.clone()),
            _ => None,
        };
        said.unwrap_or_else(|| unknown(self.language).to_owned())
    }

    /// `14:05` on the event's day, else with its date.
    pub fn time(&self, at: Timestamp) -> String {
        let minute = at.minute_of_day(&self.zone);
        let clock = format!("{:02}:{:02}", minute / 60, minute % 60);
        let day = Day::of(at, &self.zone);
        if day == Day::of(self.at, &self.zone) { clock } else { format!("{day} {clock}") }
    }
}

/// What an entry itself says of when the vehicle is foreseen, and by how much it will be late.
pub fn foreseen(event: &Event) -> (Option<Timestamp>, Option<Span>) {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    (data["eta"].as_str().and_then(Timestamp::parse), data["late_s"].as_i64().map(Span::from_secs))
}

fn address(site: &Site) -> String {
    site.address.clone().unwrap_or_else(|| format!("{:.5}, {:.5}", site.place.lat(), site.place.lon()))
}

fn unknown(language: Language) -> &'static str {
    match language {
        Language::En => "not known",
        Language::De => "nicht bekannt",
        Language::Es => "desconocido",
        Language::Fr => "inconnu",
        Language::Pt => "desconhecido",
        Language::Ca => "desconegut",
    }
}

fn status(status: Status, language: Language) -> &'static str {
    let [en, de, es, fr, pt, ca] = match status {
        Status::Scheduled => ["scheduled", "geplant", "programada", "planifiée", "agendada", "programada"],
        Status::Waiting => ["waiting", "wartet", "en espera", "en attente", "em espera", "en espera"],
        Status::Offered => ["offered", "angeboten", "ofrecida", "proposée", "proposta", "oferta"],
        Status::Assigned => ["assigned", "zugeteilt", "asignada", "attribuée", "atribuída", "assignada"],
        Status::Arrived => ["at the pickup", "am Abholort", "en la recogida", "sur place", "na recolha", "a la recollida"],
        Status::PickedUp => ["on board", "an Bord", "a bordo", "à bord", "a bordo", "a bord"],
        Status::Delivered => ["delivered", "zugestellt", "entregada", "livrée", "entregue", "lliurada"],
        Status::Cancelled => ["cancelled", "storniert", "cancelada", "annulée", "cancelada", "cancel·lada"],
        Status::Failed => ["failed", "gescheitert", "fallida", "échouée", "falhada", "fallida"],
        Status::Expired => ["expired", "verfallen", "caducada", "expirée", "expirada", "caducada"],
    };
    match language {
        Language::En => en,
        Language::De => de,
        Language::Es => es,
        Language::Fr => fr,
        Language::Pt => pt,
        Language::Ca => ca,
    }
}
