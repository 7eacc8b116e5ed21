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
        for wrong in ["", "6-22", "25:00-06:00", "06:60-07:00", "06:00-06:00"] {
            assert_eq!(Hours::parse(wrong), None, "{wrong}");
        }
    }
}
