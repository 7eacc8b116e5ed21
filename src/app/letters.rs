//! What goes out by mail, in words.

use crate::analytics::reports::Table;
use crate::model::Day;
use crate::notify::Letter;
use crate::notify::mail::Enclosure;
use anyhow::{Context, Result};

/// A report over the days `first` to `last`: its beginning to be read, all of it as a file.
pub fn of_report(table: &Table, depot: &str, first: &Day, last: &Day) -> Result<Letter> {
    let days = if first == last { first.to_string() } else { format!("{first} to {last}") };
    let subject = format!("{}, {depot}, {days}", table.title);
    let csv = String::from_utf8(table.csv().context("write the report as CSV")?).context("the report's CSV is no text")?;
    let name = format!("{}-{first}.csv", table.name);
    Ok(Letter {
        text: format!("{subject}\n\n{}", table.text()),
        html: Some(format!(
            "<!doctype html>\n<html><body>\n<p style=\"font:13px sans-serif\">{}</p>\n{}</body></html>\n",
            days,
            table.html()
        )),
        enclosed: Some(Enclosure { name, media: "text/csv; charset=utf-8".to_owned(), text: csv }),
        subject,
    })
}
