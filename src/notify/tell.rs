//! What rules make of an event: to whom, what, and when.

use super::gateway::Note;
use super::mail::Letter;
use super::said::Said;
use super::template::Template;
use super::words::{Facts, foreseen};
use super::{MAIL, MESSAGE, Post, To, push};
use crate::config::Hours;
use crate::model::{Channel, Contact, Event, Kind, Language, QuietThen, Rule, RuleBody, Span, Status, Timestamp, Who};
use crate::store::deliveries::{self, Message};
use crate::store::rules::{self, Item};
use crate::store::{self, bookings, drivers, duty};
use rusqlite::{Connection, Transaction};
use std::sync::atomic::Ordering;

/// What happened longer ago is no news to people.
const NEWS: Span = Span::from_secs(24 * 3_600);
/// What one letter collects.
const COLLECTED: usize = 500;

impl Post {
    /// Puts what rules say of `event` into the queue.
    pub(super) fn tell_people(&self, tx: &Transaction<'_>, event: &Event, all: &[Rule], now: Timestamp) -> store::Result<()> {
        if now.since(event.at) > NEWS || !super::catalogue::is_public(event.kind) {
            return Ok(());
        }
        for rule in all.iter().filter(|rule| event.seq > rule.since && rule.wants(event.kind)) {
            let said = self.said(tx, &rule.body, event, now)?;
            if said.to.is_empty() {
                self.0.counts.unreachable.fetch_add(1, Ordering::Relaxed);
            }
            if self.may_cost(tx, rule, event, said.to.len())? {
                self.put_said(tx, rule, event, &said, now)?;
            } else {
                self.0.counts.limited.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// What a rule says of an event at `now`.
    pub(super) fn said(&self, c: &Connection, body: &RuleBody, event: &Event, now: Timestamp) -> store::Result<Said> {
        let facts = self.facts(c, body.language, event)?;
        // A rule whose text is none was never kept; it would say nothing.
        let filled = |text: &str| Template::parse(text).map_or_else(|_| String::new(), |template| template.fill(|name| facts.say(name)));
        Ok(Said {
            to: if body.channel == Channel::Push { push::recipients(c, body.who, &facts)? } else { recipients(body, &facts) },
            subject: in_a_line(&filled(&body.subject)),
            text: filled(&body.text),
            at: self.when(body, now),
        })
    }

    fn put_said(&self, tx: &Transaction<'_>, rule: &Rule, event: &Event, said: &Said, now: Timestamp) -> store::Result<()> {
        let Some(at) = said.at else {
            self.0.counts.quiet.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        if let Some(minutes) = rule.body.digest_min {
            let item = Item { subject: said.subject.clone(), text: said.text.clone(), at: event.at };
            let due = now + Span::from_secs(i64::from(minutes) * 60);
            for to in &said.to {
                if !rules::collect(tx, (&rule.id, to), &item, due, COLLECTED)? {
                    self.0.counts.limited.fetch_add(1, Ordering::Relaxed);
                }
            }
            return Ok(());
        }
        let mut to = Vec::new();
        for recipient in &said.to {
            if self.is_enough(tx, rule, recipient, now)? {
                self.0.counts.limited.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            to.push(To { booking: event.booking, event: Some(event.seq), ..to_one(tx, rule, recipient, at)? });
        }
        if to.is_empty() {
            return Ok(());
        }
        let message = match rule.body.channel {
            Channel::Push => push::Word::of_rule(rule, event, said, at).message()?,
            channel => message(channel, &said.subject, &said.text)?,
        };
        self.put(tx, &message, &to, now)?;
        Ok(())
    }

    /// May so many more go out for the booking's customer today? Whoever may book chooses who is told, so there is an end to it.
    fn may_cost(&self, c: &Connection, rule: &Rule, event: &Event, many: usize) -> store::Result<bool> {
        let goes_out =
            matches!(rule.body.channel, Channel::Mail | Channel::Gateway) && matches!(rule.body.who, Who::Customer | Who::Recipient);
        let Some(id) = event.booking.filter(|_| goes_out && many > 0) else { return Ok(true) };
        let customer = bookings::get(c, id)?.and_then(|booking| booking.order.customer);
        Ok(customer.is_none_or(|customer| self.0.of_customers.take(customer, self.0.clock.monotonic()).is_ok()))
    }

    /// Was the recipient told as much as the rule allows?
    fn is_enough(&self, c: &Connection, rule: &Rule, recipient: &str, now: Timestamp) -> store::Result<bool> {
        let Some(limit) = rule.body.limit else { return Ok(false) };
        let since = now - Span::from_secs(i64::from(limit.per_min) * 60);
        Ok(deliveries::count_of_rule(c, &rule.id, recipient, since)? >= u64::from(limit.count))
    }

    /// Puts the letters that are due at `now` into the queue.
    pub(super) fn send_collected(&self, tx: &Transaction<'_>, now: Timestamp) -> store::Result<()> {
        for (id, recipient) in rules::due(tx, now)? {
            let items = rules::take(tx, &id, &recipient)?;
            let Some(rule) = rules::get(tx, &id)? else { continue };
            let subject = match items.as_slice() {
                [one] => one.subject.clone(),
                more => format!("{}: {}", rule.name, more.len()),
            };
            let zone = &self.0.zone;
            let part = |item: &Item| {
                let minute = item.at.minute_of_day(zone);
                format!("{:02}:{:02} {}\n{}\n", minute / 60, minute % 60, item.subject, item.text)
            };
            let text = items.iter().map(part).collect::<Vec<_>>().join("\n");
            let at = self.when(&rule.body, now).unwrap_or(now);
            self.put(tx, &message(rule.body.channel, &subject, &text)?, &[to_one(tx, &rule, &recipient, at)?], now)?;
        }
        Ok(())
    }

    /// When something may be said that is to be said at `now`.
    fn when(&self, body: &RuleBody, now: Timestamp) -> Option<Timestamp> {
        let Some((quiet, hours)) = body.quiet.as_ref().and_then(|quiet| Some((quiet, Hours::parse(&quiet.hours)?))) else {
            return Some(now);
        };
        let left = hours.left(now.minute_of_day(&self.0.zone));
        match quiet.then {
            _ if left == 0 => Some(now),
            QuietThen::Drop => None,
            QuietThen::Wait => {
                let at = now + Span::from_secs(i64::from(left) * 60);
                // The clocks may be put forward or back before that.
                let off = i64::from(hours.until) - i64::from(at.minute_of_day(&self.0.zone));
                Some(at + Span::from_secs(((off + 720).rem_euclid(1_440) - 720) * 60))
            }
        }
    }

    pub(super) fn facts(&self, c: &Connection, language: Language, event: &Event) -> store::Result<Facts> {
        let booking = event.booking.map(|id| bookings::get(c, id)).transpose()?.flatten();
        let vehicle = event.vehicle.clone().or_else(|| booking.as_ref().and_then(|b| b.vehicle.clone()));
        let duty = vehicle.as_ref().map(|vehicle| duty::of_vehicle(c, vehicle)).transpose()?.flatten();
        let driver = duty.map(|duty| drivers::get(c, duty.driver)).transpose()?.flatten();
        let (eta, late) = foreseen(event);
        let job = event.booking.and_then(|id| self.0.board.get(id));
        let on_board = booking.as_ref().is_some_and(|b| b.status == Status::PickedUp);
        let board = job.and_then(|job| if on_board { Some(job.dropoff_at) } else { job.pickup_at.or(Some(job.dropoff_at)) });
        Ok(Facts {
            kind: event.kind,
            at: event.at,
            pin: booking.as_ref().map(|booking| crate::bookings::pin(c, booking)).transpose()?.flatten(),
            booking,
            vehicle,
            driver,
            eta: eta.or(board),
            late: late.or_else(|| job.and_then(|job| Some(job.late?.by))),
            zone: self.0.zone.clone(),
            depot: self.0.depot.clone(),
            language,
        })
    }
}

fn to_one(c: &Connection, rule: &Rule, recipient: &str, at: Timestamp) -> store::Result<To> {
    let endpoint = match rule.body.channel {
        Channel::Mail => MAIL.to_owned(),
        Channel::Gateway => super::gateway_endpoint(rule.body.gateway.as_deref().unwrap_or_default()),
        Channel::Push => push::endpoint(c, recipient)?,
        Channel::Message | Channel::Webhook => MESSAGE.to_owned(),
    };
    let (channel, rule, recipient) = (rule.body.channel, Some(rule.id.clone()), recipient.to_owned());
    Ok(To { channel, endpoint, recipient, booking: None, event: None, rule, at })
}

fn message(channel: Channel, subject: &str, text: &str) -> store::Result<Message> {
    let (subject, text) = (subject.to_owned(), text.to_owned());
    if channel == Channel::Mail {
        return Letter { subject, text, html: None, enclosed: None }.message();
    }
    let body = serde_json::to_string(&Note { subject: subject.clone(), text });
    Ok(Message { subject, body: body.map_err(|e| store::Error::Corrupt(format!("a note has no JSON: {e}")))? })
}

/// Who is to be told, as the channel needs it.
fn recipients(body: &RuleBody, facts: &Facts) -> Vec<String> {
    let of = |phone: Option<&String>, email: Option<&String>| match body.channel {
        Channel::Mail => email.filter(|email| email.parse::<crate::model::MailAddress>().is_ok()).cloned(),
        Channel::Gateway => phone.cloned(),
        Channel::Message | Channel::Webhook | Channel::Push => None,
    };
    let contact = |contact: Option<&Contact>| contact.and_then(|c| of(c.phone.as_ref(), c.email.as_ref()));
    let order = facts.booking.as_ref().map(|booking| &booking.order);
    let dropoff = order.and_then(|order| contact(order.dropoff.contact.as_ref()));
    let one = match (body.who, body.channel) {
        (Who::Addresses, _) => return body.to.clone(),
        (Who::Staff, _) => Some(String::new()),
        (Who::Driver, Channel::Message) => facts.vehicle.as_ref().map(ToString::to_string),
        (Who::Driver, _) => facts.driver.as_ref().and_then(|driver| of(driver.phone.as_ref(), driver.email.as_ref())),
        (Who::Customer, _) => order.and_then(|order| contact(order.pickup.contact.as_ref())).or(dropoff),
        (Who::Recipient, _) => dropoff,
    };
    one.into_iter().collect()
}

fn in_a_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An event like the newest of a booking, as a rule would see it now.
pub(super) fn as_if(kind: Kind, booking: &crate::model::Booking, now: Timestamp) -> Event {
    Event {
        seq: i64::MAX,
        at: now,
        kind,
        actor: crate::model::Actor::System,
        booking: Some(booking.id),
        vehicle: booking.vehicle.clone(),
        data: "{}".to_owned(),
    }
}
