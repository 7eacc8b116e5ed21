//! How tariffs and what they speak of are shown.

use crate::model::Timestamp;
use crate::pricing::Tariff;
use crate::tariffs::{State, Version, Versioned};
use crate::web::shapes::words;
use crate::web::version;
use serde::Serialize;
use utoipa::ToSchema;

/// A version of the tariff in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct TariffSummary {
    /// Counts the versions, from 1; 0 is the flat tariff of the settings.
    version: u32,
    /// What people call it.
    name: String,
    /// `coming`, `in_effect`, `past` or `withdrawn`.
    #[schema(value_type = words::TariffState)]
    state: &'static str,
    /// In effect from then on; that of the settings has no begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Timestamp>,
    /// Who made it, like `user:ana`.
    made_by: String,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    made_at: Option<Timestamp>,
}

impl From<&Version> for TariffSummary {
    fn from(v: &Version) -> Self {
        let kept = |at| (v.row.version > 0).then_some(at);
        Self {
            version: v.row.version,
            name: v.tariff.name.clone(),
            state: State::as_str(v.state),
            starts_at: kept(v.row.starts_at),
            made_by: v.row.made_by.clone(),
            made_at: kept(v.row.made_at),
        }
    }
}

/// A version of the tariff.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TariffVersion)]
pub struct TariffShape {
    #[serde(flatten)]
    summary: TariffSummary,
    /// What it says.
    tariff: Tariff,
}

impl From<Version> for TariffShape {
    fn from(v: Version) -> Self {
        Self { summary: (&v).into(), tariff: v.tariff }
    }
}

/// A document, and the version of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Kept<T> {
    #[serde(flatten)]
    document: T,
    /// Counts its changes, from 1; goes into `If-Match`.
    version: u32,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl<T> From<Versioned<T>> for Kept<T> {
    fn from(v: Versioned<T>) -> Self {
        Self { document: v.document, version: v.version, updated_at: v.updated_at }
    }
}

/// One document, its version in the `ETag`.
pub fn tagged<T: Serialize>(v: Versioned<T>) -> version::Versioned<Kept<T>> {
    version::Versioned(version::Version(v.version), v.into())
}
