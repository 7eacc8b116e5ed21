//! Reads a request's fields and notes all that is wrong with them, not only the first.

pub mod document;
mod form;
pub mod merge;
mod order;

pub use form::form_pairs;

use crate::model::{Place, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::str::FromStr;
use utoipa::ToSchema;

/// Faults told of one request at most.
const FAULTS: usize = 20;
/// Characters of a strange field's name that are told.
const NAME: usize = 64;

/// What is wrong with one field of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Its path in the request, like `pickup.lat`.
    pub field: String,
    /// What it must be.
    pub message: String,
}

/// A request that cannot be read: all that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} field(s) are not valid", .0.len())]
pub struct Unreadable(pub Vec<FieldError>);

/// The fields of a JSON object or a query string, taken one by one; what is left over at the end is unknown.
#[derive(Debug)]
pub struct Fields {
    path: String,
    rest: Map<String, Value>,
    errors: Vec<FieldError>,
}

/// Something a request carries.
pub trait Read: Sized {
    /// Takes what it needs; `None` when something is wrong, which `fields` then says.
    fn read(fields: &mut Fields) -> Option<Self>;
}

impl Fields {
    fn new(path: String, rest: Map<String, Value>) -> Self {
        Self { path, rest, errors: Vec::new() }
    }

    /// The thing that a JSON document describes.
    pub fn of_json<T: Read>(document: Value) -> Result<T, Unreadable> {
        match document {
            Value::Object(rest) => Self::new(String::new(), rest).finish(),
            _ => Err(Unreadable(vec![FieldError { field: String::new(), message: "must be a JSON object".into() }])),
        }
    }

    /// The thing that a query string describes: every value is a text.
    pub fn of_query<T: Read>(query: &str) -> Result<T, Unreadable> {
        let mut rest = Map::new();
        let mut twice = Vec::new();
        for (name, value) in form_pairs(query) {
            if rest.insert(name.clone(), Value::String(value)).is_some() {
                twice.push(name);
            }
        }
        let mut fields = Self::new(String::new(), rest);
        for name in twice {
            fields.fault(&name, "must be given once");
        }
        fields.finish()
    }

    fn finish<T: Read>(mut self) -> Result<T, Unreadable> {
        let thing = T::read(&mut self);
        self.refuse_unknown();
        match thing {
            Some(thing) if self.errors.is_empty() => Ok(thing),
            _ => Err(Unreadable(self.errors)),
        }
    }

    fn refuse_unknown(&mut self) {
        for name in std::mem::take(&mut self.rest).into_iter().map(|(name, _)| name) {
            self.fault(&name, "is not a field of this request");
        }
    }

    /// Notes what is wrong with `field`, unless so much is wrong already that nobody would read on.
    pub fn fault(&mut self, field: &str, message: impl Display) {
        if self.errors.len() < FAULTS {
            let field: String = field.chars().take(NAME).collect();
            self.errors.push(FieldError { field: format!("{}{field}", self.path), message: message.to_string() });
        }
    }

    /// Is there something in `field`?
    pub fn has(&self, field: &str) -> bool {
        self.rest.get(field).is_some_and(|v| !v.is_null())
    }

    fn take(&mut self, field: &str) -> Option<Value> {
        self.rest.remove(field).filter(|v| !v.is_null())
    }

    /// The outer `None`: it is there and wrong (noted).
    fn convert<T>(&mut self, field: &str, convert: impl FnOnce(Value) -> Result<T, String>) -> Option<Option<T>> {
        match self.take(field).map(convert) {
            None => Some(None),
            Some(Ok(value)) => Some(Some(value)),
            Some(Err(message)) => {
                self.fault(field, message);
                None
            }
        }
    }

    /// Insists on an optional value.
    pub fn required<T>(&mut self, field: &str, value: Option<Option<T>>) -> Option<T> {
        let value = value?;
        if value.is_none() {
            self.fault(field, "is missing");
        }
        value
    }

    /// A text of at most `max` characters, trimmed; an empty one counts as absent.
    pub fn text(&mut self, field: &str, max: usize) -> Option<Option<String>> {
        let text = self.convert(field, |v| match v {
            Value::String(s) if s.chars().count() > max => Err(format!("must have at most {max} characters")),
            Value::String(s) if s.contains(is_strange) => Err("must not have control characters".to_owned()),
            Value::String(s) => Ok(s.trim().to_owned()),
            _ => Err("must be a text".to_owned()),
        })?;
        Some(text.filter(|t| !t.is_empty()))
    }

    /// A text in one line, like a name.
    pub fn line(&mut self, field: &str, max: usize) -> Option<Option<String>> {
        let text = self.text(field, max)?;
        if text.as_ref().is_some_and(|text| text.contains(char::is_control)) {
            self.fault(field, "must be one line");
            return None;
        }
        Some(text)
    }

    /// A text exactly as it was sent, for secrets.
    pub fn secret(&mut self, field: &str) -> Option<Option<String>> {
        self.convert(field, |v| match v {
            Value::String(s) if s.len() <= 1024 => Ok(s),
            _ => Err("must be a text of at most 1024 bytes".to_owned()),
        })
    }

    /// A text that names something of type `T`.
    pub fn named<T: FromStr<Err: Display>>(&mut self, field: &str) -> Option<Option<T>> {
        self.convert(field, |v| match v {
            Value::String(s) => s.trim().parse().map_err(|e: T::Err| e.to_string()),
            _ => Err("must be a text".to_owned()),
        })
    }

    /// A text out of a closed list.
    pub fn one_of<T>(&mut self, field: &str, names: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
        self.convert(field, |v| v.as_str().and_then(parse).ok_or_else(|| format!("must be one of {names}")))
    }

    /// A number within bounds.
    pub fn number(&mut self, field: &str, min: f64, max: f64) -> Option<Option<f64>> {
        self.convert(field, |v| {
            let number = match &v {
                Value::Number(n) => n.as_f64(),
                Value::String(s) => s.trim().parse().ok(),
                _ => None,
            };
            let wrong = || pointed(&v).unwrap_or_else(|| format!("must be a number within {min} to {max}"));
            number.filter(|n| (min..=max).contains(n)).ok_or_else(wrong)
        })
    }

    /// A whole number within bounds.
    pub fn whole(&mut self, field: &str, min: u32, max: u32) -> Option<Option<u32>> {
        self.convert(field, |v| {
            let number = match &v {
                Value::Number(n) => n.as_u64(),
                Value::String(s) => s.trim().parse().ok(),
                _ => None,
            };
            let number = number.and_then(|n| u32::try_from(n).ok()).filter(|n| (min..=max).contains(n));
            number.ok_or_else(|| format!("must be a whole number within {min} to {max}"))
        })
    }

    /// A value that may be absent (it stays), `null` (it is forgotten, `Some(None)`) or given, as `read` reads it.
    pub fn change<T>(&mut self, field: &str, read: impl FnOnce(&mut Self, &str) -> Option<Option<T>>) -> Option<Option<Option<T>>> {
        let forget = matches!(self.rest.get(field), Some(Value::Null));
        let value = read(self, field)?;
        Some(if forget { Some(None) } else { value.map(Some) })
    }

    /// `true` or `false`.
    pub fn flag(&mut self, field: &str) -> Option<Option<bool>> {
        self.convert(field, |v| match v {
            Value::Bool(b) => Ok(b),
            Value::String(s) if s == "true" => Ok(true),
            Value::String(s) if s == "false" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        })
    }

    /// An instant in RFC 3339.
    pub fn instant(&mut self, field: &str) -> Option<Option<Timestamp>> {
        self.convert(field, |v| {
            let at = v.as_str().and_then(Timestamp::parse);
            at.ok_or_else(|| "must be an RFC 3339 time, like 2026-05-30T16:00:00Z".to_owned())
        })
    }

    /// A list of short texts.
    pub fn texts(&mut self, field: &str, max: usize) -> Option<Option<Vec<String>>> {
        self.convert(field, |v| {
            let list = v.as_array().filter(|l| l.len() <= max);
            let texts = list.map(|l| {
                l.iter().map(|t| t.as_str().filter(|t| (1..=64).contains(&t.len()) && !t.contains(is_strange)).map(str::to_owned)).collect()
            });
            texts.flatten().ok_or_else(|| format!("must be a list of at most {max} texts of 1 to 64 bytes without control characters"))
        })
    }

    /// A list of at most `max` texts, each read as a `T`; its faults are told as `field[0]`.
    pub fn all_named<T: FromStr<Err: Display>>(&mut self, field: &str, max: usize) -> Option<Option<Vec<T>>> {
        let list = match self.take(field) {
            None => return Some(None),
            Some(Value::Array(list)) if list.len() <= max => list,
            Some(_) => {
                self.fault(field, format!("must be a list of at most {max} texts"));
                return None;
            }
        };
        let mut things = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let read = value
                .as_str()
                .map_or_else(|| Err("must be a text".to_owned()), |text| text.trim().parse().map_err(|e: T::Err| e.to_string()));
            match read {
                Ok(thing) => things.push(thing),
                Err(message) => self.fault(&format!("{field}[{index}]"), message),
            }
        }
        (things.len() == list.len()).then_some(Some(things))
    }

    /// Any JSON of at most `max` bytes.
    pub fn json(&mut self, field: &str, max: usize) -> Option<Option<Value>> {
        self.convert(field, |v| if v.to_string().len() <= max { Ok(v) } else { Err(format!("must have at most {max} bytes")) })
    }

    /// Whatever `read` makes of it.
    pub fn choice<T>(&mut self, field: &str, what: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
        self.convert(field, |v| read(&v).ok_or_else(|| format!("must be {what}")))
    }

    /// An object in a field, read like the whole.
    pub fn object<T: Read>(&mut self, field: &str) -> Option<Option<T>> {
        let rest = match self.take(field) {
            None => return Some(None),
            Some(Value::Object(rest)) => rest,
            Some(_) => {
                self.fault(field, "must be a JSON object");
                return None;
            }
        };
        self.inner(field, rest).map(Some)
    }

    /// A list of at most `max` objects, each read like the whole; its faults are told as `field[0].…`.
    pub fn objects<T: Read>(&mut self, field: &str, max: usize) -> Option<Option<Vec<T>>> {
        let list = match self.take(field) {
            None => return Some(None),
            Some(Value::Array(list)) if list.len() <= max => list,
            Some(_) => {
                self.fault(field, format!("must be a list of at most {max} JSON objects"));
                return None;
            }
        };
        let mut things = Vec::with_capacity(list.len());
        for (index, value) in list.into_iter().enumerate() {
            let name = format!("{field}[{index}]");
            match value {
                Value::Object(rest) => things.push(self.inner(&name, rest)),
                _ => {
                    self.fault(&name, "must be a JSON object");
                    things.push(None);
                }
            }
        }
        things.into_iter().collect::<Option<Vec<_>>>().map(Some)
    }

    fn inner<T: Read>(&mut self, name: &str, rest: Map<String, Value>) -> Option<T> {
        let mut inner = Self::new(format!("{}{name}.", self.path), rest);
        let thing = T::read(&mut inner);
        inner.refuse_unknown();
        let clean = inner.errors.is_empty();
        self.errors.append(&mut inner.errors);
        thing.filter(|_| clean)
    }
}

impl Read for Place {
    fn read(fields: &mut Fields) -> Option<Self> {
        let lat = fields.number("lat", -90.0, 90.0);
        let lat = fields.required("lat", lat);
        let lon = fields.number("lon", -180.0, 180.0);
        let lon = fields.required("lon", lon);
        Self::new(lat?, lon?).ok()
    }
}

/// What to say of a number with a decimal comma.
fn pointed(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let number = text.replacen(',', ".", 1);
    (number != text && number.parse::<f64>().is_ok()).then(|| format!("has a decimal comma; use a point: {number}"))
}

pub fn is_strange(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Site;

    #[derive(Debug)]
    struct Trip {
        pickup: Site,
    }
    impl Read for Trip {
        fn read(f: &mut Fields) -> Option<Self> {
            let pickup = f.object("pickup");
            let pickup = f.required("pickup", pickup);
            let load = f.whole("load_kg", 0, 100);
            load?;
            Some(Self { pickup: pickup? })
        }
    }

    #[test]
    fn every_wrong_field_is_told() {
        let document = serde_json::json!({"pickup": {"lat": 99, "x": 1}, "load_kg": -1, "nope": true});
        let error = Fields::of_json::<Trip>(document).unwrap_err();
        let text = format!("{error:?}");
        for field in ["pickup.lat", "pickup.lon", "pickup.x", "load_kg", "nope"] {
            assert!(text.contains(&format!("{field:?}")), "{field} in {text}");
        }
    }

    #[test]
    fn a_decimal_comma_is_told_as_one() {
        let told = |lat: &str| Fields::of_json::<Place>(serde_json::json!({"lat": lat, "lon": 1})).unwrap_err().0[0].message.clone();
        assert_eq!(told(" 12,5"), "has a decimal comma; use a point: 12.5");
        for other in ["1,234,5", "twelve, five", "91"] {
            assert_eq!(told(other), "must be a number within -90 to 90");
        }
    }

    #[test]
    fn a_query_reads_like_a_document() {
        #[derive(Debug)]
        struct Q(Place, Option<String>);
        impl Read for Q {
            fn read(f: &mut Fields) -> Option<Self> {
                let place = Place::read(f);
                Some(Self(place?, f.text("q", 9)?))
            }
        }
        let Q(place, q) = Fields::of_query("lat=42.5&lon=1.5&q=a%20b+c").unwrap();
        assert_eq!((place.lat(), q.as_deref()), (42.5, Some("a b c")));
        assert!(Fields::of_query::<Q>("lat=42.5&lat=1&lon=1.5").is_err());
        let trip: Trip = Fields::of_json(serde_json::json!({"pickup": {"lat": 1, "lon": 2, "address": " dock 3 "}})).unwrap();
        assert_eq!(trip.pickup.address.as_deref(), Some("dock 3"));
    }
}
