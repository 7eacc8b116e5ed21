//! Writes the packets a server sends, for both protocol levels.

use super::frame::Version;
use bytes::{BufMut, BytesMut};

/// A message to a client.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Where it is published.
    pub topic: &'a str,
    /// The message.
    pub payload: &'a [u8],
    /// 0 or 1.
    pub qos: u8,
    /// Packet id; not 0 at QoS 1.
    pub pkid: u16,
    /// A retained message?
    pub retain: bool,
    /// Sent before?
    pub dup: bool,
}

/// What a successful CONNACK tells a v5 client about this server.
#[derive(Clone, Debug, Default)]
pub struct Welcome<'a> {
    /// There is state from an earlier connection.
    pub session_present: bool,
    /// Messages the client may have in flight.
    pub receive_maximum: u16,
    /// Bytes of a packet at most.
    pub maximum_packet: u32,
    /// The client id, when the server chose it.
    pub assigned_id: Option<&'a str>,
    /// Seconds, when the server shortened what the client asked for.
    pub session_expiry: Option<u32>,
}

/// Returns the length of [`publish`]'s packet in bytes.
pub fn publish_len(version: Version, message: &Message<'_>) -> usize {
    let body = publish_body(version, message);
    1 + varint_len(body) + body
}

fn publish_body(version: Version, m: &Message<'_>) -> usize {
    2 + m.topic.len() + if m.qos > 0 { 2 } else { 0 } + usize::from(version == Version::V5) + m.payload.len()
}

/// A PUBLISH.
pub fn publish(out: &mut BytesMut, version: Version, m: &Message<'_>) {
    out.put_u8(0x30 | (u8::from(m.dup) << 3) | (m.qos << 1) | u8::from(m.retain));
    varint(out, publish_body(version, m));
    text(out, m.topic);
    if m.qos > 0 {
        out.put_u16(m.pkid);
    }
    if version == Version::V5 {
        out.put_u8(0);
    }
    out.put_slice(m.payload);
}

/// PUBACK.
pub const PUBACK: u8 = 0x40;
/// PUBREC.
pub const PUBREC: u8 = 0x50;
/// PUBREL.
pub const PUBREL: u8 = 0x62;
/// PUBCOMP.
pub const PUBCOMP: u8 = 0x70;

/// A [`PUBACK`], [`PUBREC`], [`PUBREL`] or [`PUBCOMP`]; v3.1.1 has no room for a reason.
pub fn ack(out: &mut BytesMut, version: Version, first: u8, pkid: u16, reason: u8) {
    let [high, low] = pkid.to_be_bytes();
    if version == Version::V5 && reason != 0 {
        out.put_slice(&[first, 3, high, low, reason]);
    } else {
        out.put_slice(&[first, 2, high, low]);
    }
}

/// A SUBACK with one code per filter.
pub fn suback(out: &mut BytesMut, version: Version, pkid: u16, codes: &[u8]) {
    answer(out, 0x90, version, pkid, codes);
}

/// An UNSUBACK; the codes are for v5 only.
pub fn unsuback(out: &mut BytesMut, version: Version, pkid: u16, codes: &[u8]) {
    answer(out, 0xB0, version, pkid, if version == Version::V5 { codes } else { &[] });
}

fn answer(out: &mut BytesMut, first: u8, version: Version, pkid: u16, codes: &[u8]) {
    out.put_u8(first);
    varint(out, 2 + usize::from(version == Version::V5) + codes.len());
    out.put_u16(pkid);
    if version == Version::V5 {
        out.put_u8(0);
    }
    out.put_slice(codes);
}

/// A PINGRESP.
pub fn pong(out: &mut BytesMut) {
    out.put_slice(&[0xD0, 0]);
}

/// A CONNACK that lets the client in.
pub fn welcome(out: &mut BytesMut, version: Version, welcome: &Welcome<'_>) {
    let present = u8::from(welcome.session_present);
    if version == Version::V4 {
        return out.put_slice(&[0x20, 2, present, 0]);
    }
    let mut p = BytesMut::with_capacity(64);
    p.put_u8(0x21);
    p.put_u16(welcome.receive_maximum);
    p.put_u8(0x27);
    p.put_u32(welcome.maximum_packet);
    // Topic alias maximum 0; no subscription identifiers; no shared subscriptions.
    p.put_slice(&[0x22, 0, 0, 0x29, 0, 0x2A, 0]);
    if let Some(id) = welcome.assigned_id {
        p.put_u8(0x12);
        text(&mut p, id);
    }
    if let Some(seconds) = welcome.session_expiry {
        p.put_u8(0x11);
        p.put_u32(seconds);
    }
    out.put_u8(0x20);
    varint(out, 2 + varint_len(p.len()) + p.len());
    out.put_slice(&[present, 0]);
    varint(out, p.len());
    out.put_slice(&p);
}

/// A CONNACK that does not; `code` is of the level that the client speaks.
pub fn refuse(out: &mut BytesMut, version: Version, code: u8) {
    match version {
        Version::V4 => out.put_slice(&[0x20, 2, 0, code]),
        Version::V5 => out.put_slice(&[0x20, 3, 0, code, 0]),
    }
}

/// A DISCONNECT; v3.1.1 has none from a server.
pub fn disconnect(out: &mut BytesMut, version: Version, code: u8) {
    if version == Version::V5 {
        out.put_slice(&[0xE0, 2, code, 0]);
    }
}

fn text(out: &mut BytesMut, text: &str) {
    let len = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.put_u16(len);
    out.put_slice(&text.as_bytes()[..usize::from(len)]);
}

fn varint_len(value: usize) -> usize {
    match value {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "masked to seven bits")]
fn varint(out: &mut BytesMut, mut value: usize) {
    while value >= 0x80 {
        out.put_u8((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}
