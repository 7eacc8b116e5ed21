//! One live client: its frames out, its wishes in.

use super::hub::Seat;
use super::stream::{self, StreamParams};
use super::wants::{Follow, Wants};
use crate::auth::{self, What, Who};
use crate::web::Web;
use crate::web::cookies::{self, Came};
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::Caller;
use crate::web::fields::{Fields, Read};
use axum::extract::ws::{CloseCode, CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code, rejection::WebSocketUpgradeRejection};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::time::Duration;

/// A client's message in bytes at most.
const MAX_MESSAGE: usize = 64 * 1024;
/// Time between two pings; a client that is silent for two of them is gone.
const PING: Duration = Duration::from_secs(20);
/// Time between two looks whether it still may watch.
pub(super) const RECHECK: Duration = Duration::from_secs(2);
/// Time that a client has to take a frame.
const SEND: Duration = Duration::from_secs(10);

/// Follow vehicles and bookings: a snapshot, then what changes.
///
/// A WebSocket, or with `Accept: text/event-stream` server-sent events: each has a frame as its `data`, what to follow is in the query, and
/// who comes again gets a new snapshot.
///
/// Over the WebSocket the client may send `{"subscribe": {"vehicles": "all" | [ids], "bbox": [w, s, e, n], "cells": [H3 cells],
/// "bookings": true | [ids], "select": id, "figures": true, "messages": true}}`. A vehicle is shown when it is within `bbox` or in
/// one of `cells`; a booking
/// that is asked for by its id is shown also when it has ended. With figures those of today until the end of this hour, as
/// `/analytics/summary` tells them, come as frames of their own when they change; so does, with messages, what rules say to those at the
/// console, as `/messages` lists it.
///
/// It is closed with a reason: 1001 the depot is going down, 1003 a message that is no text, 1007 one that is no subscription, 1008
/// signed out, allowed something else now, or silent, 1013 too many live clients, in all or of one user: try again later.
#[utoipa::path(get, path = "/api/v1/live", tag = "live",
    params(StreamParams),
    responses((status = 101, description = "Frames follow"), (status = 200, description = "Events follow", body = String, content_type = "text/event-stream"),
        (status = 403, body = Problem), (status = 422, body = Problem), (status = 426, body = Problem), (status = 429, body = Problem)))]
pub async fn live(
    State(web): State<Web>,
    Caller(who): Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    upgrade: std::result::Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response> {
    if cookies::came(&headers, web.config.http.behind_https) == Came::Foreign {
        return Err(Error::forbidden("the live view is for the depot's own pages"));
    }
    if stream::is_wanted(&headers) {
        return stream::open(web, who, headers, query.as_deref().unwrap_or_default()).await;
    }
    let upgrade = upgrade.map_err(|e| Error::status(StatusCode::UPGRADE_REQUIRED).detail(e.body_text()))?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE).write_buffer_size(0);
    // A browser tells its page why a socket closed, but not why one was refused.
    Ok(upgrade.on_upgrade(async move |mut socket| {
        let goodbye = match web.hub.join(&who.actor().to_text(), allowed(Wants::default(), &who)) {
            Ok(seat) => converse(web, who, headers, seat, &mut socket).await,
            Err(full) => Some((close_code::AGAIN, full.to_string())),
        };
        let Some((code, reason)) = goodbye else { return };
        let goodbye = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        if tokio::time::timeout(SEND, socket.send(goodbye)).await.is_err() {
            tracing::debug!("a live client did not take its goodbye");
        }
    }))
}

/// Serves a client until one of the two has had enough: with what code and why, unless the client is gone.
async fn converse(web: Web, who: Who, headers: HeaderMap, mut seat: Seat, socket: &mut WebSocket) -> Option<(CloseCode, String)> {
    let mut ping = tokio::time::interval(PING);
    ping.reset();
    let mut recheck = tokio::time::interval(RECHECK);
    recheck.reset();
    let mut heard = true;
    let (code, reason) = loop {
        let frame = tokio::select! {
            () = web.closing.cancelled() => break (close_code::AWAY, "the depot is going down"),
            frame = seat.next() => match frame {
                Some(frame) => Message::Text(frame.text),
                None => break (close_code::AWAY, "the depot is going down"),
            },
            _ = ping.tick() => {
                if !std::mem::take(&mut heard) {
                    break (close_code::POLICY, "no answer to a ping");
                }
                Message::Ping(axum::body::Bytes::new())
            }
            _ = recheck.tick() => {
                match web.recognise(&headers).await {
                    Ok(Some(now)) if now == who => continue,
                    _ => break (close_code::POLICY, "signed out, or allowed something else now"),
                }
            }
            message = socket.recv() => {
                heard = true;
                match message {
                    Some(Ok(Message::Text(text))) => match Subscribe::parse(&text) {
                        Ok(wants) => {
                            let wants = allowed(wants, &who);
                            seat.want(wants.clone());
                            if web.tell_ended(&seat, &wants).await.is_err() {
                                break (close_code::ERROR, "the bookings cannot be read");
                            }
                        }
                        Err(_) => break (close_code::INVALID, "not a subscription"),
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Binary(_))) => break (close_code::UNSUPPORTED, "text only"),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                }
                continue;
            }
        };
        match tokio::time::timeout(SEND, socket.send(frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return None,
        }
    };
    Some((code, reason.to_owned()))
}

/// What is wanted, as far as it may be seen by somebody who may see positions.
pub fn allowed(mut wants: Wants, who: &Who) -> Wants {
    if !auth::allow(who, What::ReadBookings) {
        (wants.bookings, wants.figures, wants.messages) = (Follow::Nothing, false, false);
    }
    wants
}

struct Subscribe(Wants);

impl Subscribe {
    fn parse(text: &str) -> Result<Wants> {
        let document = serde_json::from_str(text).map_err(|e| Error::status(StatusCode::BAD_REQUEST).detail(e))?;
        Ok(Fields::of_json::<Self>(document)?.0)
    }
}

impl Read for Subscribe {
    fn read(f: &mut Fields) -> Option<Self> {
        let wants = f.object::<Wants>("subscribe");
        Some(Self(f.required("subscribe", wants)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_are_read() {
        assert_eq!(Subscribe::parse(r#"{"subscribe":{"vehicles":"all","bookings":true,"select":null}}"#).unwrap(), Wants::default());
        let wants = Subscribe::parse(r#"{"subscribe":{"vehicles":["a"],"bbox":[1,2,3,4],"bookings":false,"select":"b"}}"#).unwrap();
        assert_eq!(wants.area, Some([1.0, 2.0, 3.0, 4.0]));
        assert!(wants.bookings == Follow::Nothing && wants.select.is_some() && wants.vehicles.unwrap().len() == 1);
        let wants = Subscribe::parse(
            r#"{"subscribe":{"cells":["8939601843bffff","86396018fffffff"],"bookings":["01a22917-1dc8-7f15-8462-fe18776f9f30"]}}"#,
        );
        assert!(matches!(wants.unwrap().bookings, Follow::These(ids) if ids.len() == 1));
        let many = serde_json::json!({"subscribe": {"vehicles": vec!["a"; 1_001]}}).to_string();
        assert!(Subscribe::parse(&many).is_err());
        for bad in [
            r#"{"subscribe":{"cells":["x"]}}"#,
            r#"{"subscribe":{"bookings":["x"]}}"#,
            "",
            "[]",
            "{}",
            r#"{"subscribe":{"vehicles":["a/b"]}}"#,
            r#"{"subscribe":{"bbox":[1]}}"#,
        ] {
            assert!(Subscribe::parse(bad).is_err(), "{bad}");
        }
    }
}
