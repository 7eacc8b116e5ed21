//! Documents that people write by hand and keep: read as their type says, then looked over for all that is wrong.

use super::FieldError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Display;

/// Faults told of one document at most.
const FAULTS: usize = 100;

/// A document that knows what must be true of it.
pub trait Document: DeserializeOwned {
    /// Notes all that is wrong with it.
    fn check(&self, faults: &mut Faults);

    /// Everything that is wrong with it; empty when it is sound.
    fn faults(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        self.check(&mut faults);
        faults.into_found()
    }

    /// Reads and checks one. What is of another type than it must be is told one at a time, with its path; what is written well and
    /// makes no sense, all at once.
    fn read(document: &Value) -> Result<Self, Vec<FieldError>> {
        if !document.is_object() {
            return Err(vec![FieldError { field: String::new(), message: "must be a JSON object".into() }]);
        }
        let read: Self = serde_path_to_error::deserialize(document).map_err(|error| {
            let field = error.path().to_string();
            let field = if field == "." { String::new() } else { field };
            vec![FieldError { field, message: error.inner().to_string() }]
        })?;
        let faults = read.faults();
        if faults.is_empty() { Ok(read) } else { Err(faults) }
    }
}

/// What is wrong with a document, found while walking through it.
#[derive(Debug, Default)]
pub struct Faults {
    path: Vec<String>,
    found: Vec<FieldError>,
}

impl Faults {
    /// What was found, in the order in which it was.
    pub fn into_found(self) -> Vec<FieldError> {
        self.found
    }

    /// Looks at what is inside of field `name`: faults found there are told with its path.
    pub fn within(&mut self, name: impl Display, look: impl FnOnce(&mut Self)) {
        self.path.push(name.to_string());
        look(self);
        self.path.pop();
    }

    /// Looks at each element of list `name`, of which there may be `most`.
    pub fn each<T>(&mut self, name: &str, list: &[T], most: usize, mut look: impl FnMut(&mut Self, &T)) {
        self.demand(list.len() <= most, name, format_args!("must have at most {most} entries"));
        for (at, one) in list.iter().enumerate().take(most) {
            self.within(format_args!("{name}[{at}]"), |f| look(f, one));
        }
    }

    /// Looks at each entry of map `name`, of which there may be `most`; a key must be a word of an id.
    pub fn each_key<T>(&mut self, name: &str, map: &BTreeMap<String, T>, most: usize, mut look: impl FnMut(&mut Self, &T)) {
        self.demand(map.len() <= most, name, format_args!("must have at most {most} entries"));
        for (key, one) in map.iter().take(most) {
            self.within(name, |f| {
                f.id(key, key);
                f.within(key, |f| look(f, one));
            });
        }
    }

    /// Notes a fault of `field` unless `ok`.
    pub fn demand(&mut self, ok: bool, field: &str, message: impl Display) {
        if ok || self.found.len() >= FAULTS {
            return;
        }
        let steps = self.path.iter().map(String::as_str).chain([field]).filter(|step| !step.is_empty());
        let field = steps.collect::<Vec<_>>().join(".");
        self.found.push(FieldError { field, message: message.to_string() });
    }

    /// `field` must be within `least` to `most`.
    pub fn range<T: PartialOrd + Display>(&mut self, field: &str, value: T, least: T, most: T) {
        let ok = least <= value && value <= most;
        self.demand(ok, field, format_args!("must be within {least} to {most}"));
    }

    /// `field` must be a text of 1 to `most` characters, without control characters.
    pub fn text(&mut self, field: &str, text: &str, most: usize) {
        let length = text.chars().count();
        self.demand((1..=most).contains(&length), field, format_args!("must have 1 to {most} characters"));
        self.demand(!text.contains(char::is_control), field, "must not have control characters");
    }

    /// `field` must be an id: 1 to 64 letters, digits, `.`, `_` or `-`.
    pub fn id(&mut self, field: &str, id: &str) {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let ok = (1..=64).contains(&id.len()) && id.bytes().all(fits);
        self.demand(ok, field, "must have 1 to 64 characters out of letters, digits, '.', '_' and '-'");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Crate {
        label: String,
        #[serde(default)]
        kg: Vec<u32>,
        #[serde(default)]
        by_name: BTreeMap<String, u32>,
    }
    impl Document for Crate {
        fn check(&self, f: &mut Faults) {
            f.text("label", &self.label, 5);
            f.each("kg", &self.kg, 3, |f, kg| f.range("", *kg, 1, 9));
            f.each_key("by_name", &self.by_name, 3, |f, n| f.demand(*n > 0, "n", "must be more"));
        }
    }

    fn faults(document: Value) -> Vec<(String, String)> {
        let told = |e: FieldError| (e.field, e.message);
        Crate::read(&document).expect_err("it is faulty").into_iter().map(told).collect()
    }

    #[test]
    fn every_fault_is_told_with_its_path() {
        let told = faults(json!({"label": "", "kg": [1, 10, 0], "by_name": {"a b": 0, "c": 0, "d": 1}}));
        let paths: Vec<_> = told.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(paths, ["label", "kg[1]", "kg[2]", "by_name.a b", "by_name.a b.n", "by_name.c.n"]);
        assert_eq!(told[1].1, "must be within 1 to 9");
    }

    #[test]
    fn another_type_and_an_unknown_field_are_told_with_their_paths() {
        assert_eq!(faults(json!({"label": "x", "kg": [1, "2"]}))[0].0, "kg[1]");
        assert_eq!(faults(json!({"label": "x", "nope": 1}))[0].0, "nope");
        assert_eq!(faults(json!([])), [(String::new(), "must be a JSON object".to_owned())]);
    }

    #[test]
    fn a_flood_of_faults_is_bounded() {
        let mut faults = Faults::default();
        (0..1_000).for_each(|_| faults.demand(false, "x", "is wrong"));
        assert_eq!(faults.found.len(), FAULTS);
    }
}
