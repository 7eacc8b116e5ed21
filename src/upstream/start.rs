//! From where a lane goes on, when the other side tells what it has.

use super::sink::Fault;
use crate::batch::Known;
use crate::model::Lane;

/// Numbers from `from` on belong to this epoch, until the next begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Epoch {
    /// Its name.
    pub name: String,
    /// Its first number.
    pub from: i64,
}

/// The last number of `lane` that the other side has of what the depot has: it knows the newest epoch so far, or only an older one, of which
/// the depot kept no more than up to the restore.
pub fn through(epochs: &[Epoch], known: &[Known], lane: Lane) -> i64 {
    let least = epochs.first().map_or(0, |first| first.from - 1);
    let mut upper = i64::MAX;
    for epoch in epochs.iter().rev() {
        if let Some(told) = known.iter().find(|k| k.lane == lane && k.epoch == epoch.name) {
            return told.through.min(upper).max(least);
        }
        upper = epoch.from - 1;
    }
    least
}

/// Is this box, whose `epochs` are those of lane bookings, still the depot? The other side may have begun to take another one's since.
pub fn is_the_depot(epochs: &[Epoch], known: &[Known]) -> Result<(), Fault> {
    let Some(newest) = epochs.last().map(|epoch| &epoch.name) else { return Ok(()) };
    match known.iter().filter(|told| told.epoch == *newest).find_map(|told| told.superseded_from) {
        None => Ok(()),
        Some(from) => Err(Fault::answer(format!(
            "this depot was rebuilt or restored elsewhere: epoch {newest} is superseded from number {from} on, and nothing of this box is \
             taken. Stop it; if it is to be the depot after all, stop the other one and `depotd restore` a backup here"
        ))),
    }
}

/// The epoch that number `seq` belongs to.
pub fn epoch_of(epochs: &[Epoch], seq: i64) -> Option<&Epoch> {
    epochs.iter().rev().find(|epoch| epoch.from <= seq).or(epochs.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_depot_goes_on_where_both_agree() {
        let epochs = [("a", 1), ("b", 901), ("c", 951)].map(|(name, from)| Epoch { name: name.into(), from });
        let known = |told: &[(&str, i64)]| {
            let known: Vec<Known> = told.iter().map(|&(epoch, through)| Known::new(epoch.into(), Lane::Bookings, through)).collect();
            through(&epochs, &known, Lane::Bookings)
        };
        assert_eq!(known(&[]), 0, "nobody knows us");
        assert_eq!(known(&[("a", 1_000)]), 900, "it saw what the restore took back");
        assert_eq!(known(&[("a", 700)]), 700, "the backup holds what was never sent");
        assert_eq!(known(&[("a", 1_000), ("b", 930)]), 930);
        assert_eq!(known(&[("a", 1_000), ("b", 990)]), 950, "restored a second time");
        assert_eq!(known(&[("c", 960), ("z", 5)]), 960);
        assert_eq!(known(&[("a", i64::MIN)]), 0, "no number of anybody's");
        assert_eq!(epoch_of(&epochs, 900).unwrap().name, "a");
        assert_eq!(epoch_of(&epochs, 951).unwrap().name, "c");
    }
}
