//! Head office's record of its depots, in PostgreSQL: what a depot's batches said, stored once and in order.
//!
//! A batch and the cursor of its lane are one transaction, so a batch that comes again finds the cursor behind it, and one that
//! comes too early finds it before. Used by the depot's `postgres` sink and by `depotd receive`, which differ only in
//! who holds the connection.

mod fixes;
mod forward;
mod orders;
mod page;
mod receipts;
mod record;
mod schema;
mod take;
mod values;

pub use forward::{Run, Waiting};
pub use orders::Given;
pub use record::is_depot;
pub use take::Taken;

use std::net::IpAddr;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A statement that takes longer is given up.
const PATIENCE: &str = "60s";
/// A connection that is not there by then is given up.
const CONNECT: Duration = Duration::from_secs(10);

/// Why the record did not take it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// PostgreSQL's own word.
    #[error("{}", postgres(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// The batch is not what it says.
    #[error(transparent)]
    Unreadable(#[from] crate::batch::Unreadable),
    /// The connection string is none.
    #[error("{0}")]
    Address(String),
    /// No page before named that.
    #[error("no page of the record named {0:?} as the next")]
    Page(String),
    /// What is kept cannot be handed back.
    #[error("the record holds what no depot sent: {0}")]
    Kept(String),
    /// Another box is the depot now.
    #[error("this depot was rebuilt or restored elsewhere: epoch {epoch} is superseded, nothing of it is taken from number {from} on")]
    Superseded {
        /// The epoch.
        epoch: String,
        /// Where a later one begins.
        from: i64,
    },
    /// A newer depotd made the schema.
    #[error("the schema depotd has version {found}, this depotd knows up to {known}: install the newer depotd")]
    Newer {
        /// The schema's version.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
}

impl Error {
    /// Will it come again however often the same is tried?
    pub fn is_final(&self) -> bool {
        match self {
            // Data that do not fit, that break a rule, that are too much for it. A check that fails is a partition that went away.
            Self::Postgres(error) => error.code().is_some_and(|code| {
                let class = code.code().get(..2).unwrap_or_default();
                matches!(class, "22" | "23" | "54") && *code != SqlState::CHECK_VIOLATION
            }),
            Self::Unreadable(_) | Self::Page(_) => true,
            Self::Address(_) | Self::Kept(_) | Self::Superseded { .. } | Self::Newer { .. } => false,
        }
    }
}

/// With what the server says, which the error alone leaves out.
fn postgres(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("postgres: {said}"),
        None => match std::error::Error::source(error) {
            Some(cause) => format!("postgres: {error}: {cause}"),
            None => format!("postgres: {error}"),
        },
    }
}

/// What the record gives back.
pub type Result<T> = std::result::Result<T, Error>;

/// A connection to the record.
pub struct Office {
    client: Client,
    /// Drives it; ends with the record's handle.
    _work: JoinSet<()>,
    /// Is what is stored handed on?
    forwards: bool,
}

impl Office {
    /// Connects to `url` (`postgres://user:password@host/database?sslmode=require`) and brings the schema up to date. `password`
    /// is used when the address has none. An address without `sslmode` means TLS, unless the server is on this machine: else whoever
    /// sits between could refuse TLS and be told the password.
    pub async fn open(url: &str, password: Option<&str>, tls: rustls::ClientConfig) -> Result<Self> {
        let mut config: Config = url.parse().map_err(|e: tokio_postgres::Error| Error::Address(postgres(&e)))?;
        if let (None, Some(password)) = (config.get_password(), password) {
            config.password(password);
        }
        if !says_sslmode(url) && !is_near(&config) {
            config.ssl_mode(SslMode::Require);
        }
        config
            .connect_timeout(CONNECT)
            .application_name("depotd")
            .options(format!("-c statement_timeout={PATIENCE} -c lock_timeout={PATIENCE}"));
        config.keepalives_idle(Duration::from_secs(30));
        let mut work = JoinSet::new();
        let client = if config.get_ssl_mode() == SslMode::Disable {
            let (client, connection) = config.connect(NoTls).await?;
            work.spawn(attend(connection));
            client
        } else {
            let (client, connection) = config.connect(MakeRustlsConnect::new(tls)).await?;
            work.spawn(attend(connection));
            client
        };
        let mut office = Self { client, _work: work, forwards: false };
        schema::migrate(&mut office.client).await?;
        Ok(office)
    }

    /// From now on what it stores is written down for JetStream too, in the same transaction.
    pub fn hand_on(&mut self) {
        self.forwards = true;
    }

    /// Has the connection ended?
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }
}

fn says_sslmode(url: &str) -> bool {
    let parameters = if url.contains("://") { url.split_once('?').map_or("", |(_, query)| query) } else { url };
    parameters.split(|c: char| c == '&' || c.is_whitespace()).any(|part| part.starts_with("sslmode"))
}

/// Is all that it may connect to on this machine?
fn is_near(config: &Config) -> bool {
    let loopback = |name: &str| name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let near = |host: &Host| match host {
        Host::Tcp(name) => loopback(name),
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(near) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

/// Drives the connection until it ends; the client then says so itself.
async fn attend(connection: impl Future<Output = std::result::Result<(), tokio_postgres::Error>> + Send) {
    if let Err(error) = connection.await {
        tracing::debug!("a connection to the record ended: {}", postgres(&error));
    }
}
