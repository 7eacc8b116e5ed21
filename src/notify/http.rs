//! Requests to programs of others: no redirects, a few seconds, and little of the answer is read.

use super::reach::Reach;
use super::retry::Outcome;
use crate::config::Notify;
use reqwest::{RequestBuilder, Response, StatusCode, header};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;

/// A request takes no longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 64 * 1024;
/// Characters of it that are told.
const WORDS: usize = 200;

/// The client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Http {
    client: reqwest::Client,
    reach: Reach,
}

impl Http {
    /// One that reaches what the settings allow. An error: their certificates cannot be used.
    pub fn new(config: &Notify) -> Result<Self, String> {
        let reach = Reach::new(config);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
        let client = reqwest::Client::builder()
            .use_preconfigured_tls(tls.with_root_certificates(roots(config)?).with_no_client_auth())
            .dns_resolver(Arc::new(reach.clone()))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .user_agent(concat!("depotd/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Self { client, reach })
    }

    /// What it reaches.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// A request to `url`, to be completed; an error says why it may not go there.
    pub fn request(&self, method: reqwest::Method, url: &str) -> Result<RequestBuilder, String> {
        let url = self.reach.look(url).map_err(|why| format!("the address {why}"))?;
        Ok(self.client.request(method, url))
    }

    /// Makes a request; `is_final` says which statuses no repeat will change.
    pub async fn send(&self, request: RequestBuilder, is_final: impl Fn(StatusCode) -> bool) -> Outcome {
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Outcome::failed(told(error)),
        };
        let status = answer.status();
        let after = answer.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse().ok()).map(Duration::from_secs);
        if status.is_success() {
            return Outcome::Sent(status.as_u16());
        }
        let words = match read(answer).await {
            Ok(words) => words,
            Err(why) => return Outcome::Failed { status: Some(status.as_u16()), why, after },
        };
        let why = || if words.is_empty() { format!("answered {status}") } else { format!("answered {status}: {words}") };
        match status {
            _ if is_final(status) => Outcome::Refused { status: Some(status.as_u16()), why: why() },
            _ if status.is_redirection() => {
                Outcome::Failed { status: Some(status.as_u16()), why: format!("answered {status}: redirects are not followed"), after }
            }
            _ => Outcome::Failed { status: Some(status.as_u16()), why: why(), after },
        }
    }
}

/// The beginning of an answer; an error when it goes on and on.
async fn read(mut answer: Response) -> Result<String, String> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(told)? {
        body.extend_from_slice(&part);
        if body.len() > MAX_ANSWER {
            return Err(format!("its answer is longer than {MAX_ANSWER} bytes"));
        }
    }
    let words = String::from_utf8_lossy(&body);
    Ok(words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WORDS).collect())
}

/// An error with its causes. Not the URL, which may hold a secret.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    if error.is_timeout() {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(&format!(": {inner_text}"));
        }
        cause = inner.source();
    }
    text
}

fn roots(config: &Notify) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(file) = &config.ca_file else {
        let (_, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let wrong = |e: &dyn std::fmt::Display| format!("notify.ca_file {}: {e}", file.display());
    for authority in CertificateDer::pem_file_iter(file).map_err(|e| wrong(&e))? {
        roots.add(authority.map_err(|e| wrong(&e))?).map_err(|e| wrong(&e))?;
    }
    Ok(roots)
}
