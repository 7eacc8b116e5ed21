//! A row's key and columns as they are read: single values, so that a short text never becomes much in memory.

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::fmt;

/// A key has no more parts.
const PARTS: usize = 4;
/// A key's parts are not longer, in bytes of JSON.
const MAX_KEY: usize = 1_024;
/// A row has no more columns.
const COLUMNS: usize = 256;

/// A value that holds no others.
struct Single(Value);

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Singles)
    }
}

struct Singles;

impl Visitor<'_> for Singles {
    type Value = Single;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("null, a boolean, a number or a text")
    }
    fn visit_unit<E>(self) -> Result<Single, E> {
        Ok(Single(Value::Null))
    }
    fn visit_bool<E>(self, said: bool) -> Result<Single, E> {
        Ok(Single(said.into()))
    }
    fn visit_i64<E>(self, said: i64) -> Result<Single, E> {
        Ok(Single(said.into()))
    }
    fn visit_u64<E>(self, said: u64) -> Result<Single, E> {
        Ok(Single(said.into()))
    }
    fn visit_f64<E>(self, said: f64) -> Result<Single, E> {
        Ok(Single(said.into()))
    }
    fn visit_str<E>(self, said: &str) -> Result<Single, E> {
        Ok(Single(said.into()))
    }
}

struct Key;

impl<'de> Visitor<'de> for Key {
    type Value = Vec<Value>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "a list of up to {PARTS} values")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<Value>, A::Error> {
        let mut key = Vec::new();
        while let Some(Single(part)) = from.next_element()? {
            key.push(part);
            if key.len() > PARTS {
                return Err(A::Error::custom(format!("a key has {PARTS} parts at most")));
            }
        }
        if key.iter().filter_map(Value::as_str).map(str::len).sum::<usize>() > MAX_KEY {
            return Err(A::Error::custom(format!("a key has {MAX_KEY} bytes at most")));
        }
        Ok(key)
    }
}

pub(super) fn key<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Value>, D::Error> {
    from.deserialize_seq(Key)
}

struct Columns(Map<String, Value>);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Named)
    }
}

struct Named;

impl<'de> Visitor<'de> for Named {
    type Value = Columns;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "up to {COLUMNS} columns")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Columns, A::Error> {
        let mut columns = Map::new();
        while let Some((name, Single(value))) = from.next_entry::<String, Single>()? {
            columns.insert(name, value);
            if columns.len() > COLUMNS {
                return Err(A::Error::custom(format!("a row has {COLUMNS} columns at most")));
            }
        }
        Ok(Columns(columns))
    }
}

pub(super) fn columns<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Map<String, Value>>, D::Error> {
    Ok(Option::<Columns>::deserialize(from)?.map(|Columns(columns)| columns))
}
