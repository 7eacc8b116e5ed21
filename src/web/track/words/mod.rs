//! What the tracking page says, a file a language. A word that a language lacks does not compile.

mod ca;
mod de;
mod en;
mod es;
mod fr;
mod pt;

use crate::model::{Language, Metres, Status, Timestamp};
use jiff::tz::TimeZone;

/// The words of one language. `{…}` stands for what is put in.
#[derive(Debug)]
pub struct Words {
    /// The language.
    pub language: Language,
    /// What its speakers call it.
    pub name: &'static str,
    /// Above the page: `{ref}`.
    pub title: &'static str,
    /// Where the booking stands.
    pub status: Standing,
    /// The steps that everybody's booking takes: taken, with a vehicle, on board, delivered.
    pub steps: [&'static str; 4],
    /// Above the time of the delivery.
    pub expected: &'static str,
    /// Behind it, when only the order says so.
    pub planned: &'static str,
    /// Until then: `{n}` minutes, `{h}` hours and `{m}` minutes, less than a minute.
    pub until: [&'static str; 3],
    /// Since then: `{n}` seconds, `{n}` minutes.
    pub since: [&'static str; 2],
    /// How far the vehicle is: exactly, thereabouts (`{d}`).
    pub away: [&'static str; 2],
    /// When its position is from: `{t}`.
    pub as_of: &'static str,
    /// Why there is no vehicle on the sketch.
    pub no_vehicle: &'static str,
    /// What the sketch is, for those who do not see it.
    pub sketch: &'static str,
    /// What is on it: the drop-off, the pickup, the vehicle, the vehicle thereabouts.
    pub key: [&'static str; 4],
    /// What to tell the driver: `{pin}`.
    pub pin: &'static str,
    /// That somebody signed.
    pub signed: &'static str,
    /// One photograph, `{n}` photographs.
    pub photos: [&'static str; 2],
    /// When the booking last changed: `{t}`.
    pub updated: &'static str,
    /// Whose times they are: `{zone}`.
    pub zone: &'static str,
    /// The depot does not answer.
    pub lost: &'static str,
    /// Before the languages.
    pub languages: &'static str,
    /// Of a link that shows nothing: what it is, and what to do.
    pub dead: [&'static str; 2],
    /// Of too many requests: the same.
    pub too_many: [&'static str; 2],
    /// A date: `{d}` and `{m}`.
    pub date: &'static str,
    /// The months in it.
    pub months: [&'static str; 12],
    /// Between whole numbers and fractions.
    pub decimal: char,
}

/// How a booking gets on, a sentence each.
#[derive(Debug)]
pub struct Standing {
    /// For later.
    pub scheduled: &'static str,
    /// A vehicle is looked for.
    pub waiting: &'static str,
    /// The vehicle drives to the pickup.
    pub assigned: &'static str,
    /// It is there.
    pub arrived: &'static str,
    /// The load is on board.
    pub picked_up: &'static str,
    /// And will be there soon.
    pub near: &'static str,
    /// Done.
    pub delivered: &'static str,
    /// Called off.
    pub cancelled: &'static str,
    /// Not done.
    pub failed: &'static str,
    /// Nobody was found.
    pub expired: &'static str,
}

/// The words of a language.
pub fn of(language: Language) -> &'static Words {
    match language {
        Language::En => &en::WORDS,
        Language::De => &de::WORDS,
        Language::Es => &es::WORDS,
        Language::Fr => &fr::WORDS,
        Language::Pt => &pt::WORDS,
        Language::Ca => &ca::WORDS,
    }
}

impl Words {
    /// Where a booking stands; `near`: its vehicle is.
    pub fn status(&self, status: Status, near: bool) -> &'static str {
        let words = &self.status;
        match status {
            Status::Scheduled => words.scheduled,
            Status::Waiting | Status::Offered => words.waiting,
            Status::Assigned => words.assigned,
            Status::Arrived => words.arrived,
            Status::PickedUp if near => words.near,
            Status::PickedUp => words.picked_up,
            Status::Delivered => words.delivered,
            Status::Cancelled => words.cancelled,
            Status::Failed => words.failed,
            Status::Expired => words.expired,
        }
    }

    /// A time in the zone; with its date where that is not today's.
    pub fn time(&self, at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
        let local = |t: Timestamp| jiff::Timestamp::from_millisecond(t.as_millis()).unwrap_or_default().to_zoned(zone.clone());
        let (at, now) = (local(at), local(now));
        let time = format!("{:02}:{:02}", at.hour(), at.minute());
        if at.date() == now.date() {
            return time;
        }
        let month = self.months[usize::from(at.month().unsigned_abs().saturating_sub(1)).min(11)];
        format!("{}, {time}", self.date.replace("{d}", &at.day().to_string()).replace("{m}", month))
    }

    /// How long it is until then, where that is within a day.
    pub fn until(&self, at: Timestamp, now: Timestamp) -> Option<String> {
        let minutes = at.since(now).as_millis() / 60_000;
        match minutes {
            0 => Some(self.until[2].to_owned()),
            1..60 => Some(self.until[0].replace("{n}", &minutes.to_string())),
            60..1440 => Some(self.until[1].replace("{h}", &(minutes / 60).to_string()).replace("{m}", &(minutes % 60).to_string())),
            _ => None,
        }
    }

    /// A distance: to 50 m below a kilometre, to 100 m above.
    pub fn distance(&self, Metres(metres): Metres) -> String {
        if metres < 975.0 {
            return format!("{:.0} m", ((metres / 50.0).round() * 50.0).max(50.0));
        }
        if metres >= 20_000.0 {
            return format!("{:.0} km", metres / 1_000.0);
        }
        let text = format!("{:.1}", metres / 1_000.0);
        format!("{} km", text.trim_end_matches(".0").replace('.', &self.decimal.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    #[test]
    fn every_language_keeps_its_blanks() {
        for language in Language::ALL {
            let words = of(*language);
            assert_eq!(words.language, *language);
            let blanks = [
                (words.title, "{ref}"),
                (words.until[0], "{n}"),
                (words.until[1], "{h}"),
                (words.until[1], "{m}"),
                (words.since[0], "{n}"),
                (words.since[1], "{n}"),
                (words.away[0], "{d}"),
                (words.away[1], "{d}"),
                (words.as_of, "{t}"),
                (words.photos[1], "{n}"),
                (words.updated, "{t}"),
                (words.zone, "{zone}"),
                (words.date, "{d}"),
                (words.date, "{m}"),
            ];
            for (text, blank) in blanks {
                assert!(text.contains(blank), "{language:?}: {text:?} lacks {blank}");
            }
        }
    }

    #[test]
    fn times_and_distances_are_said_as_people_say_them() {
        let zone = TimeZone::get("Europe/Andorra").unwrap();
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let now = at("2026-03-28T22:30:00Z");
        let words = of(Language::De);
        assert_eq!(words.time(at("2026-03-28T22:05:00Z"), now, &zone), "23:05");
        assert_eq!(words.time(at("2026-03-29T01:05:00Z"), now, &zone), "29. März, 03:05", "an hour was skipped");
        let minutes = |n: i64| words.until(now + Span::from_secs(60 * n), now);
        assert_eq!((minutes(0), minutes(59)), (Some("jeden Moment".into()), Some("in 59 Min.".into())));
        assert_eq!((minutes(-5), minutes(135), minutes(1_440)), (Some("jeden Moment".into()), Some("in 2 Std. 15 Min.".into()), None));
        for (metres, said) in [(3.0, "50 m"), (974.0, "950 m"), (980.0, "1 km"), (2_340.0, "2,3 km"), (41_400.0, "41 km")] {
            assert_eq!(words.distance(Metres(metres)), said);
        }
    }
}
