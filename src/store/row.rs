//! From columns to the words of the trade.

use super::{Error, Result};
use crate::model::Timestamp;
use rusqlite::Row;

/// The text of column `name` read as `T`; a text that `T` refuses means that the file is damaged.
pub(super) fn parse<T: std::str::FromStr>(row: &Row<'_>, name: &str) -> Result<T> {
    let text: String = row.get(name)?;
    text.parse().map_err(|_| Error::Corrupt(format!("column {name} holds {text:?}")))
}

pub(super) fn parse_opt<T: std::str::FromStr>(row: &Row<'_>, name: &str) -> Result<Option<T>> {
    let text: Option<String> = row.get(name)?;
    text.map(|text| text.parse().map_err(|_| Error::Corrupt(format!("column {name} holds {text:?}")))).transpose()
}

pub(super) fn time(row: &Row<'_>, name: &str) -> Result<Timestamp> {
    Ok(Timestamp::from_millis(row.get(name)?))
}

pub(super) fn time_opt(row: &Row<'_>, name: &str) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(name)?.map(Timestamp::from_millis))
}

/// A list kept as a JSON array of texts.
pub(super) fn texts(row: &Row<'_>, name: &str) -> Result<Vec<String>> {
    let text: String = row.get(name)?;
    serde_json::from_str(&text).map_err(|_| Error::Corrupt(format!("column {name} holds {text:?}")))
}

pub(super) fn texts_json(list: &[String]) -> String {
    serde_json::Value::from(list).to_string()
}

/// What a column keeps as JSON.
pub(super) fn json_opt<T: serde::de::DeserializeOwned>(row: &Row<'_>, name: &str) -> Result<Option<T>> {
    let text: Option<String> = row.get(name)?;
    text.map(|text| serde_json::from_str(&text).map_err(|e| Error::Corrupt(format!("column {name} holds {text:?}: {e}")))).transpose()
}

pub(super) fn json_text<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Corrupt(format!("a value has no JSON: {e}")))
}
