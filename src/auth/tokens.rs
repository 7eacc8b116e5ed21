//! API tokens: `dpt_<id>_<secret>`, kept hashed, limited by role and scope, expiring.

use super::{Auth, Error, Result, Role, What, Who, announce, secrets, users};
use crate::model::{Actor, Kind, Span, Timestamp};
use crate::store::tokens;
use rusqlite::Transaction;
use subtle::ConstantTimeEq;

/// Use is noted so often at most.
const NOTED: Span = Span::from_secs(60);

/// A token that is to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What it may do at most.
    pub role: Role,
    /// What it is limited to, like `bookings:read`; empty: all of the role.
    pub scopes: Vec<String>,
    /// Whose program it is of, by the name that bookings have; only with [`Role::Customer`].
    pub customer: Option<String>,
    /// From then on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// A token, without its secret.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may do at most.
    pub role: String,
    /// What it is limited to.
    pub scopes: Vec<String>,
    /// Whose program it is of.
    pub customer: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
}

/// A token that was made.
#[derive(Clone, Debug)]
pub struct TokenMade {
    /// Its id.
    pub id: String,
    /// The whole token, shown this once.
    pub token: String,
}

impl From<tokens::Row> for Token {
    fn from(row: tokens::Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            role: row.role,
            scopes: split(&row.scope),
            customer: row.customer,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            used_at: row.used_at,
        }
    }
}

fn split(scope: &str) -> Vec<String> {
    scope.split_whitespace().map(str::to_owned).collect()
}

impl NewToken {
    fn check(&self, now: Timestamp) -> Result<()> {
        let known = What::ALL.map(What::scope);
        if let Some(odd) = self.scopes.iter().find(|s| !known.contains(&s.as_str())) {
            return Err(Error::field("scopes", format!("{odd:?} is not one of {}", known.join(", "))));
        }
        if self.role == Role::Integration && self.scopes.is_empty() {
            return Err(Error::field("scopes", format!("an integration needs at least one of {}", known.join(", "))));
        }
        users::check_customer(self.role, self.customer.as_deref())?;
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(Error::field("expires_at", "must lie in the future"));
        }
        if self.name.chars().count() > 100 {
            return Err(Error::field("name", "must have at most 100 characters"));
        }
        Ok(())
    }
}

impl Auth {
    /// Makes a token.
    pub async fn add_token(&self, new: NewToken, actor: Actor) -> Result<TokenMade> {
        let now = self.now();
        new.check(now)?;
        let (id, secret) = (secrets::short_id()?, secrets::secret()?);
        let made = TokenMade { id: id.clone(), token: format!("dpt_{id}_{secret}") };
        let row = tokens::Row {
            id,
            hash: secrets::digest(secret.as_bytes()),
            name: new.name,
            role: new.role.as_str().to_owned(),
            scope: new.scopes.join(" "),
            customer: new.customer,
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
            used_at: None,
        };
        let change = move |tx: &Transaction<'_>| {
            tokens::insert(tx, &row)?;
            announce(tx, now, &actor, Kind::AccessChanged, "token.add", &row.id)
        };
        self.0.db.write(change).await?;
        Ok(made)
    }

    /// Every token, newest first.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        Ok(self.0.db.read(tokens::list).await?.into_iter().map(Token::from).collect())
    }

    /// Revokes a token: it is refused from now on.
    pub async fn revoke_token(&self, id: &str, actor: Actor) -> Result<()> {
        let (id, now) = (id.to_owned(), self.now());
        let change = move |tx: &Transaction<'_>| {
            if !tokens::revoke(tx, &id, now)? {
                return Err(Error::Unknown(format!("token {id} that is not revoked")));
            }
            Ok(announce(tx, now, &actor, Kind::AccessChanged, "token.revoke", &id)?)
        };
        self.0.db.write(change).await
    }

    /// Who sends this bearer token; `None` when it is none, expired or revoked.
    pub async fn bearer(&self, token: &str) -> Result<Option<Who>> {
        Ok(self.bearer_until(token).await?.map(|(who, _)| who))
    }

    /// [`Auth::bearer`] for a connection that lasts, with the time from which on the token is refused.
    pub async fn bearer_until(&self, token: &str) -> Result<Option<(Who, Option<Timestamp>)>> {
        let Some((id, secret)) = token.strip_prefix("dpt_").and_then(|t| t.split_once('_')) else { return Ok(None) };
        let (wanted, hash, now) = (id.to_owned(), secrets::digest(secret.as_bytes()), self.now());
        let Some(row) = self.0.db.read(move |c| tokens::get(c, &wanted)).await? else { return Ok(None) };
        let same = bool::from(row.hash.as_bytes().ct_eq(hash.as_bytes()));
        let over = row.revoked_at.is_some() || row.expires_at.is_some_and(|at| at <= now);
        let Some(role) = Role::parse(&row.role).filter(|_| same && !over) else { return Ok(None) };
        let who = Who { role, name: row.id.clone(), scopes: split(&row.scope), by_token: true, customer: row.customer };
        if row.used_at.is_none_or(|at| now - at > NOTED) {
            let id = row.id;
            self.0.db.write(move |tx| tokens::touch(tx, &id, now)).await?;
        }
        Ok(Some((who, row.expires_at)))
    }
}
