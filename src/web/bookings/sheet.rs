//! Bookings as rows of a CSV file: the columns of an order, in and out.

use crate::model::Booking;
use crate::web::shapes::BookingShape;
use serde_json::{Map, Value};

/// The columns of an order, and where a booking's JSON has them. `docs/bookings-csv.md` says what they mean.
pub const ORDER: [(&str, &str); 26] = [
    ("pickup_lat", "pickup.lat"),
    ("pickup_lon", "pickup.lon"),
    ("pickup_address", "pickup.address"),
    ("pickup_contact_name", "pickup.contact.name"),
    ("pickup_contact_phone", "pickup.contact.phone"),
    ("pickup_contact_email", "pickup.contact.email"),
    ("dropoff_lat", "dropoff.lat"),
    ("dropoff_lon", "dropoff.lon"),
    ("dropoff_address", "dropoff.address"),
    ("dropoff_contact_name", "dropoff.contact.name"),
    ("dropoff_contact_phone", "dropoff.contact.phone"),
    ("dropoff_contact_email", "dropoff.contact.email"),
    ("stops", "stops"),
    ("pickup_at", "pickup_at"),
    ("pickup_until", "pickup_window.until"),
    ("dropoff_from", "dropoff_window.from"),
    ("dropoff_until", "dropoff_window.until"),
    ("vehicle_class", "vehicle_class"),
    ("load_kg", "load_kg"),
    ("load_m3", "load_m3"),
    ("pieces", "pieces"),
    ("skills", "skills"),
    ("customer", "customer"),
    ("customer_reference", "customer_reference"),
    ("priority", "priority"),
    ("notes", "notes"),
];

/// What a file has besides, in and out.
pub const EXPIRY: (&str, &str) = ("expires_at", "expires_at");

/// What only comes out, before and after the order.
const BEFORE: [(&str, &str); 3] = [("id", "id"), ("ref", "ref"), ("status", "status")];
const AFTER: [(&str, &str); 14] = [
    ("vehicle_id", "vehicle_id"),
    ("price_minor", "price.amount_minor"),
    ("currency", "price.currency"),
    ("distance_m", "distance_m"),
    ("duration_s", "duration_s"),
    ("created_at", "created_at"),
    ("updated_at", "updated_at"),
    ("assigned_at", "assigned_at"),
    ("arrived_at", "arrived_at"),
    ("picked_up_at", "picked_up_at"),
    ("delivered_at", "delivered_at"),
    ("cancelled_at", "cancelled_at"),
    ("cancel_reason", "cancel_reason"),
    ("ended_at", "ended_at"),
];

/// Between the skills in a cell.
const SEPARATOR: char = ';';

/// The columns of a file that is taken in.
pub fn columns_in() -> impl Iterator<Item = (&'static str, &'static str)> {
    ORDER.into_iter().chain([EXPIRY])
}

/// The columns of a file that is given out.
pub fn columns_out() -> impl Iterator<Item = (&'static str, &'static str)> {
    BEFORE.into_iter().chain(columns_in()).chain(AFTER)
}

/// The column that holds the field at `path`.
pub fn column_of(path: &str) -> &str {
    match path {
        "pickup_window.from" | "pickup_window" => "pickup_at",
        "pickup" => "pickup_lat",
        "dropoff" => "dropoff_lat",
        _ if path.starts_with("stops") => "stops",
        _ => columns_in().find(|(_, known)| *known == path).map_or(path, |(column, _)| column),
    }
}

/// A spreadsheet would run a text that begins like this.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// A text as a spreadsheet shows it and does not run it.
fn harmless(text: String) -> String {
    if is_formula(&text) { format!("'{text}") } else { text }
}

/// A booking as the cells of [`columns_out`].
pub fn row(booking: &Booking) -> Vec<String> {
    let shape = serde_json::to_value(BookingShape::from(booking)).unwrap_or_default();
    let cell = |(column, path): (&str, &str)| {
        let found = path.split('.').try_fold(&shape, |value, name| value.get(name));
        match found {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => harmless(text.clone()),
            Some(Value::Array(list)) if column == "skills" => {
                let skills: Vec<_> = list.iter().filter_map(Value::as_str).collect();
                harmless(skills.join(&SEPARATOR.to_string()))
            }
            Some(other) => other.to_string(),
        }
    };
    columns_out().map(cell).collect()
}

/// The document of a booking that a row asks for; `cell` gives the text of a column. What is wrong is `(column, message)`.
pub fn document<'a>(cell: impl Fn(&str) -> Option<&'a str>) -> Result<Map<String, Value>, (&'static str, String)> {
    let mut members = Map::new();
    for (column, path) in columns_in() {
        let text = cell(column).map(|text| text.strip_prefix('\'').filter(|rest| is_formula(rest)).unwrap_or(text));
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { continue };
        let value = match column {
            "stops" => serde_json::from_str(text).map_err(|_| ("stops", "must be a JSON list of stops".to_owned()))?,
            "skills" => text.split(SEPARATOR).map(str::trim).filter(|skill| !skill.is_empty()).collect(),
            _ => Value::from(text),
        };
        put(&mut members, path, value);
    }
    if let Some(Value::Object(mut window)) = members.remove("pickup_window") {
        if let Some(at) = members.remove("pickup_at") {
            window.insert("from".into(), at);
        }
        members.insert("pickup_window".into(), window.into());
    }
    Ok(members)
}

/// Puts `value` at `path`, making the objects on the way.
fn put(members: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(members.insert(path.to_owned(), value)),
        Some((name, rest)) => {
            let inner = members.entry(name).or_insert_with(|| Map::new().into());
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_spreadsheet_would_run_is_quoted() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"] {
            assert_eq!(harmless(text.into()), format!("'{text}"));
        }
        assert_eq!(harmless("a=b".into()), "a=b");
    }

    #[test]
    fn a_row_becomes_a_document() {
        let cells =
            [("pickup_lat", "42.5"), ("pickup_at", "t"), ("pickup_until", "u"), ("skills", "a; b"), ("notes", "'=x"), ("customer", " ")];
        let document = document(|column| cells.iter().find(|(name, _)| *name == column).map(|(_, text)| *text)).unwrap();
        let expected =
            json!({"pickup": {"lat": "42.5"}, "pickup_window": {"from": "t", "until": "u"}, "skills": ["a", "b"], "notes": "=x"});
        assert_eq!(Value::Object(document), expected);
        assert_eq!(
            (column_of("pickup_window.from"), column_of("dropoff_window.until"), column_of("stops[1].lat")),
            ("pickup_at", "dropoff_until", "stops")
        );
    }
}
