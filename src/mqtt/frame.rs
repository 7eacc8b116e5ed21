//! Cuts raw bytes into MQTT packets and peeks into the hot ones, before any codec sees them.
//!
//! Only what a client may send gets through; lengths and flags are checked here, so that the codecs behind never meet a
//! packet type they cannot take. Nothing here allocates or panics.

/// The protocol level a client speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// MQTT 3.1.1.
    V4,
    /// MQTT 5.
    V5,
}

/// What a packet is; only the kinds that a client may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Opens a session.
    Connect,
    /// A message.
    Publish,
    /// Acknowledges a QoS 1 message.
    PubAck,
    /// QoS 2, first answer.
    PubRec,
    /// QoS 2, release.
    PubRel,
    /// QoS 2, end.
    PubComp,
    /// Asks for messages.
    Subscribe,
    /// Asks for no more of them.
    Unsubscribe,
    /// Says that the client lives.
    PingReq,
    /// Closes the session.
    Disconnect,
}

/// Why bytes are not a packet that a client may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// Longer than the limit.
    #[error("packet is too large")]
    TooLarge,
    /// Not MQTT.
    #[error("malformed packet: {0}")]
    Malformed(&'static str),
    /// MQTT, but not here or not now.
    #[error("protocol error: {0}")]
    Protocol(&'static str),
    /// A topic alias, though none were offered.
    #[error("topic alias without leave")]
    TopicAlias,
    /// A topic with wildcards, without text, or not UTF-8.
    #[error("invalid topic name")]
    TopicName,
}

impl Fault {
    /// The MQTT 5 reason code of a DISCONNECT about it.
    pub fn code(self) -> u8 {
        match self {
            Self::TooLarge => 0x95,
            Self::Malformed(_) => 0x81,
            Self::Protocol(_) => 0x82,
            Self::TopicAlias => 0x94,
            Self::TopicName => 0x90,
        }
    }
}

/// One whole packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// The low four bits of its first byte.
    pub flags: u8,
    /// What follows the fixed header.
    pub body: &'a [u8],
    /// Its length in bytes, fixed header included.
    pub len: usize,
}

/// The first packet in `bytes`; `None` when it is not yet complete. `max` bounds the whole packet in bytes.
pub fn next(bytes: &[u8], max: usize) -> Result<Option<Frame<'_>>, Fault> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let (kind, flags) = (kind(first)?, first & 0x0F);
    let Some((length, header)) = varint(&bytes[1..])? else { return Ok(None) };
    let len = 1 + header + length;
    if len > max {
        return Err(Fault::TooLarge);
    }
    if bytes.len() < len {
        return Ok(None);
    }
    Ok(Some(Frame { kind, flags, body: &bytes[1 + header..len], len }))
}

fn kind(first: u8) -> Result<Kind, Fault> {
    let flags = first & 0x0F;
    let (kind, wanted) = match first >> 4 {
        1 => (Kind::Connect, 0),
        3 => return Ok(Kind::Publish),
        4 => (Kind::PubAck, 0),
        5 => (Kind::PubRec, 0),
        6 => (Kind::PubRel, 2),
        7 => (Kind::PubComp, 0),
        8 => (Kind::Subscribe, 2),
        10 => (Kind::Unsubscribe, 2),
        12 => (Kind::PingReq, 0),
        14 => (Kind::Disconnect, 0),
        15 => return Err(Fault::Protocol("no authentication exchange is offered")),
        _ => return Err(Fault::Protocol("not a packet for a client to send")),
    };
    if flags == wanted { Ok(kind) } else { Err(Fault::Malformed("reserved flags")) }
}

/// A variable byte integer and its own length; `None` when it is cut off.
fn varint(bytes: &[u8]) -> Result<Option<(usize, usize)>, Fault> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(Some((value, i + 1)));
        }
    }
    if bytes.len() >= 4 { Err(Fault::Malformed("length")) } else { Ok(None) }
}

/// A PUBLISH, peeked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Publish<'a> {
    /// Sent before?
    pub dup: bool,
    /// 0, 1 or 2.
    pub qos: u8,
    /// To be kept for later subscribers?
    pub retain: bool,
    /// Where to.
    pub topic: &'a str,
    /// Its packet id; 0 at QoS 0.
    pub pkid: u16,
    /// The message.
    pub payload: &'a [u8],
}

/// Reads a PUBLISH.
pub fn publish<'a>(frame: &Frame<'a>, version: Version) -> Result<Publish<'a>, Fault> {
    let (dup, qos, retain) = (frame.flags & 8 != 0, (frame.flags >> 1) & 3, frame.flags & 1 != 0);
    if qos == 3 || (qos == 0 && dup) {
        return Err(Fault::Malformed("QoS"));
    }
    let (topic, mut rest) = string(frame.body)?;
    let mut pkid = 0;
    if qos > 0 {
        (pkid, rest) = number(rest)?;
        if pkid == 0 {
            return Err(Fault::Malformed("packet id 0"));
        }
    }
    if version == Version::V5 {
        let (properties, after) = properties(rest)?;
        check_publish_properties(properties)?;
        rest = after;
    }
    if !is_topic_name(topic) {
        return Err(Fault::TopicName);
    }
    let topic = std::str::from_utf8(topic).map_err(|_| Fault::TopicName)?;
    Ok(Publish { dup, qos, retain, topic, pkid, payload: rest })
}

fn is_topic_name(topic: &[u8]) -> bool {
    !topic.is_empty() && !topic.iter().any(|b| matches!(b, 0 | b'+' | b'#'))
}

/// The packet id of a PUBACK, PUBREC, PUBREL or PUBCOMP, and its reason code.
pub fn acknowledged(frame: &Frame<'_>, version: Version) -> Result<(u16, u8), Fault> {
    let (pkid, rest) = number(frame.body)?;
    if pkid == 0 || (version == Version::V4 && !rest.is_empty()) {
        return Err(Fault::Malformed("acknowledgement"));
    }
    Ok((pkid, rest.first().copied().unwrap_or(0)))
}

/// The reason code of a DISCONNECT.
pub fn farewell(frame: &Frame<'_>, version: Version) -> Result<u8, Fault> {
    match (version, frame.body) {
        (_, []) => Ok(0),
        (Version::V5, [code, ..]) => Ok(*code),
        (Version::V4, _) => Err(Fault::Malformed("DISCONNECT with a body")),
    }
}

/// The protocol name and level of a CONNECT, before anything else in it is believed.
pub fn protocol<'a>(frame: &Frame<'a>) -> Result<(&'a [u8], u8), Fault> {
    let (name, rest) = string(frame.body)?;
    match rest {
        [_, flags, ..] if flags & 1 != 0 => Err(Fault::Malformed("reserved CONNECT flag")),
        [level, _, ..] => Ok((name, *level)),
        _ => Err(Fault::Malformed("CONNECT is cut off")),
    }
}

fn string(bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let (len, rest) = number(bytes)?;
    rest.split_at_checked(usize::from(len)).ok_or(Fault::Malformed("string is cut off"))
}

fn number(bytes: &[u8]) -> Result<(u16, &[u8]), Fault> {
    match bytes {
        [high, low, rest @ ..] => Ok((u16::from_be_bytes([*high, *low]), rest)),
        _ => Err(Fault::Malformed("packet is cut off")),
    }
}

fn properties(bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let cut = Fault::Malformed("properties are cut off");
    let (len, header) = varint(bytes)?.ok_or(cut)?;
    bytes[header..].split_at_checked(len).ok_or(cut)
}

fn check_publish_properties(mut bytes: &[u8]) -> Result<(), Fault> {
    const CUT: Fault = Fault::Malformed("properties are cut off");
    while let Some((&id, rest)) = bytes.split_first() {
        bytes = match id {
            1 => rest.get(1..).ok_or(CUT)?,
            2 => rest.get(4..).ok_or(CUT)?,
            3 | 8 | 9 => string(rest)?.1,
            35 => return Err(Fault::TopicAlias),
            38 => string(string(rest)?.1)?.1,
            11 => return Err(Fault::Protocol("a client's PUBLISH has no subscription identifier")),
            _ => return Err(Fault::Malformed("unknown property")),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn peeks_into_a_publish() {
        let bytes = b"\x3b\x0a\x00\x03a/b\x00\x07xyz";
        let frame = next(bytes, 100).unwrap().unwrap();
        assert_eq!(frame.len, bytes.len());
        let publish = publish(&frame, Version::V4).unwrap();
        assert_eq!((publish.qos, publish.pkid, publish.dup, publish.retain), (1, 7, true, true));
        assert_eq!((publish.topic, publish.payload), ("a/b", &b"xyz"[..]));
    }

    #[test]
    fn refuses_what_a_client_may_not_send() {
        for first in [0x00, 0x20, 0x90, 0xB0, 0xD0, 0xF0, 0x11, 0x60, 0x80, 0xC1] {
            assert!(next(&[first, 0], 100).is_err(), "{first:#x}");
        }
        assert_eq!(next(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF], 100), Err(Fault::Malformed("length")));
        assert_eq!(next(&[0x30, 0xFF, 0x7F], 100), Err(Fault::TooLarge), "told before the body is read");
    }

    #[test]
    fn topics_are_checked() {
        for topic in [&b""[..], b"a/+", b"#", b"a\0b", b"\xff\xfe"] {
            let mut bytes = vec![0x30, u8::try_from(topic.len()).unwrap() + 2, 0, u8::try_from(topic.len()).unwrap()];
            bytes.extend_from_slice(topic);
            let frame = next(&bytes, 100).unwrap().unwrap();
            assert_eq!(publish(&frame, Version::V4), Err(Fault::TopicName), "{topic:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), first in any::<u8>()) {
            let mut bytes = bytes;
            if let Some(b) = bytes.first_mut() { *b = first; }
            for version in [Version::V4, Version::V5] {
                let mut rest = &bytes[..];
                while let Ok(Some(frame)) = next(rest, 256) {
                    let _ = publish(&frame, version);
                    let _ = acknowledged(&frame, version);
                    let _ = farewell(&frame, version);
                    let _ = protocol(&frame);
                    prop_assert!(frame.len >= 2 && frame.len <= rest.len());
                    rest = &rest[frame.len..];
                }
            }
        }

        #[test]
        fn a_prefix_is_never_a_packet(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = bytes::BytesMut::new();
            crate::mqtt::wire::publish(&mut bytes, Version::V5, &crate::mqtt::wire::Message { topic: "v/a/gps", payload: &payload, qos: 1, pkid: 9, retain: false, dup: false });
            for cut in 0..bytes.len() {
                prop_assert_eq!(next(&bytes[..cut], 1000), Ok(None));
            }
            let frame = next(&bytes, 1000).unwrap().unwrap();
            let read = publish(&frame, Version::V5).unwrap();
            prop_assert_eq!((read.topic, read.payload, read.pkid), ("v/a/gps", &payload[..], 9));
        }
    }
}
