//! Taking in bookings from a CSV file.

use super::input::BookingInput;
use super::sheet;
use crate::bookings::{Fault, ImportLine, ImportMode, ImportReport, Imported};
use crate::web::Web;
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::{Caller, CsvBody, IdempotencyKey, Params};
use crate::web::fields::{Fields, Read};
use crate::web::shapes::File;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use csv::StringRecord;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// How to take it in.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportParams {
    /// Only say what would happen.
    #[param(value_type = Option<bool>)]
    dry_run: bool,
    /// Place the good lines though others are bad; else all or nothing.
    #[param(value_type = Option<bool>)]
    partial: bool,
}
impl Read for ImportParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let (dry_run, partial) = (f.flag("dry_run"), f.flag("partial"));
        Some(Self { dry_run: dry_run?.unwrap_or(false), partial: partial?.unwrap_or(false) })
    }
}

/// What is wrong with a line.
#[derive(Debug, Serialize, ToSchema)]
pub struct BadLine {
    /// Its number in the file, from 1; 1 is the header.
    line: u64,
    /// The column; empty: the line as a whole.
    column: String,
    /// What it must be.
    message: String,
}

/// A line that was placed.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlacedLine {
    /// Its number in the file, from 1.
    line: u64,
    /// The booking; absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Its name for people; absent in a dry run.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// An earlier import with the same `Idempotency-Key` had placed it.
    replayed: bool,
}

/// What came of an import.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportReport)]
pub struct ImportShape {
    /// Nothing was done.
    dry_run: bool,
    /// The lines that were placed; of a dry run those that would be.
    placed: Vec<PlacedLine>,
    /// Every bad line, and what is wrong with it.
    bad: Vec<BadLine>,
}

/// Place the bookings of a CSV file.
///
/// The columns are told in `docs/bookings-csv.md`. All or nothing, unless `partial`; with an `Idempotency-Key` a repeat of
/// the same file places nothing twice. A file in bytes at most: `http.max_body_bytes`; in lines: `bookings.import_max_lines`.
#[utoipa::path(post, path = "/api/v1/bookings/import", tag = "bookings",
    params(ImportParams, ("Idempotency-Key" = Option<String>, Header, description = "Up to 255 characters of the client's choice")),
    request_body(content = File, content_type = "text/csv"),
    responses((status = 200, body = ImportShape), (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
pub async fn import(
    State(web): State<Web>,
    Caller(who): Caller,
    Params(p): Params<ImportParams>,
    IdempotencyKey(key): IdempotencyKey,
    CsvBody(bytes): CsvBody,
) -> Result<Json<ImportShape>> {
    let (lines, bad) = read(&bytes, web.settings.current().get().bookings.import_max_lines)?;
    let mode = ImportMode { dry_run: p.dry_run, partial: p.partial };
    let mut report = web.bookings.import(lines, bad, mode, who.actor(), key).await?;
    for (_, fault) in &mut report.bad {
        fault.field = sheet::column_of(&fault.field).to_owned();
    }
    let refused = !mode.dry_run && !mode.partial && !report.bad.is_empty();
    let shape = shape(report, mode);
    if refused {
        let why = format!("nothing was placed: {} faults in the file", shape.bad.len());
        return Err(Error::status(StatusCode::UNPROCESSABLE_ENTITY).detail(why).with("bad", &shape.bad));
    }
    Ok(Json(shape))
}

fn shape(report: ImportReport, mode: ImportMode) -> ImportShape {
    let placed = |p: Imported| {
        let known = !mode.dry_run || p.replayed;
        let (id, reference) = (Some(p.id.to_string()).filter(|_| known), Some(p.reference).filter(|_| known));
        PlacedLine { line: p.line, id, reference, replayed: p.replayed }
    };
    let bad = |(line, fault): (u64, Fault)| BadLine { line, column: fault.field, message: fault.message };
    ImportShape {
        dry_run: mode.dry_run,
        placed: report.placed.into_iter().map(placed).collect(),
        bad: report.bad.into_iter().map(bad).collect(),
    }
}

type Lines = (Vec<ImportLine>, Vec<(u64, Fault)>);

/// The lines of a file that were understood, and what is wrong with the others.
fn read(bytes: &[u8], most: u32) -> Result<Lines> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let delimiter = if head.contains(&b';') && !head.contains(&b',') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(bytes);
    let (mut lines, mut bad) = (Vec::new(), Vec::new());
    let header = match reader.headers() {
        Ok(header) => header.iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>(),
        Err(_) => return Ok((lines, vec![(1, Fault::new("", "must be UTF-8"))])),
    };
    bad.extend(header_faults(&header).into_iter().map(|fault| (1, fault)));
    let whole = bad.is_empty();
    let mut record = StringRecord::new();
    for count in 0_u32.. {
        let line = reader.position().line();
        let more = reader.read_record(&mut record);
        if count >= most && !matches!(more, Ok(false)) {
            let message = format!("the file has more than {most} bookings, which is what bookings.import_max_lines allows");
            return Err(Error::status(StatusCode::PAYLOAD_TOO_LARGE).detail(message));
        }
        match more {
            Ok(false) => break,
            Err(_) => bad.push((line, Fault::new("", "must be UTF-8"))),
            Ok(true) if !whole => {}
            Ok(true) => {
                let line = record.position().map_or(line, csv::Position::line);
                match read_row(&header, &record) {
                    Ok(input) => lines.push(ImportLine { line, request: input.into() }),
                    Err(faults) => bad.extend(faults.into_iter().map(|fault| (line, fault))),
                }
            }
        }
    }
    Ok((lines, bad))
}

fn header_faults(header: &[String]) -> Vec<Fault> {
    let known = sheet::columns_in().count();
    if header.len() > known {
        return vec![Fault::new("", format!("names {} columns; a file of bookings has at most {known}", header.len()))];
    }
    let mut faults = Vec::new();
    for (place, name) in header.iter().enumerate() {
        if !sheet::columns_in().any(|(column, _)| column == name) {
            faults.push(Fault::new(name, "is not a column of a file of bookings"));
        } else if header[..place].contains(name) {
            faults.push(Fault::new(name, "is there twice"));
        }
    }
    for needed in ["pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon"] {
        if !header.iter().any(|name| name == needed) {
            faults.push(Fault::new(needed, "is missing in the header"));
        }
    }
    faults
}

fn read_row(header: &[String], record: &StringRecord) -> std::result::Result<BookingInput, Vec<Fault>> {
    if record.len() != header.len() {
        let hint = if record.len() > header.len() {
            ": a decimal comma, or a comma in a text without quotes? A number has a point: 12.5"
        } else {
            ""
        };
        return Err(vec![Fault::new("", format!("has {} cells where the header has {}{hint}", record.len(), header.len()))]);
    }
    let cell = |column: &str| header.iter().position(|name| name == column).and_then(|place| record.get(place));
    let document = sheet::document(cell).map_err(|(column, message)| vec![Fault::new(column, message)])?;
    Fields::of_json(document.into()).map_err(|wrong| wrong.0.into_iter().map(|e| Fault { field: e.field, message: e.message }).collect())
}
