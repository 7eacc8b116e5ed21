//! Which report, over which time, to whom.

use super::{Day, MailAddress, Timestamp, Window};
use serde::{Deserialize, Serialize};

/// Which report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportName {
    /// What happened on each day.
    Operations,
    /// Hours and ways of each driver.
    Drivers,
    /// What each customer booked, or all bookings of one.
    Customers,
    /// Where and when demand went unserved.
    Unserved,
    /// How each device is doing.
    Devices,
}
names!(ReportName {
    Operations = "operations",
    Drivers = "drivers",
    Customers = "customers",
    Unserved = "unserved",
    Devices = "devices",
});

/// Which time before a schedule's slot: the whole one that ended last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportPeriod {
    /// The day before.
    Day,
    /// Monday to Sunday.
    Week,
    /// A month of the calendar.
    Month,
}
names!(ReportPeriod { Day = "day", Week = "week", Month = "month" });

impl ReportPeriod {
    /// The last whole one before `at`: its first day, its last day, and the time from the one's begin to the other's end.
    pub fn before(self, at: Timestamp, zone: &str) -> (Day, Day, Window) {
        let today = Day::of(at, zone);
        let last = match self {
            Self::Day => today.previous(),
            Self::Week => today.monday().previous(),
            Self::Month => today.first_of_month().previous(),
        };
        let first = match self {
            Self::Day => last.clone(),
            Self::Week => last.monday(),
            Self::Month => last.first_of_month(),
        };
        let time = Window { from: first.time().from, until: last.time().until };
        (first, last, time)
    }
}

/// A report that goes out by mail.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MailedReport {
    /// Which.
    pub name: ReportName,
    /// Over which time.
    pub period: ReportPeriod,
    /// To whom, [`MailedReport::MOST`] at most.
    pub mail_to: Vec<MailAddress>,
}

impl MailedReport {
    /// Addresses of one report at most.
    pub const MOST: usize = 20;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_the_last_whole_one() {
        let told = |period: ReportPeriod, at: &str| {
            let (first, last, time) = period.before(Timestamp::parse(at).unwrap(), "Europe/Lisbon");
            format!("{first} {last} {} h", time.until.since(time.from).as_millis() / 3_600_000)
        };
        // A Monday; the clocks went back on the Sunday before.
        assert_eq!(told(ReportPeriod::Day, "2026-10-26T04:00:00Z"), "2026-10-25 2026-10-25 25 h");
        assert_eq!(told(ReportPeriod::Week, "2026-10-26T04:00:00Z"), "2026-10-19 2026-10-25 169 h");
        assert_eq!(told(ReportPeriod::Week, "2026-10-25T04:00:00Z"), "2026-10-12 2026-10-18 168 h");
        assert_eq!(told(ReportPeriod::Month, "2026-11-01T00:00:00Z"), "2026-10-01 2026-10-31 745 h");
        assert_eq!(told(ReportPeriod::Month, "2026-03-31T12:00:00Z"), "2026-02-01 2026-02-28 672 h");
    }
}
