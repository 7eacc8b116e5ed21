//! `depotd serve`: the appliance.

use crate::app::{App, AppOptions};
use crate::config::{Config, Origin, Origins};
use crate::ops::run_file::Running;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Where to listen, over what the configuration says; port 0 takes a free one.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Address and port of the console and the API.
    #[arg(long, value_name = "ADDR:PORT")]
    pub http_listen: Option<SocketAddr>,
    /// Address and port of plain MQTT.
    #[arg(long, value_name = "ADDR:PORT")]
    pub mqtt_listen: Option<SocketAddr>,
    /// Address and port of MQTT over TLS.
    #[arg(long, value_name = "ADDR:PORT")]
    pub mqtts_listen: Option<SocketAddr>,
}

impl ServeArgs {
    /// The configuration with these in place.
    fn over(&self, mut config: Config, origins: &mut Origins) -> Config {
        for (given, key) in [(self.http_listen, "http.listen"), (self.mqtt_listen, "mqtt.listen"), (self.mqtts_listen, "mqtt.tls_listen")] {
            if given.is_some() {
                origins.note(key, Origin::Flag);
            }
        }
        config.http.listen = self.http_listen.unwrap_or(config.http.listen);
        config.mqtt.listen = self.mqtt_listen.or(config.mqtt.listen);
        config.mqtt.tls_listen = self.mqtts_listen.or(config.mqtt.tls_listen);
        config
    }
}

/// Serves until a signal asks to stop.
pub fn run((config, mut origins): (Config, Origins), args: &ServeArgs) -> Result<()> {
    let config = args.over(config, &mut origins);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let served = runtime.block_on(async {
        let shutdown = on_signal()?;
        let app = App::start(config, AppOptions { origins, ..AppOptions::default() }).await?;
        announce(&app).await?;
        app.run(shutdown).await
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    served
}

/// Says on standard output where it listens, and on standard error what a person has to do first.
async fn announce(app: &App) -> Result<()> {
    let at = app.addresses;
    super::say(Running::this(at.http, at.mqtt, at.mqtts).line());
    if let Some(token) = app.auth().setup_token().await? {
        eprintln!("No administrator exists yet. Make one within 30 minutes at http://{}/#setup={token}", at.http);
    }
    Ok(())
}

/// A token that SIGTERM or SIGINT cancels; a second signal ends the process at once.
pub fn on_signal() -> Result<CancellationToken> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let wait = async move {
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        cancelled.cancel();
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        std::process::exit(130);
    };
    #[expect(clippy::disallowed_methods, reason = "lives as long as the process, on behalf of all tasks")]
    drop(tokio::spawn(wait));
    Ok(token)
}
