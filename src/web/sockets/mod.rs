//! Socket.IO at `/socket.io/`: drivers report and hear their commands ([`mod@unit`]), whoever may follows vehicles and bookings
//! ([`follow`]). Somebody comes in with credentials ([`entry`]) and is one task ([`session`]) as long as he stays.

mod doors;
mod entry;
mod follow;
mod session;
mod unit;

pub use doors::Doors;

use super::Web;
use super::error::{Error, Problem, Result};
use super::server::Peer;
use crate::ops::network::Network;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use entry::{Entered, Room};
use session::Session;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::{ParserConfig, SocketIo};
use std::convert::Infallible;
use std::time::Duration;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

/// A message, or a POST of the polling transport, in bytes at most.
pub const MESSAGE: usize = 128 * 1024;
/// Messages that may wait for a client to take them.
const BUFFER: usize = 64;
/// Time from the first request to the credentials.
const CONNECT: Duration = Duration::from_secs(10);
/// Time that a client has to acknowledge a command by its callback; later it may still do so by `ack`.
const ACK: Duration = Duration::from_secs(60);

/// What answers on the route.
#[derive(Clone)]
pub struct Service(BoxCloneSyncService<Request, Response, Infallible>);

/// Opens the room: what answers on its route, and a handle to close it with.
pub fn open(web: &Web) -> (Service, SocketIo) {
    // Nobody sends anything binary here.
    let parser = ParserConfig::common().max_incoming_binaries(1).max_incoming_binary_buf_size(1024);
    let (service, io) = SocketIo::builder()
        .req_path("/socket.io")
        .max_payload(MESSAGE as u64)
        .ws_max_message_size(MESSAGE)
        .ws_max_frame_size(MESSAGE)
        .max_buffer_size(BUFFER)
        .connect_timeout(CONNECT)
        .ack_timeout(ACK)
        .with_parser(parser)
        .build_svc();
    let (asks, serves) = (web.clone(), web.clone());
    let admit = async move |socket: SocketRef, TryData(auth): TryData<serde_json::Value>| {
        let entered = entry::enter(&asks, &socket, auth.unwrap_or_default()).await;
        entered.inspect_err(|_| asks.doors.turned_away()).map(|entered| drop(socket.extensions.insert(Room::of(entered))))
    };
    let serve = async move |socket: SocketRef| {
        if let Some(entered) = socket.extensions.get::<Room>().and_then(|room| room.take()) {
            serve(serves, socket, entered).await;
        }
    };
    io.ns("/", serve.with(admit));
    (
        Service(BoxCloneSyncService::new(ServiceExt::<Request>::map_response(service, |response: axum::http::Response<_>| {
            response.map(Body::new)
        }))),
        io,
    )
}

async fn serve(web: Web, socket: SocketRef, entered: Entered) {
    match web.doors.enter(&entered.guest.name()) {
        Ok(place) => Session::new(web, socket, entered).run(place).await,
        Err(full) => entry::send_away(&socket, &full.to_string()),
    }
}

/// Receive what a Socket.IO client is sent, or make its connection a WebSocket.
///
/// The transport of Socket.IO 4 (Engine.IO 4), long polling and WebSocket; see docs/socketio.md and docs/asyncapi.yaml for what is said
/// over it. It asks for credentials itself, with its first packet.
#[utoipa::path(get, path = "/socket.io/", tag = "live", security(()),
    params(("EIO" = u8, Query), ("transport" = String, Query), ("sid" = Option<String>, Query)),
    responses((status = 101, description = "A WebSocket"), (status = 200, description = "Packets", body = String), (status = 429, body = Problem)))]
pub async fn receive(web: State<Web>, peer: Extension<Peer>, service: Extension<Service>, request: Request) -> Result<Response> {
    transport(web, peer, service, request).await
}

/// Send what a Socket.IO client has to say by long polling.
#[utoipa::path(post, path = "/socket.io/", tag = "live", security(()), request_body = String,
    params(("EIO" = u8, Query), ("transport" = String, Query), ("sid" = Option<String>, Query)),
    responses((status = 200, description = "Taken", body = String), (status = 400, description = "No such session", body = String)))]
pub async fn send(web: State<Web>, peer: Extension<Peer>, service: Extension<Service>, request: Request) -> Result<Response> {
    transport(web, peer, service, request).await
}

async fn transport(
    State(web): State<Web>,
    Extension(Peer(peer)): Extension<Peer>,
    Extension(Service(service)): Extension<Service>,
    request: Request,
) -> Result<Response> {
    let is_new = !request.uri().query().unwrap_or_default().split('&').any(|pair| pair.starts_with("sid="));
    if is_new {
        let knocked = web.doors.knock(Network::from(peer.ip()), web.clock.monotonic());
        knocked.map_err(|wait| Error::too_often(wait, "too many new connections from this address"))?;
    }
    match service.oneshot(request).await {
        Ok(response) => Ok(response),
        Err(never) => match never {},
    }
}
