//! Why a factor is what it is, in words.

use super::observed::Counts;
use super::rules::SurgeRules;
use crate::pricing::engine::in_decimals;

/// Like `9 requests, 4 vans here; cap 1.5`. "Here" is a cell and its two rings, each request and vehicle counted in full. Level and
/// target are in steps; `is_evened`: the target was evened out between neighbours.
pub(super) fn reason(rules: &SurgeRules, class: Option<&str>, here: Counts, (level, target): (i32, i32), is_evened: bool) -> String {
    let expected = whole(here.expected);
    let expected = if expected == 0 { String::new() } else { format!(" and {expected} expected soon") };
    let seen = format!("{}{expected}, {} here", counted(whole(here.requests), "request"), counted(whole(here.free), noun(class).as_str()));
    let (low, high) = rules.levels();
    let factor = in_decimals(rules.factor(level));
    let why = match level {
        _ if target > level => "rising".to_owned(),
        _ if target < level => "falling".to_owned(),
        0 if !is_evened => return seen,
        _ if level == high && high > 0 => format!("cap {factor}"),
        _ if level == low && low < 0 => format!("floor {factor}"),
        _ if is_evened => "evened out with the cells around".to_owned(),
        _ => return seen,
    };
    format!("{seen}; {why}")
}

fn noun(class: Option<&str>) -> String {
    class.map_or_else(|| "vehicle".to_owned(), |class| class.replace(['_', '-'], " "))
}

/// `1 van`, `2 vans`, `3 buses`, `4 lorries`.
fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        return format!("1 {noun}");
    }
    let hisses = ["s", "x", "z", "ch", "sh"].iter().any(|end| noun.ends_with(end));
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{count} {stem}ies"),
        _ if hisses => format!("{count} {noun}es"),
        _ => format!("{count} {noun}s"),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are not negative; the cast saturates")]
fn whole(count: f64) -> u64 {
    count.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_there_and_what_bounds_it() {
        let rules = SurgeRules { on: true, floor_per_mille: 900, ..SurgeRules::default() };
        let here = Counts { requests: 9.0, free: 4.0, expected: 0.0 };
        let say = |levels, is_evened| reason(&rules, Some("van"), here, levels, is_evened);
        assert_eq!(say((5, 5), false), "9 requests, 4 vans here; cap 1.5");
        assert_eq!(say((-1, -1), false), "9 requests, 4 vans here; floor 0.9");
        assert_eq!(say((2, 3), false), "9 requests, 4 vans here; rising");
        assert_eq!(say((2, 1), true), "9 requests, 4 vans here; falling");
        assert_eq!(say((2, 2), true), "9 requests, 4 vans here; evened out with the cells around");
        assert_eq!(say((2, 2), false), "9 requests, 4 vans here");
        let few = Counts { requests: 1.0, free: 0.0, expected: 2.4 };
        assert_eq!(reason(&rules, None, few, (0, 0), false), "1 request and 2 expected soon, 0 vehicles here");
    }

    #[test]
    fn classes_have_plurals() {
        let plurals = ["van", "bus", "lorry", "tray", "cargo bike", "box"].map(|noun| counted(2, noun));
        assert_eq!(plurals, ["2 vans", "2 buses", "2 lorries", "2 trays", "2 cargo bikes", "2 boxes"]);
    }
}
