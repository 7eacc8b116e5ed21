//! How fixes are packed: a section per vehicle, delta coded, readable on its own.
//!
//! A chunk's body is `base ts, base lat, base lon` and then per vehicle `vid step, byte length, section`; a run's body is one section.
//! Degrees are kept to 1e-7 (a centimetre), speeds, courses, accuracies and charges to 1/100 of their unit.

use crate::model::{Fix, Flags, Place, Timestamp, VehicleId};

/// What the next fix is told relative to.
#[derive(Clone, Copy, Default)]
pub(super) struct Base {
    pub ts: i64,
    pub lat: i64,
    pub lon: i64,
}

impl Base {
    pub fn of(fix: &Fix) -> Self {
        Self { ts: fix.ts.as_millis(), lat: e7(fix.place.lat()), lon: e7(fix.place.lon()) }
    }
}

/// The bytes are not what this program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

const SPEED: u8 = 1;
const COURSE: u8 = 2;
const ACCURACY: u8 = 4;
const BATTERY: u8 = 8;
const IGNITION_KNOWN: u8 = 16;
const IGNITION_ON: u8 = 32;
const EXTRAS: u8 = 64;
const FLAGS: u8 = 128;

/// Degrees in steps of 1e-7.
#[expect(clippy::cast_possible_truncation, reason = "at most 1.8e9, and `as` saturates")]
pub(super) fn e7(degrees: f64) -> i64 {
    (degrees * 1e7).round() as i64
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates; a thing measured in hundredths never comes near")]
fn hundredths(value: f32) -> i64 {
    (f64::from(value) * 100.0).round() as i64
}

#[expect(clippy::cast_possible_truncation, reason = "back to the precision that it came from")]
fn from_hundredths(value: i64) -> f32 {
    (value as f64 / 100.0) as f32
}

pub(super) fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, (value.wrapping_shl(1) ^ (value >> 63)).cast_unsigned());
}

/// Reads what the `put_*` functions wrote.
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    fn byte(&mut self) -> Result<u8, Malformed> {
        let (&first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(first)
    }
    pub fn unsigned(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }
    pub fn signed(&mut self) -> Result<i64, Malformed> {
        let value = self.unsigned()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
    pub fn bytes(&mut self, len: u64) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(len).map_err(|_| Malformed)?;
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// The running values of a section; a fix is told as its difference to them.
#[derive(Clone, Copy, Default)]
struct Running<'a> {
    at: Base,
    delay: i64,
    speed: i64,
    course: i64,
    accuracy: i64,
    battery: i64,
    extras: Option<&'a str>,
}

fn difference(out: &mut Vec<u8>, running: &mut i64, value: i64) {
    put_signed(out, value.wrapping_sub(*running));
    *running = value;
}

/// Writes fixes of one vehicle.
pub(super) struct Section<'a>(Running<'a>);

impl<'a> Section<'a> {
    pub fn new(base: Base) -> Self {
        Self(Running { at: base, ..Running::default() })
    }
    pub fn put(&mut self, out: &mut Vec<u8>, fix: &'a Fix) {
        let now = &mut self.0;
        let extras = fix.extras.as_deref();
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        out.push(
            bit(fix.speed_kmh.is_some(), SPEED)
                | bit(fix.course.is_some(), COURSE)
                | bit(fix.accuracy_m.is_some(), ACCURACY)
                | bit(fix.battery.is_some(), BATTERY)
                | bit(fix.ignition.is_some(), IGNITION_KNOWN)
                | bit(fix.ignition == Some(true), IGNITION_ON)
                | bit(extras.is_some(), EXTRAS)
                | bit(fix.flags.bits() != 0, FLAGS),
        );
        let at = Base::of(fix);
        difference(out, &mut now.at.ts, at.ts);
        difference(out, &mut now.at.lat, at.lat);
        difference(out, &mut now.at.lon, at.lon);
        difference(out, &mut now.delay, fix.received.as_millis().saturating_sub(at.ts));
        for (running, value) in [
            (&mut now.speed, fix.speed_kmh),
            (&mut now.course, fix.course),
            (&mut now.accuracy, fix.accuracy_m),
            (&mut now.battery, fix.battery),
        ] {
            if let Some(value) = value {
                difference(out, running, hundredths(value));
            }
        }
        if fix.flags.bits() != 0 {
            out.push(fix.flags.bits());
        }
        if let Some(text) = extras {
            if now.extras == extras {
                put_unsigned(out, 0);
            } else {
                put_unsigned(out, text.len() as u64 + 1);
                out.extend_from_slice(text.as_bytes());
                now.extras = extras;
            }
        }
    }
}

/// Reads a section, fix by fix.
pub(super) struct Fixes<'a> {
    vehicle: VehicleId,
    reader: Reader<'a>,
    running: Running<'a>,
}

impl<'a> Fixes<'a> {
    pub fn new(vehicle: VehicleId, base: Base, section: &'a [u8]) -> Self {
        Self { vehicle, reader: Reader(section), running: Running { at: base, ..Running::default() } }
    }

    fn read(&mut self) -> Result<Fix, Malformed> {
        let (reader, now) = (&mut self.reader, &mut self.running);
        let has = reader.byte()?;
        let add = |reader: &mut Reader<'_>, running: &mut i64| -> Result<(), Malformed> {
            *running = running.wrapping_add(reader.signed()?);
            Ok(())
        };
        add(reader, &mut now.at.ts)?;
        add(reader, &mut now.at.lat)?;
        add(reader, &mut now.at.lon)?;
        add(reader, &mut now.delay)?;
        let mut optional = |bit: u8, running: &mut i64| -> Result<Option<f32>, Malformed> {
            if has & bit == 0 {
                return Ok(None);
            }
            add(reader, running)?;
            Ok(Some(from_hundredths(*running)))
        };
        let speed_kmh = optional(SPEED, &mut now.speed)?;
        let course = optional(COURSE, &mut now.course)?;
        let accuracy_m = optional(ACCURACY, &mut now.accuracy)?;
        let battery = optional(BATTERY, &mut now.battery)?;
        let flags = if has & FLAGS == 0 { Flags::default() } else { Flags::from_bits(reader.byte()?) };
        let mut extras = None;
        if has & EXTRAS != 0 {
            let len = reader.unsigned()?;
            if len > 0 {
                now.extras = Some(std::str::from_utf8(reader.bytes(len - 1)?).map_err(|_| Malformed)?);
            }
            extras = now.extras.map(Box::from);
        }
        Ok(Fix {
            vehicle: self.vehicle.clone(),
            ts: Timestamp::from_millis(now.at.ts),
            received: Timestamp::from_millis(now.at.ts.saturating_add(now.delay)),
            place: Place::new(now.at.lat as f64 / 1e7, now.at.lon as f64 / 1e7).map_err(|_| Malformed)?,
            speed_kmh,
            course,
            accuracy_m,
            ignition: (has & IGNITION_KNOWN != 0).then_some(has & IGNITION_ON != 0),
            battery,
            flags,
            extras,
        })
    }
}

impl Iterator for Fixes<'_> {
    type Item = Result<Fix, Malformed>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let fix = self.read();
        if fix.is_err() {
            self.reader = Reader(&[]);
        }
        Some(fix)
    }
}

/// A packed chunk's sections: the base and then `(vid, section)` in order of vid.
pub(super) struct Sections<'a> {
    pub base: Base,
    reader: Reader<'a>,
    vid: u64,
}

impl<'a> Sections<'a> {
    pub fn open(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(body);
        let base = Base { ts: reader.signed()?, lat: reader.signed()?, lon: reader.signed()? };
        Ok(Self { base, reader, vid: 0 })
    }
    /// The section of one vehicle, when it is in the chunk.
    pub fn find(self, vid: u32) -> Result<Option<(Base, &'a [u8])>, Malformed> {
        let base = self.base;
        for section in self {
            let (found, bytes) = section?;
            if found >= vid {
                return Ok((found == vid).then_some((base, bytes)));
            }
        }
        Ok(None)
    }
    fn read(&mut self) -> Result<(u32, &'a [u8]), Malformed> {
        self.vid = self.vid.checked_add(self.reader.unsigned()?).ok_or(Malformed)?;
        let len = self.reader.unsigned()?;
        Ok((u32::try_from(self.vid).map_err(|_| Malformed)?, self.reader.bytes(len)?))
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Result<(u32, &'a [u8]), Malformed>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let section = self.read();
        if section.is_err() {
            self.reader = Reader(&[]);
        }
        Some(section)
    }
}

/// Packs chunks; keeps its buffers from one to the next.
#[derive(Default)]
pub(super) struct Packer {
    body: Vec<u8>,
    section: Vec<u8>,
}

impl Packer {
    /// Packs `order`, which holds (vid, fix time, place in `fixes`) sorted and is not empty.
    pub fn chunk(&mut self, fixes: &[Fix], order: &[(u32, i64, u32)]) -> &[u8] {
        self.body.clear();
        let Some(first) = order.first() else { return &self.body };
        let base = Base::of(&fixes[first.2 as usize]);
        for value in [base.ts, base.lat, base.lon] {
            put_signed(&mut self.body, value);
        }
        let mut last_vid = 0;
        for of_vehicle in order.chunk_by(|a, b| a.0 == b.0) {
            self.section.clear();
            let mut section = Section::new(base);
            for &(_, _, at) in of_vehicle {
                section.put(&mut self.section, &fixes[at as usize]);
            }
            let vid = of_vehicle[0].0;
            put_unsigned(&mut self.body, u64::from(vid - last_vid));
            put_unsigned(&mut self.body, self.section.len() as u64);
            self.body.extend_from_slice(&self.section);
            last_vid = vid;
        }
        &self.body
    }
}
