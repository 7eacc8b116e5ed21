//! Mail: letters, and the server that takes them (SMTP, RFC 5321, with TLS or STARTTLS).

use super::retry::Outcome;
use crate::config::{Mail, MailServer};
use crate::model::{Delivery, MailAddress, Timestamp};
use crate::store;
use crate::store::deliveries::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands;
use lettre::transport::smtp::extension::ClientId;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// A file that goes with a letter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Enclosure {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media: String,
    /// What is in it.
    pub text: String,
}

/// A letter, not yet to anybody.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Letter {
    /// What it is about.
    pub subject: String,
    /// What it says in plain text.
    pub text: String,
    /// The same in HTML.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub html: Option<String>,
    /// What goes with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub enclosed: Option<Enclosure>,
}

impl Letter {
    /// The letter as the queue keeps it.
    pub fn message(&self) -> store::Result<Message> {
        let body = serde_json::to_string(self).map_err(|e| store::Error::Corrupt(format!("a letter has no JSON: {e}")))?;
        Ok(Message { subject: self.subject.clone(), body })
    }

    /// The letter to `to`, as it goes over the line. The delivery's id is its `Message-ID`, so a repeat can be told.
    fn written(&self, from: &MailAddress, to: &MailAddress, delivery: &Delivery) -> Result<Vec<u8>, String> {
        let mailbox = |address: &MailAddress| address.as_str().parse::<Mailbox>().map_err(|e| format!("{address}: {e}"));
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let builder = lettre::Message::builder()
            .from(mailbox(from)?)
            .to(mailbox(to)?)
            .subject(&self.subject)
            .message_id(Some(format!("<{}@{}>", delivery.id, from.domain())))
            .date(system_time(delivery.created_at))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
        let said = match &self.html {
            Some(html) => MultiPart::alternative_plain_html(self.text.clone(), html.clone()),
            None => MultiPart::mixed().singlepart(lettre::message::SinglePart::plain(self.text.clone())),
        };
        let whole = match &self.enclosed {
            Some(Enclosure { name, media, text }) => {
                let media = ContentType::parse(media).map_err(|e| format!("{media}: {e}"))?;
                MultiPart::mixed().multipart(said).singlepart(Attachment::new(name.clone()).body(text.clone().into_bytes(), media))
            }
            None => said,
        };
        Ok(builder.multipart(whole).map_err(|e| e.to_string())?.formatted())
    }
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0))
}

/// Why the settings of the mail server are of no use.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// They name no server or no sender.
    #[error("the settings under [mail] name no server to send through, or nobody whom mail is from")]
    Unset,
    /// A file cannot be read.
    #[error("mail: {0}")]
    File(#[from] std::io::Error),
    /// Requests to other programs cannot be made.
    #[error("{0}")]
    Http(String),
    /// Its certificates are none.
    #[error("mail: the certificates to trust cannot be used: {0}")]
    Certificates(#[source] Error),
}

/// Sends letters through the mail server of the settings.
pub struct Mailer {
    server: MailServer,
    from: MailAddress,
    login: Option<Credentials>,
    tls: TlsParameters,
    patience: Duration,
}

impl Mailer {
    /// Reads what the settings name: password and certificates.
    pub fn new(config: &Mail) -> Result<Self, Unusable> {
        let (Some(server), Ok(from)) = (config.server(), config.from.parse::<MailAddress>()) else { return Err(Unusable::Unset) };
        let login = config.password()?.map(|password| Credentials::new(config.user.clone(), password));
        let mut tls = TlsParameters::builder(server.host.clone());
        if let Some(file) = &config.ca_file {
            let named = |e: std::io::Error| std::io::Error::new(e.kind(), format!("{}: {e}", file.display()));
            let trusted = Certificate::from_pem(&std::fs::read(file).map_err(named)?).map_err(Unusable::Certificates)?;
            tls = tls.certificate_store(CertificateStore::None).add_root_certificate(trusted);
        }
        let tls = tls.build_rustls().map_err(Unusable::Certificates)?;
        Ok(Self { server, from, login, tls, patience: Duration::from_secs(config.timeout_s) })
    }

    /// Sends a letter.
    pub async fn send(&self, delivery: &Delivery, body: &str) -> Outcome {
        let refused = |why: String| Outcome::Refused { status: None, why };
        let (letter, to) = match (serde_json::from_str::<Letter>(body), delivery.recipient.parse::<MailAddress>()) {
            (Ok(letter), Ok(to)) => (letter, to),
            (Err(e), _) => return refused(format!("this is no letter: {e}")),
            (_, Err(e)) => return refused(format!("{}: {e}", delivery.recipient)),
        };
        let written = match letter.written(&self.from, &to, delivery) {
            Ok(written) => written,
            Err(why) => return refused(why),
        };
        match tokio::time::timeout(self.patience, self.hand_over(&to, &written)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::failed(format!("{} did not take it within {:?}", self.server.host, self.patience)),
        }
    }

    /// Goes as far as logging in, to see whether mail could be sent.
    pub async fn try_out(&self) -> Result<(), String> {
        let trial = async {
            let mut line = self.connect().await.map_err(|e| told(&e))?;
            // What it answers to a farewell changes nothing.
            drop(line.quit().await);
            Ok(())
        };
        tokio::time::timeout(self.patience, trial).await.unwrap_or_else(|_| Err(format!("no answer within {:?}", self.patience)))
    }

    async fn hand_over(&self, to: &MailAddress, written: &[u8]) -> Outcome {
        let mut line = match self.connect().await {
            Ok(line) => line,
            Err(error) => return failed(&error),
        };
        let address = |address: &MailAddress| address.as_str().parse::<lettre::Address>();
        let (Ok(from), Ok(to)) = (address(&self.from), address(to)) else { return Outcome::failed("an address is none to SMTP") };
        if let Err(error) = line.command(commands::Mail::new(Some(from), Vec::new())).await {
            line.abort().await;
            return failed(&error);
        }
        let taken = async {
            line.command(commands::Rcpt::new(to, Vec::new())).await?;
            line.command(commands::Data).await?;
            line.message(written).await
        };
        let outcome = match taken.await {
            Ok(answer) => Outcome::Sent(answer.code().into()),
            // From here on a permanent "no" is about this letter.
            Err(error) if error.is_permanent() => Outcome::Refused { status: error.status().map(Into::into), why: told(&error) },
            Err(error) => failed(&error),
        };
        drop(line.quit().await);
        outcome
    }

    /// Connected, over TLS unless the server is on this very machine, and logged in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let name = ClientId::Domain(self.from.domain().to_owned());
        let tls = self.server.implicit_tls.then(|| self.tls.clone());
        let at = (self.server.host.as_str(), self.server.port);
        let mut line = AsyncSmtpConnection::connect_tokio1(at, Some(self.patience), &name, tls, None).await?;
        if !self.server.implicit_tls && !self.server.is_own() {
            line.starttls(self.tls.clone(), &name).await?;
        }
        if let Some(login) = &self.login {
            line.auth(&[Mechanism::Plain, Mechanism::Login], login).await?;
        }
        Ok(line)
    }
}

fn failed(error: &Error) -> Outcome {
    Outcome::Failed { status: error.status().map(Into::into), why: told(error), after: None }
}

/// An error with its causes.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(&format!(": {inner_text}"));
        }
        cause = inner.source();
    }
    text
}
