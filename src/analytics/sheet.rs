//! A report as CSV, as plain text and as HTML: what is taken away or sent.

use super::reports::{Cell, Column, Table};
use crate::model::{Currency, Money};
use crate::pricing::currency::in_words;

/// Rows that a summary shows; the others are in the CSV.
const SHOWN: usize = 40;

impl Table {
    /// All of it as CSV, values as they are counted.
    pub fn csv(&self) -> std::io::Result<Vec<u8>> {
        let mut sheet = csv::Writer::from_writer(Vec::new());
        sheet.write_record(self.columns.iter().map(|column| column.key))?;
        for row in &self.rows {
            sheet.write_record(row.iter().map(Cell::to_text))?;
        }
        sheet.into_inner().map_err(|e| e.into_error())
    }

    /// Its first rows in plain text, a block each: what each is called, then what is known of it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for row in self.rows.iter().take(SHOWN) {
            let mut cells = self.columns.iter().zip(row);
            let head = cells.next().map_or_else(String::new, |(column, cell)| in_units(column, cell));
            text.push_str(&format!("{head}\n"));
            for (column, cell) in cells.filter(|(_, cell)| **cell != Cell::None) {
                text.push_str(&format!("  {}: {}\n", column.title, in_units(column, cell)));
            }
            text.push('\n');
        }
        for line in self.remarks() {
            text.push_str(&format!("{line}\n"));
        }
        text
    }

    /// The same as an HTML table.
    pub fn html(&self) -> String {
        const CELL: &str = "padding:4px 8px;border-bottom:1px solid #ddd;text-align:";
        let is_text = |cell: &Cell| matches!(cell, Cell::Text(_));
        let side = |at: usize| if self.rows.iter().any(|row| row.get(at).is_some_and(is_text)) { "left" } else { "right" };
        let mut html = format!(
            "<h2 style=\"font-family:sans-serif\">{}</h2>\n<table style=\"border-collapse:collapse;font:13px sans-serif\">\n<tr>",
            escaped(&self.title)
        );
        for (at, column) in self.columns.iter().enumerate() {
            html.push_str(&format!("<th style=\"{CELL}{}\">{}</th>", side(at), escaped(column.title)));
        }
        html.push_str("</tr>\n");
        for row in self.rows.iter().take(SHOWN) {
            html.push_str("<tr>");
            for (at, (column, cell)) in self.columns.iter().zip(row).enumerate() {
                html.push_str(&format!("<td style=\"{CELL}{}\">{}</td>", side(at), escaped(&in_units(column, cell))));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</table>\n");
        for line in self.remarks() {
            html.push_str(&format!("<p style=\"font:13px sans-serif\">{}</p>\n", escaped(&line)));
        }
        html
    }

    fn remarks(&self) -> Vec<String> {
        let none = self.rows.is_empty().then(|| "There is nothing to tell of this time.".to_owned());
        let more = self.rows.len().checked_sub(SHOWN).filter(|more| *more > 0);
        let more = more.map(|more| format!("{more} more rows are in the attached file."));
        none.into_iter().chain(more).chain(self.note.clone()).collect()
    }
}

/// A value as people read it.
fn in_units(column: &Column, cell: &Cell) -> String {
    match (column.unit, cell) {
        (Some("s"), Cell::Whole(s)) => time(*s),
        (Some("s"), Cell::Number(s)) => time(whole(*s)),
        (Some("m"), Cell::Whole(m)) if *m >= 1_000 => format!("{}.{} km", m / 1_000, m % 1_000 / 100),
        (Some("m"), Cell::Whole(m)) => format!("{m} m"),
        (Some("%"), Cell::Number(ratio)) => format!("{:.0} %", ratio * 100.0),
        (Some("minor"), Cell::Text(amounts)) => money(amounts).unwrap_or_else(|| amounts.clone()),
        (_, Cell::Number(x)) => format!("{x:.1}"),
        (_, Cell::Text(text)) => text.clone(),
        (_, cell) => cell.to_text(),
    }
}

/// Whole seconds; beyond what is counted in them, the most.
fn whole(s: f64) -> i64 {
    format!("{s:.0}").parse().unwrap_or(i64::MAX)
}

fn time(s: i64) -> String {
    match s {
        ..60 => format!("{s} s"),
        60..3_600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3_600, s % 3_600 / 60),
    }
}

/// `1250 EUR + 30 USD` in minor units, in words.
fn money(amounts: &str) -> Option<String> {
    let amount = |text: &str| {
        let (minor, code) = text.split_once(' ')?;
        Some(in_words(Money { amount_minor: minor.parse().ok()?, currency: Currency::new(code)? }))
    };
    Some(amounts.split(" + ").map(amount).collect::<Option<Vec<_>>>()?.join(" + "))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: Vec<Vec<Cell>>) -> Table {
        let column = |key, title, unit: &'static str| Column { key, title, unit: Some(unit).filter(|unit| !unit.is_empty()) };
        let columns = vec![
            column("name", "Name", ""),
            column("wait_s", "Wait", "s"),
            column("way_m", "Way", "m"),
            column("ratio", "On time", "%"),
            column("revenue", "Revenue", "minor"),
        ];
        Table { name: "drivers", title: "Drivers & ways".into(), columns, rows, note: None }
    }

    fn row(name: &str) -> Vec<Cell> {
        vec![
            Cell::Text(name.into()),
            Cell::Number(3_725.4),
            Cell::Whole(12_345),
            Cell::Number(0.955),
            Cell::Text("1250 EUR + 7 JPY".into()),
        ]
    }

    #[test]
    fn a_summary_is_for_people_and_the_file_for_programs() {
        let told = table(vec![row("<b>Ana</b>"), vec![Cell::Text("=Bo".into()), Cell::Whole(61), Cell::None, Cell::None, Cell::None]]);
        let text =
            "<b>Ana</b>\n  Wait: 1 h 02 min\n  Way: 12.3 km\n  On time: 96 %\n  Revenue: 12.50 EUR + 7 JPY\n\n=Bo\n  Wait: 1 min 01 s\n\n";
        assert_eq!(told.text(), text);
        let html = told.html();
        assert!(html.contains("&lt;b&gt;Ana") && html.contains("Drivers &amp; ways") && !html.contains("<b>"), "{html}");
        let csv = String::from_utf8(told.csv().unwrap()).unwrap();
        assert_eq!(csv.lines().nth(1), Some("<b>Ana</b>,3725.4000,12345,0.9550,1250 EUR + 7 JPY"));
        assert!(csv.contains("'=Bo"), "a spreadsheet takes no name for a formula: {csv}");
    }

    #[test]
    fn what_is_not_shown_is_told() {
        assert!(table(Vec::new()).text().contains("nothing to tell"));
        let long = table((0..43).map(|n| row(&format!("driver {n}"))).collect());
        assert!(long.text().ends_with("3 more rows are in the attached file.\n") && !long.text().contains("driver 40"));
        assert!(long.html().contains("3 more rows") && long.csv().unwrap().len() > 43 * 40);
    }
}
