//! The cold packets, read by rumqttd's codecs, after [`super::frame`] has whitelisted and measured them.

use super::frame::{Fault, Version};
use bytes::BytesMut;
use rumqttd::protocol::{self, Connect, ConnectProperties, LastWill, LastWillProperties, Login, Packet, Protocol, v4::V4, v5::V5};

/// A CONNECT, taken apart.
pub type Connecting = (Connect, Option<ConnectProperties>, Option<LastWill>, Option<LastWillProperties>, Option<Login>);

/// A SUBSCRIBE, or an UNSUBSCRIBE without QoS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked<T> {
    /// Its packet id.
    pub pkid: u16,
    /// What was asked for.
    pub filters: Vec<T>,
}

/// Reads a CONNECT of a known level.
pub fn connect(packet: &[u8], version: Version) -> Result<Connecting, Fault> {
    match read(packet, version)? {
        Packet::Connect(connect, properties, will, will_properties, login) => Ok((connect, properties, will, will_properties, login)),
        _ => Err(Fault::Protocol("CONNECT expected")),
    }
}

/// Reads a SUBSCRIBE.
pub fn subscribe(packet: &[u8], version: Version) -> Result<Asked<(String, u8)>, Fault> {
    match read(packet, version)? {
        Packet::Subscribe(s, _) if s.pkid != 0 => {
            Ok(Asked { pkid: s.pkid, filters: s.filters.into_iter().map(|f| (f.path, f.qos as u8)).collect() })
        }
        _ => Err(Fault::Malformed("SUBSCRIBE")),
    }
}

/// Reads an UNSUBSCRIBE.
pub fn unsubscribe(packet: &[u8], version: Version) -> Result<Asked<String>, Fault> {
    match read(packet, version)? {
        Packet::Unsubscribe(u, _) if u.pkid != 0 && !u.filters.is_empty() => Ok(Asked { pkid: u.pkid, filters: u.filters }),
        _ => Err(Fault::Malformed("UNSUBSCRIBE")),
    }
}

fn read(packet: &[u8], version: Version) -> Result<Packet, Fault> {
    let mut bytes = BytesMut::from(packet);
    // A bug in the codec must not cost more than this packet.
    let read = std::panic::catch_unwind(move || match version {
        Version::V4 => V4.read_mut(&mut bytes, usize::MAX),
        Version::V5 => V5.read_mut(&mut bytes, usize::MAX),
    });
    match read {
        Ok(Ok(packet)) => Ok(packet),
        Ok(Err(protocol::Error::TopicNotUtf8 | protocol::Error::PayloadNotUtf8(_))) => Err(Fault::Malformed("not UTF-8")),
        Ok(Err(_)) | Err(_) => Err(Fault::Malformed("undecodable")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(kind in prop::sample::select(vec![0x10u8, 0x82, 0xA2]), body in proptest::collection::vec(any::<u8>(), 0..120)) {
            let mut packet = vec![kind, u8::try_from(body.len()).unwrap()];
            packet.extend(body);
            for version in [Version::V4, Version::V5] {
                let _ = connect(&packet, version);
                let _ = subscribe(&packet, version);
                let _ = unsubscribe(&packet, version);
            }
        }
    }
}
