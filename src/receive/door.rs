//! Who is let in, and how much each may ask for at once. The token is looked at before anything else of a request is.

use super::pool::{self, Pool};
use super::routes::token_hash;
use crate::office;
use crate::web::error::{Error, Result};
use axum::body::{Body, Bytes};
use axum::extract::{RawPathParams, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Tokens are read anew after this: one that was taken away lets nobody in any more.
const FRESH: Duration = Duration::from_secs(5);
/// And for a token that is not known once in this time at most: whoever guesses costs no more.
const AGAIN: Duration = Duration::from_millis(250);
/// A body of which nothing comes for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);
/// One that takes longer in all is given up too.
const BODY: Duration = Duration::from_secs(300);
/// Bodies that are being read at most.
const BODIES: usize = 256;
/// A batch waits no longer for the one before it, or for a place among the bodies.
const TURN: Duration = Duration::from_secs(5);
/// The depot may try again after so many seconds.
const RETRY_S: u32 = 5;

/// The hashes of the depots' tokens, as they were a moment ago.
#[derive(Default)]
pub(super) struct Guests {
    // A std lock, held for a look.
    list: RwLock<Option<List>>,
    reading: tokio::sync::Mutex<()>,
}

struct List {
    hashes: HashMap<String, String>,
    read: Instant,
}

impl Guests {
    /// Does that token speak for `depot`? With how old the list is that says so; `None` when there is none.
    fn look(&self, depot: &str, hash: &str, now: Instant) -> Option<(bool, Duration)> {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        let List { hashes, read } = list.as_ref()?;
        let known = hashes.get(depot).is_some_and(|known| known.as_bytes().ct_eq(hash.as_bytes()).into());
        Some((known, now.saturating_duration_since(*read)))
    }

    async fn admits(&self, pool: &Pool, depot: &str, hash: &str) -> std::result::Result<bool, pool::Error> {
        let asked = pool.clock().monotonic();
        if let Some((true, age)) = self.look(depot, hash, asked)
            && age < FRESH
        {
            return Ok(true);
        }
        let _reading = self.reading.lock().await;
        // Somebody may have read them while we waited.
        let now = pool.clock().monotonic();
        if let Some((known, age)) = self.look(depot, hash, now) {
            if known && age < FRESH || age < now.saturating_duration_since(asked) {
                return Ok(known);
            }
            tokio::time::sleep(AGAIN.saturating_sub(age)).await;
        }
        let lent = pool.lend().await?;
        let (read, found) = (pool.clock().monotonic(), lent.office.token_hashes().await);
        lent.done();
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = Some(List { hashes: found?, read });
        Ok(self.look(depot, hash, read).is_some_and(|(known, _)| known))
    }
}

/// Lets through who shows the token of the depot that the path names.
pub(super) async fn admit(State(pool): State<Pool>, path: RawPathParams, request: Request, next: Next) -> Result<Response> {
    let Some((_, depot)) = path.iter().find(|(name, _)| *name == "depot") else { return Ok(next.run(request).await) };
    let refused = || Error::status(StatusCode::UNAUTHORIZED).detail(format!("this token does not speak for depot {depot:?}"));
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "));
    let token = shown.filter(|_| office::is_depot(depot)).ok_or_else(refused)?;
    if !pool.guests().admits(&pool, depot, &token_hash(token)).await? {
        return Err(refused());
    }
    Ok(next.run(request).await)
}

/// What each depot is at. Only those are in it that were let in.
pub(super) struct Depots {
    // A std mutex, held for a look.
    each: Mutex<HashMap<String, Depot>>,
    bodies: Arc<Semaphore>,
}

struct Depot {
    /// Ends the reading of its last batch's body.
    last: CancellationToken,
    turn: Arc<Semaphore>,
}

impl Default for Depots {
    fn default() -> Self {
        Self { each: Mutex::default(), bodies: Arc::new(Semaphore::new(BODIES)) }
    }
}

fn busy(what: &str) -> Error {
    Error::status(StatusCode::SERVICE_UNAVAILABLE).detail(what).retry_after(RETRY_S)
}

async fn seat(semaphore: &Arc<Semaphore>, taken: &str) -> Result<OwnedSemaphorePermit> {
    let waiting = tokio::time::timeout(TURN, Arc::clone(semaphore).acquire_owned()).await;
    waiting.ok().and_then(std::result::Result::ok).ok_or_else(|| busy(taken))
}

impl Depots {
    /// The body of a batch of `depot`, up to `most` bytes of it, and the depot's turn: one batch of it is taken at a time. One that
    /// is still on its way, or waits, when the depot sends another is given up, for the line that it came by is dead.
    pub async fn body(&self, depot: &str, body: Body, most: usize) -> Result<(Bytes, OwnedSemaphorePermit)> {
        let overtaken = CancellationToken::new();
        let turn = {
            let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Depot { last: CancellationToken::new(), turn: Arc::new(Semaphore::new(1)) };
            let depot = each.entry(depot.to_owned()).or_insert_with(new);
            std::mem::replace(&mut depot.last, overtaken.clone()).cancel();
            Arc::clone(&depot.turn)
        };
        let late = |what: &str| Error::status(StatusCode::REQUEST_TIMEOUT).detail(what);
        let place = seat(&self.bodies, "too many batches are on their way").await?;
        let taken = async {
            let bytes = tokio::time::timeout(BODY, read(body, most)).await.map_err(|_| late("the body took too long"))??;
            drop(place);
            Ok((bytes, seat(&turn, "another batch of the depot is being taken").await?))
        };
        tokio::select! {
            taken = taken => taken,
            () = overtaken.cancelled() => Err(late("the depot sent another batch meanwhile")),
        }
    }
}

async fn read(mut body: Body, most: usize) -> Result<Bytes> {
    let mut all = Vec::new();
    loop {
        let silent = |_| Error::status(StatusCode::REQUEST_TIMEOUT).detail("nothing came of the body for too long");
        let Some(frame) = tokio::time::timeout(SILENCE, body.frame()).await.map_err(silent)? else { return Ok(all.into()) };
        let frame = frame.map_err(|e| Error::status(StatusCode::BAD_REQUEST).detail(format!("the body broke off: {e}")))?;
        let Some(data) = frame.data_ref() else { continue };
        if all.len() + data.len() > most {
            return Err(Error::status(StatusCode::PAYLOAD_TOO_LARGE).detail(format!("a batch has {most} bytes at most")));
        }
        all.extend_from_slice(data);
    }
}
