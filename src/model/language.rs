//! The languages that depotd speaks to people outside the depot.

use serde::{Deserialize, Serialize};

/// A language.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English: where nobody says otherwise.
    #[default]
    En,
    /// German.
    De,
    /// Spanish.
    Es,
    /// French.
    Fr,
    /// Portuguese.
    Pt,
    /// Catalan.
    Ca,
}
names!(Language { En = "en", De = "de", Es = "es", Fr = "fr", Pt = "pt", Ca = "ca" });

impl Language {
    /// The best of what an `Accept-Language` (RFC 9110, 12.5.4) asks for; of equal weights the first. A region counts for its language.
    pub fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let Some(language) = tag.split('-').next().and_then(Self::parse) else { continue };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok()).unwrap_or(0.0);
            if weight > best.map_or(0.0, |(most, _)| most) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn the_weightiest_known_language_is_taken() {
        for (header, language) in [
            ("de-AT,de;q=0.9,en;q=0.8", Some(Language::De)),
            ("it, ca;q=0.5, en;q=0.7", Some(Language::En)),
            ("fr;q=0, pt-BR;q=0.1", Some(Language::Pt)),
            ("CA , en", Some(Language::Ca)),
            ("es;q=x", None),
            ("it, *;q=0.5", None),
            ("", None),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }

    #[test]
    fn names_round_trip() {
        for language in Language::ALL {
            assert_eq!(Language::parse(language.as_str()), Some(*language));
            assert_eq!(serde_json::to_value(language).unwrap(), language.as_str());
        }
    }
}
