//! What depotd was started with: the lowest layer.

use crate::config::{Config, Origin, Origins, Upstream};
use crate::store::settings as rows;
use crate::store::{self, Db};
use serde::Deserialize;
use serde_json::{Value, json};

/// What depotd was started with.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// The settings.
    pub config: Config,
    /// What set which key.
    pub origins: Origins,
}

/// A base as commands find it. The sinks are not in it: a URL may hold a password.
#[derive(Deserialize)]
struct KeptBase {
    config: Config,
    origins: Origins,
}

impl Base {
    /// What set `key`, which has `value` here and `shipped` by default. Where nothing says so and these differ, the program did
    /// on behalf of its arguments.
    pub(super) fn origin(&self, key: &str, value: &Value, shipped: &Value) -> Origin {
        match self.origins.of(key) {
            Origin::Default if value != shipped => Origin::Flag,
            told => told,
        }
    }

    fn to_json(&self) -> Value {
        let config = Config { upstream: Upstream { sinks: Vec::new(), ..self.config.upstream.clone() }, ..self.config.clone() };
        json!({"config": config, "origins": self.origins})
    }

    /// Keeps it for commands: they may see other files and variables than the server.
    pub async fn keep(&self, db: &Db) -> store::Result<()> {
        let base = self.to_json();
        if db.read(rows::base).await?.as_ref() == Some(&base) {
            return Ok(());
        }
        db.write(move |tx| rows::put_base(tx, &base)).await
    }

    /// What the server of `db` was started with, as far as it is known there, else this.
    pub async fn of_server(self, db: &Db) -> store::Result<Self> {
        let Some(Ok(kept)) = db.read(rows::base).await?.map(KeptBase::deserialize) else { return Ok(self) };
        let KeptBase { config, origins } = kept;
        let upstream = Upstream { sinks: self.config.upstream.sinks, ..config.upstream };
        Ok(Self { config: Config { upstream, ..config }, origins })
    }
}
