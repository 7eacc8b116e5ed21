//! The depot tells a broker who it is: SCRAM where the broker has it, else the password itself, but only over TLS.

use super::super::Fault;
use super::scram::{Hash, Scram};
use super::wire::{Address, Conn};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;

/// How to come to a broker.
pub struct Door {
    /// TLS, and what it trusts.
    pub tls: Option<Arc<ClientConfig>>,
    /// The depot's name among the broker's clients.
    pub client: String,
    /// User and secret.
    pub login: Option<(String, String)>,
    /// A connection is there within this time.
    pub patience: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    ScramSha512,
    ScramSha256,
    Plain,
}

impl Mechanism {
    /// The best first.
    const ALL: [Self; 3] = [Self::ScramSha512, Self::ScramSha256, Self::Plain];

    fn as_str(self) -> &'static str {
        match self {
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
        }
    }

    /// The best of those that the broker `offers`.
    fn best(offers: &[&str], tls: bool) -> Option<Self> {
        Self::ALL.into_iter().find(|own| offers.contains(&own.as_str()) && (tls || *own != Self::Plain))
    }
}

enum Offered {
    Taken,
    Others(Vec<StrBytes>),
}

impl Door {
    /// A connection on which the depot is who it should be.
    pub async fn open(&self, address: &Address) -> Result<Conn, Fault> {
        let mut conn = self.knock(address).await?;
        let Some((user, secret)) = &self.login else { return Ok(conn) };
        let mut mechanism = Mechanism::ScramSha512;
        if let Offered::Others(offers) = offer(&mut conn, mechanism).await? {
            let offers: Vec<&str> = offers.iter().map(StrBytes::as_str).collect();
            mechanism = Mechanism::best(&offers, self.tls.is_some()).ok_or_else(|| {
                let words = offers.join(", ");
                Fault::new(format!("broker {} takes {words}; depotd speaks SCRAM-SHA-512, SCRAM-SHA-256 and, over TLS, PLAIN", conn.name()))
            })?;
            // A broker that did not like the first offer hears no second one on the same connection.
            conn = self.knock(address).await?;
            offer(&mut conn, mechanism).await?;
        }
        match mechanism {
            Mechanism::ScramSha512 => scram(&mut conn, Hash::Sha512, user, secret).await?,
            Mechanism::ScramSha256 => scram(&mut conn, Hash::Sha256, user, secret).await?,
            Mechanism::Plain => {
                say(&mut conn, format!("\0{user}\0{secret}")).await?;
            }
        }
        Ok(conn)
    }

    async fn knock(&self, address: &Address) -> Result<Conn, Fault> {
        Conn::open(address, self.tls.as_ref(), &self.client, self.patience).await
    }
}

async fn offer(conn: &mut Conn, mechanism: Mechanism) -> Result<Offered, Fault> {
    let answer = conn.ask(&SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism.as_str()))).await?;
    match ResponseError::try_from_code(answer.error_code) {
        None => Ok(Offered::Taken),
        Some(ResponseError::UnsupportedSaslMechanism) => Ok(Offered::Others(answer.mechanisms)),
        Some(ResponseError::IllegalSaslState) => Err(Fault::new(format!(
            "broker {} asks nobody for a secret on this port: another port does, or the settings need none",
            conn.name()
        ))),
        Some(other) => Err(Fault::new(format!("broker {} let nobody in: {other}", conn.name()))),
    }
}

async fn scram(conn: &mut Conn, hash: Hash, user: &str, secret: &str) -> Result<(), Fault> {
    let mut drawn = [0; 18];
    getrandom::fill(&mut drawn).map_err(Fault::new)?;
    let mut scram = Scram::new(hash, user, secret, &STANDARD.encode(drawn));
    let challenge = say(conn, scram.hello()).await?;
    let refused = |name: &str, why: String| Fault::new(format!("broker {name} did not let the depot in: {why}"));
    let proof = scram.proof(&challenge).map_err(|why| refused(conn.name(), why))?;
    let last = say(conn, proof).await?;
    scram.check(&last).map_err(|why| refused(conn.name(), why))
}

async fn say(conn: &mut Conn, words: String) -> Result<String, Fault> {
    let answer = conn.ask(&SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(words))).await?;
    if let Some(error) = ResponseError::try_from_code(answer.error_code) {
        let why = answer.error_message.as_ref().map_or_else(|| error.to_string(), |words| words.to_string());
        return Err(Fault::new(format!("broker {} did not let the depot in: {why}", conn.name())));
    }
    String::from_utf8(answer.auth_bytes.to_vec()).map_err(|_| Fault::new(format!("broker {} answered with no text", conn.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_sent_in_the_clear() {
        let best = |offers: &[&str], tls| Mechanism::best(offers, tls).map(Mechanism::as_str);
        assert_eq!(best(&["PLAIN", "SCRAM-SHA-256", "OAUTHBEARER"], true), Some("SCRAM-SHA-256"));
        assert_eq!(best(&["PLAIN", "OAUTHBEARER"], true), Some("PLAIN"));
        assert_eq!(best(&["PLAIN", "OAUTHBEARER"], false), None);
    }
}
