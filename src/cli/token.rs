//! `depotd token`: API tokens.

use super::{Common, operator, table, user::role};
use crate::auth::{NewToken, Role, Token};
use crate::model::{Span, Timestamp};
use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::json;

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a token; it is printed this once.
    Create {
        /// What it may do at most: admin, dispatcher, viewer, customer, integration.
        #[arg(long, value_parser = role)]
        role: Role,
        /// Limit it, like bookings:read; may be repeated.
        #[arg(long)]
        scope: Vec<String>,
        /// With the role customer: whose program it is of, by the name that bookings have.
        #[arg(long)]
        customer: Option<String>,
        /// Days until it is refused, like 90d, or a time in RFC 3339.
        #[arg(long)]
        expires: Option<String>,
        /// What it is for.
        #[arg(long, default_value = "")]
        name: String,
    },
    /// List the tokens.
    List,
    /// Refuse a token from now on.
    Revoke {
        /// The token's id.
        id: String,
    },
}

/// Runs the command.
pub fn run(command: Command, common: &Common) -> Result<()> {
    let now = crate::clock::Clock::system().now();
    common.with_auth(async |auth| {
        match command {
            Command::Create { role, scope, customer, expires, name } => {
                let expires_at = expires.map(|text| expiry(&text, now)).transpose()?;
                let made = auth.add_token(NewToken { name, role, scopes: scope, customer, expires_at }, operator()).await?;
                common
                    .print(&json!({ "id": made.id, "token": made.token }), || format!("This token is shown only now:\n\n  {}", made.token));
            }
            Command::List => list(common, &auth.tokens().await?),
            Command::Revoke { id } => {
                auth.revoke_token(&id, operator()).await?;
                common.print(&json!({ "id": id, "revoked": true }), || format!("Token {id} is revoked."));
            }
        }
        Ok(())
    })
}

fn expiry(text: &str, now: Timestamp) -> Result<Timestamp> {
    if let Some(at) = Timestamp::parse(text) {
        return Ok(at);
    }
    let days: i64 = text
        .trim_end_matches('d')
        .parse()
        .ok()
        .filter(|d| (1..=3650).contains(d))
        .with_context(|| format!("--expires {text:?} is neither days (like 90d, at most 3650d) nor a time in RFC 3339"))?;
    Ok(now + Span::from_secs(days * 86_400))
}

fn list(common: &Common, tokens: &[Token]) {
    let value: Vec<_> = tokens
        .iter()
        .map(|t| {
            json!({ "id": t.id, "name": t.name, "role": t.role, "scopes": t.scopes, "customer": t.customer, "created_at": t.created_at,
                "expires_at": t.expires_at, "revoked_at": t.revoked_at, "used_at": t.used_at })
        })
        .collect();
    let at = |t: Option<Timestamp>| t.map_or("-".to_owned(), |t| t.to_string());
    let row = |t: &Token| {
        let state = if t.revoked_at.is_some() { "revoked" } else { "active" };
        vec![t.id.clone(), t.role.clone(), t.scopes.join(","), state.to_owned(), at(t.expires_at), at(t.used_at), t.name.clone()]
    };
    let rows: Vec<_> = tokens.iter().map(row).collect();
    let empty = "There is no token yet. Make one with: depotd token create --role dispatcher";
    common.print(&json!(value), || table(&["ID", "ROLE", "SCOPE", "STATE", "EXPIRES", "USED", "NAME"], &rows, empty));
}
