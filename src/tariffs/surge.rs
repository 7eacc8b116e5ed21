//! Demand's factors, as whoever looks at demand keeps them up to date.

use super::Tariffs;
use crate::model::{Order, Span, Timestamp};
use crate::pricing::surge::{Factor, Observed, Snapshot, Surge, SurgeRules, cell_of};
use crate::store;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A class of vehicles; `None`: trips that ask for none.
pub type Class<'a> = Option<&'a str>;
/// Tells what to expect for a class at a time to come.
pub type Expects = Arc<dyn Fn(Timestamp) -> Observed + Send + Sync>;

/// A pickup further away than this is priced by what is expected for it.
const SOON: Span = Span::from_secs(30 * 60);

/// Factors by class.
#[derive(Default)]
pub(super) struct Board(Mutex<BTreeMap<Option<String>, (Surge, Expects)>>);

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Board")
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Option<String>, (Surge, Expects)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tariffs {
    /// The classes whose prices follow demand by the tariff in effect at `now`, with their bounds; `None` stands for trips that ask for no
    /// class.
    pub fn surged(&self, c: &Connection, now: Timestamp) -> store::Result<Vec<(Option<String>, SurgeRules)>> {
        let book = self.book(c)?;
        let Some((_, tariff)) = book.in_effect(now) else { return Ok(Vec::new()) };
        let classes = tariff.classes.keys().map(|class| Some(class.clone())).chain([None]);
        Ok(classes.map(|class| (class.clone(), *tariff.surge_rules(class.as_deref()))).filter(|(_, rules)| rules.on).collect())
    }

    /// Takes up what is seen for a class at `now`, and what to expect later. Says whether a factor changed.
    pub fn look(&self, class: Option<String>, rules: SurgeRules, seen: &Observed, expects: Expects, now: Timestamp) -> bool {
        let mut board = self.0.board.lock();
        let before = board.remove(&class).map(|(surge, _)| surge);
        let cells = before.as_ref().map(|surge| surge.snapshot().cells).unwrap_or_default();
        let mut surge = before.map_or_else(|| Surge::new(rules, class.as_deref()), |surge| surge.under(rules));
        surge.update(now, seen);
        let is_news = surge.snapshot().cells != cells;
        board.insert(class, (surge, expects));
        is_news
    }

    /// Goes on from factors that were kept, until the next look.
    pub fn resume(&self, class: Option<String>, rules: SurgeRules, kept: &Snapshot, expects: Expects) {
        let surge = Surge::resumed(rules, class.as_deref(), kept);
        self.0.board.lock().insert(class, (surge, expects));
    }

    /// The prices of other classes follow demand no more. Says whether any did.
    pub fn look_only_at(&self, classes: &[(Option<String>, SurgeRules)]) -> bool {
        let mut board = self.0.board.lock();
        let before = board.len();
        board.retain(|class, _| classes.iter().any(|(kept, _)| kept == class));
        board.len() != before
    }

    /// The factors of each class as they are now.
    pub fn factors(&self) -> Vec<(Option<String>, Surge)> {
        self.0.board.lock().iter().map(|(class, (surge, _))| (class.clone(), surge.clone())).collect()
    }

    /// The factor for an order: that of now, or for a pickup later on the one that is expected for it.
    pub(super) fn factor(&self, order: &Order, now: Timestamp) -> Option<Factor> {
        let board = self.0.board.lock();
        let (surge, expects) = board.get(&order.vehicle_class).or_else(|| board.get(&None))?;
        let cell = cell_of(order.pickup.place);
        match order.pickup_at.filter(|at| *at > now + SOON) {
            None => Some(surge.at(cell)),
            Some(at) => {
                let (surge, expects) = (surge.clone(), Arc::clone(expects));
                drop(board);
                Some(surge.for_later(&expects(at)).at(cell))
            }
        }
    }
}
