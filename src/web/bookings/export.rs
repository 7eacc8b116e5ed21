//! Giving out bookings as a CSV file, page by page, so that a long list takes no more memory than a page.

use super::input::ListParams;
use super::sheet;
use crate::bookings::{Filter, Page};
use crate::web::Web;
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::{Caller, Params};
use crate::web::shapes::File;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::stream;
use std::io;

/// Bookings read at once.
const PAGE: u32 = 500;

/// The bookings of a list as a CSV file, newest first.
///
/// The filters are those of the list; `limit` and `cursor` have no effect. A text that a spreadsheet would run begins with `'`.
#[utoipa::path(get, path = "/api/v1/bookings.csv", tag = "bookings", params(ListParams),
    responses((status = 200, body = File, content_type = "text/csv"), (status = 422, body = Problem)))]
pub async fn export(State(web): State<Web>, Caller(who): Caller, Params(params): Params<ListParams>) -> Result<impl IntoResponse> {
    let (filter, _) = params.split();
    web.bookings.note_export(format!("{filter:?}"), who.actor()).await?;
    let names: Vec<_> = sheet::columns_out().map(|(column, _)| column.to_owned()).collect();
    let header = csv_text([names]).map_err(Error::internal)?;
    let pages = stream::try_unfold(Some((web, filter, None)), next_page);
    let body = Body::from_stream(stream::StreamExt::chain(stream::iter([Ok::<_, io::Error>(header)]), pages));
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, "attachment; filename=\"bookings.csv\"")];
    Ok((headers, body))
}

type Rest = Option<(Web, Filter, Option<String>)>;

/// The text of one page and what is left after it.
async fn next_page(rest: Rest) -> io::Result<Option<(Vec<u8>, Rest)>> {
    let Some((web, filter, cursor)) = rest else { return Ok(None) };
    let page = web.bookings.list(filter.clone(), Page { cursor, limit: PAGE }).await.map_err(io::Error::other)?;
    let text = csv_text(page.items.iter().map(sheet::row))?;
    Ok(Some((text, page.next.map(|cursor| (web, filter, Some(cursor))))))
}

fn csv_text(rows: impl IntoIterator<Item = Vec<String>>) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(|e| e.into_error())
}
