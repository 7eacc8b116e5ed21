//! Brings the record's schema up to date: append-only steps, one transaction.

use super::{Error, Result};
use tokio_postgres::Client;

/// Every step so far. Never change one that was released; append.
const STEPS: &[&str] = &[include_str!("migrations/001.sql"), include_str!("migrations/002.sql")];
/// Names the lock that one migrates under while others wait.
const LOCK: i64 = 0x6465_706f_7464;

pub(super) async fn migrate(client: &mut Client) -> Result<()> {
    let known = i32::try_from(STEPS.len()).unwrap_or(i32::MAX);
    if version(client).await? == Some(known) {
        return Ok(());
    }
    let tx = client.transaction().await?;
    tx.execute("select pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    tx.batch_execute("create table if not exists public.depotd_schema (version integer not null)").await?;
    let found: i32 = tx.query_opt("select version from public.depotd_schema", &[]).await?.map_or(0, |row| row.get(0));
    if found > known {
        return Err(Error::Newer { found, known });
    }
    for (step, _) in STEPS.iter().zip(1..).filter(|(_, number)| *number > found) {
        tx.batch_execute(step).await?;
    }
    tx.execute("delete from public.depotd_schema", &[]).await?;
    tx.execute("insert into public.depotd_schema values ($1)", &[&known]).await?;
    Ok(tx.commit().await?)
}

async fn version(client: &Client) -> Result<Option<i32>> {
    let there: bool = client.query_one("select to_regclass('public.depotd_schema') is not null", &[]).await?.get(0);
    if !there {
        return Ok(None);
    }
    Ok(client.query_opt("select version from public.depotd_schema", &[]).await?.map(|row| row.get(0)))
}
