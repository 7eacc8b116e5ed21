//! Today's figures, looked at only while somebody wants them.

use crate::analytics::Question;
use crate::model::{Day, Span, Timestamp, Window};
use crate::web::Web;
use anyhow::Context;
use serde_json::value::to_raw_value;

/// Shows the hub the figures of today so far, as `/analytics/summary` tells them.
pub async fn show(web: &Web) -> anyhow::Result<()> {
    if !web.hub.wants_figures() {
        return Ok(());
    }
    let question = Question { time: so_far(web, web.clock.now()), of: None };
    let summary = web.rollups.summary(question).await.context("sum today up for the live view")?;
    web.hub.figures(to_raw_value(&summary)?.into());
    Ok(())
}

/// The depot's day until the end of the hour that has begun.
fn so_far(web: &Web, now: Timestamp) -> Window {
    let day = Day::of(now, web.rollups.zone()).time();
    let hour_end = web.rollups.terms().hour(now) + Span::from_secs(3_600);
    Window { from: day.from, until: day.until.min(hour_end) }
}
