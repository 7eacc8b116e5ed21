//! Who the depots are, and how far each of them is.

use super::{Office, Result};
use crate::batch::Known;
use crate::model::Lane;
use std::collections::HashMap;
use std::time::Duration;
use tokio_postgres::Row;

/// May a depot be called that? 1 to 64 letters, digits, `-` and `_`.
pub fn is_depot(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

impl Office {
    /// How far each lane of each epoch of `depot` is.
    pub async fn known(&self, depot: &str) -> Result<Vec<Known>> {
        let sql = "select epoch, lane, through, from_seq from depotd.lane_cursor left join depotd.superseded using (depot, epoch) where depot = $1";
        let rows = self.client.query(sql, &[&depot]).await?;
        let known = |row: &Row| Some(Known { superseded_from: row.get(3), ..Known::new(row.get(0), Lane::parse(row.get(1))?, row.get(2)) });
        Ok(rows.iter().filter_map(known).collect())
    }

    /// What each depot's token is known by: its SHA-256 in hex.
    pub async fn token_hashes(&self) -> Result<HashMap<String, String>> {
        let rows = self.client.query("select id, token_hash from depotd.depot where token_hash is not null", &[]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Makes `depot` known, with the token that it will show from now on.
    pub async fn enrol(&self, depot: &str, token_hash: &str) -> Result<()> {
        let sql =
            "insert into depotd.depot (id, token_hash) values ($1, $2) on conflict (id) do update set token_hash = excluded.token_hash";
        self.client.execute(sql, &[&depot, &token_hash]).await?;
        Ok(())
    }

    /// Takes away the token of `depot`; says whether it had one.
    pub async fn expel(&self, depot: &str) -> Result<bool> {
        let sql = "update depotd.depot set token_hash = null where id = $1 and token_hash is not null";
        Ok(self.client.execute(sql, &[&depot]).await? > 0)
    }

    /// The depots, each with whether it has a token, and how long ago it last sent something, if it ever did.
    pub async fn depots(&self) -> Result<Vec<(String, bool, Option<Duration>)>> {
        let rows = self
            .client
            .query("select id, token_hash is not null, extract(epoch from now() - last_seen)::float8 from depotd.depot order by id", &[])
            .await?;
        let age = |row: &Row| row.get::<_, Option<f64>>(2).map(|age| Duration::from_secs_f64(age.max(0.0)));
        Ok(rows.iter().map(|row| (row.get(0), row.get(1), age(row))).collect())
    }
}
