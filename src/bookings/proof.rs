//! The proof of a delivery: what the tariff asks for, and the photos and signatures that drivers send.

use super::error::Fault;
use super::{Bookings, Error, Result, find};
use crate::fields::is_strange;
use crate::model::{Actor, Booking, BookingId, Timestamp};
use crate::pricing::{Need, ProofRules};
use crate::store::attachments::{self, Attachment};
use crate::tariffs::proof_rules;
use rusqlite::Transaction;
use serde_json::Value;

/// Photos in a proof at most.
const PHOTOS: usize = 10;
/// Attachments of one driver that no step has named yet, at most.
const LEFT: i64 = 50;
/// Bytes of an attachment at most.
pub const MOST_BYTES: usize = 2 << 20;

/// How the formats that browsers show begin.
const FORMATS: [(&str, &[u8]); 3] = [("image/jpeg", &[0xff, 0xd8, 0xff]), ("image/png", b"\x89PNG\r\n\x1a\n"), ("image/webp", b"RIFF")];

/// What is known of an image by its first bytes.
fn media_of(bytes: &[u8]) -> Option<&'static str> {
    let (media, _) = FORMATS.into_iter().find(|(_, start)| bytes.starts_with(start))?;
    (media != "image/webp" || bytes.get(8..12) == Some(b"WEBP")).then_some(media)
}

impl Bookings {
    /// Keeps a photo or a signature under the id that its maker gave it, until a step names it. Sent again, it is kept once.
    pub async fn attach(&self, id: String, bytes: Vec<u8>, actor: Actor) -> Result<()> {
        let field = |message: &str| Error::Invalid(vec![Fault::new("body", message)]);
        if bytes.len() > MOST_BYTES {
            return Err(field("must have 2 MiB at most"));
        }
        let media = media_of(&bytes).ok_or_else(|| field("must be a JPEG, PNG or WebP image"))?;
        let (actor, now) = (actor.to_text(), self.clock.now());
        let change = move |tx: &Transaction<'_>| {
            match attachments::find(tx, &id)? {
                Some((by, kept)) if by == actor && kept == bytes => return Ok(()),
                Some(_) => return Err(Error::Invalid(vec![Fault::new("id", "is that of another attachment")])),
                None => {}
            }
            if attachments::left(tx, &actor)? >= LEFT {
                return Err(field("is one too many: no step has named the last 50"));
            }
            Ok(attachments::insert(tx, &id, media, &bytes, &actor, now)?)
        };
        self.db.write(change).await
    }

    /// The attachments of a booking.
    pub async fn attachments(&self, id: BookingId) -> Result<Vec<Attachment>> {
        self.db.read(move |c| Ok(attachments::of_booking(c, id)?)).await
    }

    /// Media type and bytes of an attachment of a booking.
    pub async fn attachment(&self, booking: BookingId, id: String) -> Result<Option<(String, Vec<u8>)>> {
        self.db.read(move |c| Ok(attachments::get(c, booking, &id)?)).await
    }

    /// The proof that is asked for of the driver who delivers a booking.
    pub async fn proof_rules(&self, id: BookingId) -> Result<ProofRules> {
        self.db.read(move |c| Ok(proof_rules(c, find(c, id)?.id)?)).await
    }
}

/// Bytes of a proof's JSON at most.
const PROOF: usize = 8_192;
/// Characters of its words at most: those that are kept with the booking, and what a driver writes.
const WORDS: [(&str, usize); 5] = [("signature", 4_096), ("barcode", 200), ("pin", 16), ("reason", 500), ("note", 1_000)];

/// What is wrong with a proof, whatever it came by.
pub(super) fn misshapen(proof: &Value) -> Vec<Fault> {
    if !proof.is_object() {
        return vec![Fault::new("proof", "must be an object")];
    }
    if proof.to_string().len() > PROOF {
        return vec![Fault::new("proof", format!("must have {PROOF} bytes at most"))];
    }
    let mut faults = Vec::new();
    for (part, most) in WORDS {
        let wrong = |value: &Value| match value.as_str() {
            None => Some("must be a text".to_owned()),
            Some(text) if text.chars().count() > most => Some(format!("must have at most {most} characters")),
            Some(text) if text.contains(is_strange) => Some("must not have control characters".to_owned()),
            Some(_) => None,
        };
        faults
            .extend(proof.get(part).filter(|value| !value.is_null()).and_then(wrong).map(|why| Fault::new(&format!("proof.{part}"), &why)));
    }
    let photos = proof.get("photos").filter(|value| !value.is_null());
    if photos.is_some_and(|photos| photos.as_array().is_none_or(|list| list.len() > PHOTOS || !list.iter().all(Value::is_string))) {
        faults.push(Fault::new("proof.photos", "must be a list of 10 texts at most"));
    }
    faults
}

/// What a proof lacks; it is well shaped.
pub(super) fn lacking(rules: ProofRules, proof: Option<&Value>) -> Vec<Fault> {
    let has = |part: &str| match proof.and_then(|proof| proof.get(part)) {
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        _ => false,
    };
    let missing = rules.parts().into_iter().filter(|(part, need)| *need == Need::Required && !has(part));
    missing.map(|(part, _)| Fault::new(&format!("proof.{part}"), "is required by the tariff")).collect()
}

/// Gives the photos and the signature that `proof` names to `booking`.
pub(super) fn bind(tx: &Transaction<'_>, booking: &Booking, proof: &Value, actor: &Actor) -> Result<()> {
    let photos = proof.get("photos").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let signature = proof.get("signature").filter(|id| !id.is_null()).map(|id| ("proof.signature".to_owned(), id));
    let named = photos.iter().enumerate().map(|(at, id)| (format!("proof.photos[{at}]"), id)).chain(signature);
    let mut faults = Vec::new();
    for (field, id) in named {
        let is_there = id.as_str().map(|id| attachments::bind(tx, id, &actor.to_text(), booking.id)).transpose()?;
        if is_there != Some(true) {
            faults.push(Fault::new(&field, "is no attachment that you sent for this booking"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

/// Since when attachments are kept, and those that nobody named.
pub(super) fn kept_since(now: Timestamp, days: u32) -> (Timestamp, Timestamp) {
    let back = |days: i64| now - crate::model::Span::from_secs(days * 86_400);
    (back(days.into()), back(7))
}
