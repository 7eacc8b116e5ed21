//! Wakes somebody by the clock.
//!
//! tokio-cron-scheduler only ticks here: what is due is asked of a table at each tick, so neither a clock
//! jump, a change of daylight saving nor a restart can lose or repeat anything.

use std::sync::Arc;
use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

/// When it ticks: every five seconds.
const TICKS: &str = "*/5 * * * * *";

/// Ticks into `wake` every five seconds until cancelled.
pub async fn run(wake: Arc<Notify>, cancel: &CancellationToken) -> Result<(), JobSchedulerError> {
    let mut scheduler = JobScheduler::new().await?;
    let tick = Job::new(TICKS, move |_, _| wake.notify_one())?;
    scheduler.add(tick).await?;
    scheduler.start().await?;
    cancel.cancelled().await;
    scheduler.shutdown().await
}
