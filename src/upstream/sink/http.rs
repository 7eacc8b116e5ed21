//! `http`: batches by POST, to `depotd receive` or to any receiver that keeps to `docs/upstream.openapi.json`.

use super::{Answer, Days, Fault, Range, Sink, Told, tls};
use crate::batch::{Agreed, Batch, Known, Order, Page, Receipt, Stored, StoredRow, TableReceipt};
use crate::config::SinkSettings;
use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// An answer is never longer.
const MAX_ANSWER: usize = 16 << 20;
/// Longer words of a receiver are cut.
const MAX_WORDS: usize = 300;

pub struct Http {
    client: Client,
    base: String,
    depot: String,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Acked {
    acked_through: i64,
}
#[derive(Deserialize)]
struct Expected {
    next_expected: i64,
}
#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

impl Http {
    pub fn new(settings: &SinkSettings, depot: &str, timeout: Duration) -> Result<Self, Fault> {
        let client = Client::builder()
            .use_preconfigured_tls(tls::client(settings)?)
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(10)))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("depotd/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Fault::new)?;
        let base = settings.url.trim_end_matches('/').to_owned();
        Ok(Self { client, base, depot: depot.to_owned(), token: settings.secret().map_err(Fault::new)? })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.map_err(|e| Fault::new(words(&e)))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, Fault> {
        let url = format!("{}/v1/depots/{}/{path}", self.base, self.depot);
        let answer = self.send(self.client.get(url).query(query)).await?;
        if answer.status() != StatusCode::OK {
            return Err(refused(answer).await);
        }
        read(answer).await
    }

    /// The same of what a receiver of one's own may leave out.
    async fn get_if_there<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<Option<T>, Fault> {
        let url = format!("{}/v1/depots/{}/{path}", self.base, self.depot);
        let answer = self.send(self.client.get(url).query(query)).await?;
        match answer.status() {
            StatusCode::OK => Ok(Some(read(answer).await?)),
            StatusCode::NOT_FOUND | StatusCode::NOT_IMPLEMENTED => Ok(None),
            _ => Err(refused(answer).await),
        }
    }
}

impl Sink for Http {
    fn known(&mut self) -> Told<'_, Option<Vec<Known>>> {
        Box::pin(async { Ok(Some(self.get::<Items<Known>>("cursors", &[]).await?.items)) })
    }

    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Told<'a, Answer> {
        Box::pin(async {
            let span = &batch.span;
            let request = self
                .client
                .post(format!("{}/v1/depots/{}/batches", self.base, self.depot))
                .header(header::CONTENT_TYPE, "application/x-ndjson")
                .header(header::CONTENT_ENCODING, "zstd")
                .header("idempotency-key", span.key())
                .header("depot-epoch", &span.epoch)
                .header("depot-epoch-from", span.epoch_from)
                .header("depot-lane", span.lane.as_str())
                .header("depot-first-seq", span.first)
                .header("depot-last-seq", span.last)
                .header("depot-records", batch.records)
                .body(batch.body.clone());
            let answer = self.send(request).await?;
            match answer.status() {
                StatusCode::OK => Ok(Answer::Stored(read::<Acked>(answer).await?.acked_through)),
                StatusCode::CONFLICT => Ok(Answer::Expected(read::<Expected>(answer).await?.next_expected)),
                StatusCode::PAYLOAD_TOO_LARGE => Ok(Answer::TooLarge),
                // 400 is also what a receiver says to a batch of which the line lost the end.
                StatusCode::UNPROCESSABLE_ENTITY => Err(Fault { refused: true, ..refused(answer).await }),
                _ => Err(refused(answer).await),
            }
        })
    }

    fn orders(&mut self, after: i64) -> Told<'_, Vec<Order>> {
        Box::pin(async move { Ok(self.get::<Items<Order>>("orders", &[("after", after.to_string())]).await?.items) })
    }

    fn stored(&mut self, range: Range, limit: usize) -> Told<'_, Option<Vec<Stored>>> {
        Box::pin(async move {
            let query = [
                ("epoch", range.epoch),
                ("lane", range.lane.as_str().to_owned()),
                ("from", range.from.to_string()),
                ("to", range.to.to_string()),
                ("limit", limit.to_string()),
            ];
            Ok(self.get_if_there::<Items<Stored>>("stored", &query).await?.map(|found| found.items))
        })
    }

    fn page(&mut self, after: Option<String>) -> Told<'_, Option<Page>> {
        Box::pin(async move {
            let query: Vec<_> = after.into_iter().map(|after| ("after", after)).collect();
            self.get_if_there("record", &query).await
        })
    }

    fn receipts(&mut self, of: Days, limit: usize) -> Told<'_, Option<Vec<Receipt>>> {
        Box::pin(async move {
            let mut query = vec![
                ("epoch", of.epoch),
                ("lane", of.lane.as_str().to_owned()),
                ("through", of.through.to_string()),
                ("limit", limit.to_string()),
            ];
            query.extend(of.from.map(|day| ("from", day)));
            Ok(self.get_if_there::<Items<Receipt>>("receipts", &query).await?.map(|found| found.items))
        })
    }

    fn table_receipts(&mut self) -> Told<'_, Option<Vec<TableReceipt>>> {
        Box::pin(async { Ok(self.get_if_there::<Items<TableReceipt>>("rows", &[]).await?.map(|found| found.items)) })
    }

    fn stored_rows<'a>(&'a mut self, table: &'a str, after: String, limit: usize) -> Told<'a, Option<Vec<StoredRow>>> {
        Box::pin(async move {
            let query = [("after", after), ("limit", limit.to_string())];
            Ok(self.get_if_there::<Items<StoredRow>>(&format!("rows/{table}"), &query).await?.map(|found| found.items))
        })
    }

    fn beyond<'a>(&'a mut self, agreed: &'a [Agreed], table: &'a str, after: Option<String>) -> Told<'a, Option<Page>> {
        Box::pin(async move {
            let agreed: Vec<_> = agreed.iter().map(|a| format!("{}:{}", a.epoch, a.through)).collect();
            let mut query = vec![("table", table.to_owned()), ("agreed", agreed.join(","))];
            query.extend(after.map(|after| ("after", after)));
            self.get_if_there("beyond", &query).await
        })
    }
}

async fn bytes(mut answer: Response) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|e| Fault::new(words(&e)))? {
        all.extend_from_slice(&part);
        if all.len() > MAX_ANSWER {
            return Err(Fault::new(format!("the answer is longer than {MAX_ANSWER} bytes")));
        }
    }
    Ok(all)
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, Fault> {
    let (url, body) = (answer.url().path().to_owned(), bytes(answer).await?);
    serde_json::from_slice(&body).map_err(|e| Fault::new(format!("{url} answered with something else than it should: {e}")))
}

/// What a receiver said that did not do it; how long it wants to be left alone.
async fn refused(answer: Response) -> Fault {
    let status = answer.status();
    let retry_after = match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            answer.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok()).map(Duration::from_secs)
        }
        _ => None,
    };
    let body = bytes(answer).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&body);
    let said = serde_json::from_str::<serde_json::Value>(&said)
        .ok()
        .and_then(|v| v["detail"].as_str().map(str::to_owned))
        .unwrap_or(said.into_owned());
    let said: String = said.trim().chars().take(MAX_WORDS).collect();
    let what = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
    // A gateway in between, or an office that is busy, says nothing of the batch.
    let passing = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    Fault { retry_after, answered: !passing.contains(&status), ..Fault::new(what) }
}

/// An error with its causes: reqwest's own words alone say little.
fn words(error: &reqwest::Error) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        said = format!("{said}: {next}");
        cause = next.source();
    }
    said
}
