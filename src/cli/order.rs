//! `depotd receive order`, `orders` and `keygen`: what head office orders.

use super::{Common, table};
use crate::batch::{Command, KINDS, MAX_COMMAND, SigningKey, is_cmd_id};
use crate::clock::Clock;
use crate::model::{Span, Timestamp};
use crate::office::{Given, Office};
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Map, Value, json};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Orders told at once.
const TOLD: i64 = 100;

/// An order to be given.
#[derive(Debug, Args)]
pub struct OrderArgs {
    /// The depot's id.
    pub depot: String,
    /// What is to be done: `booking.create`, `booking.change`, `booking.cancel`, `user.set`, `user.disable`, ….
    #[arg(long)]
    kind: String,
    /// A file that holds what the kind asks for, one JSON object; `-` for standard input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    data: PathBuf,
    /// The booking that it is about; with booking.create the id that it is to have.
    #[arg(long, value_name = "BOOKING")]
    target: Option<String>,
    /// The version that the booking must have.
    #[arg(long, value_name = "N")]
    expected_version: Option<u32>,
    /// How long it holds, like 90s, 30m, 1h or 7d, or a time in RFC 3339.
    #[arg(long, value_name = "TIME", default_value = "1h")]
    expires: String,
    /// Its name; made up when absent. Of two orders with one name only the first is carried out.
    #[arg(long, value_name = "ID")]
    cmd_id: Option<String>,
    /// Head office's private key, as `depotd receive keygen` writes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Only print the signed order, for a sink that is no PostgreSQL; nothing is given.
    #[arg(long)]
    pub print: bool,
}

/// An order, signed.
struct Signed {
    cmd_id: String,
    command: String,
    signature: String,
}

/// Signs what the arguments say, and gives it to the depot in the record that `open` opens.
pub async fn give(args: &OrderArgs, open: impl AsyncFnOnce() -> Result<Office>, common: &Common) -> Result<()> {
    let Signed { cmd_id, command, signature } = sign(args, Clock::system().now())?;
    if args.print {
        super::say(json!({"seq": 0, "command": command, "signature": signature}));
        return Ok(());
    }
    let office = open().await?;
    if !office.depots().await?.iter().any(|(id, ..)| *id == args.depot) {
        tracing::warn!("no depot {:?} was enrolled or heard of yet: the order waits until one comes", args.depot);
    }
    let seq = office.give_order(&args.depot, &cmd_id, &command, &signature).await?;
    common.print(&json!({"cmd_id": cmd_id, "seq": seq}), || {
        format!("Depot {} is to carry out {cmd_id}; `depotd receive orders {}` tells what became of it.", args.depot, args.depot)
    });
    Ok(())
}

fn sign(args: &OrderArgs, now: Timestamp) -> Result<Signed> {
    let key = std::fs::read_to_string(&args.key).with_context(|| args.key.display().to_string())?;
    let key = SigningKey::from_pem(&key).with_context(|| args.key.display().to_string())?;
    let cmd_id = match &args.cmd_id {
        Some(id) => id.clone(),
        None => new_id(now)?,
    };
    if !KINDS.contains(&args.kind.as_str()) {
        tracing::warn!("depots of this version answer unsupported to {:?}; they know {}", args.kind, KINDS.join(", "));
    }
    ensure!(is_cmd_id(&cmd_id), "--cmd-id must have 1 to 64 letters, digits, '-', '_', '.' or ':'");
    let command = Command {
        cmd_id: cmd_id.clone(),
        depot: args.depot.clone(),
        kind: args.kind.clone(),
        target: args.target.clone(),
        expected_version: args.expected_version,
        issued_at: now,
        expires_at: expiry(&args.expires, now)?,
        data: data(&args.data)?,
    };
    ensure!(command.expires_at > now, "--expires {:?} is over already", args.expires);
    let command = serde_json::to_string(&command)?;
    ensure!(command.len() <= MAX_COMMAND, "the command has {} bytes, {MAX_COMMAND} at most may go", command.len());
    Ok(Signed { cmd_id, signature: key.sign(&command), command })
}

fn new_id(now: Timestamp) -> Result<String> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|e| anyhow::anyhow!("no randomness: {e}"))?;
    Ok(uuid::Builder::from_unix_timestamp_millis(u64::try_from(now.as_millis()).unwrap_or(0), &random).into_uuid().to_string())
}

fn data(file: &Path) -> Result<Map<String, Value>> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("read the data from standard input")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    }
    serde_json::from_str(&text).with_context(|| format!("{}: the data must be one JSON object", file.display()))
}

fn expiry(text: &str, now: Timestamp) -> Result<Timestamp> {
    if let Some(at) = Timestamp::parse(text) {
        return Ok(at);
    }
    let seconds = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        number.parse::<i64>().ok()?.checked_mul(unit).filter(|seconds| (1..=3_650 * 86_400).contains(seconds))
    };
    let seconds = seconds().with_context(|| format!("--expires {text:?} is neither a time in RFC 3339 nor like 90s, 30m, 1h or 7d"))?;
    Ok(now + Span::from_secs(seconds))
}

/// Writes a new private key to `file`, which must not be there yet, and tells its public half.
pub fn keygen(file: &Path, common: &Common) -> Result<()> {
    let (key, pem) = SigningKey::generate()?;
    ensure!(!file.exists(), "{} exists: a key is not written over, for depots may trust it; name another file", file.display());
    let mut made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).with_context(|| file.display().to_string())?;
    made.write_all(pem.as_bytes()).and_then(|()| made.sync_all()).with_context(|| file.display().to_string())?;
    let public = key.public();
    common.print(&json!({"file": file, "orders_key": public}), || {
        format!(
            "{} holds the private key: keep it at head office alone.\nEach depot's settings get, under [upstream]:\n\norders_key = \"{public}\"",
            file.display()
        )
    });
    Ok(())
}

/// Tells the last orders for `depot`.
pub async fn list(depot: &str, office: Office, common: &Common) -> Result<()> {
    let given = office.given(depot, TOLD).await?;
    let items: Vec<_> = given.iter().map(item).collect();
    common.print(&json!({"items": items}), || {
        let text = |item: &Value, name: &str| item[name].as_str().unwrap_or("-").to_owned();
        let columns = ["cmd_id", "kind", "target", "given_at", "outcome", "reason", "detail"];
        let rows: Vec<_> = items.iter().map(|item| columns.map(|name| text(item, name)).to_vec()).collect();
        table(
            &["ORDER", "KIND", "TARGET", "GIVEN", "OUTCOME", "REASON", "DETAIL"],
            &rows,
            "No order was given yet: `depotd receive order DEPOT`.",
        )
    });
    Ok(())
}

fn item(given: &Given) -> Value {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (command, result) = (read(&given.command), read(given.result.as_deref().unwrap_or("null")));
    let target = if result["target"].is_null() { &command["target"] } else { &result["target"] };
    json!({
        "seq": given.seq, "cmd_id": given.cmd_id, "kind": command["kind"], "target": target, "given_at": given.given_at,
        "expires_at": command["expires_at"], "answered_at": given.answered_at, "outcome": given.outcome,
        "reason": result["reason"], "detail": result["detail"], "errors": result["errors"], "current": result["current"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_an_order_holds() {
        let now = Timestamp::from_secs(1_000);
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("1h", 3_600), ("7d", 604_800)] {
            assert_eq!(expiry(text, now).unwrap(), now + Span::from_secs(seconds), "{text}");
        }
        assert_eq!(expiry("2026-01-01T00:00:00Z", now).unwrap().to_string(), "2026-01-01T00:00:00.000Z");
        for wrong in ["", "h", "1", "1w", "-1h", "0s", "9999999d", "1é", "tomorrow"] {
            assert!(expiry(wrong, now).is_err(), "{wrong:?}");
        }
    }
}
