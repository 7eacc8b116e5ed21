//! A list's pages.

use crate::web::fields::{Fields, Read};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// A list's page.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// What was found.
    pub items: Vec<T>,
    /// Give it as `cursor` to get the following page; `null` on the last.
    #[schema(required)]
    pub next: Option<String>,
}

/// Which page of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// Items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub limit: u32,
}
impl Read for PageParams {
    fn read(fields: &mut Fields) -> Option<Self> {
        let cursor = fields.text("cursor", 200);
        let limit = fields.whole("limit", 1, 500);
        Some(Self { cursor: cursor?, limit: limit?.unwrap_or(50) })
    }
}

impl From<PageParams> for crate::bookings::Page {
    fn from(page: PageParams) -> Self {
        Self { cursor: page.cursor, limit: page.limit }
    }
}
