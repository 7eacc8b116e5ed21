//! What people do with the queue: look at it, and send again.

use super::Post;
use super::error::{Error, Result};
use crate::model::{Channel, Delivery, DeliveryId, DeliveryState};
use crate::store::deliveries::{self, Filter};
use crate::store::webhooks;
use rusqlite::Transaction;

impl Post {
    /// Up to `limit` deliveries before number `before`, newest first.
    pub async fn deliveries(&self, filter: Filter, before: i64, limit: usize) -> Result<Vec<Delivery>> {
        Ok(self.0.db.read(move |c| deliveries::list(c, &filter, before, limit)).await?)
    }

    /// Puts a delivery that is done, or a dead letter, back into the queue, under the id that it has.
    pub async fn resend(&self, id: DeliveryId) -> Result<Delivery> {
        let now = self.0.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let was = deliveries::get(tx, id)?.ok_or(Error::Unknown("delivery"))?;
            if was.state == DeliveryState::Waiting {
                return Err(Error::Conflict("it waits to be sent already".to_owned()));
            }
            if let Some(hook) = was.endpoint.strip_prefix("webhook:")
                && webhooks::get(tx, hook)?.is_none()
            {
                return Err(Error::Conflict("the webhook was taken away".to_owned()));
            }
            if was.channel == Channel::Push && super::push::named(tx, &was.recipient)?.is_none() {
                return Err(Error::Conflict("the browser is not subscribed any more".to_owned()));
            }
            deliveries::resend(tx, id, now)?;
            deliveries::get(tx, id)?.ok_or(Error::Unknown("delivery"))
        };
        let again = self.0.db.write(change).await?;
        self.wake();
        Ok(again)
    }
}
