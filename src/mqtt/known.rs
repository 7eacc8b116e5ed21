//! Topics and filters that the router was given. It forgets none, so their number is bounded: in all, and for each owner, so that
//! one device cannot use up what is there for all.

use std::collections::{HashMap, HashSet};

/// Distinct topics, or distinct filters.
pub struct Known {
    texts: HashSet<Box<str>>,
    by_owner: HashMap<Box<str>, usize>,
    in_all: usize,
    of_one: usize,
}

impl Known {
    /// None yet; at most so many in all, and of one owner.
    pub fn new((in_all, of_one): (usize, usize)) -> Self {
        Self { texts: HashSet::new(), by_owner: HashMap::new(), in_all, of_one }
    }

    /// May `text` be given to the router? It is remembered when it is new and there is room.
    pub fn admit(&mut self, text: &str) -> bool {
        if self.texts.contains(text) {
            return true;
        }
        let owner = owner(text);
        let count = self.by_owner.get(owner).copied().unwrap_or_default();
        if self.texts.len() >= self.in_all || count >= self.of_one {
            return false;
        }
        self.by_owner.insert(owner.into(), count + 1);
        self.texts.insert(text.into())
    }
}

/// The first two levels: below them all topics belong to one device or vehicle.
fn owner(text: &str) -> &str {
    let end = text.match_indices('/').nth(1).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_uses_up_what_is_there_for_all() {
        let mut known = Known::new((5, 2));
        assert!(known.admit("owntracks/a/1") && known.admit("owntracks/a/2/event"));
        assert!(!known.admit("owntracks/a/3"), "more than one owner may have");
        assert!(known.admit("owntracks/a/1"), "known already");
        assert!(known.admit("v/a/gps") && known.admit("v/b/gps") && known.admit("v/c/gps"));
        assert!(!known.admit("v/d/gps"), "more than there is in all");
    }
}
