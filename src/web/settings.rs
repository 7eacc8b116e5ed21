//! The settings in effect, where each is from, and overrides for a while.

use super::Web;
use super::error::{Error, FieldError, Problem, Result};
use super::extract::{Body, Caller, Id};
use super::fields::{Fields, Read};
use super::shapes::List;
use crate::model::Timestamp;
use crate::settings::{self, Setting, Wish};
use crate::web::shapes::words;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Bytes of a value at most.
const VALUE: usize = 1_024;

/// A setting.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Setting)]
pub struct SettingShape {
    /// Like `dispatch.gather_ms`.
    key: String,
    /// What it means.
    about: &'static str,
    /// May it change while depotd runs?
    live: bool,
    /// What is in effect.
    value: Value,
    /// Where that is from: `default`, `file`, `env`, `flag`, `head_office` or `override`.
    #[schema(value_type = words::SettingOrigin)]
    origin: &'static str,
    /// What depotd was started with.
    base_value: Value,
    /// Where that is from: `default`, `file`, `env` or `flag`.
    #[schema(value_type = words::SettingOrigin)]
    base_origin: &'static str,
    /// What head office sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_above: Option<AboveShape>,
    /// What people here set for a while.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    over: Option<OverrideShape>,
}

/// A value from head office.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SettingFromAbove)]
struct AboveShape {
    /// What it is set to.
    value: Value,
    /// The order that set it.
    cmd_id: String,
    /// When that was carried out.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Why it is set aside, when it does not pass the checks any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    set_aside: Vec<String>,
}

/// A value that somebody here set for a while.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SettingOverride)]
struct OverrideShape {
    /// What it is set to.
    value: Value,
    /// When it ends by itself.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// Who set it, like `user:ana`.
    actor: String,
    /// Why.
    reason: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Why it is set aside, when it does not pass the checks any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    set_aside: Vec<String>,
}

impl From<Setting> for SettingShape {
    fn from(s: Setting) -> Self {
        let above = |(above, set_aside): (settings::Above, Vec<String>)| {
            let settings::Above { value, cmd_id, at } = above;
            AboveShape { value, cmd_id, at, set_aside }
        };
        let over = |(over, set_aside): (settings::Override, Vec<String>)| {
            let settings::Override { value, until, actor, reason, at } = over;
            OverrideShape { value, until, actor, reason, at, set_aside }
        };
        let (origin, base_origin) = (s.source.as_str(), s.base_origin.as_str());
        let (from_above, over) = (s.above.map(above), s.over.map(over));
        let Setting { key, about, live, value, base, .. } = s;
        Self { key, about, live, value, origin, base_value: base, base_origin, from_above, over }
    }
}

/// A value for a while.
#[derive(Debug, ToSchema)]
#[schema(as = SettingOverrideRequest)]
pub struct OverrideInput {
    /// What to set it to, of the setting's type.
    value: Value,
    /// When it ends by itself; in 24 hours when absent, in 7 days at most.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Why; kept in the audit record.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}
impl Read for OverrideInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let value = f.json("value", VALUE);
        let value = f.required("value", value);
        let until = f.instant("until");
        let reason = f.text("reason", 200);
        let reason = f.required("reason", reason);
        Some(Self { value: value?, until: until?, reason: reason? })
    }
}

impl From<settings::Error> for Error {
    fn from(error: settings::Error) -> Self {
        match error {
            settings::Error::Unknown(_) | settings::Error::NotOverridden(_) => Self::not_found(error),
            settings::Error::Fixed(_) => Self::conflict(error),
            settings::Error::Invalid(faults) => {
                Self::invalid(faults.into_iter().map(|f| FieldError { field: f.key, message: f.message }).collect())
            }
            settings::Error::Store(error) => error.into(),
        }
    }
}

/// Every setting with its value and where that is from. Secrets, and paths and URLs that may lead to some, are not among them.
#[utoipa::path(get, path = "/api/v1/settings", tag = "settings", responses((status = 200, body = List<SettingShape>)))]
pub async fn list(State(web): State<Web>) -> Json<List<SettingShape>> {
    Json(List { items: web.settings.list().into_iter().map(Into::into).collect(), next: None })
}

/// Set a setting for a while. It is in effect when this answers, and ends by itself.
#[utoipa::path(put, path = "/api/v1/settings/{id}/override", tag = "settings", params(("id" = String, Path, description = "The key")),
    request_body = OverrideInput,
    responses((status = 200, body = SettingShape), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is read when depotd starts"), (status = 422, body = Problem)))]
pub async fn set(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(key): Id<String>,
    Body(input): Body<OverrideInput>,
) -> Result<Json<SettingShape>> {
    let OverrideInput { value, until, reason } = input;
    let setting = web.settings.set_for_a_while(&key, Wish { value, until, reason }, who.actor()).await?;
    Ok(Json(setting.into()))
}

/// End an override before its time. What is below it is in effect when this answers.
#[utoipa::path(delete, path = "/api/v1/settings/{id}/override", tag = "settings", params(("id" = String, Path, description = "The key")),
    responses((status = 200, body = SettingShape), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn end(State(web): State<Web>, Caller(who): Caller, Id(key): Id<String>) -> Result<Json<SettingShape>> {
    let setting = web.settings.end_override(&key, who.actor()).await?;
    Ok(Json(setting.into()))
}
