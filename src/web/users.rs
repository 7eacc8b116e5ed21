//! People who sign in.

use super::Web;
use super::error::{Problem, Result};
use super::extract::{Body, Caller, Id};
use super::fields::{Fields, Read};
use super::shapes::List;
use crate::auth::{Role, User, UserChange};
use crate::model::Timestamp;
use crate::web::shapes::words;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserShape {
    /// Its name, which is its id.
    name: String,
    /// `admin`, `dispatcher`, `viewer`, `driver` or `customer`.
    #[schema(value_type = words::UserRole)]
    role: &'static str,
    /// Whose people it is one of, by the name that bookings have.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    /// May not sign in?
    disabled: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The password that was made up; only in the answer to the request that made the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}
impl From<User> for UserShape {
    fn from(user: User) -> Self {
        Self {
            name: user.name,
            role: user.role.as_str(),
            customer: user.customer,
            disabled: user.disabled,
            created_at: user.created_at,
            password: None,
        }
    }
}

/// A user to be made.
#[derive(Debug, ToSchema)]
#[schema(as = UserRequest)]
pub struct UserInput {
    /// 1 to 64 letters, digits, `.`, `_`, `-`, `@`.
    name: String,
    /// `admin`, `dispatcher`, `viewer`, `driver` or `customer`.
    #[schema(value_type = words::UserRole)]
    role: Role,
    /// With the role customer: whose people it is one of, by the name that bookings have. It sees and makes bookings of that customer.
    customer: Option<String>,
    /// At least 12 characters; made up when absent.
    password: Option<String>,
}
impl Read for UserInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let name = f.text("name", 64);
        let name = f.required("name", name);
        let role = f.one_of("role", ROLES, role);
        let role = f.required("role", role);
        let (customer, password) = (f.text("customer", 200), f.secret("password"));
        Some(Self { name: name?, role: role?, customer: customer?, password: password? })
    }
}

/// What is to be different; what is absent stays.
#[derive(Debug, ToSchema)]
#[schema(as = UserChange)]
pub struct UserChangeInput {
    /// `admin`, `dispatcher`, `viewer`, `driver` or `customer`.
    #[schema(value_type = Option<words::UserRole>)]
    role: Option<Role>,
    /// With the role customer: whose people it is one of.
    customer: Option<String>,
    /// `true`: may not sign in, and is signed out everywhere.
    disabled: Option<bool>,
    /// At least 12 characters.
    password: Option<String>,
}
impl Read for UserChangeInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let role = f.one_of("role", ROLES, role);
        let disabled = f.flag("disabled");
        let (customer, password) = (f.text("customer", 200), f.secret("password"));
        Some(Self { role: role?, customer: customer?, disabled: disabled?, password: password? })
    }
}

const ROLES: &str = "admin, dispatcher, viewer, driver, customer";

fn role(name: &str) -> Option<Role> {
    Role::parse(name).filter(|r| ROLES.split(", ").any(|known| known == r.as_str()))
}

/// List users by name.
#[utoipa::path(get, path = "/api/v1/users", tag = "access", responses((status = 200, body = List<UserShape>)))]
pub async fn list(State(web): State<Web>) -> Result<Json<List<UserShape>>> {
    let users = web.auth.users().await?;
    Ok(Json(List { items: users.into_iter().map(Into::into).collect(), next: None }))
}

/// Make a user.
#[utoipa::path(post, path = "/api/v1/users", tag = "access", request_body = UserInput,
    responses((status = 201, body = UserShape), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(State(web): State<Web>, Caller(who): Caller, Body(u): Body<UserInput>) -> Result<(StatusCode, Json<UserShape>)> {
    let (user, password) = web.auth.add_user(&u.name, (u.role, u.customer), u.password, who.actor()).await?;
    Ok((StatusCode::CREATED, Json(UserShape { password, ..user.into() })))
}

/// Change a user.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "access", params(("id" = String, Path)), request_body = UserChangeInput,
    responses((status = 200, body = UserShape), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn change(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(name): Id<String>,
    Body(input): Body<UserChangeInput>,
) -> Result<Json<UserShape>> {
    let change = UserChange { role: input.role, customer: input.customer, disabled: input.disabled, password: input.password };
    let user = web.auth.change_user(&name, change, who.actor()).await?;
    Ok(Json(user.into()))
}
