//! API tokens of programs.

use super::Web;
use super::error::{Problem, Result};
use super::extract::{Body, Caller, Id};
use super::fields::{Fields, Read};
use super::shapes::List;
use crate::auth::{NewToken, Role, Token};
use crate::model::Timestamp;
use crate::web::shapes::words;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenShape {
    /// Its id.
    id: String,
    /// What it is for.
    name: String,
    /// What its holder may do at most.
    role: String,
    /// What it is limited to; everything of its role when empty.
    scopes: Vec<String>,
    /// Whose program it is of, by the name that bookings have.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was last used.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}
impl From<Token> for TokenShape {
    fn from(t: Token) -> Self {
        Self {
            id: t.id,
            name: t.name,
            role: t.role,
            scopes: t.scopes,
            customer: t.customer,
            created_at: t.created_at,
            expires_at: t.expires_at,
            last_used_at: t.used_at,
            revoked_at: t.revoked_at,
        }
    }
}

/// A token to be made.
#[derive(Debug, ToSchema)]
#[schema(as = TokenRequest)]
pub struct TokenInput {
    /// What it is for.
    name: Option<String>,
    /// `admin`, `dispatcher`, `viewer`, `customer` or `integration`.
    #[schema(value_type = words::TokenRole)]
    role: Role,
    /// What it is limited to.
    scopes: Option<Vec<String>>,
    /// With the role customer: whose program it is of. It sees and makes bookings of that customer.
    customer: Option<String>,
    /// When it ends; never when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}
impl Read for TokenInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let name = f.text("name", 100);
        let role = f.one_of("role", "admin, dispatcher, viewer, customer, integration", Role::parse);
        let role = f.required("role", role);
        let (scopes, customer) = (f.texts("scopes", 16), f.text("customer", 200));
        let expires_at = f.instant("expires_at");
        Some(Self { name: name?, role: role?, scopes: scopes?, customer: customer?, expires_at: expires_at? })
    }
}

/// A new token; the secret is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewToken)]
pub struct NewTokenShape {
    /// Its id.
    id: String,
    /// What to send as `Authorization: Bearer …`.
    token: String,
}

/// List tokens.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "access", responses((status = 200, body = List<TokenShape>)))]
pub async fn list(State(web): State<Web>) -> Result<Json<List<TokenShape>>> {
    let tokens = web.auth.tokens().await?;
    Ok(Json(List { items: tokens.into_iter().map(Into::into).collect(), next: None }))
}

/// Make a token; its secret is in this answer only.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "access", request_body = TokenInput,
    responses((status = 201, body = NewTokenShape), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    Body(input): Body<TokenInput>,
) -> Result<(StatusCode, Json<NewTokenShape>)> {
    let new = NewToken {
        name: input.name.unwrap_or_default(),
        role: input.role,
        scopes: input.scopes.unwrap_or_default(),
        customer: input.customer,
        expires_at: input.expires_at,
    };
    let made = web.auth.add_token(new, who.actor()).await?;
    Ok((StatusCode::CREATED, Json(NewTokenShape { id: made.id, token: made.token })))
}

/// End a token.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "access", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn revoke(State(web): State<Web>, Caller(who): Caller, Id(id): Id<String>) -> Result<StatusCode> {
    web.auth.revoke_token(&id, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
