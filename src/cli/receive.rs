//! `depotd receive`: head office's end of the line.

use super::Common;
use super::order::{self, OrderArgs};
use super::serve::on_signal;
use crate::clock::Clock;
use crate::config::{SinkKind, SinkSettings};
use crate::office::{Office, is_depot};
use crate::receive::{Counts, Forward, Pool, Receiver, document, token_hash};
use crate::upstream::sink::tls;
use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Takes depots' batches and keeps them in PostgreSQL.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ReceiveArgs {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    database: Database,
    /// Address and port; port 0 takes a free one. TLS is the load balancer's.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Connections to PostgreSQL at most.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    #[command(flatten)]
    forward: ForwardArgs,
}

#[derive(Debug, Args)]
struct ForwardArgs {
    /// Hand on what was stored to this NATS server's JetStream: `nats://host` or `tls://host`. All receivers of a database alike.
    #[arg(long, value_name = "URL", env = "DEPOTD_NATS")]
    nats: Option<String>,
    /// In front of `.<depot>.<lane>` in a subject.
    #[arg(long, value_name = "SUBJECT", default_value = "depotd", requires = "nats")]
    nats_prefix: String,
    /// A file that holds NATS credentials, an nkey's seed, a token or, with --nats-user, a password.
    #[arg(long, value_name = "FILE", requires = "nats")]
    nats_secret_file: Option<PathBuf>,
    /// The user whose password is in the secret file.
    #[arg(long, value_name = "NAME", requires = "nats")]
    nats_user: Option<String>,
    /// Certificates in PEM of those to trust instead of the system's, at the NATS server.
    #[arg(long, value_name = "FILE", requires = "nats")]
    nats_ca_file: Option<PathBuf>,
    /// MiB that may wait in PostgreSQL for JetStream; beyond that depots keep their batches.
    #[arg(long, value_name = "MIB", default_value_t = 4_096, value_parser = clap::value_parser!(u64).range(1..=1_048_576), requires = "nats")]
    nats_backlog_mib: u64,
}

#[derive(Debug, Args)]
struct Database {
    /// `postgres://user@host/database`; with TLS unless `?sslmode=disable` says otherwise, or the server is on this machine.
    #[arg(long, value_name = "URL", env = "DEPOTD_DATABASE")]
    database: Option<String>,
    /// A file that holds the password, when the URL has none.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Certificates in PEM of those to trust instead of the system's.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Give a depot the token that it shows from now on; printed once.
    Enrol {
        /// The depot's id.
        depot: String,
        #[command(flatten)]
        database: Database,
    },
    /// Take away a depot's token.
    Expel {
        /// The depot's id.
        depot: String,
        #[command(flatten)]
        database: Database,
    },
    /// Tell the depots, and when each was last heard of.
    Depots {
        #[command(flatten)]
        database: Database,
    },
    /// Sign an order and give it to a depot.
    Order {
        #[command(flatten)]
        order: OrderArgs,
        #[command(flatten)]
        database: Database,
    },
    /// Tell a depot's last orders, and what became of them.
    Orders {
        /// The depot's id.
        depot: String,
        #[command(flatten)]
        database: Database,
    },
    /// Make the key that orders are signed with.
    Keygen {
        /// Where the private key is written; the file must not be there yet.
        file: PathBuf,
    },
    /// Print the protocol's OpenAPI description, for receivers of one's own.
    Openapi,
}

impl Database {
    fn url(&self) -> Result<&str> {
        self.database.as_deref().context("--database is missing: postgres://user@host/database")
    }

    fn password(&self) -> Result<Option<String>> {
        let read = |file: &PathBuf| std::fs::read_to_string(file).with_context(|| file.display().to_string());
        Ok(self.password_file.as_ref().map(read).transpose()?.map(|text| text.trim_end().to_owned()))
    }

    async fn open(&self) -> Result<Office> {
        let tls = tls::trusting(self.ca_file.as_deref())?;
        let (url, password) = (self.url()?, self.password()?);
        match Office::open(url, password.as_deref(), tls).await {
            Err(error) if password.is_none() && error.to_string().contains("password missing") => {
                Err(error).context("PostgreSQL asks for a password: name the file that holds it with --password-file")
            }
            opened => Ok(opened?),
        }
    }
}

/// Does what the arguments say.
pub fn run(args: &ReceiveArgs, common: &Common) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(async {
        match &args.command {
            None => serve(&args.serve).await,
            Some(Command::Enrol { depot, database }) => enrol(depot, database, common).await,
            Some(Command::Expel { depot, database }) => {
                ensure!(database.open().await?.expel(depot).await?, "depot {depot:?} has no token");
                common.print(&json!({"depot": depot}), || format!("Depot {depot} is not let in any more."));
                Ok(())
            }
            Some(Command::Depots { database }) => depots(database, common).await,
            Some(Command::Order { order, database }) => order::give(order, async || database.open().await, common).await,
            Some(Command::Orders { depot, database }) => order::list(depot, database.open().await?, common).await,
            Some(Command::Keygen { file }) => order::keygen(file, common),
            Some(Command::Openapi) => {
                super::say(serde_json::to_string_pretty(&document())?);
                Ok(())
            }
        }
    })
}

impl ForwardArgs {
    fn settings(&self) -> Result<Option<SinkSettings>> {
        let Some(url) = &self.nats else { return Ok(None) };
        let settings = SinkSettings {
            user: self.nats_user.clone(),
            secret_file: self.nats_secret_file.clone(),
            ca_file: self.nats_ca_file.clone(),
            prefix: self.nats_prefix.clone(),
            ..SinkSettings::to("nats", url)
        };
        ensure!(settings.kind() == Some(SinkKind::Nats), "--nats must begin with nats:// or tls://, not {url:?}");
        // What is wrong with files is told now, not with the first batch.
        settings.secret()?;
        tls::client(&settings)?;
        Ok(Some(settings))
    }
}

async fn serve(args: &ServeArgs) -> Result<()> {
    let (shutdown, clock) = (on_signal()?, Clock::system());
    let tls = tls::trusting(args.database.ca_file.as_deref())?;
    let mut pool = Pool::new(args.database.url()?, args.database.password()?, tls, args.connections.into(), clock.clone());
    let forward = args.forward.settings()?.map(|settings| {
        let counts = Counts::default();
        pool = pool.clone().handing_on(counts.clone());
        Forward { pool: pool.clone(), settings, most: args.forward.nats_backlog_mib << 20, counts }
    });
    // A wrong address is told now, not to the first depot.
    pool.lend().await?.done();
    let receiver = Receiver::bind(args.listen, pool).await?;
    super::say(json!({"pid": std::process::id(), "http": format!("http://{}", receiver.address()?)}));
    receiver.run(forward, clock, shutdown).await;
    Ok(())
}

async fn enrol(depot: &str, database: &Database, common: &Common) -> Result<()> {
    ensure!(is_depot(depot), "a depot's id is made of letters, digits, - and _, 64 at most");
    let mut secret = [0_u8; 32];
    getrandom::fill(&mut secret).map_err(|e| anyhow::anyhow!("no randomness: {e}"))?;
    let token = URL_SAFE_NO_PAD.encode(secret);
    database.open().await?.enrol(depot, &token_hash(&token)).await?;
    common.print(&json!({"depot": depot, "token": token}), || {
        format!(
            "Depot {depot} shows this token from now on; it is not told again. Put it into a file and name that as secret_file:\n{token}"
        )
    });
    Ok(())
}

async fn depots(database: &Database, common: &Common) -> Result<()> {
    let found = database.open().await?.depots().await?;
    let items: Vec<_> = found
        .iter()
        .map(|(id, enrolled, age)| json!({"id": id, "enrolled": enrolled, "last_seen_s": age.map(|age| age.as_secs())}))
        .collect();
    common.print(&json!({"items": items}), || {
        let rows: Vec<_> = found
            .iter()
            .map(|(id, enrolled, age)| {
                let heard = age.map_or("never".to_owned(), |age| format!("{} s ago", age.as_secs()));
                vec![id.clone(), if *enrolled { "yes" } else { "no" }.to_owned(), heard]
            })
            .collect();
        super::table(&["DEPOT", "TOKEN", "LAST HEARD"], &rows, "No depot is known yet: `depotd receive enrol DEPOT`.")
    });
    Ok(())
}
