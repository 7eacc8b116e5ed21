//! The live view as server-sent events, for programs that have no WebSocket: the same frames, one an event.

use super::hub::Seat;
use super::socket::{RECHECK, allowed};
use super::wants::Wants;
use crate::auth::Who;
use crate::web::Web;
use crate::web::error::{Error, Result};
use crate::web::fields::{Fields, Read};
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::Interval;
use utoipa::IntoParams;

/// Bytes of a subscription in the query string at most.
const LONGEST: usize = 16 * 1024;
/// Time between two signs of life, so that whoever is between the two keeps the line open.
const ALIVE: Duration = Duration::from_secs(15);
/// When to come again that found no place.
const AGAIN_S: u32 = 10;

/// What to follow.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamParams {
    /// As a stream: what the WebSocket takes as `subscribe`, as JSON, like `{"bookings":true,"vehicles":["van-1"]}`; everything when absent.
    subscribe: Option<String>,
}
impl Read for StreamParams {
    fn read(f: &mut Fields) -> Option<Self> {
        Some(Self { subscribe: f.text("subscribe", LONGEST)? })
    }
}
impl StreamParams {
    fn wants(self) -> Result<Wants> {
        let Some(text) = self.subscribe else { return Ok(Wants::default()) };
        let document = serde_json::from_str(&text).map_err(|e| Error::field("subscribe", format!("is not JSON: {e}")))?;
        Ok(Fields::of_json::<Wants>(document)?)
    }
}

/// Does the client ask for a stream?
pub fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accept.flat_map(|value| value.split(',')).any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "text/event-stream"))
}

/// Streams until the client has gone, may watch no more, or the depot goes down.
pub async fn open(web: Web, who: Who, headers: HeaderMap, query: &str) -> Result<Response> {
    let wants = allowed(Fields::of_query::<StreamParams>(query)?.wants()?, &who);
    let seat = web.hub.join(&who.actor().to_text(), wants.clone()).map_err(|full| Error::too_many(full, AGAIN_S))?;
    web.tell_ended(&seat, &wants).await?;
    let mut recheck = tokio::time::interval(RECHECK);
    recheck.reset();
    let watcher = Watcher { web, who, headers, seat, recheck };
    let frames = stream::unfold(watcher, async |mut watcher| watcher.next().await.map(|event| (Ok::<_, Infallible>(event), watcher)));
    Ok(Sse::new(frames).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}

struct Watcher {
    web: Web,
    who: Who,
    headers: HeaderMap,
    seat: Seat,
    recheck: Interval,
}

impl Watcher {
    async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                () = self.web.closing.cancelled() => return None,
                frame = self.seat.next() => return frame.map(|frame| Event::default().data(frame.text.as_str())),
                _ = self.recheck.tick() => match self.web.recognise(&self.headers).await {
                    Ok(Some(now)) if now == self.who => {}
                    _ => return None,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_for_those_who_ask_for_one() {
        let asks = |accept: &'static str| is_wanted(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]));
        assert!(asks("text/event-stream") && asks("application/json, text/event-stream;q=0.9"));
        assert!(!asks("*/*") && !asks("text/event-streams") && !is_wanted(&HeaderMap::new()));
    }

    #[test]
    fn what_to_follow_is_read_or_told_what_is_wrong() {
        let read = |text: &str| StreamParams { subscribe: Some(text.to_owned()) }.wants();
        assert_eq!(StreamParams { subscribe: None }.wants().unwrap(), Wants::default());
        assert_eq!(read(r#"{"vehicles":["van-1"]}"#).unwrap().vehicles.unwrap().len(), 1);
        for bad in ["", "van-1", r#"{"vehicle":"van-1"}"#, r#"{"cells":["x"]}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
