//! Signing in and out, and the set-up link of the first start.

use super::Web;
use super::cookies;
use super::error::{Error, Problem, Result};
use super::extract::{Body, MaybeCaller};
use super::fields::{Fields, Read};
use super::server::Peer;
use super::shapes::PlaceShape;
use crate::auth::Who;
use crate::web::shapes::words;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedIn {
    /// Its name.
    name: String,
    /// `admin`, `dispatcher`, `viewer` …
    #[schema(value_type = words::Role)]
    role: &'static str,
    /// Whose people it is one of, by the name that bookings have.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
}
impl From<Who> for SignedIn {
    fn from(who: Who) -> Self {
        Self { name: who.name, role: who.role.as_str(), customer: who.customer }
    }
}

/// The depot.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DepotSettings)]
pub struct DepotShape {
    /// What it is called.
    name: String,
    /// Where the map opens.
    centre: PlaceShape,
    /// IANA time zone.
    zone: String,
}

/// What the console needs to know first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionShape {
    /// `null`: nobody is signed in.
    user: Option<SignedIn>,
    /// `true`: there is no user yet; use the link that the server printed.
    setup_needed: bool,
    /// The depot.
    depot: DepotShape,
    /// `true`: this is the demo.
    demo: bool,
    /// The server's version.
    version: &'static str,
}

/// Who is signed in, and what this depot is.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", security(()), responses((status = 200, body = SessionShape)))]
pub async fn read(State(web): State<Web>, MaybeCaller(who): MaybeCaller) -> Result<Json<SessionShape>> {
    let depot = &web.config.depot;
    Ok(Json(SessionShape {
        user: who.map(Into::into),
        setup_needed: web.auth.setup_needed().await?,
        depot: DepotShape { name: depot.name.clone(), centre: PlaceShape { lat: depot.lat, lon: depot.lon }, zone: depot.zone.clone() },
        demo: web.demo,
        version: env!("CARGO_PKG_VERSION"),
    }))
}

/// A name with its password, or the demo's one-time key.
#[derive(Debug, ToSchema)]
#[schema(as = SignIn)]
pub struct SignInInput {
    /// The user.
    name: Option<String>,
    /// Its password.
    password: Option<String>,
    /// In place of both: the key out of the link that the demo printed.
    key: Option<String>,
}
impl Read for SignInInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let key = f.secret("key");
        let name = f.text("name", 64);
        let password = f.secret("password");
        if matches!(key, Some(None)) {
            f.required("name", name.clone());
            f.required("password", password.clone());
        }
        Some(Self { name: name?, password: password?, key: key? })
    }
}

type Cookie = [(HeaderName, HeaderValue); 1];

fn cookie(web: &Web, secret: &str) -> Result<Cookie> {
    Ok([(header::SET_COOKIE, cookies::write(secret, web.config.http.behind_https)?)])
}

/// Sign in; the answer sets the session cookie.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", security(()), request_body = SignInInput,
    responses((status = 200, body = SignedIn), (status = 401, body = Problem), (status = 403, body = Problem), (status = 429, body = Problem),
        (status = 503, body = Problem)))]
pub async fn open(
    State(web): State<Web>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    Body(input): Body<SignInInput>,
) -> Result<(Cookie, Json<SignedIn>)> {
    let opened = match (input.key, input.name, input.password) {
        (Some(key), _, _) => web.auth.login_with_key(&key, peer.ip()).await?,
        (None, Some(name), Some(password)) => web.auth.login(&name, &password, peer.ip()).await?,
        _ => return Err(Error::unauthenticated("a name and a password are needed")),
    };
    if let Some(before) = cookies::read(&headers, web.config.http.behind_https) {
        web.auth.logout(before).await?;
    }
    Ok((cookie(&web, &opened.secret)?, Json(opened.who.into())))
}

/// Sign out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 204)))]
pub async fn close(State(web): State<Web>, headers: HeaderMap) -> Result<(StatusCode, Cookie)> {
    if let Some(secret) = cookies::read(&headers, web.config.http.behind_https) {
        web.auth.logout(secret).await?;
    }
    Ok((StatusCode::NO_CONTENT, cookie(&web, "")?))
}

/// The first user.
#[derive(Debug, ToSchema)]
#[schema(as = Setup)]
pub struct SetupInput {
    /// Out of the link that the server printed.
    token: String,
    /// The first admin's name.
    name: String,
    /// At least 12 characters.
    password: String,
}
impl Read for SetupInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let token = f.secret("token");
        let token = f.required("token", token);
        let name = f.text("name", 64);
        let name = f.required("name", name);
        let password = f.secret("password");
        let password = f.required("password", password);
        Some(Self { token: token?, name: name?, password: password? })
    }
}

/// Make the first admin with the one-time set-up link, and sign in.
#[utoipa::path(post, path = "/api/v1/setup", tag = "session", security(()), request_body = SetupInput,
    responses((status = 201, body = SignedIn), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn setup(
    State(web): State<Web>,
    Extension(Peer(peer)): Extension<Peer>,
    Body(input): Body<SetupInput>,
) -> Result<(StatusCode, Cookie, Json<SignedIn>)> {
    let opened = web.auth.set_up(&input.token, &input.name, &input.password, peer.ip()).await?;
    let user = SignedIn::from(opened.who);
    Ok((StatusCode::CREATED, cookie(&web, &opened.secret)?, Json(user)))
}
