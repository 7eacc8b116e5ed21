//! Hours of the day, as settings write them.

/// From when to when on each day, in minutes since midnight; over midnight when it ends before it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hours {
    /// The first minute.
    pub from: u16,
    /// The first minute after.
    pub until: u16,
}

impl Hours {
    /// Reads `22:00-06:30`.
    pub fn parse(text: &str) -> Option<Self> {
        let minute = |text: &str| {
            let (hour, minute) = text.trim().split_once(':')?;
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour <= 24 && minute < 60 && hour * 60 + minute <= 1_440).then_some(hour * 60 + minute)
        };
        let (from, until) = text.split_once('-')?;
        let hours = Self { from: minute(from)?, until: minute(until)? };
        (hours.from != hours.until).then_some(hours)
    }

    /// Minutes from `minute` of the day until they are over; 0 when it is not within.
    pub fn left(self, minute: u16) -> u16 {
        if !self.hold(minute) {
            return 0;
        }
        (self.until + 1_440 - minute) % 1_440
    }

    /// Is `minute` of the day within?
    pub fn hold(self, minute: u16) -> bool {
        if self.from < self.until { (self.from..self.until).contains(&minute) } else { minute >= self.from || minute < self.until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_cross_midnight() {
        let (day, night) = (Hours::parse("06:00-22:00").unwrap(), Hours::parse("22:00-06:30").unwrap());
        assert!(day.hold(360) && !day.hold(1_320) && !day.hold(0));
        assert!(night.hold(1_320) && night.hold(0) && night.hold(389) && !night.hold(390));
        assert_eq!((night.left(1_380), night.left(60), night.left(390), day.left(1_319)), (450, 330, 0, 1));
        let to_midnight = Hours::parse("20:00-24:00").unwrap();
        assert_eq!((to_midnight.left(1_439), to_midnight.left(1_200)), (1, 240));
        for wrong in ["", "6-22", "25:00-06:00", "06:60-07:00", "06:00-06:00"] {
            assert_eq!(Hours::parse(wrong), None, "{wrong}");
        }
    }
}
