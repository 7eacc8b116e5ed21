//! Who may publish and read which topic. Pure: an identity and a text in, a verdict out; everything else is denied.

use crate::model::{DeviceId, VehicleId};
use crate::telemetry::Format;

/// What a device's topics are made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names {
    /// The device, which is also its user name.
    pub device: DeviceId,
    /// The vehicle that carries it.
    pub vehicle: VehicleId,
    /// What its payloads are written in.
    pub format: Format,
}

/// Where a permitted message belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    /// Positions.
    Fixes,
    /// A driver's step of a job.
    Step,
    /// The device's own word on being there; the guard says that itself.
    Status,
}

/// Where a message of this device to `topic` belongs; `None`: it may not publish there.
pub fn publish(names: &Names, topic: &str) -> Option<Channel> {
    if let Some(rest) = topic.strip_prefix("v/") {
        let rest = rest.strip_prefix(names.vehicle.as_str())?.strip_prefix('/')?;
        return match rest {
            "gps" => Some(Channel::Fixes),
            "step" => Some(Channel::Step),
            _ => None,
        };
    }
    if let Some(rest) = topic.strip_prefix("owntracks/") {
        let (user, rest) = rest.split_once('/')?;
        return (is_own(names, user) && rest.split('/').all(|level| !level.is_empty())).then_some(Channel::Fixes);
    }
    let (imei, rest) = topic.strip_prefix("teltonika/")?.split_once('/')?;
    (is_own(names, imei) && rest == "data").then_some(Channel::Fixes)
}

/// Where a will of this device to `topic` belongs; `None`: it may not have one there.
pub fn will(names: &Names, topic: &str) -> Option<Channel> {
    let own_status = || topic.strip_prefix("v/")?.strip_suffix("/status").filter(|v| *v == names.vehicle.as_str());
    publish(names, topic).or_else(|| own_status().map(|_| Channel::Status))
}

fn is_own(names: &Names, level: &str) -> bool {
    level == names.device.as_str() || level == names.vehicle.as_str()
}

/// What a subscription gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Grant {
    /// The vehicle's commands, from the journal.
    Commands,
    /// Messages of the router that match this filter: never wider than what was asked for.
    Local(String),
}

/// Why a subscription is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denied {
    /// Not a filter.
    Invalid,
    /// `$share`.
    Shared,
    /// Not yours.
    NotAuthorized,
}

impl Denied {
    /// The MQTT 5 SUBACK code; v3.1.1 knows only 0x80.
    pub fn code(self) -> u8 {
        match self {
            Self::Invalid => 0x8F,
            Self::Shared => 0x9E,
            Self::NotAuthorized => 0x87,
        }
    }
}

/// What a device gets that asks for `filter`. The OwnTracks app asks for everybody's topics: it gets its own.
pub fn subscribe(names: &Names, filter: &str) -> Result<Grant, Denied> {
    check_filter(filter)?;
    if let Some(rest) = filter.strip_prefix("v/") {
        let own = rest.strip_prefix(names.vehicle.as_str()).and_then(|r| r.strip_prefix('/'));
        return match own {
            Some("cmd") => Ok(Grant::Commands),
            Some("status") => Ok(Grant::Local(filter.to_owned())),
            _ => Err(Denied::NotAuthorized),
        };
    }
    let rest = filter.strip_prefix("owntracks/").ok_or(Denied::NotAuthorized)?;
    match rest.split_once('/') {
        Some(("+", rest)) => Ok(Grant::Local(format!("owntracks/{}/{rest}", names.device))),
        Some((user, _)) if is_own(names, user) => Ok(Grant::Local(filter.to_owned())),
        _ => Err(Denied::NotAuthorized),
    }
}

/// What a reader with `granted` filters gets that asks for `filter`: all of it, when one of them covers it.
pub fn subscribe_granted(granted: &[String], filter: &str) -> Result<Grant, Denied> {
    check_filter(filter)?;
    let covered = granted.iter().any(|g| check_filter(g).is_ok() && covers(g, filter));
    if covered { Ok(Grant::Local(filter.to_owned())) } else { Err(Denied::NotAuthorized) }
}

fn check_filter(filter: &str) -> Result<(), Denied> {
    if filter.is_empty() || filter.len() > 512 || filter.contains('\0') {
        return Err(Denied::Invalid);
    }
    if filter == "$share" || filter.starts_with("$share/") {
        return Err(Denied::Shared);
    }
    if filter.starts_with('$') {
        return Err(Denied::NotAuthorized);
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let valid = match level {
            "#" => levels.peek().is_none(),
            "+" => true,
            other => !other.contains(['+', '#']),
        };
        if !valid {
            return Err(Denied::Invalid);
        }
    }
    Ok(())
}

/// Does every topic that `filter` matches also match `grant`? Both are valid filters that do not start with `$`.
fn covers(grant: &str, filter: &str) -> bool {
    let (mut grant, mut filter) = (grant.split('/'), filter.split('/'));
    loop {
        match (grant.next(), filter.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(f)) if f != "#" => {}
            (Some(g), Some(f)) if g == f => {}
            _ => return false,
        }
    }
}

/// Does `topic` match `filter`?
pub fn matches(filter: &str, topic: &str) -> bool {
    !topic.starts_with('$') && covers(filter, topic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names() -> Names {
        Names { device: DeviceId::new("tracker-1").unwrap(), vehicle: VehicleId::new("van-1").unwrap(), format: Format::Native }
    }

    #[test]
    fn publish_table() {
        let table = [
            ("v/van-1/gps", Some(Channel::Fixes)),
            ("v/van-1/step", Some(Channel::Step)),
            ("owntracks/tracker-1/phone", Some(Channel::Fixes)),
            ("owntracks/van-1/phone/event", Some(Channel::Fixes)),
            ("teltonika/tracker-1/data", Some(Channel::Fixes)),
            ("v/van-1/status", None),
            ("v/van-1/cmd", None),
            ("v/van-2/gps", None),
            ("v/van-10/gps", None),
            ("v/van-1", None),
            ("v/van-1/gps/x", None),
            ("V/van-1/gps", None),
            ("/v/van-1/gps", None),
            ("owntracks/tracker-1", None),
            ("owntracks/tracker-1/", None),
            ("owntracks/tracker-2/tracker-1", None),
            ("teltonika/tracker-1/commands", None),
            ("$SYS/x", None),
            ("a", None),
            ("", None),
        ];
        for (topic, wanted) in table {
            assert_eq!(publish(&names(), topic), wanted, "{topic}");
        }
        assert_eq!(will(&names(), "v/van-1/status"), Some(Channel::Status));
        assert_eq!(will(&names(), "v/van-2/status"), None);
    }

    #[test]
    fn subscribe_table() {
        let local = |f: &str| Ok(Grant::Local(f.to_owned()));
        let table = [
            ("v/van-1/cmd", Ok(Grant::Commands)),
            ("v/van-1/status", local("v/van-1/status")),
            ("owntracks/+/+", local("owntracks/tracker-1/+")),
            ("owntracks/+/+/event", local("owntracks/tracker-1/+/event")),
            ("owntracks/van-1/x/cmd", local("owntracks/van-1/x/cmd")),
            ("owntracks/tracker-1/#", local("owntracks/tracker-1/#")),
            ("v/van-2/cmd", Err(Denied::NotAuthorized)),
            ("v/van-1/gps", Err(Denied::NotAuthorized)),
            ("v/+/cmd", Err(Denied::NotAuthorized)),
            ("v/#", Err(Denied::NotAuthorized)),
            ("owntracks/#", Err(Denied::NotAuthorized)),
            ("#", Err(Denied::NotAuthorized)),
            ("+/+/+", Err(Denied::NotAuthorized)),
            ("$SYS/#", Err(Denied::NotAuthorized)),
            ("$share/g/v/van-1/cmd", Err(Denied::Shared)),
            ("a/#/b", Err(Denied::Invalid)),
            ("a+", Err(Denied::Invalid)),
            ("", Err(Denied::Invalid)),
        ];
        for (filter, wanted) in table {
            assert_eq!(subscribe(&names(), filter), wanted, "{filter}");
        }
    }

    fn naive(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["#"], _) | ([], []) => true,
            ([f, fs @ ..], [t, ts @ ..]) => (*f == "+" || f == t) && naive(fs, ts),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_naive_one(f in "([ab+]/){0,3}([ab+#])", t in "([ab]/){0,4}[ab]") {
            let (fs, ts): (Vec<&str>, Vec<&str>) = (f.split('/').collect(), t.split('/').collect());
            prop_assert_eq!(matches(&f, &t), naive(&fs, &ts));
        }

        #[test]
        fn what_is_covered_never_shows_more(g in "([ab+]/){0,3}([ab+#])", f in "([ab+]/){0,3}([ab+#])", t in "([ab]/){0,4}[ab]") {
            if subscribe_granted(std::slice::from_ref(&g), &f).is_ok() && matches(&f, &t) {
                prop_assert!(matches(&g, &t), "{} let {} read {}", g, f, t);
            }
        }

        #[test]
        fn a_device_reads_and_writes_only_its_own(topic in "(v|owntracks|teltonika|a)/(van-1|van-2|tracker-1|tracker-2)/(gps|cmd|data|x)(/event)?", filter in "(v|owntracks|teltonika|[+])/([+]|van-1|van-2|tracker-1)/([+#]|cmd|status|x)") {
            let own = |t: &str| t.split('/').nth(1).is_some_and(|l| l == "van-1" || l == "tracker-1");
            if publish(&names(), &topic).is_some() {
                prop_assert!(own(&topic));
            }
            if let Ok(Grant::Local(given)) = subscribe(&names(), &filter) {
                prop_assert!(own(&given));
                prop_assert!(covers(&filter, &given));
            }
        }
    }
}
