//! Who comes in, and with what.

use crate::auth::{DeviceIdentity, Who};
use crate::model::Actor;
use crate::web::Web;
use crate::web::cookies::{self, Came};
use crate::web::server::Peer;
use axum::http::HeaderMap;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use socketioxide::extract::{AckSender, Event, SocketRef, TryData};
use std::future::ready;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Messages of a client that may wait to be dealt with.
const INBOX: usize = 64;

/// Who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Guest {
    /// A person or a program.
    Person(Who),
    /// A vehicle's device.
    Device(DeviceIdentity),
}

impl Guest {
    /// How the journal names it.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Person(who) => who.actor(),
            Self::Device(device) => Actor::Device(device.device.to_string()),
        }
    }

    /// What tells one from another.
    pub fn name(&self) -> String {
        self.actor().to_text()
    }
}

/// What it proved that with, to be looked at again.
pub enum Proof {
    /// An API token.
    Token(String),
    /// The console's session cookie, in the headers of the first request.
    Cookie(HeaderMap),
    /// A device's password.
    Password(String),
}

/// A message of the client.
pub struct Told {
    pub event: String,
    /// Its only argument; `None` when there is none, or more than JSON.
    pub body: Option<Box<RawValue>>,
    pub ack: AckSender,
}

/// Somebody who may come in, with what he says from now on.
pub struct Entered {
    pub guest: Guest,
    pub proof: Proof,
    pub inbox: mpsc::Receiver<Told>,
    /// Cancelled when he is gone.
    pub gone: CancellationToken,
}

/// Keeps it between the two steps of a connection.
#[derive(Clone)]
pub struct Room(Arc<Mutex<Option<Entered>>>);

impl Room {
    pub fn of(entered: Entered) -> Self {
        Self(Arc::new(Mutex::new(Some(entered))))
    }
    pub fn take(&self) -> Option<Entered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Lets somebody in who has good credentials, and begins to listen to him; else why not, in words for him.
pub async fn enter(web: &Web, socket: &SocketRef, auth: Value) -> Result<Entered, String> {
    let parts = socket.req_parts();
    let peer = parts.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let text = |name: &str| auth[name].as_str();
    let (guest, proof) = match (text("token"), text("device"), text("password")) {
        (Some(token), ..) => (token_of(web, token).await?, Proof::Token(token.to_owned())),
        (None, Some(device), Some(password)) => {
            let device = web.auth.device_from(device, password.as_bytes(), peer).await.map_err(|refused| refused.to_string())?;
            (Guest::Device(device), Proof::Password(password.to_owned()))
        }
        _ => (cookie_of(web, &parts.headers).await?, Proof::Cookie(parts.headers.clone())),
    };
    let (inbox, gone) = listen(web, socket);
    Ok(Entered { guest, proof, inbox, gone })
}

async fn token_of(web: &Web, token: &str) -> Result<Guest, String> {
    match web.auth.bearer(token).await {
        Ok(Some(who)) => Ok(Guest::Person(who)),
        Ok(None) => Err("the token is unknown, expired or revoked".to_owned()),
        Err(_) => Err("the depot cannot look the token up now".to_owned()),
    }
}

async fn cookie_of(web: &Web, headers: &HeaderMap) -> Result<Guest, String> {
    let https = web.config.http.behind_https;
    let Some(secret) = cookies::read(headers, https) else {
        return Err("say who you are: auth {token} or {device, password}, or sign in at the console".to_owned());
    };
    if cookies::came(headers, https) == Came::Foreign {
        return Err("the console's session is for the console's own pages".to_owned());
    }
    match web.auth.session(secret).await {
        Ok(Some(who)) => Ok(Guest::Person(who)),
        Ok(None) => Err("the session is over: sign in again".to_owned()),
        Err(_) => Err("the depot cannot look the session up now".to_owned()),
    }
}

/// From before the client hears that it is connected, so that nothing it says then is lost. What it says is put in line at once, for
/// its order counts.
fn listen(web: &Web, socket: &SocketRef) -> (mpsc::Receiver<Told>, CancellationToken) {
    let (send, inbox) = mpsc::channel(INBOX);
    let (gone, doors) = (CancellationToken::new(), web.doors.clone());
    socket.on_fallback(move |Event(event): Event, TryData(body): TryData<(Box<RawValue>,)>, ack: AckSender| {
        let told = Told { event, body: body.ok().map(|(body,)| body), ack };
        if let Err(refused) = send.try_send(told) {
            doors.heard(false);
            let said = json!({"ok": false, "error": "too many messages wait here: wait for their answers"});
            let _gone = refused.into_inner().ack.send(&said);
        }
        ready(())
    });
    let left = gone.clone();
    socket.on_disconnect(move || {
        left.cancel();
        ready(())
    });
    (inbox, gone)
}

/// Says why, and ends the connection.
pub fn send_away(socket: &SocketRef, reason: &str) {
    // A client that takes nothing any more does not hear it; it is gone all the same.
    let _late = socket.emit("goodbye", &json!({ "reason": reason }));
    let _late = socket.clone().disconnect();
}

impl Web {
    /// Is this still who it was, by the same proof?
    pub(super) async fn is_still(&self, guest: &Guest, proof: &Proof) -> bool {
        match (guest, proof) {
            (Guest::Person(who), Proof::Token(token)) => matches!(self.auth.bearer(token).await, Ok(Some(now)) if now == *who),
            (Guest::Person(who), Proof::Cookie(headers)) => matches!(self.recognise(headers).await, Ok(Some(now)) if now == *who),
            (Guest::Device(device), Proof::Password(password)) => {
                let now = self.auth.device(device.device.as_str(), password.as_bytes(), || true).await;
                matches!(now, Ok(now) if now == *device)
            }
            _ => false,
        }
    }
}
