//! The tracking page. It is whole as it comes: a browser without scripts shows all of it and loads it again now and then.
//! With them it fetches itself, and puts the new `main` in the place of the old.

use super::sketch;
use super::words::{self, Words};
use crate::config::Depot;
use crate::links::Glimpse;
use crate::model::{Language, Metres, Status, Timestamp};
use jiff::tz::TimeZone;
use serde_json::json;
use std::fmt::Write as _;

/// The page without its content, of a depotd without its console: without style and script too.
const BARE: &str = r#"<!doctype html>
<html lang="[language]">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta http-equiv="refresh" content="20">
<title>[title]</title>
</head>
<body data-now="[now]" data-lost="[lost]">[body]</body>
</html>
"#;

/// What goes into the page.
#[derive(Debug)]
pub struct Page {
    language: Language,
    title: String,
    main: String,
    now: Option<Timestamp>,
}

impl Page {
    /// What is seen of a booking of `depot`.
    pub fn of(seen: &Glimpse, words: &Words, depot: &Depot) -> Self {
        let title = words.title.replace("{ref}", &seen.reference);
        let zone = TimeZone::get(&depot.zone).unwrap_or(TimeZone::UTC);
        let main = Content { seen, words, depot, zone }.write(&title);
        Self { language: words.language, title, main, now: Some(seen.seen_at) }
    }

    /// Of a link that shows nothing, or too many requests: what it is, and what to do.
    pub fn of_refusal([what, remedy]: [&str; 2], language: Language) -> Self {
        let main = format!(r#"<main data-every="0"><h1>{}</h1><p>{}</p></main>"#, escaped(what), escaped(remedy));
        Self { language, title: what.to_owned(), main, now: None }
    }

    /// All that changes when there is something new to see.
    pub fn essence(&self) -> impl Iterator<Item = &[u8]> {
        [self.language.as_str(), &self.title, &self.main].into_iter().map(str::as_bytes)
    }

    /// The page in `frame`, which the build made; without one it is bare.
    pub fn html(&self, frame: Option<&str>) -> String {
        let words = words::of(self.language);
        let body = format!("{}{}", self.main, languages(words));
        let now = self.now.map(|at| at.to_string()).unwrap_or_default();
        let lost = escaped(words.lost);
        let fills = [
            ("[language]", self.language.as_str()),
            ("[title]", &escaped(&self.title)),
            ("[now]", &now),
            ("[lost]", &lost),
            ("[body]", &body),
        ];
        fills.into_iter().fold(frame.unwrap_or(BARE).to_owned(), |page, (blank, text)| page.replacen(blank, text, 1))
    }
}

/// The languages to choose from.
fn languages(words: &Words) -> String {
    let mut nav = format!(r#"<nav aria-label="{}">"#, escaped(words.languages));
    for language in Language::ALL {
        let (tag, name) = (language.as_str(), words::of(*language).name);
        let current = if *language == words.language { r#" aria-current="true""# } else { "" };
        put(&mut nav, format_args!(r#"<a href="?lang={tag}" lang="{tag}" hreflang="{tag}"{current}>{name}</a>"#));
    }
    nav + "</nav>"
}

/// The page's content for one booking.
struct Content<'a> {
    seen: &'a Glimpse,
    words: &'a Words,
    depot: &'a Depot,
    zone: TimeZone,
}

impl Content<'_> {
    fn write(&self, title: &str) -> String {
        let (seen, words) = (self.seen, self.words);
        let spans = json!({"until": words.until, "since": words.since}).to_string();
        let mut main = format!(r#"<main data-every="{}" data-words="{}">"#, every_s(seen), escaped(&spans));
        put(&mut main, format_args!(r#"<p class="title">{} <span>{}</span></p>"#, escaped(title), escaped(&self.depot.name)));
        put(&mut main, format_args!(r#"<h1 data-status="{}">{}</h1>"#, seen.status.as_str(), words.status(seen.status, seen.is_near())));
        self.expected(&mut main);
        if let Some(pin) = &seen.pin {
            let pin = format!("<strong>{pin}</strong>");
            put(&mut main, format_args!(r#"<p data-pin>{}</p>"#, words.pin.replace("{pin}", &pin)));
        }
        self.proof(&mut main);
        self.steps(&mut main);
        if !seen.status.is_final() {
            self.sketch(&mut main);
        }
        let updated = words.updated.replace("{t}", &self.time(seen.updated_at));
        let zone = words.zone.replace("{zone}", &escaped(&self.depot.zone.replace('_', " ")));
        put(&mut main, format_args!(r#"<p class="small">{updated}<br>{zone}</p></main>"#));
        main
    }

    /// A time as an element, from which the script counts.
    fn time(&self, at: Timestamp) -> String {
        format!(r#"<time datetime="{at}">{}</time>"#, self.words.time(at, self.seen.seen_at, &self.zone))
    }

    fn expected(&self, main: &mut String) {
        let Some(expected) = self.seen.expected else { return };
        let (words, now) = (self.words, self.seen.seen_at);
        put(main, format_args!(r#"<p class="eta"><span class="small">{}</span> "#, words.expected));
        match (expected.at, expected.earliest, expected.latest) {
            (Some(at), _, _) => {
                put(main, format_args!("<strong>{}</strong>", self.time(at)));
                if expected.source == "planned" {
                    put(main, format_args!(" <span>{}</span>", words.planned));
                } else if let Some(until) = words.until(at, now) {
                    put(main, format_args!(r#" <span data-until="{at}">{until}</span>"#));
                }
            }
            (None, Some(from), Some(until)) => {
                put(main, format_args!("<strong>{} – {}</strong>", self.time(from), self.time(until)));
            }
            _ => {}
        }
        main.push_str("</p>");
    }

    fn proof(&self, main: &mut String) {
        let Some(proof) = self.seen.proof else { return };
        let signed = proof.signature.then(|| self.words.signed.to_owned());
        let photos = match proof.photos {
            0 => None,
            1 => Some(self.words.photos[0].to_owned()),
            n => Some(self.words.photos[1].replace("{n}", &n.to_string())),
        };
        let said = [signed, photos].into_iter().flatten().collect::<Vec<_>>().join(" · ");
        put(main, format_args!(r#"<p class="proof">{said}</p>"#));
    }

    fn steps(&self, main: &mut String) {
        let seen = self.seen;
        let done = match seen.status {
            Status::Scheduled | Status::Waiting | Status::Offered => 1,
            Status::Assigned | Status::Arrived => 2,
            Status::PickedUp => 3,
            Status::Delivered => 4,
            Status::Cancelled | Status::Failed | Status::Expired => {
                let at = seen.ended_at.map(|at| self.time(at)).unwrap_or_default();
                put(main, format_args!("<p>{at}</p>"));
                return;
            }
        };
        let times = [None, seen.assigned_at, seen.picked_up_at, seen.delivered_at];
        main.push_str(r#"<ol class="steps">"#);
        for (n, (name, at)) in self.words.steps.into_iter().zip(times).enumerate() {
            let state = if n < done { "done" } else { "ahead" };
            let current = if n + 1 == done { r#" aria-current="step""# } else { "" };
            let at = at.map(|at| format!(" {}", self.time(at))).unwrap_or_default();
            put(main, format_args!(r#"<li class="{state}"{current}>{name}{at}</li>"#));
        }
        main.push_str("</ol>");
    }

    fn sketch(&self, main: &mut String) {
        let (seen, words) = (self.seen, self.words);
        main.push_str("<figure>");
        main.push_str(&sketch::draw(seen, words));
        main.push_str(r#"<figcaption><ul class="key">"#);
        put(main, format_args!(r#"<li class="dropoff">{}</li>"#, words.key[0]));
        if seen.pickup.is_some() && !seen.is_near() {
            put(main, format_args!(r#"<li class="pickup">{}</li>"#, words.key[1]));
        }
        let Some(vehicle) = seen.vehicle else {
            put(main, format_args!("</ul><p>{}</p></figcaption></figure>", words.no_vehicle));
            return;
        };
        let coarse = usize::from(vehicle.within_m.is_some());
        put(main, format_args!(r#"<li class="vehicle">{}</li></ul>"#, words.key[2 + coarse]));
        let Metres(away) = vehicle.place.distance(seen.dropoff);
        let away = words.away[coarse].replace("{d}", &words.distance(Metres(away)));
        let as_of = words.as_of.replace("{t}", &self.time(vehicle.at));
        // Without a script an age would be wrong before it is read.
        put(main, format_args!(r#"<p>{away}. {as_of} <span data-since="{}"></span></p></figcaption></figure>"#, vehicle.at));
    }
}

/// How often the page asks for news, in seconds; 0: never again.
fn every_s(seen: &Glimpse) -> u32 {
    match seen.status {
        status if status.is_final() => 0,
        _ if seen.is_near() => 5,
        status if status.holds_vehicle() => 10,
        _ => 15,
    }
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}

/// `text` as it may stand in an element or an attribute. No `[` is left in it, so that it never looks like a blank of the frame.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '[' => out.push_str("&#91;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_depot_is_called_is_text() {
        assert_eq!(escaped(r#"<b title="x">A & B [body]"#), "&lt;b title=&quot;x&quot;&gt;A &amp; B &#91;body]");
    }

    #[test]
    fn the_frame_has_every_blank_once() {
        let page = Page::of_refusal(words::of(Language::Ca).dead, Language::Ca);
        for blank in ["[language]", "[title]", "[now]", "[lost]", "[body]"] {
            for frame in [BARE, include_str!("../../../web/track.html")] {
                assert_eq!(frame.matches(blank).count(), 1, "{blank}");
                assert!(!page.html(Some(frame)).contains(blank), "{blank}");
            }
        }
        assert!(page.html(None).contains(r#"<html lang="ca""#) && page.html(None).contains("Aquest enllaç no mostra res</h1>"));
    }
}
