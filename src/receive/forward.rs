//! Hands on to JetStream what PostgreSQL has stored: each lane in its order, each batch once.
//!
//! Batches wait in PostgreSQL. Any number of receivers take turns: who holds the first batch of a lane has the lane, and "expected
//! last subject sequence" refuses what another one has sent already.

use super::pool::{self, Pool};
use crate::batch::{Batch, Known};
use crate::clock::Clock;
use crate::config::SinkSettings;
use crate::office;
use crate::upstream::sink::Fault;
use crate::upstream::sink::jetstream::{JetStream, Last, Put};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Batches of a lane handed on in one transaction.
const RUN: i64 = 32;
/// Who had nothing to do looks again after this.
const LOOK: Duration = Duration::from_millis(250);
/// How much waits is counted so often.
const COUNT: Duration = Duration::from_secs(1);
/// A connection that failed is left alone so long.
const PAUSE: Duration = Duration::from_secs(2);
/// An answer that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// So often another receiver may be before us with one batch.
const OVERTAKEN: u32 = 8;

/// How it goes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    batches: AtomicI64,
    bytes: AtomicI64,
    full: AtomicBool,
    sent: AtomicU64,
    faults: AtomicU64,
    refused: AtomicU64,
}

impl Counts {
    /// Does more wait than may? Then no batch is taken, and depots keep theirs.
    pub fn is_full(&self) -> bool {
        self.0.full.load(Ordering::Relaxed)
    }

    /// A batch was not taken for that reason.
    pub fn refuse(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes them down.
    pub fn fill(&self, sheet: &mut crate::web::Sheet) {
        let Inner { batches, bytes, sent, faults, refused, .. } = &*self.0;
        sheet.gauge("receive_forward_batches", "Batches that JetStream is still to get", batches.load(Ordering::Relaxed));
        sheet.gauge("receive_forward_bytes", "Bytes of them", bytes.load(Ordering::Relaxed));
        sheet.counter("receive_forwarded", "Batches handed on to JetStream by this receiver", sent.load(Ordering::Relaxed));
        sheet.counter("receive_forward_faults", "Times that JetStream did not take one", faults.load(Ordering::Relaxed));
        sheet.counter("receive_forward_refused", "Batches put off because too much waits", refused.load(Ordering::Relaxed));
    }
}

/// The way from PostgreSQL to JetStream.
pub struct Forward {
    /// Where batches wait.
    pub pool: Pool,
    /// Where they go.
    pub settings: SinkSettings,
    /// So many bytes may wait.
    pub most: u64,
    /// How it goes.
    pub counts: Counts,
}

/// Why a turn ended early.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    JetStream(#[from] Fault),
    #[error(transparent)]
    Pool(#[from] pool::Error),
    #[error(transparent)]
    Office(#[from] office::Error),
}

impl Forward {
    /// Works until `cancel`.
    pub async fn run(self, cancel: CancellationToken, clock: Clock) {
        let work = async {
            let (mut stream, mut counted, mut told) = (None, None, String::new());
            loop {
                let (sent, faults) = match self.turn(&mut stream, &mut counted, &clock).await {
                    Ok(done) => done,
                    Err(error) => {
                        stream = None;
                        (0, vec![format!("nothing is handed on to JetStream: {error}")])
                    }
                };
                self.counts.0.faults.fetch_add(faults.len() as u64, Ordering::Relaxed);
                let faults = faults.join("; ");
                if !faults.is_empty() && faults != told {
                    tracing::warn!("{faults}");
                }
                let pause = if faults.is_empty() { LOOK } else { PAUSE };
                told = faults;
                if sent == 0 || !told.is_empty() {
                    tokio::time::sleep(pause).await;
                }
            }
        };
        tokio::select! { () = cancel.cancelled() => {}, () = work => {} }
    }

    /// Counts what waits and hands on what it can get; says how many batches that were, and which lanes were not taken and why.
    async fn turn(
        &self,
        stream: &mut Option<JetStream>,
        counted: &mut Option<Instant>,
        clock: &Clock,
    ) -> Result<(usize, Vec<String>), Error> {
        let now = clock.monotonic();
        if counted.is_none_or(|at| now.saturating_duration_since(at) >= COUNT) {
            self.count().await?;
            *counted = Some(now);
        }
        let (mut total, mut failed, mut faults): (usize, Vec<String>, Vec<String>) = (0, Vec::new(), Vec::new());
        // Back to the counting from time to time.
        while total < 64 * usize::try_from(RUN).unwrap_or(1) {
            let mut lent = self.pool.lend().await?;
            let Some(run) = lent.office.next_run(&failed, RUN).await? else {
                lent.done();
                break;
            };
            let open = match stream {
                Some(open) => open,
                None => stream.insert(JetStream::connect(&self.settings, "depotd receive", PATIENCE).await?),
            };
            let (sent, fault) = hand_on(open, &run.batches).await;
            let lane = run.batches.first().map(|batch| format!("{}/{}", batch.span.depot, batch.span.lane.as_str()));
            run.sent(sent).await?;
            lent.done();
            total += sent;
            self.counts.0.sent.fetch_add(sent as u64, Ordering::Relaxed);
            match (fault, lane) {
                (Some(fault), Some(lane)) if !open.is_lost() => {
                    // One lane's trouble is not that of the others.
                    faults.push(format!("{lane} is not handed on to JetStream: {fault}"));
                    failed.push(lane);
                }
                (Some(fault), _) => return Err(fault.into()),
                (None, _) => {}
            }
        }
        Ok((total, faults))
    }

    async fn count(&self) -> Result<(), Error> {
        let lent = self.pool.lend().await?;
        let waiting = lent.office.waiting().await?;
        lent.done();
        self.counts.0.batches.store(waiting.batches, Ordering::Relaxed);
        self.counts.0.bytes.store(waiting.bytes, Ordering::Relaxed);
        let full = waiting.bytes.unsigned_abs() > self.most;
        if full != self.counts.0.full.swap(full, Ordering::Relaxed) {
            tracing::warn!(
                "{} bytes wait for JetStream: depots' batches are {}",
                waiting.bytes,
                if full { "put off" } else { "taken again" }
            );
        }
        Ok(())
    }
}

/// Hands on `batches`, all of one lane and epoch; says how many, and why not the others.
async fn hand_on(stream: &mut JetStream, batches: &[Batch]) -> (usize, Option<Fault>) {
    let mut last = None;
    for (count, batch) in batches.iter().enumerate() {
        let put = if batch.span.lane.is_durable() {
            put_in_order(stream, batch, &mut last).await
        } else {
            // The next one is as good.
            stream.put(batch, None).await.map(drop)
        };
        if let Err(fault) = put {
            return (count, Some(fault));
        }
    }
    (batches.len(), None)
}

/// Sends what of `batch` the stream has not. `last` is the lane's last message, when it is known.
async fn put_in_order(stream: &mut JetStream, batch: &Batch, last: &mut Option<Last>) -> Result<(), Fault> {
    let (mut parts, mut overtaken) = (vec![batch.clone()], 0);
    while let Some(mut part) = parts.pop() {
        let before = match last.take() {
            Some(before) => before,
            None => stream.last(&part.span.depot, part.span.lane).await?,
        };
        let through = before.known.as_ref().filter(|known| known.epoch == part.span.epoch).map_or(0, |known| known.through);
        if through >= part.span.last {
            *last = Some(before);
            continue;
        }
        if through >= part.span.first {
            part = part.behind(through).map_err(Fault::new)?;
        }
        match stream.put(&part, Some(before.sequence)).await? {
            Put::Stored(sequence) => {
                let known = Known::new(part.span.epoch, part.span.lane, part.span.last);
                *last = Some(Last { sequence, known: Some(known), forgotten: false });
            }
            Put::Overtaken => {
                overtaken += 1;
                if overtaken > OVERTAKEN {
                    return Err(Fault::new("others write to the lane's subject"));
                }
                parts.push(part);
            }
            Put::TooLarge => {
                let halves = part.halves().map_err(Fault::new)?;
                let (first, second) =
                    halves.ok_or_else(|| Fault::new(format!("record {} is larger than the stream takes", part.span.last)))?;
                parts.extend([second, first]);
                *last = Some(before);
            }
        }
    }
    Ok(())
}
