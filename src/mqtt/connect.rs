//! From the first byte to a session: TLS, CONNECT, who it is, whether it may, and the right words when it may not.

use super::codec::{self, Connecting};
use super::frame::{self, Kind, Version};
use super::limits::Permit;
use super::registry::Mailbox;
use super::session::{Session, Terms};
use super::shared::Shared;
use super::stats::Reason;
use super::stream::{Stream, Turn};
use super::who::Who;
use super::will::Will;
use super::wire::{self, Welcome};
use crate::auth::Refused;
use bytes::{Buf, BytesMut};
use rumqttd::protocol::{ConnectProperties, Login};
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// How long the state of a session is kept at most.
const KEEP_STATE: Duration = Duration::from_secs(24 * 3600);
/// How long a taken-over session may take to leave: fixes that it has in hand wait for the log, which a slow disk may hold back.
const TAKE_OVER: Duration = Duration::from_secs(30);
/// How long the verifier may take: a storm of unknown secrets queues there.
const VERIFY: Duration = Duration::from_secs(60);
/// Messages that wait for a client's PUBACK at most.
const WINDOW: usize = 16;
const LONGEST_CLIENT_ID: usize = 256;

/// Why a CONNECT was refused: the code in each protocol's words.
struct Refusal {
    reason: Reason,
    v4: u8,
    v5: u8,
    detail: String,
}

impl Refusal {
    fn new(reason: Reason, v4: u8, v5: u8, detail: impl Into<String>) -> Self {
        Self { reason, v4, v5, detail: detail.into() }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unknown | Refused::BadSecret => Self::new(Reason::Credentials, 4, 0x86, "unknown user name or wrong password"),
            Refused::Revoked => Self::new(Reason::Revoked, 5, 0x87, "revoked"),
            Refused::TooMany => Self::new(Reason::Busy, 3, 0x9F, refused.to_string()),
            other => Self::new(Reason::Busy, 3, 0x89, other.to_string()),
        }
    }
}

/// A whole CONNECT with its length, `None` when the client left before, or why it is refused in its own version's words.
type ConnectRead = Result<Option<(Version, Connecting, usize)>, (Version, Refusal)>;

/// What a client brought until its CONNECT was whole.
struct Arrival {
    stream: Stream,
    input: BytesMut,
    read: ConnectRead,
}

/// Opens a session on a fresh connection; `None` when there is none, and the client knows why as far as it can be told.
pub(super) async fn open(shared: &Arc<Shared>, tcp: TcpStream, tls: Option<TlsAcceptor>, permit: &Permit) -> Option<Box<Session>> {
    let (limit, peer) = (Duration::from_secs(shared.config.connect_timeout_s), permit.address());
    // The limit is the client's; what the verifier takes in a storm is ours.
    let Ok(arrival) = tokio::time::timeout(limit, receive(shared, tcp, tls, peer)).await else {
        refused(shared, Reason::NoConnect, peer.to_string(), "no CONNECT in time");
        return None;
    };
    admit(shared, arrival?, peer).await
}

async fn receive(shared: &Shared, tcp: TcpStream, tls: Option<TlsAcceptor>, peer: IpAddr) -> Option<Arrival> {
    let _ = tcp.set_nodelay(true);
    let mut stream = match tls {
        None => Stream::Plain(tcp),
        Some(acceptor) => match acceptor.accept(tcp).await {
            Ok(tls) => tls.into(),
            Err(fault) => {
                refused(shared, Reason::NoConnect, peer.to_string(), &format!("TLS: {fault}"));
                return None;
            }
        },
    };
    let mut input = BytesMut::new();
    let read = first_packet(shared, &mut stream, &mut input).await;
    Some(Arrival { stream, input, read })
}

fn refused(shared: &Shared, reason: Reason, who: String, detail: &str) {
    shared.stats.refuse(shared.deps.clock.now(), reason, who, detail.to_owned());
}

async fn admit(shared: &Arc<Shared>, arrival: Arrival, peer: IpAddr) -> Option<Box<Session>> {
    let Arrival { mut stream, mut input, read } = arrival;
    let mut output = BytesMut::new();
    let (version, connecting, taken) = match read {
        Ok(read) => read?,
        Err((version, refusal)) => {
            refuse(shared, &mut stream, version, refusal, peer.to_string()).await;
            return None;
        }
    };
    input.advance(taken);
    let user = connecting.4.as_ref().map_or_else(String::new, |l| l.username.clone());
    let negotiated = tokio::time::timeout(VERIFY, negotiate(shared, version, connecting, peer)).await;
    let late = |_| Err(Refusal::new(Reason::Busy, 3, 0x89, "not verified in time"));
    let (terms, who, fresh, limits) = match negotiated.unwrap_or_else(late) {
        Ok(agreed) => agreed,
        Err(refusal) => {
            refuse(shared, &mut stream, version, refusal, format!("{user:.64} from {peer}")).await;
            return None;
        }
    };
    let mailbox = match enter(shared, &terms, &who).await {
        Ok(mailbox) => mailbox,
        Err(refusal) => {
            refuse(shared, &mut stream, version, refusal, format!("{user:.64} from {peer}")).await;
            return None;
        }
    };
    let parked = shared.registry.resume(&terms.owner, &terms.client_id, shared.deps.clock.monotonic()).filter(|_| !fresh);
    let welcome = Welcome {
        session_present: parked.is_some(),
        receive_maximum: shared.config.max_inflight,
        maximum_packet: u32::try_from(shared.config.max_packet_bytes).unwrap_or(u32::MAX),
        assigned_id: limits.assigned.then_some(&*terms.client_id),
        session_expiry: limits.shortened.then_some(u32::try_from(terms.keep_state.as_secs()).unwrap_or(u32::MAX)),
    };
    wire::welcome(&mut output, version, &welcome);
    let mut session = Box::new(Session::new(shared.clone(), terms, who, stream, peer, mailbox));
    (session.input, session.output) = (input, output);
    (session.outbound.window, session.outbound.longest) = (limits.window, limits.longest);
    if let Some(parked) = parked {
        session.received = parked.received;
        session.resubscribe(parked.subscriptions).await;
    }
    Some(session)
}

/// The CONNECT and its length; `Ok(None)` when the client left.
async fn first_packet(
    shared: &Shared,
    stream: &mut Stream,
    input: &mut BytesMut,
) -> Result<Option<(Version, Connecting, usize)>, (Version, Refusal)> {
    let bad = |version, fault: frame::Fault| {
        let reason = if fault == frame::Fault::TooLarge { Reason::TooLarge } else { Reason::BadPacket };
        (version, Refusal::new(reason, 0xFF, fault.code(), fault.to_string()))
    };
    loop {
        if let Some(packet) = frame::next(input, shared.config.max_packet_bytes).map_err(|f| bad(Version::V4, f))? {
            if packet.kind != Kind::Connect {
                return Err(bad(Version::V4, frame::Fault::Protocol("CONNECT must come first")));
            }
            let version = match frame::protocol(&packet).map_err(|f| bad(Version::V4, f))? {
                (b"MQTT", 4) => Version::V4,
                (b"MQTT", 5) => Version::V5,
                (_, level) => {
                    let version = if level > 5 { Version::V5 } else { Version::V4 };
                    return Err((version, Refusal::new(Reason::Protocol, 1, 0x84, format!("level {level}"))));
                }
            };
            let connecting = codec::connect(&input[..packet.len], version).map_err(|f| bad(version, f))?;
            return Ok(Some((version, connecting, packet.len)));
        }
        let mut nothing = BytesMut::new();
        match poll_fn(|cx| stream.poll_turn(cx, input, &mut nothing, true)).await {
            Ok(Turn::Read(..) | Turn::Written) => {}
            Ok(Turn::Closed) | Err(_) => return Ok(None),
        }
    }
}

async fn refuse(shared: &Shared, stream: &mut Stream, version: Version, refusal: Refusal, who: String) {
    refused(shared, refusal.reason, who, &refusal.detail);
    let mut output = BytesMut::new();
    match version {
        // v3.1.1 has no word for a packet it cannot read: the connection is just closed.
        Version::V4 if refusal.v4 == 0xFF => {}
        Version::V4 => wire::refuse(&mut output, version, refusal.v4),
        Version::V5 => wire::refuse(&mut output, version, refusal.v5),
    }
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.close(&mut output)).await;
}

/// What of the connection is the client's own limit or the server's answer.
struct Limits {
    window: usize,
    longest: usize,
    assigned: bool,
    shortened: bool,
}

/// Who it is and on which terms; the flag says that it wants nothing of an earlier session.
async fn negotiate(
    shared: &Shared,
    version: Version,
    (connect, properties, will, will_properties, login): Connecting,
    peer: IpAddr,
) -> Result<(Terms, Who, bool, Limits), Refusal> {
    let properties = properties.as_ref();
    check_properties(properties)?;
    let who = identify(shared, login, peer).await?;
    let assigned = connect.client_id.is_empty();
    if assigned && version == Version::V4 && !connect.clean_session {
        return Err(Refusal::new(Reason::ClientId, 2, 0x85, "an empty client id wants a clean session"));
    }
    if connect.client_id.len() > LONGEST_CLIENT_ID || connect.client_id.contains('\0') {
        return Err(Refusal::new(Reason::ClientId, 2, 0x85, "client id too long"));
    }
    let client_id = if assigned { shared.new_client_id(&who) } else { connect.client_id };
    let keep = match (version, properties.and_then(|p| p.session_expiry_interval)) {
        (Version::V4, _) if connect.clean_session => Duration::ZERO,
        (Version::V4, _) => KEEP_STATE,
        (Version::V5, asked) => Duration::from_secs(u64::from(asked.unwrap_or(0))),
    };
    let owner = match &who {
        Who::Device(names) => format!("d:{}", names.device),
        Who::Reader { id, .. } => format!("t:{id}/{client_id}"),
    };
    let names = match &who {
        Who::Device(names) => Some(names),
        Who::Reader { .. } => None,
    };
    let permit = |will| Will::permit(names, &will, will_properties.as_ref(), keep.min(KEEP_STATE));
    let not_yours = |topic| Refusal::new(Reason::Will, 5, 0x87, format!("will to {topic}"));
    let will = will.map(permit).transpose().map_err(not_yours)?;
    let limits = Limits {
        window: properties.and_then(|p| p.receive_maximum).map_or(WINDOW, |max| usize::from(max).min(WINDOW)),
        longest: properties.and_then(|p| p.max_packet_size).map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX)),
        assigned,
        shortened: keep > KEEP_STATE,
    };
    let terms = Terms {
        version,
        owner,
        client_id,
        keep_alive: Duration::from_secs(u64::from(connect.keep_alive)),
        keep_state: keep.min(KEEP_STATE),
        will: will.map(Box::new),
    };
    Ok((terms, who, connect.clean_session, limits))
}

fn check_properties(properties: Option<&ConnectProperties>) -> Result<(), Refusal> {
    let Some(p) = properties else { return Ok(()) };
    if p.authentication_method.is_some() {
        return Err(Refusal::new(Reason::Credentials, 5, 0x8C, "no authentication exchange is offered"));
    }
    if p.receive_maximum == Some(0) || p.max_packet_size == Some(0) {
        return Err(Refusal::new(Reason::BadPacket, 5, 0x82, "a maximum of 0"));
    }
    Ok(())
}

async fn identify(shared: &Shared, login: Option<Login>, peer: IpAddr) -> Result<Who, Refusal> {
    let Some(login) = login else {
        return Err(Refusal::new(Reason::Credentials, 5, 0x87, "no user name"));
    };
    let found = if login.password.starts_with("dpt_") {
        shared.reader(&login.password, peer).await
    } else {
        shared.device(&login.username, login.password.as_bytes(), peer).await
    };
    found.map_err(Refusal::from)
}

/// Enters the registry; an earlier session of the same owner leaves first.
async fn enter(shared: &Arc<Shared>, terms: &Terms, who: &Who) -> Result<Arc<Mailbox>, Refusal> {
    let mailbox = Arc::new(Mailbox::default());
    let vehicle = match who {
        Who::Device(names) => Some(&names.vehicle),
        Who::Reader { .. } => None,
    };
    let before = shared
        .registry
        .enter(&terms.owner, &terms.client_id, vehicle, &mailbox, |v| shared.tell_status(v, true))
        .map_err(|_| Refusal::new(Reason::ClientId, 2, 0x85, format!("client id {:.64} is in use by another", terms.client_id)))?;
    if let Some(before) = before {
        let _ = tokio::time::timeout(TAKE_OVER, before.gone.cancelled()).await;
    }
    Ok(mailbox)
}
