//! `postgres`: rows and cursor in one transaction of head office's own record, see [`crate::office`].

use super::{Answer, Days, Fault, Range, Sink, Told, tls};
use crate::batch::{Agreed, Batch, Known, Order, Page, Receipt, Stored, StoredRow, TableReceipt};
use crate::config::SinkSettings;
use crate::office::{Office, Taken};

/// Orders and records read at once.
const PAGE: i64 = 500;

pub struct Postgres {
    settings: SinkSettings,
    depot: String,
    open: Option<Office>,
}

impl Postgres {
    pub fn new(settings: &SinkSettings, depot: &str) -> Result<Self, Fault> {
        // What is wrong with files is told at once, not at the first connection.
        tls::client(settings)?;
        Ok(Self { settings: settings.clone(), depot: depot.to_owned(), open: None })
    }

    async fn office(&mut self) -> Result<&mut Office, Fault> {
        if self.open.as_ref().is_none_or(Office::is_closed) {
            let secret = self.settings.secret().map_err(Fault::new)?;
            let office = Office::open(&self.settings.url, secret.as_deref(), tls::client(&self.settings)?).await;
            self.open = Some(office.map_err(Fault::new)?);
        }
        self.open.as_mut().ok_or_else(|| Fault::new("not connected"))
    }
}

impl Sink for Postgres {
    fn known(&mut self) -> Told<'_, Option<Vec<Known>>> {
        Box::pin(async {
            let depot = self.depot.clone();
            Ok(Some(self.office().await?.known(&depot).await.map_err(Fault::new)?))
        })
    }

    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Told<'a, Answer> {
        Box::pin(async {
            match self.office().await?.take(batch).await {
                Ok(Taken::Stored(through)) => Ok(Answer::Stored(through)),
                Ok(Taken::Expected(next)) => Ok(Answer::Expected(next)),
                Err(error) if error.is_final() => Err(Fault::refusal(error)),
                Err(error) => Err(Fault::new(error)),
            }
        })
    }

    fn orders(&mut self, after: i64) -> Told<'_, Vec<Order>> {
        Box::pin(async move {
            let depot = self.depot.clone();
            self.office().await?.orders(&depot, after, PAGE).await.map_err(Fault::new)
        })
    }

    fn stored(&mut self, range: Range, limit: usize) -> Told<'_, Option<Vec<Stored>>> {
        Box::pin(async move {
            let (depot, limit) = (self.depot.clone(), i64::try_from(limit).unwrap_or(i64::MAX));
            let found = self.office().await?.stored(&depot, &range.epoch, range.lane, range.from, range.to, limit).await;
            Ok(Some(found.map_err(Fault::new)?))
        })
    }

    fn receipts(&mut self, of: Days, limit: usize) -> Told<'_, Option<Vec<Receipt>>> {
        Box::pin(async move {
            let (depot, limit) = (self.depot.clone(), i64::try_from(limit).unwrap_or(i64::MAX));
            let from = of.from.as_deref().unwrap_or("-infinity");
            let found = self.office().await?.receipts(&depot, &of.epoch, of.lane, of.through, from, "infinity", limit).await;
            Ok(Some(found.map_err(Fault::new)?))
        })
    }

    fn table_receipts(&mut self) -> Told<'_, Option<Vec<TableReceipt>>> {
        Box::pin(async move {
            let depot = self.depot.clone();
            Ok(Some(self.office().await?.table_receipts(&depot).await.map_err(Fault::new)?))
        })
    }

    fn stored_rows<'a>(&'a mut self, table: &'a str, after: String, limit: usize) -> Told<'a, Option<Vec<StoredRow>>> {
        Box::pin(async move {
            let (depot, limit) = (self.depot.clone(), i64::try_from(limit).unwrap_or(i64::MAX));
            Ok(Some(self.office().await?.stored_rows(&depot, table, &after, limit).await.map_err(Fault::new)?))
        })
    }

    fn beyond<'a>(&'a mut self, agreed: &'a [Agreed], table: &'a str, after: Option<String>) -> Told<'a, Option<Page>> {
        Box::pin(async move {
            let depot = self.depot.clone();
            Ok(Some(self.office().await?.beyond(&depot, agreed, table, after.as_deref(), PAGE).await.map_err(Fault::new)?))
        })
    }

    fn page(&mut self, after: Option<String>) -> Told<'_, Option<Page>> {
        Box::pin(async move {
            let depot = self.depot.clone();
            Ok(Some(self.office().await?.page(&depot, after.as_deref(), PAGE).await.map_err(Fault::new)?))
        })
    }
}
