//! Texts with placeholders, like `{booking.reference} comes at {eta}`. Pure.

/// The placeholders, and what each stands for.
pub const PLACEHOLDERS: &[(&str, &str)] = &[
    ("booking.reference", "its short name, like B-1042"),
    ("booking.status", "where it stands, in the rule's language"),
    ("booking.customer", "who ordered it"),
    ("booking.customer_reference", "the customer's own reference"),
    ("booking.pickup", "the address of the pickup, or its coordinates"),
    ("booking.dropoff", "the address of the drop-off, or its coordinates"),
    ("booking.pickup_time", "when it is to be picked up, in the depot's zone"),
    ("booking.price", "what it costs, like 12.05 EUR"),
    ("booking.pin", "what the recipient is to tell the driver, where the tariff asks for a PIN"),
    ("booking.notes", "its notes"),
    ("booking.reason", "why it was cancelled or failed"),
    ("vehicle", "the vehicle that the event concerns"),
    ("driver", "the name of who is on duty with it"),
    ("driver.phone", "his telephone number"),
    ("eta", "when the vehicle is foreseen: at the pickup, or with the load on board at the drop-off"),
    ("late", "by how many minutes it will be late"),
    ("event", "what happened, like booking.assigned"),
    ("time", "when it happened, in the depot's zone"),
    ("depot", "the depot's name"),
];

/// A text that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template(Vec<Part>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    Placeholder(&'static str),
}

impl Template {
    /// Reads a text; `{{` and `}}` are braces. An error names what is no placeholder.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = behind;
                continue;
            }
            let (name, behind) =
                rest.split_once('}').filter(|_| brace == "{").ok_or("has a brace without its partner: write {{ or }} for one")?;
            let known = PLACEHOLDERS.iter().find(|(known, _)| *known == name.trim());
            let (known, _) = known.ok_or_else(|| format!("has {{{name}}}, which is no placeholder: there are {}", names()))?;
            parts.extend((!plain.is_empty()).then(|| Part::Text(std::mem::take(&mut plain))));
            parts.push(Part::Placeholder(known));
            rest = behind;
        }
        plain.push_str(rest);
        parts.extend((!plain.is_empty()).then_some(Part::Text(plain)));
        Ok(Self(parts))
    }

    /// Does it have that placeholder?
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Placeholder(known) if *known == name))
    }

    /// The text with what `say` says in place of each placeholder.
    pub fn fill(&self, say: impl Fn(&str) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Placeholder(name) => say(name),
        };
        self.0.iter().map(part).collect()
    }
}

fn names() -> String {
    PLACEHOLDERS.iter().map(|(name, _)| format!("{{{name}}}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(text: &str) -> Result<String, String> {
        Template::parse(text).map(|template| template.fill(|name| format!("<{name}>")))
    }

    #[test]
    fn placeholders_are_filled_and_strangers_are_named() {
        assert_eq!(filled("{booking.reference}: at {eta}, {{not}} {depot }").unwrap(), "<booking.reference>: at <eta>, {not} <depot>");
        assert_eq!(filled("").unwrap(), "");
        assert!(
            filled("{booking.secret}")
                .unwrap_err()
                .starts_with("has {booking.secret}, which is no placeholder: there are {booking.reference} ")
        );
        for wrong in ["{eta", "eta}", "{", "}", "{}", "{{{eta}"] {
            assert!(filled(wrong).is_err() || wrong == "{{{eta}", "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_what_is_said_is_not_read_again(text in "[a-z{}. é]{0,40}", said in "[{}a-z]{0,10}") {
            if let Ok(template) = Template::parse(&text) {
                let count = template.0.iter().filter(|part| matches!(part, Part::Placeholder(_))).count();
                let whole = template.fill(|_| said.clone());
                let bare = template.fill(|_| String::new());
                prop_assert_eq!(whole.len(), bare.len() + count * said.len());
            }
        }

        #[test]
        fn escaped_text_comes_out_as_it_was(text in "\\PC{0,40}") {
            let escaped = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(filled(&escaped).unwrap(), text);
        }
    }
}
