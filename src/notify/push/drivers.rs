//! What drivers' phones are told of their work though the page is closed: what [`crate::cab`] tells their vehicles, in words.

use super::{PAGE, Word, browsers, topic};
use crate::model::{Actor, Driver, Event, Kind, Language, Span, Timestamp, To};
use crate::notify::Post;
use crate::notify::words::Facts;
use crate::store::{self, subscriptions};
use rusqlite::Transaction;
use serde_json::Value;

/// What happened longer ago is no news.
const NEWS: Span = Span::from_secs(24 * 3_600);

impl Post {
    /// Puts what `event` says to the driver who is on duty with its vehicle into the queue, once for each of his browsers.
    pub(in crate::notify) fn tell_drivers(&self, tx: &Transaction<'_>, event: &Event, now: Timestamp) -> store::Result<()> {
        if !concerns(event.kind) || event.vehicle.is_none() || now.since(event.at) > NEWS {
            return Ok(());
        }
        let facts = self.facts(tx, Language::En, event)?;
        let Some((driver, user)) = facts.driver.as_ref().and_then(|driver| Some((driver, driver.user.as_deref()?))) else { return Ok(()) };
        let browsers = subscriptions::of_user(tx, user)?;
        if browsers.is_empty() || is_his_doing(&event.actor, driver) {
            return Ok(());
        }
        let Some(word) = word(event, &facts).filter(|word| now < word.until) else { return Ok(()) };
        let to: Vec<To> = browsers.iter().map(|browser| browsers::to(browser, event, now)).collect();
        self.put(tx, &word.message()?, &to, now)?;
        Ok(())
    }
}

fn concerns(kind: Kind) -> bool {
    // Where to wait is no reason to wake anybody.
    crate::cab::is_command(kind) && kind != Kind::VehicleAdvised
}

fn is_his_doing(actor: &Actor, driver: &Driver) -> bool {
    match actor {
        Actor::Device(_) => true,
        Actor::User(name) => driver.user.as_ref().is_some_and(|user| user.eq_ignore_ascii_case(name)),
        _ => false,
    }
}

fn word(event: &Event, facts: &Facts) -> Option<Word> {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let say = |name: &str| facts.say(name);
    let reference = say("booking.reference");
    let way = || format!("{} → {}", say("booking.pickup"), say("booking.dropoff"));
    let until = data["offer"]["expires_at"].as_str().and_then(Timestamp::parse);
    let (title, text) = match event.kind {
        Kind::BookingOffered => (format!("Offer {reference}"), format!("{}. Answer until {}.", way(), facts.time(until?))),
        Kind::BookingAssigned => (format!("New job {reference}"), way()),
        Kind::BookingChanged => (format!("Job {reference} has changed"), way()),
        Kind::BookingReminder => {
            let at = data["pickup_at"].as_str().and_then(Timestamp::parse)?;
            (format!("Soon: {reference}"), format!("Pickup at {}: {}", facts.time(at), say("booking.pickup")))
        }
        Kind::BookingDeclined | Kind::BookingOfferWithdrawn => (format!("Offer {reference} is over"), String::new()),
        Kind::BookingUnassigned | Kind::BookingCancelled | Kind::BookingFailed => {
            let reason = ["cancel_reason", "reason"].into_iter().find_map(|key| data[key].as_str());
            (format!("Job {reference} is no longer yours"), reason.unwrap_or_default().to_owned())
        }
        Kind::MessageSent => (data["subject"].as_str().unwrap_or_default().to_owned(), data["text"].as_str()?.to_owned()),
        _ => return None,
    };
    let urgent = !matches!(event.kind, Kind::BookingDeclined | Kind::BookingOfferWithdrawn);
    // A message is not made void by what is said of its booking later.
    let topic = event.booking.filter(|_| event.kind != Kind::MessageSent).map(|booking| topic("", booking));
    let until = until.filter(|_| event.kind == Kind::BookingOffered).unwrap_or(event.at + NEWS);
    Some(Word { title, text, url: PAGE.to_owned(), until, urgent, topic })
}
