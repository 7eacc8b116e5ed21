//! What is said to people and programs, and how long it is tried.

use super::sections::or_empty;
use super::{AddressRange, Gateway};
use crate::model::MailAddress;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is said to people and programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notify {
    /// Seconds before what failed is tried again, the first time. Doubles each time, with jitter.
    pub retry_s: u64,
    /// But never more seconds than this.
    pub retry_most_s: u64,
    /// Hours after which it is given up and is a dead letter.
    pub give_up_h: u32,
    /// What one endpoint may be sent at once.
    pub at_once: usize,
    /// What may wait for one endpoint; one more is a dead letter at once.
    pub queue: usize,
    /// Mails and messages through gateways a day that the bookings of one customer may cause; more are not sent.
    pub customer_day: u32,
    /// Days that what was sent and dead letters are kept.
    pub keep_days: u32,
    /// Hours that a webhook's old secret signs too, once it has a new one.
    pub rotate_h: u32,
    /// Addresses inside that webhooks, gateways and push services may be at, like `10.0.0.0/8`; also without TLS.
    pub allow_addresses: Vec<AddressRange>,
    /// The same by name.
    pub allow_hosts: Vec<String>,
    /// Certificates in PEM of those that webhooks, gateways and push services may show, instead of the system's.
    #[serde(deserialize_with = "or_empty")]
    pub ca_file: Option<PathBuf>,
    /// Where push services reach the depot's people, `mailto:` or `https://`. Empty: `mail.from`, else `http.public_url`.
    pub push_contact: String,
    /// SMS and chat services: tables `[[notify.gateways]]`.
    pub gateways: Vec<Gateway>,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            retry_s: 10,
            retry_most_s: 3_600,
            give_up_h: 72,
            at_once: 4,
            queue: 10_000,
            customer_day: 1_000,
            keep_days: 30,
            rotate_h: 24,
            allow_addresses: Vec::new(),
            allow_hosts: Vec::new(),
            ca_file: None,
            push_contact: String::new(),
            gateways: Vec::new(),
        }
    }
}

impl Notify {
    pub(super) fn check(&self, demand: &mut impl FnMut(bool, &str)) {
        demand((1..=3_600).contains(&self.retry_s), "notify.retry_s must be within 1 to 3600");
        demand((self.retry_s..=86_400).contains(&self.retry_most_s), "notify.retry_most_s must be within notify.retry_s to 86400");
        demand((1..=1_000_000).contains(&self.customer_day), "notify.customer_day must be within 1 to 1000000");
        demand((1..=720).contains(&self.give_up_h), "notify.give_up_h must be within 1 to 720");
        demand((1..=64).contains(&self.at_once), "notify.at_once must be within 1 to 64");
        demand((1..=100_000).contains(&self.queue), "notify.queue must be within 1 to 100000");
        demand((1..=3_650).contains(&self.keep_days), "notify.keep_days must be within 1 to 3650");
        demand((1..=720).contains(&self.rotate_h), "notify.rotate_h must be within 1 to 720");
        let contact = &self.push_contact;
        let is_contact =
            contact.strip_prefix("mailto:").map_or(contact.starts_with("https://"), |mail| mail.parse::<MailAddress>().is_ok());
        demand(contact.is_empty() || is_contact, "notify.push_contact must be like mailto:depot@example.com or https://depot.example.com");
        for (at, gateway) in self.gateways.iter().enumerate() {
            let mut of = |ok: bool, what: &str| demand(ok, &format!("notify.gateways[{at}] {:?}: {what}", gateway.name));
            of(!self.gateways[..at].iter().any(|other| other.name == gateway.name), "another gateway has that name");
            gateway.check(&mut of);
        }
    }
}
